//! `/api/v1/status/*`.

use super::envelope::Success;
use crate::Api;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;

/// Prometheus' `PrometheusVersion`. No `features`: with any in it Grafana takes us for Mimir.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BuildInfo {
    version: &'static str,
    revision: &'static str,
    branch: &'static str,
    build_user: &'static str,
    build_date: &'static str,
    go_version: &'static str,
}

/// The Prometheus release whose API we answer like: clients choose what they ask by it.
const PROMETHEUS_VERSION: &str = "3.13.0";

/// `GET /api/v1/status/buildinfo`. Our own version is in `revision`.
pub(super) async fn build_info(State(api): State<Arc<Api>>) -> Success<BuildInfo> {
    Success::new(BuildInfo {
        version: PROMETHEUS_VERSION,
        revision: api.version,
        branch: "watchfire",
        build_user: "",
        build_date: "",
        go_version: "",
    })
}
