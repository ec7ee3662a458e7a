//! Our own log API under `/api/watchfire/v1/logs`. Unknown parameters are refused: a misspelt one would change the
//! answer without a word.

mod answer;
mod call;
mod context;
mod count;
mod explain;
mod export;
mod fields;
mod histogram;
mod record;
mod rows;
mod saved;
mod search;
mod stats;
mod tail;

#[cfg(test)]
mod tests;

use crate::Api;
use axum::Router;
use axum::routing::get;
use std::sync::Arc;

pub use tail::TAILS_MAX;

/// Every route of this family.
pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/watchfire/v1/logs/search", get(search::search).post(search::search))
        .route("/api/watchfire/v1/logs/count", get(count::count_records).post(count::count_records))
        .route("/api/watchfire/v1/logs/histogram", get(histogram::histogram).post(histogram::histogram))
        .route("/api/watchfire/v1/logs/fields", get(fields::fields).post(fields::fields))
        .route("/api/watchfire/v1/logs/context", get(context::context).post(context::context))
        .route("/api/watchfire/v1/logs/stats", get(stats::stats).post(stats::stats))
        .route("/api/watchfire/v1/logs/explain", get(explain::explain).post(explain::explain))
        .route("/api/watchfire/v1/logs/export", get(export::export).post(export::export))
        .route("/api/watchfire/v1/logs/tail", get(tail::tail))
        .route("/api/watchfire/v1/logs/tail/ws", get(tail::tail_ws))
        .route("/api/watchfire/v1/logs/saved", get(saved::list))
        .route("/api/watchfire/v1/logs/saved/{name}", get(saved::get).put(saved::put).delete(saved::delete))
}
