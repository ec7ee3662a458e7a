mod hostile;
mod pipes;
mod printing;

use super::*;
use watchfire_model::{FieldValue, Level, LogRecord, TimeNs};

/// 2026-11-21T12:00:00Z.
const NOW: TimeNs = TimeNs(1_795_262_400_000_000_000);

/// What the query says, printed in full.
#[track_caller]
fn check(text: &str, want: &str) {
    match parse_at(text, NOW) {
        Ok(query) => {
            let printed = query.to_string();
            assert_eq!(printed, want, "{text}");
            assert_eq!(
                parse_at(&printed, NOW).map(|again| (again.expr, again.pipes)),
                Ok((query.expr, query.pipes)),
                "{printed}"
            );
        }
        Err(error) => panic!("{text}: {error} {:?}", error.span),
    }
}

/// The problem, and the part of the text that it points at.
#[track_caller]
fn check_error(text: &str, want_part: &str, want: &Problem) {
    let error = parse_at(text, NOW).expect_err(text);
    assert_eq!(&error.problem, want, "{text}");
    assert_eq!(&text[error.span], want_part, "{text}");
}

#[test]
fn terms_and_operators() {
    check("", "*");
    check("  \t", "*");
    check("*", "*");
    check("error", "error");
    check("a b", "a AND b");
    check("a AND b && c", "a AND b AND c");
    check("a OR b || c", "a OR b OR c");
    check("a||b&&c", "a OR (b AND c)");
    check("a OR b c", "a OR (b AND c)");
    check("(a OR b) c", "(a OR b) AND c");
    check("a(b)c", "a AND b AND c");
    check("((a))", "a");
    check("NOT a b", "NOT a AND b");
    check("a NOT b", "a AND NOT b");
    check("-a +b !c ! d", "NOT a AND b AND NOT c AND NOT d");
    check("NOT (a b)", "NOT (a AND b)");
    check("NOT NOT a", "NOT NOT a");
    check("ANDROID ORDER NOTE", "ANDROID AND ORDER AND NOTE");
    check("not found or and", "not AND found AND or AND and");
    check("a - b", "a AND \"-\" AND b");
    check("order-service", "order-service");
    check("a\u{a0}b", "a AND b");
}

#[test]
fn phrases_and_escapes() {
    check(r#""connection refused""#, r#""connection refused""#);
    check(r#""say \"hi\" C:\temp""#, r#""say \"hi\" C:\\temp""#);
    check(r#""AND""#, r#""AND""#);
    check(r"\AND", r#""AND""#);
    check(r"a\ b\:c\*", r#""a b:c*""#);
    check(r"C\", r#""C\\""#);
    check(r#"a"b""#, "a AND b");
    check("größe 中文", "größe AND 中文");
    check("[error] {x}", r#""[error]" AND "{x}""#);
    check("/var/log/syslog", r#""/var/log/syslog""#);
    check("a=1&b=2", r#""a=1&b=2""#);
}

#[test]
fn fields() {
    check("service:orders", "service:orders");
    check("source:node-1", "host:node-1");
    check("_exists_:source", "_exists_:host");
    check("a.b-c@d:x", "a.b-c@d:x");
    check("app.kubernetes.io/name:web", r#""app.kubernetes.io/name":web"#);
    check(r#""a field":"a value""#, r#""a field":"a value""#);
    check(r"a\ field:x", r#""a field":x"#);
    check("url:http://x/y?z=1", r"url:http\:\/\/x\/y?z\=1");
    check("addr:10.0.0.1:80", r#"addr:"10.0.0.1:80""#);
    check("path:/api/v1", r#"path:"/api/v1""#);
    check("temperature:-5", r#"temperature:"-5""#);
    check("a:(b OR \"c d\") e", r#"(a:b OR a:"c d") AND e"#);
    check("a:(b -c)", "a:b AND NOT a:c");
    check("_exists_:user", "_exists_:user");
    check("_exists_:\"a b\"", "_exists_:\"a b\"");
    check("user:*", "_exists_:user");
    check("user:**", "_exists_:user");
    check("user:[* TO *]", "_exists_:user");
    check("level:error", "level:3");
    check("level:WARN", "level:4");
    check("level:\"fatal\"", "level:2");
    check("level:(error OR 4)", "level:3 OR level:4");
}

#[test]
fn wildcards() {
    check("ord*", "ord*");
    check("*tion", "*tion");
    check("a**b?", "a*b?");
    check("field:*x", "field:*x");
    check(r"a\*b*", r"a\*b*");
    check("a.b*", r"a\.b*");
    check("?", "?");
}

#[test]
fn ranges() {
    check("took:[1 TO 5]", "took:[1 TO 5]");
    check("took:{1 to 5.5}", "took:{1 TO 5.5}");
    check("took:[1 TO 5}", "took:[1 TO 5}");
    check("took:[-1e3 TO *}", "took:>=-1000");
    check("took:[* TO 5}", "took:<5");
    check("took:>1.5", "took:>1.5");
    check("took:>= 5 a", "took:>=5 AND a");
    check("took:<5", "took:<5");
    check("took:<=5", "took:<=5");
    check("took:(>1 <5)", "took:>1 AND took:<5");
    check("took:([1 TO 2] OR >5)", "took:[1 TO 2] OR took:>5");
    check("level:<=error", "level:<=3");
    check("level:[error TO debug]", "level:[3 TO 7]");
}

#[test]
fn errors_say_where_and_what() {
    check_error("(a", "(", &Problem::UnclosedGroup);
    check_error("a (b (c)", "(", &Problem::UnclosedGroup);
    check_error("(", "(", &Problem::UnclosedGroup);
    check_error("a)", ")", &Problem::UnopenedGroup);
    check_error(")", ")", &Problem::UnopenedGroup);
    check_error("()", "()", &Problem::EmptyGroup);
    check_error("a:( )", "( )", &Problem::EmptyGroup);
    check_error("\"a", "\"", &Problem::UnclosedPhrase);
    check_error("\"\"", "\"\"", &Problem::EmptyPhrase);
    check_error("AND a", "AND", &Problem::NothingBefore { operator: "AND" });
    check_error("a OR || b", "||", &Problem::NothingBefore { operator: "||" });
    check_error("a AND", "AND", &Problem::NothingAfter { operator: "AND" });
    check_error("(a OR)", "OR", &Problem::NothingAfter { operator: "OR" });
    check_error("NOT", "NOT", &Problem::NothingAfter { operator: "NOT" });
    check_error("a !", "!", &Problem::NothingAfter { operator: "!" });
    check_error(":a", ":", &Problem::NoField);
    check_error("a: b", "a:", &Problem::NoValue { field: "a".into() });
    check_error("a:", "a:", &Problem::NoValue { field: "a".into() });
    check_error("a:&&b", "&", &Problem::NoValue { field: "a".into() });
    check_error("_exists_:", "_exists_:", &Problem::NoValue { field: "_exists_".into() });
    check_error("_exist_:a", "_exist_", &Problem::UnknownOperatorField { field: "_exist_".into() });
    check_error("a*:b", "a*", &Problem::WildcardField);
    check_error("_exists_:a*", "a*", &Problem::WildcardField);
    check_error("a:(b:c)", "b", &Problem::NestedField { outer: "a".into(), inner: "b".into() });
    check_error("level:eror", "eror", &Problem::UnknownLevel { word: "eror".into(), nearest: Some("error".into()) });
    check_error("level:xyz", "xyz", &Problem::UnknownLevel { word: "xyz".into(), nearest: None });
    check_error("a:[1 5]", "[1 5]", &Problem::BadRange);
    check_error("a:[1 TO 5", "[", &Problem::UnclosedRange);
    check_error("a:[1 TO x]", "x", &Problem::MixedRange { text: "x".into() });
    check_error("a:[5 TO 1]", "[5 TO 1]", &Problem::EmptyRange { low: "5".into(), high: "1".into() });
    check_error("a:>", ">", &Problem::NotANumber { text: String::new() });
    check_error("a:>nan", "nan", &Problem::NotANumber { text: "nan".into() });
}

#[test]
fn regular_expressions() {
    check("/ab+c/", "/ab+c/");
    check(r"a:/x\/y/i", r"a:/x\/y/i");
    check("/timed out|refused/ b", "/timed out|refused/ AND b");
    check("(/a(b)/)^2 OR c", "/a(b)/ OR c");
    check("a:(/b/ OR c)", "a:/b/ OR a:c");
    check(r#"a:~"b/c""#, r#"a:~"b/c""#);
    check(r#"~"b c"i"#, "/b c/i");
    check("/api/v1/", r#""/api/v1/""#);
    check("a / b / c", r#"a AND "/" AND b AND "/" AND c"#);
    let error = parse("/a(/").expect_err("the group is open");
    assert_eq!(
        (error.span.clone(), error.to_string().as_str()),
        (0..4, "not a regular expression: unclosed group (at position 1)")
    );
}

#[test]
fn proximity_boosts_and_fuzzy_terms() {
    check(r#""a b"~5"#, r#""a b"~5"#);
    check(r#"m:"a b"~0^2.5"#, r#"m:"a b"~0"#);
    check(r#""a b"^2 c^3 (d e)^4 f^g h\^2"#, r#""a b" AND c AND d AND e AND "f^g" AND "h^2""#);
    check_error("roam~1", "roam~1", &Problem::Fuzzy);
    check_error(r#""a b"~"#, "~", &Problem::BadDistance { max: DISTANCE_MAX, words_max: NEAR_WORDS_MAX });
    check_error(r#""a b"~1001"#, "~1001", &Problem::BadDistance { max: DISTANCE_MAX, words_max: NEAR_WORDS_MAX });
}

#[test]
fn times_and_dates() {
    check(r#"timestamp:["2026-11-20" TO now-1h]"#, r#"time:["2026-11-20T00:00:00Z" TO now-1h]"#);
    check(r#"_time:>"2026-11-20""#, r#"time:>="2026-11-21T00:00:00Z""#);
    check("time:[2026-11-19 TO 2026-11-20]", r#"time:["2026-11-19T00:00:00Z" TO "2026-11-21T00:00:00Z"}"#);
    check("time:2026-11-20", r#"time:["2026-11-20T00:00:00Z" TO "2026-11-21T00:00:00Z"}"#);
    check("time:<=now-1h30m", "time:<=now-90m");
    check("_time:5m", "time:>=now-5m");
    check("time:* _exists_:timestamp", "* AND *");
    check("due:<2026-11-20T10:30:00.5+01:00", r#"due:<"2026-11-20T09:30:00.5Z""#);
    check("due:[now TO now+1d]", "due:[now TO now+1d]");
    check_error("time:foo", "foo", &Problem::TimeNeedsRange { field: "time".into() });
    check_error("time:>soon", "soon", &Problem::NotATime { text: "soon".into() });
    check_error(
        "time:[now TO now-1h]",
        "[now TO now-1h]",
        &Problem::EmptyRange { low: "now".into(), high: "now-1h".into() },
    );
    assert_eq!(parse("time:>now-1h").expect_err("no clock").problem, Problem::Relative);
}

#[test]
fn networks_measures_and_texts() {
    check("ip:10.0.0.0/8", "ip:10.0.0.0/8");
    check("ip:2001:db8::/32", "ip:2001:db8::/32");
    check(r#"ip:"10.0.0.0/8""#, r#"ip:"10.0.0.0/8""#);
    check("path:10/8", r#"path:"10/8""#);
    check_error("10.0.0.0/8", "10.0.0.0/8", &Problem::NetworkNeedsField { text: "10.0.0.0/8".into() });
    check_error("ip:10.0.0.0/64", "10.0.0.0/64", &Problem::BadPrefix { prefix: "64".into(), max: 32 });
    check("took:>1.5s", "took:>1.5s");
    check("took:[1ms TO 1m30s]", "took:[0.001s TO 90s]");
    check("size:[1MiB TO 2mib}", "size:[1048576B TO 2097152B}");
    check("name:[alice TO bob}", r"name:[\alice TO \bob}");
    check(r#"version:>"1.2-rc""#, r"version:>\1\.2\-rc");
    check(r"a:[\1 TO \5]", r"a:[\1 TO \5]");
    check(r#"a:["1" TO "5"]"#, "a:[1 TO 5]");
    check_error("a:[1 TO 5s]", "5s", &Problem::MixedRange { text: "5s".into() });
}

#[test]
fn error_text_is_for_people() {
    let message = |text: &str| parse(text).expect_err(text).to_string();
    assert_eq!(message("a (b"), "a `)` is missing for the `(` here (at position 3)");
    assert_eq!(message("level:eror"), "`eror` is not a level: write 0 to 7 or `error` (at position 7)");
}

fn record() -> LogRecord {
    LogRecord {
        time: TimeNs(0),
        received: TimeNs(0),
        stream: "default".into(),
        host: "node-1".into(),
        message: "Connection refused: not found".into(),
        level: Level::new(3),
        fields: vec![
            ("service".into(), FieldValue::Text("order-service".into())),
            ("took".into(), FieldValue::F64(1.5)),
        ],
    }
}

#[track_caller]
fn check_match(query: &str, want: bool) {
    assert_eq!(parse(query).expect("a query").filter.matches(&record()), want, "{query}");
}

#[test]
fn queries_find_records() {
    check_match("", true);
    check_match("refused", true);
    check_match("\"connection refused\" source:node-1", true);
    check_match("-refused", false);
    check_match("not found", true);
    check_match("service:order*", true);
    check_match("service:order", false);
    check_match("took:>1 level:error _exists_:took", true);
    check_match("level:<=warning", true);
    check_match("level:<error OR took:<1.5", false);
    check_match("*fuse*", true);
}

/// What the reference for users shows: the first cells of the search's table, the last ones of the steps'.
#[test]
fn every_example_of_the_reference_is_a_query() {
    let reference = include_str!("../LANGUAGE.md");
    let (searches, rest) = reference.split_once("## Steps").expect("two parts");
    let (steps, _) = rest.split_once("**`stats`**").expect("the table of steps");
    let rows =
        |part: &'static str| part.lines().filter(|line| line.starts_with("| `") || line.starts_with("| nothing"));
    // A `|` within a cell has a backslash before it.
    let cells = |line: &str| line.replace("\\|", "\u{1}").split('|').map(str::to_owned).collect::<Vec<_>>();
    let code = |cell: &str| {
        let code = cell.replace('\u{1}', "|").split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        assert!(!code.is_empty(), "{cell}");
        code
    };
    let mut n_examples = 0;
    for text in rows(searches).flat_map(|line| code(&cells(line)[1])) {
        parse_at(&text, NOW).unwrap_or_else(|error| panic!("{text}: {error}"));
        n_examples += 1;
    }
    for text in rows(steps).flat_map(|line| code(&cells(line)[3])) {
        parse_at(&format!("* | {text}"), NOW).unwrap_or_else(|error| panic!("{text}: {error}"));
        n_examples += 1;
    }
    assert!(n_examples > 50, "{n_examples}");
}
