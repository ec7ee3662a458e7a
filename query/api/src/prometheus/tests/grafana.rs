//! The calls that Grafana's Prometheus data source makes (grafana/grafana `pkg/promlib`, `packages/grafana-prometheus`).

use super::{call, check_all, server};
use serde_json::json;

#[tokio::test]
async fn grafana_gets_what_it_asks_for() {
    let vector = json!({"status": "success", "data": {"resultType": "vector", "result": []}});
    let table = [
        // Save & test.
        ("FORM /api/v1/query?query=1%2B1&time=4", 200, json!({"data": {"resultType": "scalar", "result": [4, "2"]}})),
        (
            "GET /api/v1/status/buildinfo",
            200,
            json!({"status": "success", "data": {"version": "3.14.0", "revision": "*"}}),
        ),
        // Graphs and tables, posted, and again with GET.
        (
            "FORM /api/v1/query_range?query=sum(rate(http_requests_total%5B1m%5D))&start=1699999800.000&end=1700000000.000&step=100&timeout=30s",
            200,
            json!({"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1_699_999_800, "*"]]}]}}),
        ),
        (
            "GET /api/v1/query_range?query=up&start=1699999800&end=1700000000&step=15",
            200,
            json!({"data": {"result": []}}),
        ),
        (
            "FORM /api/v1/query?query=http_requests_total%7Bcode%3D%22500%22%7D&time=1700000000",
            200,
            json!({"data": {"resultType": "vector", "result": [
                {"metric": {"__name__": "http_requests_total", "code": "500"}, "value": [1_700_000_000, "9.5"]},
            ]}}),
        ),
        ("GET /api/v1/query?query=nothing", 200, vector),
        // Exemplars: an empty list is an answer.
        (
            "FORM /api/v1/query_exemplars?query=http_requests_total&start=1699999000&end=1700000000",
            200,
            json!({"status": "success", "data": []}),
        ),
        // Completion.
        ("FORM /api/v1/labels?start=1699999000&end=1700000000&limit=40000", 200, json!({"data": ["__name__", "code"]})),
        (
            "GET /api/v1/label/__name__/values?start=1699999000&end=1700000000&limit=40000",
            200,
            json!({"data": ["dotted.name", "http_requests_total"]}),
        ),
        (
            "GET /api/v1/label/code/values?match%5B%5D=http_requests_total&limit=1",
            200,
            json!({"data": ["200"], "warnings": ["results truncated due to limit"]}),
        ),
        ("GET /api/v1/label/U__job/values", 200, json!({"data": ["node"]})),
        (
            "FORM /api/v1/series?match%5B%5D=http_requests_total&start=1699999000&end=1700000000",
            200,
            json!({"data": [{"__name__": "http_requests_total", "code": "200"}, {"code": "500"}]}),
        ),
        ("GET /api/v1/metadata?limit=40000", 200, json!({"status": "success", "data": {}})),
        // Alerting pages.
        ("GET /api/v1/rules", 200, json!({"status": "success", "data": {"groups": []}})),
        ("GET /api/v1/alerts", 200, json!({"status": "success", "data": {"alerts": []}})),
    ];
    check_all(&server(), &table).await;
}

#[tokio::test]
async fn grafana_takes_us_for_prometheus() {
    // With any feature listed here it would believe that this is Mimir, and call its rule configuration.
    let (_, body) = call(&server(), "GET /api/v1/status/buildinfo").await;
    assert!(body["data"].get("features").is_none(), "{body}");
}
