//! The HTTP service: Prometheus' API, our own log API, health, metrics.
//!
//! Invariants
//! - Handlers parse, call and wrap; every query is parsed and run on the bounded [`Workers`], never on the sockets' threads,
//!   and is cancelled when its client leaves. The JSON of an answer counts as memory of its query.
//! - An export leaves as it is read: bounded pieces, a thread that waits for its client, and none without one.
//! - A live tail never waits for its reader: what it was too slow for is counted and told.
//! - A value put into a saved search is one literal, whatever it holds.
//! - Inputs and targets are seen only through `model::status::StatusSource`.
//! - Every answer says what is missing from it (`partial`, warnings); every refusal is counted by its reason.

mod error;
mod health;
mod host;
mod host_guard;
mod logs;
mod openapi;
mod params;
mod prometheus;
mod refusal;
mod server;
mod status;
mod storage;
mod suggestion;
mod telemetry;
mod time_text;
mod workers;

#[cfg(test)]
mod testing;

pub use host::{Host, RelabelStep, RuntimeFacts};
pub use host_guard::HostGuard;
pub use logs::TAILS_MAX;
pub use server::{Hold, PeerMetrics, ServerLimits, serve};
pub use status::Listening;
pub use storage::{BackupStatus, Disk, Memory, PoolStatus, Resources, Scrub};
pub use workers::{QueryLimits, Workers};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use watchfire_alerting::Alerting;
use watchfire_catalog::Catalog;
use watchfire_logseries::Both;
use watchfire_logstore::LogStore;
use watchfire_model::status::StatusSource;
use watchfire_model::{DurationMs, SeriesSource, TimeNs};
use watchfire_promql::Engine;
use watchfire_store::Clock;
use watchfire_tsdb::Tsdb;

/// Everything that the handlers ask.
pub struct Api {
    pub version: &'static str,
    pub started: TimeNs,
    pub clock: Arc<dyn Clock>,
    pub logs: Arc<LogStore>,
    pub tsdb: Arc<Tsdb>,
    pub catalog: Arc<Catalog>,
    /// What PromQL reads: the metric store, and what is derived from logs.
    pub series: Both,
    pub engine: Arc<Engine>,
    /// How far back the engine looks for a sample; federation looks as far.
    pub lookback: DurationMs,
    pub alerting: Arc<Alerting>,
    pub status: Arc<dyn StatusSource>,
    pub host: Arc<dyn Host>,
    pub listening: Listening,
    /// What the binary knows of the machine.
    pub resources: Arc<dyn Fn() -> Resources + Send + Sync>,
    pub workers: Workers,
    /// Places for live tails.
    pub tails: Arc<Semaphore>,
    pub registry: Registry,
    /// Ends live tails when the server stops; nothing else outlives its answer.
    pub stopping: tokio_util::sync::CancellationToken,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Api {
    /// What one query reads; its [`SeriesSource::missing`] tells of this query alone.
    pub(crate) fn source(&self) -> Arc<dyn SeriesSource> {
        Arc::new(self.series.for_query())
    }
}

/// All routes of the API. Further ones (inputs, the page) are merged in by the binary.
pub fn router(api: Arc<Api>) -> Router {
    Router::new()
        .merge(prometheus::routes())
        .merge(logs::routes())
        .merge(status::routes())
        .merge(storage::routes())
        .merge(health::routes())
        .merge(telemetry::routes())
        .merge(openapi::routes())
        .layer(DefaultBodyLimit::max(params::FORM_BYTES_MAX))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(Arc::clone(&api), refusal::count_refusals))
        .layer(middleware::from_fn(end_with_client))
        .with_state(api)
}

/// A query that nobody waits for is cancelled.
async fn end_with_client(mut request: Request, next: Next) -> Response {
    request.extensions_mut().remove::<Hold>();
    next.run(request).await
}
