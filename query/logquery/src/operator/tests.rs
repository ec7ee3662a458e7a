use super::*;
use crate::{Query, parse_at};
use watchfire_model::{Level, LogRecord};

fn record() -> LogRecord {
    LogRecord {
        time: TimeNs(0),
        received: TimeNs(0),
        stream: "default".into(),
        host: "node-1".into(),
        message: "user=anna took 15ms id 0xff12 of node7".into(),
        level: Level::new(3),
        fields: vec![
            ("took".into(), FieldValue::F64(1.5)),
            ("json".into(), FieldValue::Text(r#"{"a":{"b":1,"c":[1,2]},"d":"x","e":null,"time":5}"#.into())),
            ("kv".into(), FieldValue::Text(r#"plain a=1 b="x \"y\"" =z c= d="open"#.into())),
        ],
    }
}

/// The fields that the pipes changed or set, and what they hold then.
#[track_caller]
fn check(pipes: &str, want: &[(&str, &str)]) {
    let query: Query = parse_at(&format!("* | {pipes}"), TimeNs(0)).unwrap_or_else(|error| panic!("{pipes}: {error}"));
    let before = Row::of_record(0, &record());
    let mut row = before.clone();
    for pipe in &query.pipes {
        RowOperator::of(pipe, TimeNs(0)).expect("a valid pipe").expect("a pipe on rows").apply(&mut row);
    }
    let changed = row.cells.iter().filter(|(name, cell)| before.get(name) != Some(cell));
    let changed: Vec<(String, String)> = changed.map(|(name, cell)| (name.to_string(), cell.to_string())).collect();
    let want: Vec<(String, String)> = want.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
    assert_eq!(changed, want, "{pipes}");
}

#[test]
fn extracting() {
    check(r#"extract "user=<user> took <took>ms""#, &[("took", "15"), ("user", "anna")]);
    check(r#"extract "user=<user> took <_>ms <rest>""#, &[("user", "anna"), ("rest", "id 0xff12 of node7")]);
    check(r#"extract "<all>""#, &[("all", "user=anna took 15ms id 0xff12 of node7")]);
    check(r#"extract "user=<user> nothing""#, &[]);
    check(r#"extract "<a>-<b>" from host"#, &[("a", "node"), ("b", "1")]);
    check(r#"extract_regexp "user=(?P<user>\w+).*(?P<n>\d)$""#, &[("user", "anna"), ("n", "7")]);
    check(r#"extract_regexp "(?P<time>user)""#, &[]);
}

#[test]
fn unpacking() {
    check("unpack_json from json", &[("a.b", "1"), ("a.c", "[1,2]"), ("d", "x")]);
    check("unpack_json from json prefix j_ | fields j_d", &[("j_d", "x")]);
    check("unpack_json", &[]);
    check("unpack_logfmt from kv", &[("a", "1"), ("b", "x \"y\""), ("c", ""), ("d", "open")]);
    check("unpack_logfmt from kv prefix \"k \" | fields \"k a\"", &[("k a", "1")]);
}

#[test]
fn changing_texts() {
    check(r#"replace ("a", "<>") at host | replace ("node", "n") at host"#, &[("host", "n-1")]);
    check(r#"replace_regexp ("(\w+)-(?P<n>\d)", "${n}$1$$ $9") at host"#, &[("host", "1node$ ")]);
    check("collapse_nums", &[("message", "user=anna took <N>ms id <N> of node7")]);
    check(r#"format "<host>: <<<took>> <nothing>" as line"#, &[("line", "node-1: <1.5> ")]);
    check("rename took as t | rename host as t", &[("t", "node-1")]);
}

#[test]
fn computing() {
    check("math took * 2 + 1 as x", &[("x", "4")]);
    check("math 2 ^ 3 ^ 2 as x", &[("x", "512")]);
    check("math -2 ^ 2 as x", &[("x", "-4")]);
    check("math (1 + 2) * -took % 2 as x", &[("x", "-0.5")]);
    check("math max(1, took, min(7, 8)) - abs(-1.5) as x", &[("x", "5.5")]);
    check("math round(2.5) + floor(-0.5) + ceil(0.1) as x", &[("x", "3")]);
    check("math took / 0 as x", &[]);
    check("math host + 1 as took", &[]);
    check("math 1e3 as x", &[("x", "1000")]);
}

#[test]
fn texts_do_not_grow_without_bound() {
    let text = "a".repeat(1 << 10);
    let grown = text::replace(&text, "a", &"b".repeat(1 << 16)).expect("it is changed");
    assert_eq!(grown.len(), 1 << 20);
    let regex = TextRegex::new("a+", false).expect("an expression");
    let grown = Replacement::new(&"$0".repeat(1 << 15), &regex).apply(&text, &regex).expect("it is changed");
    assert_eq!(grown.len(), 1 << 20);
}
