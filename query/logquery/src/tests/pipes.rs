use super::*;

#[test]
fn choosing_and_naming() {
    check("error | fields a, b", "error | fields a, b");
    check("error|keep (source,timestamp , _msg)", "error | fields host, time, message");
    check("| drop a", "* | drop a");
    check("* | rename a as b, \"c d\" as by | limit", "* | rename a as b, \"c d\" as \"by\" | limit 10");
    check("a || b | head 5 | skip 2", "a OR b | limit 5 | offset 2");
    check("* | FIELDS a", "* | fields a");
}

#[test]
fn sorting_and_counting() {
    check("* | sort by (a desc, b asc) limit 5", "* | sort by (a desc, b) limit 5");
    check("* | sort a, b desc", "* | sort by (a, b desc)");
    check("* | sort by (a, b desc) desc", "* | sort by (a desc, b)");
    check("* | top a", "* | top 10 by (a)");
    check("* | top 3 by a, b", "* | top 3 by (a, b)");
    check("* | uniq by (a) limit 2", "* | uniq by (a) limit 2");
    check("* | sort by (count() desc)", "* | sort by (\"count()\" desc)");
}

#[test]
fn stats() {
    check("* | stats count()", "* | stats count()");
    check("* | stats count(*) as n by host", "* | stats by (host) count() as n");
    check("* | stats by (host, _time:5m)", "* | stats by (host, time:5m) count()");
    check(
        "* | stats by (_time:1d tz \"Europe/Berlin\" offset -90m) sum(a) total, median(b)",
        "* | stats by (time:1d tz \"Europe/Berlin\" offset -90m) sum(a) as total, p50(b)",
    );
    check(
        "* | stats p99(took), quantile(0.999, took) as q, count() if (level:error OR a) as bad",
        "* | stats p99(took), quantile(0.999, took) as q, count() if (level:3 OR a) as bad",
    );
    check(
        "* | stats values(a) limit 5, values(b), rate(), rate_sum(c)",
        "* | stats values(a) limit 5, values(b) limit 100, rate(), rate(c)",
    );
    check(
        "* | stats count_distinct(\"a b\"), latest(x), earliest(x)",
        "* | stats count_uniq(\"a b\"), last(x), first(x)",
    );
}

#[test]
fn texts_and_numbers() {
    check("* | where a:>5 b", "* | filter a:>5 AND b");
    check("* | extract \"x=<x> <_>\"", "* | extract \"x=<x> <_>\" from message");
    check("* | extract_regexp \"(?P<x>a|b)\" from y", "* | extract_regexp \"(?P<x>a|b)\" from y");
    check(
        "* | unpack_json | logfmt from a prefix b_",
        "* | unpack_json from message | unpack_logfmt from a prefix \"b_\"",
    );
    check("* | replace (\"a\", \"b\") at c", "* | replace (\"a\", \"b\") at c");
    check("* | format \"<a>: <<b\" as c", "* | format \"<a>: <<b\" as c");
    check("* | math -a ^ 2 * (b + 1) - c % 3 as d", "* | math ((-(a ^ 2)) * (b + 1)) - (c % 3) as d");
    check("* | math a-b/c as d", "* | math a - (b / c) as d");
    check("* | stats max(a) | math p50(b) + max(a, 1) as c", "* | stats max(a) | math \"p50(b)\" + max(a, 1) as c");
    check("a | context 5", "a | context 5");
    check("a | context after 3", "a | context before 0 after 3");
    check("* | collapse_nums | sample 100", "* | collapse_nums at message | sample 100");
}

#[test]
fn mistakes_are_named_with_what_to_write() {
    let expected = |wanted: &'static str, found: &str| Problem::Expected { wanted, found: found.to_owned() };
    check_error("a |", "|", &Problem::NoPipe);
    check_error("a | | b", "|", &Problem::NoPipe);
    check_error("a | stat count()", "stat", &Problem::UnknownPipe { word: "stat".into(), nearest: Some("stats") });
    check_error("a | foobar", "foobar", &Problem::UnknownPipe { word: "foobar".into(), nearest: None });
    check_error(
        "a | stats cuont()",
        "cuont",
        &Problem::UnknownFunction { word: "cuont".into(), place: "stats", nearest: Some("count") },
    );
    check_error("a | stats sum()", "sum()", &Problem::NeedsField { name: "sum".into() });
    check_error(
        "a | stats count() as a by (a)",
        " count() as a by (a)",
        &Problem::DuplicateColumn { name: "a".into() },
    );
    check_error("a | top hits", "top hits", &Problem::DuplicateColumn { name: "hits".into() });
    check_error("a | fields b, b", "b, b", &Problem::DuplicateColumn { name: "b".into() });
    check_error("a | stats by (_time:5) count()", "5", &Problem::BadDuration { text: "5".into() });
    check_error("a | stats by (_time:0s) count()", "0s", &Problem::BadDuration { text: "0s".into() });
    check_error("a | stats by (_time:1d tz \"Berlin\")", "\"Berlin\"", &Problem::UnknownZone { name: "Berlin".into() });
    check_error("a | stats quantile(95, b)", "95", &Problem::BadShare);
    check_error("a | limit x", "x", &Problem::BadCount { text: "x".into(), min: 0, max: ROWS_LIMIT_MAX });
    check_error("a | sample 0", "0", &Problem::BadCount { text: "0".into(), min: 1, max: ROWS_LIMIT_MAX });
    check_error("a | fields", "", &expected("the name of a field", ""));
    check_error("a | fields b c", "c", &expected("`|` and the next pipe", "c"));
    check_error("a | fields b*", "b*", &Problem::WildcardField);
    check_error("a | rename b c", "c", &expected("`as` and the new name", "c"));
    check_error("a | rename b as time", "time", &Problem::TimeIsFixed { name: "time".into() });
    check_error("a | sort by (b", "(", &Problem::UnclosedGroup);
    check_error("a | extract \"b\"", "extract \"b\"", &Problem::NoTemplateField);
    check_error("a | extract \"<b><c>\"", "extract \"<b><c>\"", &Problem::AdjacentFields);
    check_error("a | extract_regexp \"b\"", "extract_regexp \"b\"", &Problem::NoNamedGroup);
    check_error("a | replace (\"\", \"b\")", "replace (\"\"", &Problem::NothingToReplace);
    check_error("a | limit 5 | context 3", "context 3", &Problem::ContextNotFirst);
    check_error("a | math b +", "", &expected("a number, a field or `(`", ""));
    check_error("a | math (b", "(", &Problem::UnclosedGroup);
    check_error("a | math b", "", &expected("an operator, or `as` and the name of the result,", ""));
    check_error(
        "a | math sqrt(b) as c",
        "sqrt",
        &Problem::UnknownFunction { word: "sqrt".into(), place: "math", nearest: None },
    );
    check_error("a | filter", "", &expected("a condition", ""));
    check_error("a | filter b)", ")", &Problem::UnopenedGroup);
    let message = |text: &str| parse(text).expect_err(text).to_string();
    assert_eq!(message("a | stat count()"), "`stat` is not a pipe, did you mean `stats`? (at position 5)");
    assert_eq!(message("a | fields"), "the name of a field is wanted here, not the end of the query (at position 11)");
}
