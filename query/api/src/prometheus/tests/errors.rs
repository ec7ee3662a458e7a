//! Statuses, `errorType` and texts of what is refused, as upstream's.

use super::{check_all, server};
use crate::QueryLimits;
use crate::error::PromError;
use crate::testing::{NOW, Server, read};
use crate::workers::WorkerError;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use std::time::Duration;

fn error(kind: &str, text: &str) -> Value {
    json!({"status": "error", "errorType": kind, "error": text})
}

fn bad_data(text: &str) -> Value {
    error("bad_data", text)
}

#[tokio::test]
async fn parameters_are_refused_in_upstreams_words() {
    let table = [
        ("GET /api/v1/query?query=", 400, json!({"errorType": "bad_data", "error": "*"})),
        (
            "GET /api/v1/query?query=up&time=x",
            400,
            bad_data("invalid parameter \"time\": cannot parse \"x\" to a valid timestamp"),
        ),
        (
            "GET /api/v1/query?query=up&timeout=x",
            400,
            bad_data("invalid parameter \"timeout\": cannot parse \"x\" to a valid duration"),
        ),
        (
            "GET /api/v1/query?query=up&limit=-1",
            400,
            bad_data("invalid parameter \"limit\": limit must be non-negative"),
        ),
        (
            "GET /api/v1/query?query=up&lookback_delta=x",
            400,
            bad_data("error parsing lookback delta duration: cannot parse \"x\" to a valid duration"),
        ),
        (
            "GET /api/v1/query_range?query=up&end=2&step=1",
            400,
            bad_data("invalid parameter \"start\": cannot parse \"\" to a valid timestamp"),
        ),
        (
            "GET /api/v1/query_range?query=up&start=2&end=1&step=1",
            400,
            bad_data("invalid parameter \"end\": end timestamp must not be before start time"),
        ),
        (
            "GET /api/v1/query_range?query=up&start=0&end=1000000000&step=1",
            400,
            bad_data(
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
            ),
        ),
        (
            "GET /api/v1/query_range?query=%22text%22&start=1&end=2&step=1",
            400,
            bad_data(
                "invalid parameter \"query\": invalid expression type \"string\" for range query, must be Scalar or instant Vector",
            ),
        ),
        ("GET /api/v1/series", 400, bad_data("no match[] parameter provided")),
        ("GET /api/v1/series?match%5B%5D=%7B%7D", 400, bad_data("match[] must contain at least one non-empty matcher")),
        ("GET /api/v1/metadata?limit=x", 400, bad_data("limit must be a number")),
        ("GET /api/v1/targets/metadata", 404, error("not_found", "specified metadata not found")),
        ("GET /api/v1/status/tsdb?limit=0", 400, bad_data("limit must be a positive number")),
        ("GET /api/v1/rules?type=x", 400, bad_data("invalid parameter \"type\": not supported value \"x\"")),
        (
            "GET /api/v1/rules?group_limit=0",
            400,
            bad_data("invalid parameter \"group_limit\": group_limit needs to be greater than 0"),
        ),
        (
            "GET /api/v1/rules?group_limit=1&group_next_token=x",
            400,
            bad_data("invalid parameter \"group_next_token\": invalid group_next_token 'x'. were rule groups changed?"),
        ),
        (
            "GET /api/v1/query_exemplars?query=up&start=2&end=1",
            400,
            bad_data("end timestamp must not be before start timestamp"),
        ),
        ("GET /api/v1/search/metric_names?sort_by=score", 400, bad_data("sort_by=score requires search[] to be set")),
        ("GET /api/v1/search/label_values", 400, bad_data("missing required parameter \"label\"")),
        ("GET /api/v1/targets/relabel_steps", 400, bad_data("no scrapePool parameter provided")),
        ("POST /api/v1/admin/tsdb/snapshot", 503, error("unavailable", "admin APIs disabled")),
        (
            "GET /api/v1/query?query=http_requests_total%20*%20on%20(job)%20http_requests_total",
            422,
            json!({"errorType": "execution", "error": "*"}),
        ),
        ("GET /federate?match%5B%5D=%7B", 400, json!({"errorType": "bad_data"})),
        ("GET /api/watchfire/v1/metrics/explain?query=up%28", 400, json!({"errorType": "bad_data"})),
    ];
    check_all(&server(), &table).await;
}

#[tokio::test]
async fn limits_are_told_in_upstreams_words() {
    let server = Server::with(QueryLimits { samples_max: 10, ..QueryLimits::default() });
    server.store_samples(&[("__name__", "up")], &(0..20).map(|n| ((NOW - n) * 1000, 1.0)).rev().collect::<Vec<_>>());
    let text = "query processing would load too many samples into memory in query execution";
    let table = [("GET /api/v1/query?query=up%5B1m%5D", 422, error("execution", text))];
    check_all(&server, &table).await;
    let timed_out = PromError::from(WorkerError::TimedOut(Duration::from_secs(1))).into_response();
    let (status, body) = read(timed_out).await;
    assert_eq!((status.as_u16(), body), (503, error("timeout", "query timed out in expression evaluation")));
}

#[tokio::test]
async fn a_form_that_is_too_long_is_bad_data() {
    let form = format!("query={}", "x".repeat(crate::params::FORM_BYTES_MAX));
    let (status, body) = server().call("POST", "/api/v1/query", Some(&form)).await;
    let text = body["error"].as_str().unwrap_or_default();
    assert!(status == 400 && text.starts_with("error parsing form values"), "{status} {body}");
}
