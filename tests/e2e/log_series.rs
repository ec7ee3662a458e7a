//! Log records asked as metrics over HTTP, beside the same log search.

use crate::harness::{Server, encode};

const RECORDS: usize = 300;
/// 2026-11-20T00:00:00Z.
const START_S: usize = 1_795_132_800;

#[test]
fn promql_counts_what_the_log_search_counts() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let line = |n: usize| {
        format!(
            r#"{{"host":"node-{}","short_message":"{}","timestamp":{}.{:03},"level":{},"_service":"{}","_took":{n}}}"#,
            n % 3,
            ["refused by peer", "ok"][n % 2],
            START_S + n * 7,
            n,
            n % 8,
            ["order", "pay"][n % 5 / 4],
        )
    };
    let body: Vec<String> = (0..RECORDS).map(line).collect();
    assert_eq!(server.post("/gelf", &[], body.join("\n").as_bytes()).status, 202);
    server.wait_for("*", RECORDS);

    let number = |query: &str, time: usize| -> f64 {
        let answer = server.get(&format!("/api/v1/query?query={}&time={time}", encode(query)));
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        let value = answer.json()["data"]["result"][0]["value"][1].as_str().map(|text| text.parse().expect("a number"));
        value.unwrap_or(0.0)
    };
    // A window leaves out its start and holds its end, a search the other way round: a nanosecond later they are the same.
    let search = |query: &str, from: usize, to: usize| -> f64 {
        let times = format!("start={from}.000000001&end={to}.000000001");
        let answer = server.get(&format!("/api/watchfire/v1/logs/count?{times}&query={}", encode(query))).json();
        answer["count"].as_f64().unwrap_or_else(|| panic!("{answer}"))
    };
    let pairs = [
        ("", "*"),
        (r#"service="order""#, "service:order"),
        (r#"service="order",level=~"[0-3]""#, "service:order level:<=3"),
        (r#"service!="order""#, "NOT service:order"),
        (r#"log_query="refused",log_by="host""#, "refused"),
    ];
    for (matchers, query) in pairs {
        for (range, end) in [(300, START_S + 600), (61, START_S + 1000), (5000, START_S + 2200), (7, START_S + 7)] {
            let wanted = search(query, end - range, end);
            for asked in [
                format!("sum(sum_over_time(logs_count{{{matchers}}}[{range}s]))"),
                format!("sum(increase(logs_total{{{matchers}}}[{range}s] anchored))"),
            ] {
                assert_eq!(number(&asked, end), wanted, "{asked} at {end}");
            }
        }
    }
    let end = START_S + 7 * RECORDS;
    assert_eq!(number("max(max_over_time(log_field_max{field=\"took\"}[1h]))", end), (RECORDS - 1) as f64);
    let refused = server.get(&format!("/api/v1/query?query={}", encode("log_field")));
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert!(refused.body.contains("log_field{field="), "{}", refused.body);
    let names = server.get("/api/v1/label/__name__/values").body;
    assert!(names.contains("\"logs_total\""), "{names}");
}
