//! A second opinion on what is PromQL: the `promql-parser` crate (0.11) over all expressions of all scripts.

use crate::conformance::scripts_folder;
use crate::runner::script::{Command, parse_script};
use std::collections::BTreeSet;
use std::path::Path;
use watchfire_promql::parse;

/// Constructs that the other parser does not know: each word here excuses an expression from comparison.
const UNKNOWN_TO_ORACLE: [&str; 8] = [
    "anchored", "smoothed", // Extended range selectors.
    "</", ">/", // Histogram trimming.
    "step()", "range()", "_of(",  // Duration expressions.
    "info(", // Label selectors that match everything.
];

/// The expressions of all scripts at hand.
pub(crate) fn expressions() -> BTreeSet<String> {
    let own = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts")).to_owned();
    let mut found = BTreeSet::new();
    for folder in [Some(own), scripts_folder()].into_iter().flatten() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "test") {
                continue;
            }
            for (_, command) in parse_script(&std::fs::read_to_string(path).unwrap()).unwrap().commands {
                if let Command::Eval(eval) = command {
                    found.insert(eval.expr);
                }
            }
        }
    }
    found
}

/// Whether brackets or an offset hold arithmetic, which the other parser does not know either.
fn has_duration_arithmetic(text: &str) -> bool {
    let pattern = regex::Regex::new(r"\[[^\]]*[-+*/%^(][^\]]*\]|offset\s*-?\s*\(").unwrap();
    pattern.is_match(text)
}

#[test]
fn scripts_hold_only_valid_expressions_and_the_oracle_agrees() {
    let mut disputed = Vec::new();
    let mut compared = 0;
    for text in expressions() {
        let ours = parse(&text);
        assert!(ours.is_ok(), "{text}: {ours:?}");
        let excused = UNKNOWN_TO_ORACLE.iter().any(|word| text.contains(word)) || has_duration_arithmetic(&text);
        if !excused {
            compared += 1;
            if promql_parser::parser::parse(&text).is_err() {
                disputed.push(text);
            }
        }
    }
    println!("promql: {compared} expressions compared with the oracle");
    assert!(disputed.is_empty(), "{disputed:#?}");
}

#[track_caller]
fn check_refused(text: &str) {
    assert!(promql_parser::parser::parse(text).is_err(), "the oracle accepts {text}");
    assert!(parse(text).is_err(), "we accept {text}");
}

#[test]
fn both_refuse_what_is_no_promql() {
    let wrong = [
        "",
        "a b",
        "sum(",
        "1 +",
        "a[",
        "a[5m]]",
        "a{b=}",
        "a{=\"b\"}",
        "{}",
        "foo(a)",
        "rate(a)",
        "abs(a[5m])",
        "sum(a[5m])",
        "topk(a)",
        "1 == 2",
        "a and 1",
        "a offset",
        "a @",
        "a[5x]",
        "\"a\" + 1",
        "-\"a\"",
        "a + + ",
        "a{b=~\"(\"}",
        "a * on(x) group_left(x) b",
        "a and on() group_left b",
        "sum by a (b)",
        "abs(a, b)",
        "time(1)",
        "a[5m:1m][5m:1m",
        "(a[5m])[5m]",
        "a offset 1m offset 2m",
        "'a",
        "a{b=\"\\q\"}",
        "1..2",
        "a[5m] > 1",
    ];
    for text in wrong {
        check_refused(text);
    }
}
