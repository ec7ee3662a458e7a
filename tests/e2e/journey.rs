//! The whole path with real parts: GELF clients, `node_exporter`, a rule and its notices.

use crate::harness::{Helper, Receiver, Server, eventually, installed};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a Python client against a server.
fn run_client(server: &Server, script: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ports = [server.gelf_udp.port(), server.gelf_tcp.port(), server.http.port()].map(|port| port.to_string());
    let output = Command::new("python3")
        .env("PYTHONPATH", root.join("target/e2e-python"))
        .arg(root.join("tests/e2e/clients").join(script))
        .arg("127.0.0.1")
        .args(ports)
        .output()
        .expect("python3 runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

fn python_package(name: &str, left_out: &str) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/e2e-python").join(name);
    installed(&[path.to_str().expect("UTF-8")], left_out).is_some()
}

#[test]
fn graypy_records_arrive_by_udp_tcp_and_http() {
    if !python_package("graypy", "the graypy client") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    run_client(&server, "send_graypy.py");
    server.wait_for("graypy", 4);
    server.wait_for("\"graypy udp chunked\" AND order_id:g-udp-2", 1);
    server.wait_for("order_id:g-*", 4);
    server.wait_for("level:error", 4);
}

#[test]
fn pygelf_records_arrive_by_udp_tcp_and_http() {
    if !python_package("pygelf", "the pygelf client") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    run_client(&server, "send_pygelf.py");
    server.wait_for("sender:pygelf", 4);
    server.wait_for("\"pygelf udp chunked\"", 1);
    server.wait_for("level:warning AND sender:pygelf", 4);
}

#[test]
fn syslog_ng_records_arrive_by_tcp() {
    let plugin = "/usr/share/syslog-ng/include/scl/graylog2/plugin.conf";
    let left_out = "the syslog-ng client";
    let (Some(program), Some(_)) = (installed(&["/usr/sbin/syslog-ng"], left_out), installed(&[plugin], left_out))
    else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let lines = dir.path().join("lines.log");
    std::fs::write(&lines, "first line through syslog-ng\nsecond line through syslog-ng\n").expect("written");
    let template = include_str!("clients/syslog-ng.conf");
    let config = template
        .replace("@FILE@", lines.to_str().expect("UTF-8"))
        .replace("@PORT@", &server.gelf_tcp.port().to_string());
    let file = dir.path().join("syslog-ng.conf");
    std::fs::write(&file, config).expect("written");
    let at = |name: &str| dir.path().join(name).to_str().expect("UTF-8").to_owned();
    let _daemon = Helper::start(Command::new(program).args(["--foreground", "--no-caps"]).args([
        format!("--cfgfile={}", file.display()),
        format!("--persist-file={}", at("persist")),
        format!("--pidfile={}", at("pid")),
        format!("--control={}", at("control")),
    ]));
    server.wait_for("\"line through syslog-ng\"", 2);
    server.wait_for("\"second line through syslog-ng\" AND level:<=7", 1);
}

#[test]
fn node_exporter_is_scraped_and_a_rule_fires_and_resolves_at_a_webhook() {
    let Some(program) = installed(&["/usr/bin/prometheus-node-exporter"], "the scrape of node_exporter") else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
    let exporter = Helper::start(Command::new(program).arg(format!("--web.listen-address=127.0.0.1:{port}")));
    let receiver = Receiver::start(1); // the first notice is refused: it must be tried again
    let server = Server::with_config(dir.path(), &write_configuration(dir.path(), port, &receiver));

    let rate = eventually("rate(node_cpu_seconds_total)", || {
        let found = server.query("sum by (mode) (rate(node_cpu_seconds_total[1m]))");
        (!found.is_empty()).then_some(found)
    });
    assert!(rate.iter().any(|sample| sample["metric"]["mode"] == "idle"), "{rate:?}");
    let targets = server.get("/api/v1/targets").json();
    assert_eq!(targets["data"]["activeTargets"][0]["health"], "up", "{targets}");
    let recorded = eventually("the recorded series", || server.query("recorded:up:sum").pop());
    assert_eq!(recorded["value"][1], "1");

    drop(exporter); // now `up` falls to 0
    let firing = eventually("the firing notice", || receiver.bodies().first().cloned());
    assert_eq!(
        (&firing["version"], &firing["status"], &firing["receiver"]),
        (&"4".into(), &"firing".into(), &"hook".into()),
        "{firing}"
    );
    let alert = &firing["alerts"][0];
    assert_eq!(alert["labels"]["alertname"], "TargetDown", "{firing}");
    assert_eq!(alert["annotations"]["summary"], format!("127.0.0.1:{port} of node is down, value 0"), "{firing}");
    assert_eq!(firing["groupLabels"]["alertname"], "TargetDown");
    assert_eq!(server.query("ALERTS{alertstate=\"firing\"}").len(), 1);
    let alerts = server.get("/api/v1/alerts").json();
    assert_eq!(alerts["data"]["alerts"][0]["state"], "firing", "{alerts}");

    let _again = Helper::start(
        Command::new("/usr/bin/prometheus-node-exporter").arg(format!("--web.listen-address=127.0.0.1:{port}")),
    );
    let resolved =
        eventually("the resolved notice", || receiver.bodies().into_iter().find(|body| body["status"] == "resolved"));
    assert_eq!(resolved["alerts"][0]["status"], "resolved", "{resolved}");
    let rules = server.get("/api/v1/rules").json();
    assert_eq!(rules["data"]["groups"][0]["name"], "journey", "{rules}");
}

/// A prometheus.yml, a rule file and an alertmanager.yml as a team would bring them.
fn write_configuration(dir: &Path, exporter: u16, receiver: &Receiver) -> String {
    let write = |name: &str, text: String| -> PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let rules = write(
        "rules.yml",
        "groups:\n- name: journey\n  interval: 1s\n  rules:\n  - record: recorded:up:sum\n    expr: sum(up)\n  \
         - alert: TargetDown\n    expr: up == 0\n    for: 1s\n    labels: {severity: page}\n    annotations:\n      \
         summary: '{{ $labels.instance }} of {{ $labels.job }} is down, value {{ $value }}'\n"
            .to_owned(),
    );
    let alertmanager = write(
        "alertmanager.yml",
        format!(
            "route:\n  receiver: hook\n  group_by: [alertname]\n  group_wait: 1s\n  group_interval: 1s\nreceivers:\n\
             - name: hook\n  webhook_configs:\n  - url: http://{}/notices\n",
            receiver.address
        ),
    );
    format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
         scrape_configs:\n- job_name: node\n  static_configs:\n  - targets: ['127.0.0.1:{exporter}']\n\
         rule_files: ['{}']\nalerting:\n  config_file: '{}'\n",
        rules.display(),
        alertmanager.display()
    )
}
