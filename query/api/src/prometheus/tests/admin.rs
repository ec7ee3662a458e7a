//! `/api/v1/admin/tsdb/*`.

use super::{call, check_all};
use crate::QueryLimits;
use crate::testing::{NOW, Server};
use serde_json::{Value, json};

#[tokio::test]
async fn samples_are_deleted_for_those_who_switched_it_on() {
    let server = Server::with_admin(QueryLimits::default(), true);
    for host in ["a", "b"] {
        server.store_samples(&[("__name__", "up"), ("host", host)], &[((NOW - 60) * 1000, 1.0), (NOW * 1000, 2.0)]);
    }
    let left = "GET /api/v1/query?query=up%5B5m%5D";
    let delete = format!("POST /api/v1/admin/tsdb/delete_series?match%5B%5D=%7Bhost%3D%22a%22%7D&end={}", NOW - 30);
    let (status, body) = call(&server, &delete).await;
    assert_eq!((status, body), (204, Value::Null));
    let a = json!({"metric": {"host": "a"}, "values": [[NOW, "2"]]});
    let b = json!({"metric": {"host": "b"}, "values": [[NOW - 60, "1"], [NOW, "2"]]});
    check_all(&server, &[(left, 200, json!({"data": {"result": [a, b]}}))]).await;
    let table = [
        ("PUT /api/v1/admin/tsdb/clean_tombstones", 204, Value::Null),
        ("POST /api/v1/admin/tsdb/delete_series", 400, json!({"error": "no match[] parameter provided"})),
        ("POST /api/v1/admin/tsdb/snapshot", 200, json!({"data": {"name": "2023-11-14T22-13-20Z"}})),
        ("GET /api/v1/admin/tsdb/snapshot", 405, Value::Null),
    ];
    check_all(&server, &table).await;
}
