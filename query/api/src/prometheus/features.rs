//! `/api/v1/features`: what this server can do, in the categories of Prometheus 3.14 (`util/features`).

use super::envelope::Success;
use crate::Api;
use axum::extract::State;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Category, name, and whether it is there.
const FEATURES: &[(&str, &str, bool)] = &[
    ("api", "exclude_alerts", true),
    ("api", "exemplars", true),
    ("api", "explain", true),
    ("api", "label_values_match", true),
    ("api", "lifecycle", true),
    ("api", "otlp_write_receiver", false),
    ("api", "query_stats", true),
    ("api", "query_warnings", true),
    ("api", "remote_read", true),
    ("api", "remote_write_receiver", true),
    ("api", "search", true),
    ("api", "search_fuzz_alg_jarowinkler", true),
    ("api", "search_fuzz_alg_subsequence", true),
    ("api", "time_range_labels", true),
    ("api", "time_range_series", true),
    ("prometheus", "agent_mode", false),
    ("prometheus", "auto_reload_config", true),
    ("promql", "anchored", true),
    ("promql", "at_modifier", true),
    ("promql", "bool", true),
    ("promql", "by", true),
    ("promql", "delayed_name_removal", true),
    ("promql", "duration_expr", true),
    ("promql", "fill", true),
    ("promql", "group_left", true),
    ("promql", "group_right", true),
    ("promql", "ignoring", true),
    ("promql", "negative_offset", true),
    ("promql", "offset", true),
    ("promql", "on", true),
    ("promql", "smoothed", true),
    ("promql", "subqueries", true),
    ("promql", "type_and_unit_labels", true),
    ("promql", "without", true),
    ("rules", "keep_firing_for", true),
    ("rules", "query_offset", true),
    ("scrape", "extra_scrape_metrics", false),
    ("scrape", "openmetrics", true),
    ("scrape", "protobuf", true),
    ("scrape", "start_timestamps", true),
    ("service_discovery_providers", "file", true),
    ("service_discovery_providers", "static", true),
    ("tsdb", "exemplars", true),
    ("tsdb", "native_histograms", true),
    ("tsdb", "out_of_order", true),
    ("ui", "ui_v3", false),
];

type Features = BTreeMap<&'static str, BTreeMap<&'static str, bool>>;

/// `GET /api/v1/features`.
pub(super) async fn features(State(api): State<Arc<Api>>) -> Success<Features> {
    let mut features = Features::new();
    let admin = ("api", "admin", api.host.has_admin_api());
    for (category, name, is_there) in FEATURES.iter().copied().chain([admin]) {
        features.entry(category).or_default().insert(name, is_there);
    }
    Success::new(features)
}
