//! Prometheus' HTTP API under `/api/v1`, and `/federate`. Contract:
//! <https://prometheus.io/docs/prometheus/latest/querying/api/>. Unknown parameters are ignored, as upstream does.

mod envelope;
mod missing;
mod number;
mod selectors;

mod admin;
mod alerting;
mod exemplars;
mod explain;
mod features;
mod federate;
mod labels;
mod metadata;
mod notifications;
mod query;
mod remote_read;
mod search;
mod stats;
mod status;
mod syntax;
mod targets;

#[cfg(test)]
mod tests;

use crate::Api;
use axum::Router;
use axum::routing::{MethodFilter, get, on, post};
use std::sync::Arc;

/// Every route of this family.
pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new().merge(queries()).merge(stored()).merge(server()).merge(administration())
}

fn queries() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/v1/query", get(query::instant).post(query::instant))
        .route("/api/v1/query_range", get(query::range).post(query::range))
        .route("/api/v1/query_exemplars", get(exemplars::exemplars).post(exemplars::exemplars))
        .route("/api/v1/format_query", get(syntax::format_query).post(syntax::format_query))
        .route("/api/v1/parse_query", get(syntax::parse_query).post(syntax::parse_query))
        .route("/api/watchfire/v1/metrics/explain", get(explain::explain).post(explain::explain))
        .route("/federate", get(federate::federate))
        .route("/api/v1/read", post(remote_read::read))
}

fn stored() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/v1/labels", get(labels::names).post(labels::names))
        .route("/api/v1/label/{name}/values", get(labels::values))
        .route("/api/v1/series", get(labels::series).post(labels::series))
        .route("/api/v1/metadata", get(metadata::metadata))
        .route("/api/v1/search/metric_names", get(search::metric_names).post(search::metric_names))
        .route("/api/v1/search/label_names", get(search::label_names).post(search::label_names))
        .route("/api/v1/search/label_values", get(search::label_values).post(search::label_values))
}

fn server() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/v1/scrape_pools", get(targets::scrape_pools))
        .route("/api/v1/targets", get(targets::targets))
        .route("/api/v1/targets/metadata", get(metadata::of_targets))
        .route("/api/v1/targets/relabel_steps", get(targets::relabel_steps))
        .route("/api/v1/rules", get(alerting::rules))
        .route("/api/v1/alerts", get(alerting::alerts))
        .route("/api/v1/alertmanagers", get(alerting::alertmanagers))
        .route("/api/v1/status/config", get(status::config))
        .route("/api/v1/status/runtimeinfo", get(status::runtime_info))
        .route("/api/v1/status/buildinfo", get(status::build_info))
        .route("/api/v1/status/flags", get(status::flags))
        .route("/api/v1/status/tsdb", get(status::tsdb))
        .route("/api/v1/status/tsdb/blocks", get(status::blocks))
        .route("/api/v1/status/walreplay", get(status::wal_replay))
        .route("/api/v1/features", get(features::features))
        .route("/api/v1/notifications", get(notifications::notifications))
        .route("/api/v1/notifications/live", get(notifications::live))
}

fn administration() -> Router<Arc<Api>> {
    let change = MethodFilter::POST.or(MethodFilter::PUT);
    Router::new()
        .route("/api/v1/admin/tsdb/delete_series", on(change, admin::delete_series))
        .route("/api/v1/admin/tsdb/clean_tombstones", on(change, admin::clean_tombstones))
        .route("/api/v1/admin/tsdb/snapshot", on(change, admin::snapshot))
}
