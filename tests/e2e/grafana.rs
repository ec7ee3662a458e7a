//! The calls of Grafana's Prometheus data source, as it makes them: "Save & test", the editor's completion, graphs, tables,
//! variables and the alerting pages.

use crate::harness::{Answer, Server, encode, eventually};
use crate::promql::exporter;
use serde_json::Value;

const PAGE: &str = "# HELP temperature_celsius Of the room.\n# TYPE temperature_celsius gauge\n\
                    temperature_celsius{room=\"kitchen\"} 21.5\ntemperature_celsius{room=\"cellar\"} 9\n";

/// Grafana sends forms, and falls back to GET where that is refused.
#[track_caller]
fn post(server: &Server, path: &str, form: &str) -> Value {
    let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")];
    data(path, &server.post(path, &headers, form.as_bytes()))
}

#[track_caller]
fn get(server: &Server, path: &str) -> Value {
    data(path, &server.get(path))
}

#[track_caller]
fn data(path: &str, answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    let body = answer.json();
    assert_eq!(body["status"], "success", "{path}: {body}");
    body["data"].clone()
}

#[test]
fn a_grafana_data_source_finds_what_it_asks_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let port = exporter(PAGE);
    let rules = dir.path().join("rules.yml");
    let rule = "groups: [{name: rooms, interval: 1s, rules: [{alert: Cold, expr: temperature_celsius < 10}]}]\n";
    std::fs::write(&rules, rule).expect("writable");
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nrule_files: [{}]\n\
         scrape_configs: [{{job_name: room, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n",
        rules.display()
    );
    let server = Server::with_config(dir.path(), &config);
    eventually("the first scrape", || (!server.query("temperature_celsius").is_empty()).then_some(()));
    let now = server.query("vector(time())")[0]["value"][0].as_f64().expect("a time");
    let (start, end) = (format!("{:.3}", now - 3600.0), format!("{:.3}", now + 5.0));
    let times = format!("start={start}&end={end}");

    // Save & test. A list of features would make Grafana take us for Mimir.
    let sum = post(&server, "/api/v1/query", "query=1%2B1&time=4");
    assert_eq!(sum["result"][1], "2");
    let build = get(&server, "/api/v1/status/buildinfo");
    assert!(build["version"].is_string() && build.get("features").is_none(), "{build}");

    // Graphs, tables, exemplars.
    let query = encode("sum by (room) (temperature_celsius)");
    let graph = post(&server, "/api/v1/query_range", &format!("query={query}&{times}&step=15&timeout=60s"));
    assert_eq!(graph["resultType"], "matrix", "{graph}");
    let graph = post(&server, "/api/v1/query_range", &format!("query={query}&start={start}&end={end}&step=0.5"));
    assert_eq!(graph["result"].as_array().expect("series").len(), 2, "{graph}");
    let table = post(&server, "/api/v1/query", &format!("query={query}&time={end}"));
    assert_eq!(table["result"][0]["metric"]["room"], "cellar", "{table}");
    let exemplars = post(&server, "/api/v1/query_exemplars", &format!("query=temperature_celsius&{times}"));
    assert_eq!(exemplars, Value::Array(Vec::new()));

    // Completion and variables.
    let matcher = encode("{room=\"kitchen\"}");
    let labels = post(&server, "/api/v1/labels", &format!("{times}&match[]={matcher}&limit=40000"));
    assert_eq!(labels.to_string(), r#"["__name__","instance","job","room"]"#);
    let names = get(&server, &format!("/api/v1/label/__name__/values?{times}&limit=40000"));
    assert!(names.as_array().expect("names").contains(&"temperature_celsius".into()), "{names}");
    let rooms = get(&server, &format!("/api/v1/label/room/values?{times}&match[]=temperature_celsius"));
    assert_eq!(rooms.to_string(), r#"["cellar","kitchen"]"#);
    let escaped = get(&server, &format!("/api/v1/label/U__room/values?{times}"));
    assert_eq!(escaped, rooms);
    let series = post(&server, "/api/v1/series", &format!("{times}&match[]={matcher}&limit=40000"));
    assert!(series.as_array().expect("series").iter().any(|it| it["__name__"] == "temperature_celsius"), "{series}");
    let metadata = get(&server, "/api/v1/metadata?limit=40000");
    assert_eq!(metadata["temperature_celsius"][0]["help"], "Of the room.", "{metadata}");

    // Alerting pages.
    eventually("the alert fires", || {
        let alerts = get(&server, "/api/v1/alerts");
        (alerts["alerts"][0]["labels"]["alertname"] == "Cold").then_some(())
    });
    let groups = get(&server, "/api/v1/rules");
    assert_eq!(groups["groups"][0]["rules"][0]["name"], "Cold", "{groups}");
    assert_eq!(groups["groups"][0]["rules"][0]["type"], "alerting", "{groups}");

    // Errors keep their form.
    let answer = server.get("/api/v1/query?query=sum(");
    assert_eq!((answer.status, &answer.json()["errorType"]), (400, &Value::from("bad_data")), "{}", answer.body);
}
