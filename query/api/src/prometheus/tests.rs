//! Every path of the API, as its clients call it.

mod admin;
mod errors;
mod grafana;
mod shapes;

use crate::testing::{NOW, Server};
use serde_json::Value;

/// A server with two counters of one job and a gauge, a sample every 15 s over the last five minutes.
fn server() -> Server {
    let server = Server::new();
    for (code, factor) in [("200", 2.0), ("500", 0.5)] {
        let labels =
            [("__name__", "http_requests_total"), ("code", code), ("instance", "node-1:9100"), ("job", "node")];
        let samples: Vec<(i64, f64)> = (0..20).map(|n| ((NOW - 285 + n * 15) * 1000, n as f64 * factor)).collect();
        server.store_samples(&labels, &samples);
    }
    server.store_samples(&[("__name__", "dotted.name"), ("job", "node")], &[(NOW * 1000, 1.25)]);
    server
}

/// Whether `got` has everything that `want` has: objects by their keys, arrays from their beginning, `"*"` for any value;
/// what is empty has to be so.
fn holds(got: &Value, want: &Value) -> bool {
    match (got, want) {
        (_, Value::String(any)) if any == "*" => !got.is_null(),
        (Value::Object(got), Value::Object(want)) if want.is_empty() => got.is_empty(),
        (Value::Array(got), Value::Array(want)) if want.is_empty() => got.is_empty(),
        (Value::Object(got), Value::Object(want)) => {
            want.iter().all(|(key, want)| got.get(key).is_some_and(|got| holds(got, want)))
        }
        (Value::Array(got), Value::Array(want)) => {
            got.len() >= want.len() && got.iter().zip(want).all(|(got, want)| holds(got, want))
        }
        _ => got == want,
    }
}

/// Calls `METHOD path?query`, or posts the query as a form where the method is `FORM`.
async fn call(server: &Server, request: &str) -> (u16, Value) {
    let (method, path) = request.split_once(' ').unwrap();
    let (status, body) = match method {
        "FORM" => {
            let (path, form) = path.split_once('?').unwrap();
            server.call("POST", path, Some(form)).await
        }
        method => server.call(method, path, None).await,
    };
    (status.as_u16(), body)
}

/// Calls each request and compares status and body, in which `want` may leave things out.
async fn check_all(server: &Server, table: &[(&str, u16, Value)]) {
    let mut wrong = Vec::new();
    for (request, want_status, want) in table {
        let (status, body) = call(server, request).await;
        if status != *want_status || !holds(&body, want) {
            wrong.push(format!("{request}\n  want {want_status} {want}\n  got  {status} {body}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
