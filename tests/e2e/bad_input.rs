//! Bad input gets one clear line: what is wrong, where, and what to change.

use crate::harness::{Server, encode, request, run, serve_command};
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Starts a server that must refuse to, and checks what it says.
#[track_caller]
fn check_refusal(dir: &Path, extra: &[&str], want: &[&str]) {
    let output = serve_command(dir, extra).output().expect("the binary starts");
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in want {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

/// Checks a configuration that must be refused.
#[track_caller]
fn check_config(text: &str, want: &[&str]) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("watchfire.yml");
    fs::write(&file, text).expect("written");
    let output = run(&["check", "config", file.to_str().expect("UTF-8")]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in want {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
}

#[test]
fn configuration_errors_name_the_place_and_the_cure() {
    check_config("global:\n  scrape_intervall: 15s\n", &["scrape_intervall", "line 2", "scrape_interval"]);
    check_config("scrape_confgs: []\n", &["scrape_confgs", "scrape_configs"]);
    check_config("global: {scrape_interval: 10x}\n", &["`10x` is not a duration", "15s"]);
    check_config("scrape_configs:\n- job_name: a\n- job_name: a\n", &["job_name", "`a`"]);
    check_config("rule_files: ['no/such/file.yml']\n", &["no/such/file.yml"]);
    check_config("global: [\n", &["line"]);
}

#[test]
fn rule_errors_name_the_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("rules.yml");
    fs::write(&file, "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: sum(\n").expect("written");
    let output = run(&["check", "rules", file.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("rules.yml") && said.contains("line 5") || said.contains(":5"), "{said}");
}

#[test]
fn a_taken_port_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    check_refusal(dir.path(), &["--http-listen", &address], &[&address, "in use", "--http-listen"]);
}

#[test]
fn a_data_directory_that_is_a_file_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("data"), "not a directory").expect("written");
    check_refusal(dir.path(), &[], &["data"]);
}

#[test]
fn a_second_process_on_the_same_directory_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    check_refusal(dir.path(), &[], &["another Watchfire", &server.id().to_string()]);
}

#[test]
fn a_directory_of_a_newer_version_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    assert!(Server::start(dir.path(), &[]).stop().success());
    let format = dir.path().join("data/FORMAT");
    let text = fs::read_to_string(&format).expect("a FORMAT file");
    fs::write(&format, text.replace('1', "999")).expect("written");
    check_refusal(dir.path(), &[], &["999", "newer"]);
}

#[test]
fn http_beyond_loopback_needs_an_explicit_word() {
    let dir = tempfile::tempdir().expect("a directory");
    check_refusal(dir.path(), &["--http-listen", "0.0.0.0:0"], &["0.0.0.0", "--http-insecure", "127.0.0.1"]);
}

#[test]
fn queries_with_mistakes_get_their_position() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let promql = server.get(&format!("/api/v1/query?query={}", encode("sum(up")));
    assert_eq!(promql.status, 400, "{}", promql.body);
    assert_eq!(promql.json()["errorType"], "bad_data");
    assert!(promql.json()["error"].as_str().expect("text").contains("1:"), "{}", promql.body);

    let logs = server.get(&format!("/api/watchfire/v1/logs/search?query={}", encode("a AND (b")));
    assert_eq!(logs.status, 400, "{}", logs.body);
    assert_eq!(logs.json()["error"]["start"], 6, "{}", logs.body);

    let unknown = server.get("/api/watchfire/v1/logs/search?qeury=a");
    assert_eq!(unknown.status, 400, "{}", unknown.body);
    assert!(unknown.body.contains("qeury"));
}

#[test]
fn a_foreign_host_name_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let answer = request(server.http, "GET", "/api/v1/labels", &[("Host", "evil.example")], b"").expect("an answer");
    assert_eq!(answer.status, 421, "{}", answer.body);
}
