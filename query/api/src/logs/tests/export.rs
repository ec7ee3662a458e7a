use crate::testing::{Server, address, read, record, until};
use axum::body::Body;
use axum::response::Response;
use futures_util::StreamExt;
use http::{Request, StatusCode};
use serde_json::{Value, json};

async fn export(server: &Server, parameters: &[(&str, &str)]) -> Response {
    server.send(Request::get(address("export", parameters)).body(Body::empty()).unwrap()).await
}

async fn text(response: Response) -> String {
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = axum::body::to_bytes(response.into_body(), 64 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// More than fits into what waits between thread and socket.
fn large() -> Server {
    let server = Server::new();
    let message = "x".repeat(1_000);
    for part in 0..5 {
        let records = (0..1_000).map(|n| record(n, &format!("{message} {}", part * 1_000 + n), &[])).collect();
        server.store(records, part < 4);
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_exported_in_order() {
    let server = large();
    let response = export(&server, &[("order", "oldest")]).await;
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"logs.ndjson\"");
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    assert!(!response.headers().contains_key("watchfire-partial"));
    let text = text(response).await;
    let times: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["time"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(times.len(), 5_000);
    assert!(times.is_sorted());
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_has_the_columns_that_were_asked_for() {
    let server = Server::new();
    server.store(vec![record(1, "a \"b\", c", &[("user", "u1"), ("n", "=1")]), record(2, "two\nlines", &[])], false);
    let response = export(&server, &[("format", "csv"), ("fields", "message,user,n")]).await;
    assert_eq!(text(response).await, "message,user,n\r\n\"a \"\"b\"\", c\",u1,=1\r\n\"two\nlines\",,\r\n");
    let all = text(export(&server, &[("format", "csv"), ("query", "user:u1")]).await).await;
    let (head, row) = all.split_once("\r\n").unwrap();
    assert_eq!(head, "id,time,received,stream,host,level,message,fields");
    assert!(row.ends_with(",\"{\"\"n\"\":\"\"=1\"\",\"\"user\"\":\"\"u1\"\"}\"\r\n"), "{row}");
    let empty = text(export(&server, &[("format", "csv"), ("query", "nothing"), ("fields", "a")]).await).await;
    assert_eq!(empty, "a\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_query_stops_when_its_client_leaves() {
    let server = large();
    let mut body = export(&server, &[]).await.into_body().into_data_stream();
    let mut metrics = String::new();
    assert!(body.next().await.unwrap().is_ok());
    assert_eq!(server.api.workers.interrupted_exports(), 0);
    drop(body);
    until(|| server.api.workers.interrupted_exports() == 1).await;
    prometheus_client::encoding::text::encode(&mut metrics, &{
        let mut registry = prometheus_client::registry::Registry::default();
        server.api.workers.register_metrics(&mut registry);
        registry
    })
    .unwrap();
    assert!(metrics.contains("api_interrupted_exports_total 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_at_once_has_the_status_of_its_failure() {
    let limits = crate::QueryLimits { exports_max: 1, ..crate::QueryLimits::default() };
    let server = Server::with(limits);
    let (status, body) = read(export(&server, &[("query", "(")]).await).await;
    assert_eq!((status, &body["error"]["start"]), (StatusCode::BAD_REQUEST, &json!(0)));
    let many = (0..2_000).map(|n| record(n, &"x".repeat(1_000), &[])).collect();
    server.store(many, false);
    let first = export(&server, &[]).await;
    assert_eq!(export(&server, &[]).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(first);
    until(|| server.api.workers.interrupted_exports() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_exported_too() {
    let server = Server::new();
    let one = |n: i64| record(n, "m", &[("service", if n % 3 == 0 { "a" } else { "b, c" })]);
    server.store((0..9).map(one).collect(), true);
    let query = "* | stats by (service) count() as records | sort by (records)";
    let csv = text(export(&server, &[("query", query), ("format", "csv")]).await).await;
    assert_eq!(csv, "service,records\r\na,3\r\n\"b, c\",6\r\n");
    let lines = text(export(&server, &[("query", query), ("fields", "records")]).await).await;
    assert_eq!(lines, "{\"records\":3}\n{\"records\":6}\n");
    let rows = text(export(&server, &[("query", "* | fields service | limit 2")]).await).await;
    assert_eq!(rows.lines().count(), 2);
}
