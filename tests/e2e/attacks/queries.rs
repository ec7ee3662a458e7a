//! Queries of death: each is answered or refused within its time.

use super::Ground;
use crate::harness::{encode, request};
use std::time::{Duration, Instant};

/// The server's own limit is 30 s; what is on top is the machine's.
const ANSWER_MAX: Duration = Duration::from_secs(40);
const NOW: u64 = 4_000_000_000;

fn instant(query: &str) -> (String, String) {
    ("/api/v1/query".to_owned(), format!("query={}", encode(query)))
}

fn range(query: &str, back_seconds: u64, step: &str) -> (String, String) {
    let end = NOW.min(std::time::UNIX_EPOCH.elapsed().map_or(NOW, |since| since.as_secs()));
    let start = end - back_seconds;
    ("/api/v1/query_range".to_owned(), format!("query={}&start={start}&end={end}&step={step}", encode(query)))
}

fn logs(query: &str) -> (String, String) {
    let path = "/api/watchfire/v1/logs/search".to_owned();
    (path, format!("start=0&end=4102444800&limit=10000&query={}", encode(query)))
}

fn deaths() -> Vec<(String, String)> {
    let everything = "{__name__=~\".+\"}";
    let wide = format!("({})", vec!["a"; 20_000].join(" or "));
    let regexes = format!("{{{}}}", (0..3000).map(|n| format!("l{n}=~\"\\\\w{{9}}\"")).collect::<Vec<_>>().join(","));
    let mut queries = vec![
        instant(&format!("{everything}[5d]")),
        instant(&format!("sum_over_time({everything}[5d:1ms])")),
        instant(&format!("max_over_time({everything}[5d:1s])")),
        instant(&format!("count_values(\"v\", {everything})")),
        instant(&format!("topk(1000000000, {everything})")),
        instant(&format!("sort({everything}) + on(path) group_left() {everything}")),
        instant("{__name__=~\"(a+)+$\"}"),
        instant("{__name__=~\"(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x\"}"),
        instant("{__name__=~\"\\\\pL{1000}\"}"),
        instant(&regexes),
        instant(&wide),
        instant(&"(".repeat(100_000)),
        instant(&"-".repeat(60_000)),
        instant(&"a".repeat(1 << 20)),
        range(everything, 10_999, "1"),
        range(&format!("rate({everything}[1h])"), 10_999, "1"),
        range("vector(1)", 1_000_000_000, "1"),
        range(&format!("label_replace({everything}, \"x\", \"$1$1$1$1\", \"path\", \"(.*)\")"), 10_999, "1"),
        logs(&vec!["a"; 10_000].join(" OR ")),
        logs(&(0..1000).map(|n| format!("*a{n}*")).collect::<Vec<_>>().join(" OR ")),
        logs(&"(".repeat(100_000)),
        logs(&"NOT ".repeat(60_000)),
        logs(&"a".repeat(1 << 20)),
        logs("*o*?*n*?*e*?*s*?*t*z"),
        logs("/(a+)+$/"),
        logs("*"),
    ];
    for path in ["/api/v1/series", "/api/v1/labels"] {
        queries.push((path.to_owned(), format!("match[]={}", encode(everything))));
    }
    queries
}

/// One query after the other, each thread from another place in the list.
pub(super) fn deadly(ground: &Ground) {
    let queries = deaths();
    let from = std::process::id() as usize + std::thread::current().name().map_or(0, str::len);
    for (path, form) in queries.iter().cycle().skip(from % queries.len()) {
        if ground.is_over() {
            return;
        }
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let began = Instant::now();
        let answer = request(ground.http, "POST", path, &headers, form.as_bytes());
        let took = began.elapsed();
        let shown = &form[..form.len().min(100)];
        assert!(took < ANSWER_MAX, "{path} {shown} took {took:?}");
        // Where the server does not read a body to its end, the connection may be cut before the answer is read.
        let status = answer.map_or(413, |answer| answer.status);
        assert!(status != 500, "{path} {shown} is answered with {status}");
    }
}
