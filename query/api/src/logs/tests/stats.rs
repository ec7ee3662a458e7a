use crate::refusal::Refusal;
use crate::testing::{NOW, Server, record};
use http::StatusCode;
use serde_json::json;

fn server() -> Server {
    let server = Server::new();
    let one = |n: i64| {
        let took = (n * 10).to_string();
        let fields = [("service", if n % 2 == 0 { "a" } else { "b" }), ("took", took.as_str())];
        record(n, "m", if n == 9 { &fields[1..] } else { &fields })
    };
    server.store((5..10).map(one).collect(), true);
    server.store((0..5).map(one).collect(), false);
    server
}

#[tokio::test]
async fn tables_have_columns_types_and_rows() {
    let server = server();
    let query = "* | stats by (service) count() as count, max(took) as slowest, first(service) as first | sort by (service desc)";
    let body = server.ok("stats", &[("query", query)]).await;
    assert_eq!(body["columns"], json!(["service", "count", "slowest", "first"]));
    assert_eq!(body["types"], json!(["text", "number", "number", "text"]));
    assert_eq!(body["rows"], json!([["b", 4, 70, "b"], ["a", 5, 80, "a"], [null, 1, 90, null]]));
    assert_eq!((&body["truncated"], &body["partial"]), (&json!(false), &json!([])));
    let body = server.ok("stats", &[("query", "* | stats by (time:5s) count() as n"), ("limit", "1")]).await;
    assert_eq!((&body["types"], &body["truncated"]), (&json!(["time", "number"]), &json!(true)));
    assert_eq!(body["rows"].as_array().unwrap().len(), 1);
    assert_eq!(body["partial"], json!([]));
    assert!(body["rows"][0][0].as_str().unwrap().starts_with("2023-11-14T22:13:"));
}

#[tokio::test]
async fn rows_without_groups_are_a_table_too() {
    let server = server();
    let start = (NOW - 1).to_string();
    let body = server.ok("stats", &[("query", "* | fields took, service"), ("start", &start)]).await;
    let columns: Vec<&str> = body["columns"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let took = columns.iter().position(|name| *name == "took").unwrap();
    assert_eq!(body["rows"].as_array().unwrap().iter().map(|row| &row[took]).collect::<Vec<_>>(), ["0", "10"]);
}

#[tokio::test]
async fn limits_and_mistakes_are_told() {
    let server = server();
    for (query, limit) in [("* | stats nothing()", "1"), ("* | stats count()", "0"), ("* | stats count()", "100001")] {
        let (status, body) = server.get("stats", &[("query", query), ("limit", limit)]).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(server.api.workers.refusals().count(Refusal::query), 1);
}

#[tokio::test]
async fn a_query_is_explained() {
    let server = server();
    let body = server.ok("explain", &[("query", "service:a   took:>5|stats count()")]).await;
    assert!(body["query"].as_str().unwrap().contains(" | stats count()"), "{body}");
    let stages = body["stages"].as_array().unwrap();
    assert!(stages.len() >= 2 && stages.iter().all(|stage| stage["stage"].is_string() && stage["detail"].is_string()));
    let range = [("query", "service:a"), ("start", "0"), ("end", "1")];
    assert_eq!(server.ok("explain", &range).await["query"], "service:a");
    let printed = body["query"].as_str().unwrap();
    assert_eq!(server.ok("explain", &[("query", printed)]).await["query"], printed);
}
