//! `/-/healthy` and `/-/ready`, as Prometheus has them.

use crate::Api;
use axum::Router;
use axum::routing::get;
use std::sync::Arc;

/// Both answer only once every store is open and replayed: the listener opens after that.
pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/-/healthy", get(async || "Watchfire is Healthy.\n"))
        .route("/-/ready", get(async || "Watchfire is Ready.\n"))
}
