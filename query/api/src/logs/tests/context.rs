use crate::testing::{Server, record};
use http::StatusCode;
use serde_json::{Value, json};
use watchfire_model::LogRecord;

/// Two containers on one host in turn, one of equal name on another host, all within 20 seconds.
fn server() -> Server {
    let server = Server::new();
    let of = |host: &str, record: LogRecord| LogRecord { host: host.into(), ..record };
    let one = |n: i64| match n % 3 {
        0 => of("a", record(20 - n, &format!("m{n}"), &[("container_name", "web")])),
        1 => of("a", record(20 - n, &format!("m{n}"), &[("container_name", "db")])),
        _ => of("b", record(20 - n, &format!("m{n}"), &[("container_name", "web")])),
    };
    server.store((0..10).map(one).collect(), true);
    server.store((10..20).map(one).collect(), false);
    server
}

async fn id(server: &Server, message: &str) -> String {
    let body = server.ok("search", &[("query", message)]).await;
    body["records"][0]["id"].as_str().unwrap().to_owned()
}

fn messages(side: &Value) -> String {
    let messages: Vec<&str> = side.as_array().unwrap().iter().map(|one| one["message"].as_str().unwrap()).collect();
    messages.join(" ")
}

#[tokio::test]
async fn neighbours_are_of_the_same_container_in_time_order() {
    let server = server();
    let id = id(&server, "m9").await;
    let check = async |parameters: &[(&str, &str)], before: &str, after: &str| {
        let asked: Vec<(&str, &str)> = [("id", id.as_str())].iter().chain(parameters).copied().collect();
        let body = server.ok("context", &asked).await;
        assert_eq!(body["record"]["message"], "m9");
        assert_eq!(
            (messages(&body["before"]).as_str(), messages(&body["after"]).as_str()),
            (before, after),
            "{asked:?}"
        );
        body
    };
    let body = check(&[("before", "2"), ("after", "1")], "m3 m6", "m12").await;
    assert_eq!(body["same"], json!([{"field": "container_name", "value": "web"}, {"field": "host", "value": "a"}]));
    check(&[("before", "0"), ("after", "2"), ("same", "container_name")], "", "m11 m12").await;
    check(&[("before", "2"), ("after", "2"), ("same", "host")], "m6 m7", "m10 m12").await;
    check(&[("before", "1"), ("after", "1"), ("same", "any")], "m8", "m10").await;
    check(&[("before", "1"), ("after", "1"), ("same", "stream")], "m8", "m10").await;
    check(&[("seconds", "2"), ("same", "any")], "m7 m8", "m10 m11").await;
    check(&[("seconds", "0"), ("same", "any")], "", "").await;
}

#[tokio::test]
async fn values_that_only_look_alike_are_not_the_same() {
    let server = Server::new();
    let one = |n, unit: &str| record(n, &format!("m{n}"), &[("unit", unit)]);
    let units = ["disk full", "the disk full of it", "Disk full", "disk full", ""];
    server.store((0..).zip(units).map(|(n, unit)| one(n, unit)).collect(), true);
    let id = id(&server, "m0").await;
    let body = server.ok("context", &[("id", &id), ("same", "unit")]).await;
    assert_eq!(messages(&body["before"]), "m3");
}

#[tokio::test]
async fn what_is_gone_or_absent_is_told() {
    let server = server();
    let (status, _) = server.get("context", &[("id", "0000000000000001-0000000000000001")]).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let id = id(&server, "m9").await;
    for (parameter, want) in [
        (("same", "user"), "no field `user`"),
        (("before", "1001"), "0 to 1000"),
        (("seconds", "NaN"), "0 to 86400"),
        (("query", "x"), "unknown parameter"),
    ] {
        let (status, body) = server.get("context", &[("id", &id), parameter]).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(body["error"]["message"].as_str().unwrap().contains(want), "{body}");
    }
}
