use crate::testing::{Server, read, record};
use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

async fn put(server: &Server, name: &str, body: &Value) -> (StatusCode, Value) {
    let address = format!("/api/watchfire/v1/logs/saved/{name}");
    let request = Request::put(address).body(Body::from(body.to_string())).unwrap();
    read(server.send(request).await).await
}

async fn delete(server: &Server, name: &str) -> StatusCode {
    let request = Request::delete(format!("/api/watchfire/v1/logs/saved/{name}")).body(Body::empty()).unwrap();
    server.send(request).await.status()
}

fn search() -> Value {
    json!({
        "description": "of one service",
        "query": "service:$service AND NOT $without",
        "parameters": [{"name": "service", "default": "order"}, {"name": "without", "default": "debug", "description": null}],
        "range": "10s",
    })
}

#[tokio::test]
async fn searches_are_kept_changed_and_deleted() {
    let server = Server::new();
    let (status, saved) = put(&server, "my%20search", &search()).await;
    assert_eq!((status, &saved["version"], &saved["name"]), (StatusCode::OK, &json!(1), &json!("my search")));
    assert_eq!(saved["changed"], "2023-11-14T22:13:20.000000000Z");
    assert_eq!(server.ok("saved/my%20search", &[]).await, saved);
    assert_eq!(server.ok("saved", &[]).await, json!({"saved": [saved.clone()]}));
    // What was read can be sent back as it is.
    let (status, again) = put(&server, "my%20search", &saved).await;
    assert_eq!((status, &again["version"]), (StatusCode::OK, &json!(2)));
    let (status, body) = put(&server, "my%20search", &saved).await;
    assert_eq!(status, StatusCode::CONFLICT, "{body}");
    assert_eq!(delete(&server, "my%20search?version=1").await, StatusCode::CONFLICT);
    assert_eq!(delete(&server, "my%20search?version=2").await, StatusCode::NO_CONTENT);
    assert_eq!(delete(&server, "my%20search").await, StatusCode::NOT_FOUND);
    assert_eq!(server.get("saved/my%20search", &[]).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_saved_search_is_asked_with_values() {
    let server = Server::new();
    let one = |n, service: &str, message: &str| record(n, message, &[("service", service)]);
    let records = vec![
        one(1, "order", "m1"),
        one(2, "order", "debug m2"),
        one(3, "mail", "m3"),
        one(30, "order", "m30"),
        one(4, "a\" OR * OR \"b", "m4"),
    ];
    server.store(records, true);
    put(&server, "s", &search()).await;
    let check = async |parameters: &[(&str, &str)], want: &[&str]| {
        let asked: Vec<(&str, &str)> = [("saved", "s")].iter().chain(parameters).copied().collect();
        let body = server.ok("search", &asked).await;
        let records = body["records"].as_array().unwrap().iter();
        assert_eq!(records.map(|one| one["message"].as_str().unwrap()).collect::<Vec<_>>(), want, "{parameters:?}");
        assert_eq!(server.ok("count", &asked).await["count"], want.len());
    };
    check(&[], &["m1"]).await;
    check(&[("param.without", "nothing")], &["m1", "debug m2"]).await;
    check(&[("param.service", "mail")], &["m3"]).await;
    check(&[("param.service", "mail\" OR \"order")], &[]).await;
    check(&[("param.service", "a\" OR * OR \"b")], &["m4"]).await;
    check(&[("start", "0")], &["m1", "m30"]).await;
    for (parameters, want) in [
        (vec![("saved", "s"), ("param.x", "1")], "no parameter `x`"),
        (vec![("saved", "s"), ("query", "x")], "either"),
        (vec![("query", "x"), ("param.x", "1")], "belongs to a saved search"),
    ] {
        let (status, body) = server.get("search", &parameters).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(body["error"]["message"].as_str().unwrap().contains(want), "{body}");
    }
    assert_eq!(server.get("search", &[("saved", "t")]).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn values_can_be_bounds_of_numbers_too() {
    let server = Server::new();
    server.store((0..5).map(|n| record(n, "m", &[("took", &(n * 5).to_string())])).collect(), true);
    let parameters = json!([{"name": "least", "default": "15"}, {"name": "most", "default": "100"}]);
    let query = "took:>=$least took:[0 TO $most]";
    let (status, body) = put(&server, "slow", &json!({"query": query, "parameters": parameters})).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(server.ok("count", &[("saved", "slow")]).await["count"], 2);
    assert_eq!(server.ok("count", &[("saved", "slow"), ("param.least", "5")]).await["count"], 4);
}

#[tokio::test]
async fn what_could_not_be_asked_is_not_kept() {
    let server = Server::new();
    let parameters = json!([{"name": "x"}]);
    for (body, want) in [
        (json!({"query": "("}), "missing"),
        (json!({"query": "$y", "parameters": parameters}), "no parameter of this search"),
        (json!({"query": "\"a $x\"", "parameters": parameters}), "within quotes"),
        (json!({"query": "/a $x/", "parameters": parameters}), "within a regular expression"),
        (json!({"query": "$x", "parameters": [{"name": "x"}, {"name": "x"}]}), "each name once"),
        (json!({"query": "$x", "parameters": [{"name": "x y"}]}), "cannot be a parameter's name"),
        (json!({"query": "x", "range": "soon"}), "write for example"),
        (json!({"query": "x", "name": "other"}), "must be the same"),
        (json!({"query": "x", "unknown": 1}), "unknown field"),
        (json!([]), "not a search"),
    ] {
        let (status, answer) = put(&server, "s", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(want), "{body}: {answer}");
    }
    let (status, _) = put(&server, "s", &json!({"query": "x", "version": 1})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (status, _) = put(&server, &"n".repeat(101), &json!({"query": "x"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(server.ok("saved", &[]).await, json!({"saved": []}));
}
