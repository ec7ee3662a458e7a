//! A real Prometheus beside the server: it scrapes `/federate` and reads from here over remote read.

use crate::harness::{Helper, Server, encode, eventually, installed, request};
use crate::promql::exporter;
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;

const PAGE: &str = "# TYPE temperature_celsius gauge\ntemperature_celsius{room=\"kitchen\"} 21.5\n\
                    # TYPE steps_total counter\nsteps_total 7\n# TYPE hidden gauge\nhidden 1\n";

/// The samples of an instant query at the other Prometheus; none while it does not answer.
fn query(prometheus: SocketAddr, expression: &str) -> Vec<Value> {
    let path = format!("/api/v1/query?query={}", encode(expression));
    let Ok(answer) = request(prometheus, "GET", &path, &[], b"") else { return Vec::new() };
    if answer.status != 200 {
        return Vec::new();
    }
    answer.json()["data"]["result"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_real_prometheus_federates_and_reads_from_here() {
    let Some(program) = installed(&["/usr/bin/prometheus"], "a real Prometheus beside the server") else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let port = exporter(PAGE);
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         scrape_configs: [{{job_name: room, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
    );
    let server = Server::with_config(dir.path(), &config);
    eventually("the first scrape", || (!server.query("steps_total").is_empty()).then_some(()));

    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let http = server.http;
    let config = format!(
        "global: {{scrape_interval: 1s, external_labels: {{from: prometheus}}}}\n\
         scrape_configs:\n- job_name: federate\n  honor_labels: true\n  metrics_path: /federate\n\
         \x20 params: {{'match[]': ['temperature_celsius', '{{__name__=~\"steps.*\"}}']}}\n\
         \x20 static_configs: [{{targets: ['{http}']}}]\n\
         remote_read: [{{url: 'http://{http}/api/v1/read', read_recent: true, filter_external_labels: false}}]\n"
    );
    let file = dir.path().join("prometheus.yml");
    std::fs::write(&file, config).expect("writable");
    let _prometheus = Helper::start(
        Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("prometheus").display()))
            .arg(format!("--web.listen-address={address}")),
    );
    let value_of = |expression: &str| eventually(expression, || query(address, expression).first().cloned());
    let kitchen = value_of("count_over_time(temperature_celsius{job=\"room\"}[1m]) > 1");
    assert_eq!(kitchen["metric"]["room"], "kitchen", "{kitchen}");
    assert_eq!(value_of("temperature_celsius")["value"][1], "21.5");
    assert_eq!(value_of("up{job=\"federate\"} == 1")["metric"]["instance"], http.to_string());

    // Not federated: it can only come from here.
    let hidden = value_of("count_over_time(hidden{job=\"room\"}[1m]) > 1");
    assert_eq!(hidden["metric"]["instance"], format!("127.0.0.1:{port}"), "{hidden}");
    assert_eq!(value_of("hidden + 1")["value"][1], "2");
    assert!(query(address, "nowhere").is_empty());
}
