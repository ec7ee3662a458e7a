//! `/api/watchfire/v1/openapi.yaml`: the contract of our own calls.

use crate::Api;
use axum::Router;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use std::sync::Arc;

const DOCUMENT: &str = include_str!("openapi.yaml");

pub(crate) fn routes() -> Router<Arc<Api>> {
    let document = async || ([(CONTENT_TYPE, "application/yaml")], DOCUMENT);
    Router::new().route("/api/watchfire/v1/openapi.yaml", get(document))
}
