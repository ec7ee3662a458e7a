//! Prometheus' HTTP API on samples that a real scrape brought in.

use crate::harness::{Server, encode, eventually};
use std::io::{Read, Write};
use std::net::TcpListener;

/// Serves one exposition page for ever.
pub(crate) fn exporter(page: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 2048];
            let _ = stream.read(&mut request);
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                page.len()
            );
        }
    });
    port
}

const PAGE: &str = "# HELP temperature_celsius Of the room.\n# TYPE temperature_celsius gauge\n\
                    temperature_celsius{room=\"kitchen\"} 21.5\ntemperature_celsius{room=\"cellar\"} 1e-7\n";

#[test]
fn the_api_answers_in_prometheus_form() {
    let dir = tempfile::tempdir().expect("a directory");
    let port = exporter(PAGE);
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n- job_name: room\n  static_configs:\n  - targets: ['127.0.0.1:{port}']\n"
    );
    let server = Server::with_config(dir.path(), &config);
    eventually("the first scrape", || (!server.query("temperature_celsius").is_empty()).then_some(()));

    let kitchen = server.query("temperature_celsius{room=\"kitchen\"}");
    assert_eq!(kitchen[0]["value"][1], "21.5");
    assert_eq!(kitchen[0]["metric"]["instance"], format!("127.0.0.1:{port}"));
    assert_eq!(server.query("temperature_celsius{room=\"cellar\"}")[0]["value"][1], "1e-07");

    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let posted = server.post("/api/v1/query", &form, b"query=1%2B1&time=4").json();
    assert_eq!(posted.to_string(), r#"{"data":{"result":[4,"2"],"resultType":"scalar"},"status":"success"}"#);

    let labels = server.get("/api/v1/labels").json();
    assert_eq!(labels["data"].to_string(), r#"["__name__","instance","job","room"]"#);
    let values = server.get("/api/v1/label/room/values").json();
    assert_eq!(values["data"].to_string(), r#"["cellar","kitchen"]"#);
    let series = server.get(&format!("/api/v1/series?match[]={}", encode("{room=~\"k.*\"}"))).json();
    assert_eq!(series["data"].as_array().expect("series").len(), 1, "{series}");
    let metadata = server.get("/api/v1/metadata?metric=temperature_celsius").json();
    assert_eq!(
        metadata["data"]["temperature_celsius"][0].to_string(),
        r#"{"help":"Of the room.","type":"gauge","unit":""}"#
    );
    let range = server.get("/api/v1/query_range?query=vector(1)&start=10&end=20&step=5").json();
    assert_eq!(range["data"]["result"][0]["values"].to_string(), r#"[[10,"1"],[15,"1"],[20,"1"]]"#);
    assert_eq!(server.get("/api/v1/query_range?query=1&start=0&end=100000000&step=1").status, 400);
    assert_eq!(server.get("/api/v1/status/buildinfo").json()["status"], "success");
    assert_eq!(server.get("/-/healthy").status, 200);
    assert_eq!(server.get("/-/ready").status, 200);
    assert!(server.get("/metrics").body.ends_with("# EOF\n"));
}
