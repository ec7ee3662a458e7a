//! Samples that others push: a real Prometheus writes here.

use crate::harness::{Helper, Server, eventually};
use std::process::Command;

const PROMETHEUS: &str = "/usr/bin/prometheus";

#[test]
fn a_real_prometheus_writes_its_samples_here() {
    if !std::path::Path::new(PROMETHEUS).exists() {
        eprintln!("skipped: {PROMETHEUS} is not installed (tests/e2e/setup.sh installs it)");
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
    let config = format!(
        "global: {{scrape_interval: 1s, external_labels: {{origin: prometheus}}}}\n\
         scrape_configs: [{{job_name: self, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n\
         remote_write: [{{url: 'http://{}/api/v1/write', queue_config: {{batch_send_deadline: 1s}}, metadata_config: {{send_interval: 1s}}}}]\n",
        server.http
    );
    let file = dir.path().join("prometheus.yml");
    std::fs::write(&file, config).expect("writable");
    let _prometheus = Helper::start(
        Command::new(PROMETHEUS)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("prometheus").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}")),
    );
    eventually("samples of Prometheus", || {
        let count = server.query(r#"count_over_time(up{job="self",origin="prometheus"}[5m])"#);
        let count = count.first()?["value"][1].as_str()?.parse::<u32>().ok()?;
        (count >= 3).then_some(())
    });
    let series = server.query(r#"count({origin="prometheus"})"#);
    let series: u32 = series[0]["value"][1].as_str().expect("text").parse().expect("a number");
    assert!(series > 300, "{series} series");
    eventually("metadata of Prometheus", || {
        let metadata = server.get("/api/v1/metadata?metric=prometheus_build_info");
        metadata.body.contains("gauge").then_some(())
    });
}

#[track_caller]
fn check(server: &Server, headers: &[(&str, &str)], body: &[u8], status: u16, text: &str) {
    let answer = server.post("/api/v1/write", headers, body);
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.body.contains(text), "{answer:?}");
}

#[test]
fn what_is_no_request_is_told_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let protobuf = [("Content-Type", "application/x-protobuf"), ("Content-Encoding", "snappy")];
    check(&server, &protobuf, b"", 400, "snappy");
    check(&server, &protobuf, b"garbage", 400, "");
    // Five bytes that claim four gigabytes.
    check(&server, &protobuf, &[0xff, 0xff, 0xff, 0xff, 0x0f], 413, "limit");
    check(
        &server,
        &[("Content-Type", "text/plain"), ("Content-Encoding", "snappy")],
        b"\0",
        415,
        "application/x-protobuf",
    );
    check(&server, &[("Content-Type", "application/x-protobuf"), ("Content-Encoding", "gzip")], b"\0", 415, "snappy");
    check(&server, &protobuf, &[0], 204, "");
}
