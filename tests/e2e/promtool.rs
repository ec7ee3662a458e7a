//! `promtool`, as its users run it, against the server.

use crate::harness::{Server, eventually, installed};
use crate::promql::exporter;
use std::path::Path;
use std::process::Command;

const PAGE: &str = "# HELP temperature_celsius Of the room.\n# TYPE temperature_celsius gauge\n\
                    temperature_celsius{room=\"kitchen\"} 21.5\ntemperature_celsius{room=\"cellar\"} 9\n";

/// Runs promtool; what it prints has to hold each of `wanted`.
#[track_caller]
fn check(promtool: &Path, args: &[&str], wanted: &[&str]) {
    let output = Command::new(promtool).args(args).output().expect("promtool runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool {args:?}: {text}");
    for part in wanted {
        assert!(text.contains(part), "promtool {args:?} does not say {part:?}: {text}");
    }
}

#[test]
fn promtool_queries_and_checks_the_server() {
    let Some(promtool) = installed(&["/usr/bin/promtool"], "promtool against the server") else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let port = exporter(PAGE);
    let rules = dir.path().join("rules.yml");
    std::fs::write(
        &rules,
        "groups:\n- name: rooms\n  rules:\n  - alert: Cold\n    expr: temperature_celsius < 10\n    labels: {severity: page}\n",
    )
    .expect("writable");
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\nrule_files: [{}]\n\
         scrape_configs: [{{job_name: room, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n",
        rules.display()
    );
    let server = Server::with_config(dir.path(), &config);
    eventually("the first scrape", || (!server.query("temperature_celsius").is_empty()).then_some(()));
    let now = server.query("vector(time())")[0]["value"][0].as_f64().expect("a time") as i64;
    let (start, end) = (format!("--start={}", now - 600), format!("--end={}", now + 60));
    let url = format!("http://{}", server.http);
    let kitchen =
        format!("temperature_celsius{{instance=\"127.0.0.1:{port}\", job=\"room\", room=\"kitchen\"}} => 21.5 @[");
    check(&promtool, &["query", "instant", &url, "temperature_celsius"], &[&kitchen, "room=\"cellar\"} => 9 @["]);
    check(&promtool, &["query", "instant", &url, "1 + 1"], &["scalar: 2 @["]);
    check(
        &promtool,
        &["query", "range", &start, &end, "--step=15s", &url, "sum(temperature_celsius)"],
        &["{} =>", "30.5 @["],
    );
    check(
        &promtool,
        &["query", "series", "--match=temperature_celsius", &url],
        &["room=\"cellar\"", "room=\"kitchen\""],
    );
    check(&promtool, &["query", "labels", &url, "room"], &["cellar\nkitchen"]);
    let help = Command::new(&promtool).args(["check", "--help"]).output().expect("promtool runs");
    if String::from_utf8_lossy(&help.stdout).contains("check healthy") {
        check(&promtool, &["check", "healthy", &format!("--url={url}")], &["SUCCESS"]);
        check(&promtool, &["check", "ready", &format!("--url={url}")], &["SUCCESS"]);
    }
    check(&promtool, &["check", "rules", &rules.to_string_lossy()], &["SUCCESS: 1 rules found"]);
    check(
        &promtool,
        &["check", "config", "--syntax-only", &dir.path().join("watchfire.yml").to_string_lossy()],
        &["SUCCESS"],
    );

    let refused = Command::new(&promtool).args(["query", "instant", &url, "sum("]).output().expect("promtool runs");
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("bad_data"), "{text}");
}
