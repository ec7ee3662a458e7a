use crate::refusal::Refusal;
use crate::testing::{NOW, Server, read, record};
use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use serde_json::{Value, json};

/// `m0`, the newest, to `m9`, a second apart, half of them in a block.
fn server() -> Server {
    let server = Server::new();
    let service = |n: i64| if n % 2 == 0 { "even" } else { "odd" };
    let one = |n: i64| record(n, &format!("m{n}"), &[("service", service(n)), ("n", &n.to_string())]);
    server.store((5..10).map(one).collect(), true);
    server.store((0..5).map(one).collect(), false);
    server
}

fn messages(body: &Value) -> Vec<&str> {
    body["records"].as_array().unwrap().iter().map(|record| record["message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn records_come_in_both_orders_page_by_page() {
    let server = server();
    let body = server.ok("search", &[("query", "service:even")]).await;
    assert_eq!(messages(&body), ["m0", "m2", "m4", "m6", "m8"]);
    assert_eq!((&body["next_cursor"], &body["partial"]), (&Value::Null, &json!([])));
    assert_eq!(body["records"][0]["fields"], json!({"n": "0", "service": "even"}));
    assert!(body["stats"]["planning_ms"].is_number() && body["stats"]["granules_false"].is_u64());
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server.ok("search", &[("limit", "4"), ("order", "oldest"), ("cursor", &cursor)]).await;
        pages.push(messages(&page).join(" "));
        // What arrives between the pages neither repeats nor hides anything.
        server.store(vec![record(100 + pages.len() as i64, "late", &[])], false);
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(pages, ["m9 m8 m7 m6", "m5 m4 m3 m2", "m1 m0"]);
}

#[tokio::test]
async fn only_named_fields_are_answered() {
    let body = server().ok("search", &[("fields", "n, message"), ("limit", "1")]).await;
    let record = body["records"][0].as_object().unwrap();
    let names: Vec<&String> = record.keys().collect();
    assert_eq!(names, ["fields", "id", "message", "received", "stream", "time"]);
    assert_eq!(record["fields"], json!({"n": "0"}));
}

#[tokio::test]
async fn a_range_ends_before_its_end() {
    let server = server();
    let (start, end) = ((NOW - 3).to_string(), (NOW - 1).to_string());
    let range = [("start", start.as_str()), ("end", end.as_str())];
    assert_eq!(messages(&server.ok("search", &range).await), ["m2", "m3"]);
    assert_eq!(server.ok("count", &range).await["count"], 2);
    let (status, body) = server.get("search", &[("start", &end), ("end", &start)]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body["error"]["message"].as_str().unwrap().contains("swap"));
}

#[tokio::test]
async fn counts_histograms_and_fields_agree() {
    let server = server();
    assert_eq!(server.ok("count", &[("query", "service:odd")]).await["count"], 5);
    let body = server.ok("histogram", &[("query", "service:odd"), ("step", "5"), ("by", "service")]).await;
    assert_eq!((&body["total"], &body["series"][0]["value"]), (&json!(5), &json!("odd")));
    let body = server.ok("fields", &[("names", "service"), ("values", "1")]).await;
    assert_eq!(body["fields"].as_array().unwrap().len(), 1);
    assert_eq!(body["fields"][0]["records"], 10);
    assert_eq!(body["fields"][0]["values"], json!([{"value": "even", "records": 5}]));
}

#[track_caller]
fn check_error(body: &Value, want: &str) {
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains(want), "{message}");
}

#[tokio::test]
async fn mistakes_say_what_and_where() {
    let server = server();
    let (status, body) = server.get("search", &[("query", "a (b")]).await;
    assert_eq!(
        (status, &body["error"]["start"], &body["error"]["end"]),
        (StatusCode::BAD_REQUEST, &json!(2), &json!(3))
    );
    for (call, parameter, want) in [
        ("search", ("limit", "0"), "1 to 10000"),
        ("search", ("limit", "10001"), "page on"),
        ("search", ("cursor", "x"), "cursor"),
        ("search", ("order", "up"), "newest or oldest"),
        ("search", ("lmit", "1"), "unknown parameter `lmit`"),
        ("fields", ("values", "1001"), "0 to 1000"),
        ("histogram", ("step", "0.5"), "whole seconds"),
        ("context", ("id", "x"), "record id"),
        ("context", ("before", "1"), "missing"),
        ("export", ("format", "xls"), "ndjson or csv"),
        ("tail", ("start", "1"), "unknown parameter"),
    ] {
        let (status, body) = server.get(call, &[parameter]).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{call} {parameter:?}");
        check_error(&body, want);
    }
    let refusals = server.api.workers.refusals();
    assert_eq!((refusals.count(Refusal::query), refusals.count(Refusal::parameter)), (1, 11));
}

#[tokio::test]
async fn an_answer_beyond_the_memory_of_a_query_is_refused() {
    let limits = crate::QueryLimits { memory_max: 64 << 10, ..crate::QueryLimits::default() };
    let server = Server::with(limits);
    server.store((0..100).map(|n| record(n, &"x".repeat(1_000), &[])).collect(), false);
    assert_eq!(messages(&server.ok("search", &[("limit", "5")]).await).len(), 5);
    let (status, _) = server.get("search", &[("limit", "100")]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(server.api.workers.refusals().count(Refusal::memory), 1);
}

#[tokio::test]
async fn steps_on_single_records_work_on_pages() {
    let server = server();
    let extract = "* | extract \"m<number>\" from message | filter number:>3 | drop n, service";
    let page = server.ok("search", &[("query", extract), ("limit", "4")]).await;
    assert_eq!(messages(&page), ["m4", "m5", "m6", "m7"]);
    assert_eq!(page["records"][0]["fields"], json!({"number": "4"}));
    let cursor = page["next_cursor"].as_str().unwrap();
    let page = server.ok("search", &[("query", extract), ("limit", "4"), ("cursor", cursor)]).await;
    assert_eq!((messages(&page), &page["next_cursor"]), (vec!["m8", "m9"], &Value::Null));
    assert_eq!(server.ok("count", &[("query", extract)]).await["count"], 6);
}

#[tokio::test]
async fn a_limit_in_the_query_makes_one_page() {
    let server = server();
    let query = "service:even | offset 1 | limit 3";
    let page = server.ok("search", &[("query", query)]).await;
    assert_eq!((messages(&page), &page["next_cursor"]), (vec!["m2", "m4", "m6"], &Value::Null));
    let page = server.ok("search", &[("query", query), ("limit", "2")]).await;
    assert_eq!(messages(&page), ["m2", "m4"]);
    assert!(page["partial"][0].as_str().unwrap().contains("raise `limit`"));
    let cursor = server.ok("search", &[("limit", "1")]).await["next_cursor"].as_str().unwrap().to_owned();
    let (status, _) = server.get("search", &[("query", query), ("cursor", &cursor)]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(server.ok("count", &[("query", query)]).await["count"], 3);
}

#[tokio::test]
async fn a_query_for_a_table_is_sent_to_where_tables_are() {
    let server = server();
    for query in ["* | stats count()", "* | sort by (n)", "* | top 3 by service"] {
        for call in ["search", "tail"] {
            let (status, body) = server.get(call, &[("query", query)]).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{call} {query}");
            check_error(&body, "logs/stats");
        }
    }
    // What it is made of is counted over time all the same.
    let body = server.ok("histogram", &[("query", "service:odd | filter n:>3 | stats count()")]).await;
    assert_eq!(body["total"], 3);
}

#[tokio::test]
async fn a_form_beyond_its_limit_is_refused_in_the_form_of_every_error() {
    let server = server();
    let form = format!("query={}", "a".repeat(3 << 20));
    let request =
        Request::post("/api/watchfire/v1/logs/count").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let (status, body) = read(server.send(request.body(Body::from(form)).unwrap()).await).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    check_error(&body, "limit");
    let request = Request::get("/api/watchfire/v1/storage/retention").body(Body::empty()).unwrap();
    let (status, body) = read(server.send(request).await).await;
    assert_eq!((status, body), (StatusCode::OK, json!({"records": 0, "bytes": 0, "blocks": []})));
}
