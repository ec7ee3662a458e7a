//! Configuration is read again by signal, by call and when its file changes; a bad one changes nothing.

use crate::harness::{Server, eventually};

fn config(job: &str) -> String {
    format!(
        "scrape_configs:\n- job_name: {job}\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  static_configs:\n  - targets: ['127.0.0.1:9']\n"
    )
}

fn jobs(server: &Server) -> Vec<String> {
    let targets = server.get("/api/v1/targets").json();
    let active = targets["data"]["activeTargets"].as_array().expect("targets").clone();
    active.iter().map(|target| target["scrapePool"].as_str().expect("a pool").to_owned()).collect()
}

#[test]
fn reloads_take_effect_and_bad_ones_do_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("watchfire.yml");
    let server = Server::with_config(dir.path(), &config("one"));
    eventually("job one", || (jobs(&server) == ["one"]).then_some(()));

    std::fs::write(&file, config("two")).expect("written");
    let answer = server.post("/-/reload", &[], b"");
    assert_eq!(answer.status, 200, "{}", answer.body);
    eventually("job two", || (jobs(&server) == ["two"]).then_some(()));

    std::fs::write(&file, "scrape_configs: [{job_nam: x}]").expect("written");
    let refused = server.post("/-/reload", &[], b"");
    assert_eq!(refused.status, 500, "{}", refused.body);
    assert!(refused.body.contains("job_nam"), "{}", refused.body);
    assert_eq!(jobs(&server), ["two"]);
    let status = server.get("/api/watchfire/v1/status").json();
    assert!(status["notices"].to_string().contains("job_nam"), "{status}");

    std::fs::write(&file, config("three")).expect("written");
    server.signal("HUP");
    eventually("job three", || (jobs(&server) == ["three"]).then_some(()));

    std::fs::write(&file, config("four-by-file")).expect("written");
    eventually("the changed file", || (jobs(&server) == ["four-by-file"]).then_some(()));
}
