//! PromQL that nobody means well, calls with parameters out of all bounds, and pushed bodies that lie, from a seed.

use super::Attack;
use super::random::Random;
use crate::harness::encode;
use std::fmt::Write as _;

pub(super) const SERIES: usize = 2000;
const WRITE_HEADERS: [(&str, &str); 2] = [("Content-Type", "application/x-protobuf"), ("Content-Encoding", "snappy")];
/// One series with one sample, as remote write 1.0 sends it.
const GOOD_BODY: [u8; 27] =
    *b"\x18\x5c\x0a\x16\x0a\x06\x0a\x01a\x12\x01b\x12\x0c\x09\0\0\0\0\0\0\xf0\x3f\x10\xac\x02\0";

/// A page with many series, the labels of some of them long.
pub(super) fn page() -> String {
    let mut page = "# TYPE requests_total counter\n".to_owned();
    for n in 0..SERIES {
        let long = "x".repeat(n % 300);
        let _ = writeln!(page, "requests_total{{host=\"host-{}\",le=\"{}\",long=\"{long}\"}} {n}", n / 20, n % 20);
    }
    page
}

const REGEXES: [&str; 9] = [
    "(a+)+$",
    "(.*)*x",
    ".*.*.*.*.*.*.*.*.*=",
    "\\\\pL{1000}",
    "(x{1000}){1000}",
    "(?i)[^a-z]{1,1000}",
    "(",
    "(?=a)",
    ".+|.*|.?",
];
const FUNCTIONS: [&str; 12] = [
    "abs",
    "rate",
    "sum",
    "topk",
    "histogram_quantile",
    "label_replace",
    "absent",
    "info",
    "sort",
    "nofunction",
    "vector",
    "count_values",
];
const RANGES: [&str; 12] =
    ["5m", "5y", "1ms", "0s", "-5m", "292y", "99999999y", "5y:1ms", "100y:1s", "1h:0s", "5m:", "1e99"];
const NUMBERS: [&str; 12] = [
    "1",
    "0",
    "-1",
    "NaN",
    "Inf",
    "-Inf",
    "1e308",
    "9223372036854775808",
    "0x",
    "1e-320",
    "1_000",
    "99999999999999999999e999",
];
const GOOD: [&str; 12] = [
    "sum by (host) (rate(requests_total[5m]))",
    "histogram_quantile(0.9, sum by (le) (rate(requests_total[5m])))",
    "topk(5, requests_total) / on (host, le) group_left (long) requests_total",
    "requests_total and on (le) requests_total offset 5m or vector(1)",
    "max_over_time(rate(requests_total[1m])[5m:15s])",
    "label_replace(requests_total, \"a\", \"$1\", \"host\", \"host-(.*)\")",
    "count_values(\"v\", requests_total)",
    "quantile_over_time(0.5, requests_total{le=~\"1.*\"}[5m]) > bool 3",
    "sum(increase(logs_total{log_query=\"beside\"}[5m] anchored))",
    "sum_over_time(logs_count{log_by=\"message\"}[5m])",
    "absent_over_time({job=\"x\"}[5m]) @ end()",
    "{__name__=~\"requests_.*\"} smoothed",
];

fn text(random: &mut Random) -> String {
    match random.below(20) {
        0 => {
            let depth = random.size(1_000_000);
            let close = if random.below(2) == 0 { ")".repeat(depth) } else { String::new() };
            format!("{}1{close}", random.pick(&["(", "abs(", "-(", "sum("]).repeat(depth))
        }
        1 => format!(
            "{}1",
            random.pick(&["-", "+", "1+", "1^", "a or ", "-2^", "a[5m:1m", "1 == bool "]).repeat(random.size(200_000))
        ),
        2 => format!("requests_total{{host=~\"{}\"}}", random.pick(&REGEXES)),
        3 => format!("{{__name__=~\".+\"}}[{}]", random.pick(&RANGES)),
        4 => format!("rate({{__name__=~\".+\"}}[{}])", random.pick(&RANGES)),
        5 => {
            let matchers: Vec<String> = (0..random.size(5000)).map(|n| format!("l{n}!~\"x{n}\"")).collect();
            format!("requests_total{{{}}}", matchers.join(","))
        }
        6 => {
            let inner = random.size(12);
            let ranges: Vec<&str> = (0..inner).map(|_| random.pick(&RANGES)).collect();
            let ranges = ranges.join("][");
            format!("{}requests_total[{ranges}]{}", "max_over_time(".repeat(inner), ")".repeat(inner))
        }
        7 => format!("{}({})", random.pick(&FUNCTIONS), list(random)),
        8 => format!(
            "count_values(\"v{}\", requests_total * scalar(vector({})))",
            random.below(9),
            random.pick(&NUMBERS)
        ),
        9 => {
            let unit = random.pick(&["a", "é", "\u{0}", "\\", "a\"", "{", "中", "#", "\n", "a,"]);
            let body = unit.repeat(random.size(1 << 20));
            if random.below(2) == 0 { body } else { format!("requests_total{{a=\"{body}\"}}") }
        }
        10 => {
            // Labels that double with every step.
            let mut text = "requests_total".to_owned();
            for _ in 0..=random.below(40) {
                text = format!("label_join({text}, \"long\", \"xx\", \"long\", \"long\")");
            }
            text
        }
        11 => {
            let parts: Vec<&str> = (0..random.size(2000)).map(|_| "requests_total").collect();
            parts.join(random.pick(&[" or ", " + on () group_left () ", " unless ", " and ", " * "]))
        }
        12 => format!(
            "topk({}, requests_total) {} {}",
            random.pick(&NUMBERS),
            random.pick(&["+", "^", "%", "atan2"]),
            random.pick(&NUMBERS)
        ),
        13 => format!("requests_total offset {} @ {}", random.pick(&RANGES), random.pick(&NUMBERS)),
        14 => format!("sum_over_time(logs_count{{log_query=\"{}\"}}[{}])", random.pick(&REGEXES), random.pick(&RANGES)),
        15 => format!(
            "sum by ({}) (requests_total)",
            (0..random.size(20_000)).map(|n| format!("l{n}")).collect::<Vec<_>>().join(",")
        ),
        16..=17 => random.pick(&GOOD).replace("5m", random.pick(&RANGES)),
        18 => {
            let good = random.pick(&GOOD);
            random.cut(good)
        }
        _ => {
            let good = random.pick(&GOOD);
            random.mangle(good, &['(', ')', '"', '[', ':', '{', '\\', '@', '~', '^', '\u{0}', '中'])
        }
    }
}

/// Arguments of any kind.
fn list(random: &mut Random) -> String {
    let kinds = ["requests_total", "requests_total[5m]", "\"x\"", "1", "vector(1)", "(requests_total", "", "NaN", "{}"];
    (0..random.size(300)).map(|_| random.pick(&kinds)).collect::<Vec<_>>().join(", ")
}

/// A body of remote write that is none.
fn body(random: &mut Random) -> Vec<u8> {
    let mut good = GOOD_BODY.to_vec();
    match random.below(6) {
        // Any length may be claimed in front.
        0 => [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &good].concat(),
        1 => {
            good.truncate(random.below(good.len() as u64) as usize);
            good
        }
        2 => {
            for _ in 0..=random.below(3) {
                let at = random.below(good.len() as u64) as usize;
                good[at] = random.next() as u8;
            }
            good
        }
        3 => (0..random.size(100_000)).map(|_| random.next() as u8).collect(),
        // A copy of one byte, over and over: short here, long there.
        4 => {
            [&[0x80, 0x80, 0x80, 0x80, 0x04, 0x00, b'a'][..], &[0xfe, 0x01, 0x00].repeat(random.size(300_000))].concat()
        }
        _ => vec![0x0a; random.size(1 << 20)],
    }
}

/// `now` is the server's time in Unix seconds.
pub(super) fn attack(random: &mut Random, now: i64) -> Attack {
    if random.below(12) == 0 {
        let (path, headers) = match random.below(3) {
            0 => ("/api/v1/write", WRITE_HEADERS.to_vec()),
            1 => {
                let type_2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
                ("/api/v1/write", vec![("Content-Type", type_2), ("Content-Encoding", "snappy")])
            }
            _ => ("/api/v1/read", WRITE_HEADERS.to_vec()),
        };
        return Attack { path: path.to_owned(), headers, body: body(random), refusal: "" };
    }
    let query = encode(&text(random));
    let time = |random: &mut Random| -> String {
        let near = (now - random.below(600) as i64).to_string();
        let odd =
            random.pick(&["0", "-1", "NaN", "1e308", "-9e99", "", "x", "9223372036854775807", "2026-13-01T00:00:00Z"]);
        if random.below(3) == 0 { odd.to_owned() } else { near }
    };
    let path = random.pick(&[
        "query",
        "query",
        "query_range",
        "query_range",
        "query_range",
        "series",
        "labels",
        "format_query",
        "parse_query",
        "query_exemplars",
    ]);
    let form = match path {
        "query" => format!("query={query}&time={}", time(random)),
        "query_range" => {
            let step = random.pick(&["15", "1", "0.001", "1e-9", "0", "-1", "NaN", "5y", "1e300", ""]);
            let (start, end) = (time(random), time(random));
            format!("query={query}&start={start}&end={end}&step={step}")
        }
        "series" | "labels" => {
            let many = if random.below(10) == 0 { format!("&match[]={query}").repeat(20) } else { String::new() };
            format!("match[]={query}{many}&start={}&end={}", time(random), time(random))
        }
        _ => format!("query={query}&start={}&end={}", time(random), time(random)),
    };
    let more = random.pick(&[
        "",
        "",
        "&timeout=1ms",
        "&timeout=-1s",
        "&stats=all",
        "&limit=-1",
        "&limit=99999999999999999999",
        "&lookback_delta=5y",
    ]);
    Attack::form(format!("/api/v1/{path}"), form + more)
}
