//! Prometheus' HTTP API under `/api/v1`. Contract: <https://prometheus.io/docs/prometheus/latest/querying/api/>.
//! Unknown parameters are ignored, as upstream does.

mod alerting;
mod envelope;
mod labels;
mod missing;
mod number;
mod query;
mod status;
mod targets;

use crate::Api;
use axum::Router;
use axum::routing::get;
use std::sync::Arc;

/// Every route of this family.
pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/v1/query", get(query::instant).post(query::instant))
        .route("/api/v1/query_range", get(query::range).post(query::range))
        .route("/api/v1/labels", get(labels::names).post(labels::names))
        .route("/api/v1/label/{name}/values", get(labels::values))
        .route("/api/v1/series", get(labels::series).post(labels::series))
        .route("/api/v1/metadata", get(labels::metadata))
        .route("/api/v1/targets", get(targets::targets))
        .route("/api/v1/rules", get(alerting::rules))
        .route("/api/v1/alerts", get(alerting::alerts))
        .route("/api/v1/status/buildinfo", get(status::build_info))
}
