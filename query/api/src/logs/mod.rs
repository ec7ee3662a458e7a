//! Our own log API under `/api/watchfire/v1/logs`. Unknown parameters are refused: a misspelt one would change the
//! answer without a word.

mod fields;
mod histogram;
mod request;
mod search;
mod tail;

use crate::Api;
use axum::Router;
use axum::routing::get;
use std::sync::Arc;

use search::RecordBody;
pub use tail::TAILS_MAX;

/// Every route of this family.
pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/watchfire/v1/logs/search", get(search::search).post(search::search))
        .route("/api/watchfire/v1/logs/histogram", get(histogram::histogram).post(histogram::histogram))
        .route("/api/watchfire/v1/logs/fields", get(fields::fields).post(fields::fields))
        .route("/api/watchfire/v1/logs/tail", get(tail::tail))
}
