//! The shapes of answers beside those that Grafana asks for.

use super::{call, check_all, server};
use crate::testing::read;
use axum::body::{Body, to_bytes};
use http::Request;
use serde_json::{Value, json};

#[tokio::test]
async fn queries_take_limits_lookbacks_and_stats() {
    let table = [
        (
            "GET /api/v1/query?query=http_requests_total&limit=1",
            200,
            json!({"data": {"result": [{"metric": {"code": "200"}}]}, "warnings": ["results truncated due to limit"]}),
        ),
        (
            "GET /api/v1/query?query=count(http_requests_total)&time=1700000060&lookback_delta=59s",
            200,
            json!({"data": {"result": []}}),
        ),
        (
            "GET /api/v1/query?query=count(http_requests_total)&time=1700000060&lookback_delta=61",
            200,
            json!({"data": {"result": [{"value": [1_700_000_060, "2"]}]}}),
        ),
        (
            "GET /api/v1/query?query=http_requests_total&stats=true",
            200,
            json!({"data": {"stats": {"timings": {"evalTotalTime": "*", "execQueueTime": "*"}, "samples": {"totalQueryableSamples": 2, "peakSamples": "*"}}}}),
        ),
        (
            "GET /api/v1/query_range?query=http_requests_total&start=1699999990&end=1700000000&step=10&stats=all",
            200,
            json!({"data": {"stats": {"samples": {"totalQueryableSamplesPerStep": [[1_699_999_990, 2], [1_700_000_000, 2]]}}}}),
        ),
    ];
    let server = server();
    check_all(&server, &table).await;
    let (_, body) = call(&server, "GET /api/v1/query?query=http_requests_total").await;
    assert!(body["data"].get("stats").is_none(), "{body}");
}

#[tokio::test]
async fn expressions_are_formatted_parsed_and_explained() {
    let table = [
        ("FORM /api/v1/format_query?query=sum+by(job)(up)", 200, json!({"data": "sum by (job) (up)"})),
        ("GET /api/v1/parse_query?query=up", 200, json!({"data": {"type": "vectorSelector", "name": "up"}})),
        (
            "GET /api/watchfire/v1/metrics/explain?query=sum(http_requests_total)&time=1700000000",
            200,
            json!({"data": {"tree": {"kind": "aggregation", "series": 1, "children": [{"kind": "selector", "series": 2}]}, "warnings": [], "infos": []}}),
        ),
        (
            "FORM /api/watchfire/v1/metrics/explain?query=http_requests_total&start=1699999990&end=1700000000&step=10",
            200,
            json!({"data": {"tree": {"text": "http_requests_total", "start": 0, "end": 19, "points": 4}}}),
        ),
        ("GET /api/v1/query_exemplars?query=1", 204, Value::Null),
    ];
    check_all(&server(), &table).await;
}

#[tokio::test]
async fn the_server_tells_of_itself() {
    let table = [
        ("GET /api/v1/status/config", 200, json!({"data": {"yaml": "global: {}\n"}})),
        ("GET /api/v1/status/flags", 200, json!({"data": {"web.enable-admin-api": "true"}})),
        (
            "GET /api/v1/status/runtimeinfo",
            200,
            json!({"data": {"startTime": "*", "CWD": "*", "reloadConfigSuccess": "*", "corruptionCount": 0, "GOMAXPROCS": "*", "storageRetention": "15d"}}),
        ),
        (
            "GET /api/v1/status/tsdb",
            200,
            json!({"data": {
                "headStats": {"numSeries": 3, "numLabelPairs": "*", "chunkCount": 1, "minTime": 1_699_999_715_000_i64, "maxTime": 1_700_000_000_000_i64},
                "seriesCountByMetricName": [{"name": "http_requests_total", "value": 2}],
                "labelValueCountByLabelName": "*",
                "memoryInBytesByLabelName": [{"name": "__name__", "value": 30}],
                "seriesCountByLabelValuePair": "*",
            }}),
        ),
        ("GET /api/v1/status/tsdb/blocks", 200, json!({"data": {"blocks": []}})),
        ("GET /api/v1/status/walreplay", 200, json!({"data": {"min": 0, "max": 0, "current": 0}})),
        (
            "GET /api/v1/features",
            200,
            json!({"data": {"api": {"admin": false, "remote_read": true}, "promql": {"fill": true}}}),
        ),
        (
            "GET /api/v1/notifications",
            200,
            json!({"data": [{"text": "something is odd", "date": "*", "active": true}]}),
        ),
        ("GET /api/v1/alertmanagers", 200, json!({"data": {"activeAlertmanagers": [], "droppedAlertmanagers": []}})),
    ];
    check_all(&server(), &table).await;
}

#[tokio::test]
async fn targets_and_their_relabeling() {
    let server = server();
    let metadata = watchfire_model::MetricMetadata { help: "Requests.".to_owned(), ..Default::default() };
    server.api.tsdb.set_metadata("http_requests_total", metadata);
    let target = json!({"instance": "node-1:9100", "job": "node"});
    let table = [
        (
            "GET /api/v1/targets",
            200,
            json!({"data": {
                "activeTargets": [{"scrapePool": "node", "labels": target, "health": "unknown", "scrapeInterval": "15s", "lastScrape": "0001-01-01T00:00:00Z"}],
                "droppedTargets": [{"discoveredLabels": {"job": "node"}}],
                "droppedTargetCounts": {"node": 1},
            }}),
        ),
        (
            "GET /api/v1/targets?state=dropped",
            200,
            json!({"data": {"activeTargets": [], "droppedTargetCounts": {"node": 1}}}),
        ),
        (
            "GET /api/v1/targets?state=active&scrapePool=other",
            200,
            json!({"data": {"activeTargets": [], "droppedTargets": []}}),
        ),
        ("GET /api/v1/scrape_pools", 200, json!({"data": {"scrapePools": ["node"]}})),
        (
            "GET /api/v1/targets/relabel_steps?scrapePool=node&labels=%7B%22a%22%3A%22b%22%7D",
            200,
            json!({"data": {"steps": [{"rule": {"action": "replace"}, "output": {"a": "b"}, "keep": true}]}}),
        ),
        (
            "GET /api/v1/metadata",
            200,
            json!({"data": {"http_requests_total": [{"type": "unknown", "help": "Requests.", "unit": ""}]}}),
        ),
        ("GET /api/v1/metadata?limit=0", 200, json!({"data": {}})),
        (
            "GET /api/v1/targets/metadata?match_target=%7Bjob%3D%22node%22%7D",
            200,
            json!({"data": [{"target": target, "metric": "http_requests_total", "help": "Requests."}]}),
        ),
        ("GET /api/v1/targets/metadata?match_target=%7Bjob%3D%22x%22%7D", 404, json!({"errorType": "not_found"})),
    ];
    check_all(&server, &table).await;
}

/// The text of an answer.
async fn text(server: &crate::testing::Server, request: Request<Body>) -> String {
    let response = server.send(request).await;
    assert_eq!(response.status(), 200);
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn names_are_searched_in_lines() {
    let server = server();
    server.api.tsdb.set_metadata("http_requests_total", watchfire_model::MetricMetadata::default());
    let path = "/api/v1/search/metric_names?search[]=requests&include_metadata=true&include_score=true&limit=1";
    let lines = text(&server, Request::get(path).body(Body::empty()).unwrap()).await;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found = json!({"name": "http_requests_total", "score": 0.9, "type": "unknown", "help": "", "unit": ""});
    assert_eq!(lines, [json!({"results": [found]}), json!({"status": "success", "has_more": false})]);
    let path = "/api/v1/search/label_names?limit=2&batch_size=1&sort_by=alpha&sort_dir=dsc&match[]=http_requests_total";
    let lines = text(&server, Request::get(path).body(Body::empty()).unwrap()).await;
    let want = "{\"results\":[{\"name\":\"job\"}]}\n{\"results\":[{\"name\":\"instance\"}]}\n\
                {\"status\":\"success\",\"has_more\":true}\n";
    assert_eq!(lines, want);
    let path = "/api/v1/search/label_values?label=code&search[]=9";
    let lines = text(&server, Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!(lines, "{\"results\":[]}\n{\"status\":\"success\",\"has_more\":false}\n");
}

#[tokio::test]
async fn samples_are_federated() {
    let server = server();
    let path = "/federate?match[]=http_requests_total&match[]={job=%22node%22}";
    let page = text(&server, Request::get(path).body(Body::empty()).unwrap()).await;
    let want = "# TYPE dotted_name untyped\n\
                dotted_name{job=\"node\",instance=\"\",region=\"north\"} 1.25 1700000000000\n\
                # TYPE http_requests_total untyped\n\
                http_requests_total{code=\"200\",instance=\"node-1:9100\",job=\"node\",region=\"north\"} 38 1700000000000\n\
                http_requests_total{code=\"500\",instance=\"node-1:9100\",job=\"node\",region=\"north\"} 9.5 1700000000000\n";
    assert_eq!(page, want);
    let request =
        Request::get("/federate?match[]={__name__=~%22dot.*%22}").header("accept", "text/plain;escaping=allow-utf-8");
    let page = text(&server, request.body(Body::empty()).unwrap()).await;
    let want = "# TYPE \"dotted.name\" untyped\n\
                {\"dotted.name\",job=\"node\",instance=\"\",region=\"north\"} 1.25 1700000000000\n";
    assert_eq!(page, want);
    assert_eq!(text(&server, Request::get("/federate").body(Body::empty()).unwrap()).await, "");
}

#[tokio::test]
async fn answers_are_compressed_where_that_is_asked() {
    let request = Request::get("/api/v1/query?query=http_requests_total").header("accept-encoding", "gzip");
    let response = server().send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers().get("content-encoding").unwrap(), "gzip");
    let plain = server().send(Request::get("/api/v1/query?query=1").body(Body::empty()).unwrap()).await;
    assert_eq!(read(plain).await.1["status"], "success");
}
