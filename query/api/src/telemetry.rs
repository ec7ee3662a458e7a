//! `/metrics`: Watchfire's own metrics, in OpenMetrics 1.0.

use crate::Api;
use crate::error::ApiError;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use std::sync::Arc;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(api): State<Arc<Api>>) -> Result<Response, ApiError> {
    let mut text = String::with_capacity(32 << 10);
    let encoded = prometheus_client::encoding::text::encode(&mut text, &api.registry);
    encoded.map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(([(CONTENT_TYPE, OPENMETRICS)], text).into_response())
}
