//! A whole API over stores in memory, for tests.

use crate::{Api, Listening, QueryLimits, Resources, TAILS_MAX, Workers, router};
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{Request, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use watchfire_alerting::{Alerting, AlertingOptions};
use watchfire_catalog::Catalog;
use watchfire_logstore::{LogStore, LogStoreOptions};
use watchfire_model::status::{InputStatus, Notice, StatusSource, TargetsStatus};
use watchfire_model::{ByteSize, FieldValue, LogRecord, MemoryPool, SeriesSource, TimeNs};
use watchfire_promql::{Engine, EngineOptions};
use watchfire_store::{Clock, ManualClock, MemStorage, Storage};
use watchfire_tsdb::{Tsdb, TsdbOptions};

/// What the clock says, Unix seconds.
pub(crate) const NOW: i64 = 1_700_000_000;

/// An API and what is behind it.
pub(crate) struct Server {
    pub(crate) api: Arc<Api>,
    pub(crate) router: Router,
}

/// Nothing but stores.
struct Quiet;

impl StatusSource for Quiet {
    fn targets(&self) -> TargetsStatus {
        TargetsStatus::default()
    }

    fn inputs(&self) -> Vec<InputStatus> {
        Vec::new()
    }

    fn notices(&self) -> Vec<Notice> {
        Vec::new()
    }
}

impl Server {
    pub(crate) fn new() -> Server {
        Server::with(QueryLimits::default())
    }

    pub(crate) fn with(limits: QueryLimits) -> Server {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(TimeNs(NOW * 1_000_000_000)));
        let storage: Arc<dyn Storage> = Arc::new(MemStorage::new(1));
        let options = LogStoreOptions { compact_in_background: false, ..LogStoreOptions::default() };
        let logs = LogStore::open(Arc::clone(&storage), Arc::clone(&clock), options).unwrap();
        let tsdb = Tsdb::open(Arc::clone(&storage), Arc::clone(&clock), TsdbOptions::default()).unwrap();
        let (logs, tsdb) = (Arc::new(logs), Arc::new(tsdb));
        let catalog = Arc::new(Catalog::open(storage, Arc::clone(&clock)).unwrap());
        let series: Arc<dyn SeriesSource> = Arc::clone(&tsdb) as Arc<dyn SeriesSource>;
        let engine = Arc::new(Engine::new(EngineOptions::default()));
        let now = Arc::clone(&clock);
        let alerting = Alerting::new(
            AlertingOptions::default(),
            Arc::clone(&tsdb),
            Arc::clone(&series),
            Arc::clone(&engine),
            Arc::new(move || now.now()),
        );
        let api = Arc::new(Api {
            version: "0",
            started: clock.now(),
            clock,
            logs,
            tsdb,
            catalog,
            series,
            engine,
            alerting: Arc::new(alerting.unwrap()),
            status: Arc::new(Quiet),
            listening: Listening::default(),
            resources: Arc::new(Resources::default),
            workers: Workers::new(limits, MemoryPool::new("queries", ByteSize::from_mib(64))),
            tails: Arc::new(Semaphore::new(TAILS_MAX)),
            registry: prometheus_client::registry::Registry::default(),
            stopping: CancellationToken::new(),
        });
        let router = router(Arc::clone(&api));
        Server { api, router }
    }

    /// With records, durable and in blocks if `flushed`.
    pub(crate) fn store(&self, records: Vec<LogRecord>, flushed: bool) {
        let position = self.api.logs.append(records).unwrap();
        self.api.logs.commit(position).unwrap();
        if flushed {
            self.api.logs.flush().unwrap();
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// What a GET of a log call answers.
    pub(crate) async fn get(&self, call: &str, parameters: &[(&str, &str)]) -> (StatusCode, Value) {
        let response = self.send(Request::get(address(call, parameters)).body(Body::empty()).unwrap()).await;
        read(response).await
    }

    /// The answer of a call that succeeds.
    #[track_caller]
    pub(crate) fn ok(&self, call: &str, parameters: &[(&str, &str)]) -> impl Future<Output = Value> {
        let request = Request::get(address(call, parameters)).body(Body::empty()).unwrap();
        let (answer, asked) = (self.router.clone().oneshot(request), format!("{call} {parameters:?}"));
        async move {
            let (status, body) = read(answer.await.unwrap()).await;
            assert_eq!(status, StatusCode::OK, "{asked}: {body}");
            body
        }
    }
}

/// `…/logs/CALL?…`.
pub(crate) fn address(call: &str, parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("/api/watchfire/v1/logs/{call}?{query}")
}

/// Status and body, `null` where it is no JSON.
pub(crate) async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 64 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// A record `seconds` before now.
pub(crate) fn record(seconds: i64, message: &str, fields: &[(&str, &str)]) -> LogRecord {
    let time = TimeNs((NOW - seconds) * 1_000_000_000);
    LogRecord {
        time,
        received: time,
        stream: LogRecord::DEFAULT_STREAM.into(),
        host: "node-1".into(),
        message: message.into(),
        level: None,
        fields: fields.iter().map(|(name, value)| ((*name).into(), FieldValue::Text((*value).into()))).collect(),
    }
}

/// Waits for what happens elsewhere, at most ten seconds.
pub(crate) async fn until(what: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !what() {
        assert!(std::time::Instant::now() < deadline, "it does not happen");
        tokio::task::yield_now().await;
    }
}
