//! Queries that nobody means well, from a seed.

use super::random::Random;
use crate::harness::encode;

const FIELDS: [&str; 10] = ["message", "number", "user", "text", "deep", "pairs", "host", "stream", "_time", "absent"];
const FUNCTIONS: [&str; 14] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "median",
    "p95",
    "p99",
    "count_uniq",
    "values",
    "first",
    "last",
    "rate",
    "nonsense",
];
const REGEXES: [&str; 14] = [
    "(a+)+$",
    "(a|a)*b",
    "(.*)*x",
    ".*.*.*.*.*.*.*.*.*=",
    "\\pL{1000}",
    "(x{1000}){1000}",
    "((((x{100}){100}){100}){100})",
    "[^a-z]{1,10000}",
    "(?i)ſ{500}",
    "\\b\\w+\\b.*\\b\\w+\\b.*\\b\\w+\\b",
    "(",
    "(?=a)",
    "\\1",
    "(?P<a>.)(?P<a>.)",
];
const GOOD: [&str; 12] = [
    "message:refused AND number:>5 | stats by (user) count() n, p95(number) p | sort by (n desc) limit 10",
    "\"refused by\"~3 OR text:/er+or/i | fields message, user | limit 5",
    "* | stats by (_time:1m) count() | sort by (_time)",
    "NOT host:node-1 (number:[1 TO 5} OR user:u*) | top 10 by user",
    "* | extract \"user=<user> \" from message | uniq by (user) limit 10",
    "* | extract_regexp \"(?P<code>[0-9]+)\" from message | stats by (code) count()",
    "* | unpack_json from deep | fields a.b | limit 3",
    "* | unpack_logfmt from pairs prefix p_ | limit 3",
    "* | math number * 2 + 1 as twice | sort by (twice desc) limit 3",
    "* | format \"<user>: <message>\" as line | replace (\"a\", \"b\") at line",
    "* | collapse_nums at message | top 5 by message",
    "user:u1 | context 3 | limit 10",
];

/// A query's text.
fn text(random: &mut Random) -> String {
    match random.below(22) {
        0 => {
            let depth = random.size(1_000_000);
            let close = if random.below(2) == 0 { ")".repeat(depth) } else { String::new() };
            format!("{}a{close}", "(".repeat(depth))
        }
        1 => format!("{}a", random.pick(&["NOT ", "-", "!", "+", "NOT(", "a:("]).repeat(random.size(300_000))),
        2 => format!("{}:/{}/", random.pick(&FIELDS), random.pick(&REGEXES)),
        3 => {
            let term = |n: usize, random: &mut Random| match random.below(4) {
                0 => format!("a{n}"),
                1 => format!("*a{n}*"),
                2 => format!("/a{n}/"),
                _ => format!("user:u{n}"),
            };
            let sign = random.pick(&[" OR ", " ", " AND NOT "]);
            (0..random.size(10_000)).map(|n| term(n, random)).collect::<Vec<_>>().join(sign)
        }
        4 => {
            let unit = random.pick(&["a", "a ", "é", "\u{0}", "\\", "a\"", "| ", ":", "中-"]);
            let body = unit.repeat(random.size(1 << 20));
            if random.below(2) == 0 { body } else { format!("\"{body}\"") }
        }
        5 => format!("{}z", random.pick(&["*o?", "*?", "?*a", "*e*"]).repeat(random.size(20_000))),
        6 => {
            let count = random.size(20_000);
            let pipe = random.pick(&[
                "fields message",
                "limit 1000000",
                "filter a",
                "sort by (number)",
                "uniq by (message)",
                "stats count()",
            ]);
            format!("*{}", format!(" | {pipe}").repeat(count))
        }
        7 => everything(random),
        8 => format!("* | sort by ({}) limit {}", list(random, 200), random.next()),
        9 => format!("* | uniq by ({}) limit {}", list(random, 200), random.next()),
        10 => format!("* | top {} by {}", random.next(), list(random, 100)),
        11 => grower(random),
        12 => {
            let depth = random.size(300_000);
            let body = random.pick(&["(", "-", "2^", "number+", "max(", "abs(abs("]).repeat(depth);
            format!("* | math {body}1 as x")
        }
        13 => format!("* | extract \"{}\" from message", "<a>".repeat(random.size(50_000))),
        14 => format!("* | extract_regexp \"(?P<a>{})\" from text", random.pick(&REGEXES)),
        15 => {
            let step =
                random.pick(&["1ns", "0s", "-1m", "1000000y", "1d tz \"Nowhere/City\"", "1d offset 99999d", "NaN"]);
            format!("* | stats by (_time:{step}) count(), values(message)")
        }
        16 => format!("* | context {} | {}", random.next(), random.pick(&["limit 1", "stats count()", "context 5"])),
        17 => {
            let bound = random.pick(&[
                "1e999",
                "-1e999",
                "NaN",
                "99999999999999999999",
                "\"9999-99-99\"",
                "now-99999999999d",
                "*",
                "\"\"",
            ]);
            format!("{}:[{bound} TO {bound}]", random.pick(&FIELDS))
        }
        18 => format!("* | unpack_json from deep | unpack_logfmt from pairs | fields {}", list(random, 1000)),
        19 => format!("\"{}\"~{}", "a b c ".repeat(random.size(20_000)), random.next()),
        20 => {
            let good = random.pick(&GOOD);
            random.cut(good)
        }
        _ => {
            // A good one with something else in it.
            let good = random.pick(&GOOD);
            random.mangle(good, &['(', ')', '"', '|', ':', '/', '\\', '*', '~', '[', '\u{0}', '中'])
        }
    }
}

fn list(random: &mut Random, max: u64) -> String {
    let count = random.size(max);
    (0..count)
        .map(|n| if n < FIELDS.len() { FIELDS[n].to_owned() } else { format!("f{n}") })
        .collect::<Vec<_>>()
        .join(", ")
}

/// Grouped by all there is, with every function.
fn everything(random: &mut Random) -> String {
    let keys = list(random, 60);
    let count = random.size(300);
    let functions: Vec<String> =
        (0..count).map(|n| format!("{}({}) a{n}", random.pick(&FUNCTIONS), random.pick(&FIELDS))).collect();
    format!("* | stats by ({keys}) {}", functions.join(", "))
}

/// Values that double with every step.
fn grower(random: &mut Random) -> String {
    let step = random.pick(&[
        "format \"<message><message>\" as message",
        "replace (\"a\", \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\") at text",
        "replace (\"\", \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\") at text",
        "replace_regexp (\".\", \"$0$0$0$0$0$0$0$0\") at text",
        "replace_regexp (\"(a*)*\", \"$1$1\") at text",
    ]);
    let end = random.pick(&[
        "limit 10",
        "stats values(message)",
        "sort by (message)",
        "uniq by (text)",
        "stats count_uniq(text)",
    ]);
    format!("*{} | {end}", format!(" | {step}").repeat(1 + random.below(40) as usize))
}

/// The call and the form of one request.
pub(super) fn request(random: &mut Random) -> (String, String) {
    let call = random.pick(&[
        "search",
        "search",
        "count",
        "histogram",
        "fields",
        "stats",
        "stats",
        "stats",
        "export",
        "explain",
        "context",
    ]);
    let text = text(random);
    let mut form = format!("query={}", encode(&text));
    if call == "explain" {
        return (format!("/api/watchfire/v1/logs/{call}"), form);
    }
    if random.below(20) > 0 {
        form.push_str("&start=0&end=4102444800");
    } else {
        let (start, end) = (random.pick(&["-1e308", "x", "9e99", ""]), random.pick(&["", "NaN", "1"]));
        form.push_str("&start=");
        form.push_str(start);
        form.push_str("&end=");
        form.push_str(end);
    }
    let more: &[&str] = match call {
        "histogram" => {
            &["&step=86400000", "&step=86400000&by=message", "&step=864000&by=user", "&step=1", "&step=0", ""]
        }
        "search" => &["", "&limit=10000", "&order=oldest", "&limit=99999999999", "&cursor=x", "&order=sideways"],
        "stats" => &["", "&limit=100000", "&limit=-1"],
        "fields" => &["", "&values=1000", "&values=99999"],
        "export" => &["", "&format=csv", "&order=oldest", "&format=xml"],
        "context" => &["&id=x&before=1000", "&id=&seconds=9e99"],
        _ => &[""],
    };
    form.push_str(random.pick(more));
    (format!("/api/watchfire/v1/logs/{call}"), form)
}
