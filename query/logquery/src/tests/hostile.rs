use super::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

#[test]
fn size_is_limited() {
    let deep = |n: usize| format!("{}a{}", "(".repeat(n), ")".repeat(n));
    assert!(parse(&deep(DEPTH_MAX)).is_ok());
    let too_deep = parse(&deep(DEPTH_MAX + 1)).expect_err("one group too many");
    assert_eq!(too_deep.problem, Problem::TooDeep { max: DEPTH_MAX });
    for sign in ["!", "-", "+", "NOT "] {
        let error = parse(&(sign.repeat(20_000) + "a")).expect_err("far too many signs");
        assert!(matches!(error.problem, Problem::TooDeep { .. } | Problem::TooLong { .. }), "{sign}");
    }
    assert!(parse(&"a ".repeat(TERMS_MAX)).is_ok());
    let error = parse(&"a ".repeat(TERMS_MAX + 1)).expect_err("one term too many");
    assert_eq!(error.problem, Problem::TooManyTerms { max: TERMS_MAX });
    let error = parse(&"a".repeat(TEXT_LEN_MAX + 1)).expect_err("one byte too many");
    assert_eq!(error.problem, Problem::TooLong { len: TEXT_LEN_MAX + 1, max: TEXT_LEN_MAX });
    assert!(parse(&"a*b ".repeat(WILDCARD_LEN_MAX / 3)).is_ok());
    let error = parse(&"a*b ".repeat(WILDCARD_LEN_MAX / 3 + 1)).expect_err("one wildcard too many");
    assert_eq!(error.problem, Problem::TooManyWildcards { max: WILDCARD_LEN_MAX });
    assert!(matches!(parse(&format!("{}*", "a".repeat(2000))).map_err(|e| e.problem), Err(Problem::Pattern(_))));
}

/// Queries that were the end of other log stores; each is answered or refused at once.
#[test]
fn queries_of_death_are_harmless() {
    let deaths = [
        vec!["a"; 10_000].join(" OR "),
        ["a"; 500].join(" OR "),
        format!("a | {}", "limit 5 | ".repeat(6_000)),
        "a | math ".to_owned() + &"(".repeat(60_000),
        "a | math ".to_owned() + &"-".repeat(60_000),
        "a | math ".to_owned() + &"1+".repeat(30_000),
        "a | ".repeat(16_000),
        format!("a | format \"{}\"", "<".repeat(60_000)),
        "/a ".repeat(20_000),
        "\"a b\"~9999999999".to_owned(),
        "(".repeat(100_000),
        "(".repeat(60_000),
        "NOT ".repeat(16_000),
        "a".repeat(1 << 20),
        "/(a+)+$/".to_owned(),
        "*".repeat(60_000),
        "?".repeat(60_000),
        "*?".repeat(1_000),
        "\"".repeat(60_001),
        "[".repeat(60_000),
        "a:".repeat(30_000),
        "\\".repeat(60_001),
    ];
    let record = LogRecord { message: "a".repeat(2_000).into(), ..record() };
    for text in &deaths {
        let began = std::time::Instant::now();
        if let Ok(query) = parse(text) {
            query.filter.matches(&record);
        }
        assert!(
            began.elapsed() < std::time::Duration::from_secs(10),
            "{:?} for {}",
            began.elapsed(),
            &text[..20.min(text.len())]
        );
    }
}

/// Pieces of queries, right and wrong ones.
fn pieces() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "a",
        "b",
        "took",
        "level",
        "time",
        "now-1h",
        "AND",
        "OR",
        "NOT",
        "(",
        ")",
        "\"",
        "\"a b\"",
        "~3",
        "^2",
        ":",
        "|",
        "||",
        "[1 TO 5]",
        "[",
        "}",
        "TO",
        ">",
        "<=1.5s",
        "10MiB",
        "10.0.0.0/8",
        "/a+/",
        "/(",
        "~\"x\"",
        "*",
        "?",
        "\\",
        "\n",
        "stats",
        "count()",
        "sum(",
        "by",
        "(host)",
        "_time:5m",
        "tz",
        "\"Europe/Berlin\"",
        "offset",
        "if",
        "as",
        "fields",
        ",",
        "sort",
        "desc",
        "limit",
        "10",
        "0",
        "-1",
        "99999999999999999999",
        "top",
        "uniq",
        "filter",
        "extract",
        "\"<x>\"",
        "from",
        "extract_regexp",
        "\"(?P<n>.)\"",
        "unpack_json",
        "prefix",
        "replace",
        "(\"a\", \"b\")",
        "at",
        "format",
        "math",
        "+",
        "-",
        "%",
        "min(",
        "1e9",
        "context",
        "before",
        "collapse_nums",
        "sample",
        "2026-11-20",
        "\u{a0}",
        "中",
        "\u{0}",
    ]);
    (proptest::collection::vec((piece, any::<bool>()), 0..24)).prop_map(|pieces| {
        pieces.into_iter().fold(String::new(), |text, (piece, blank)| text + piece + if blank { " " } else { "" })
    })
}

/// Ten thousand queries: each is refused at a place in the text, or printed so that the same is read back, and asked of
/// a record.
#[test]
fn ten_thousand_generated_queries_are_answered_or_refused() {
    let config = Config { cases: 10_000, failure_persistence: None, ..Config::default() };
    let record = record();
    let result = TestRunner::new(config).run(&pieces(), |text| {
        match parse_at(&text, NOW) {
            Ok(query) => {
                let printed = query.to_string();
                let again =
                    parse_at(&printed, NOW).map_err(|error| TestCaseError::fail(format!("{printed}: {error}")))?;
                prop_assert_eq!((again.expr, again.pipes), (query.expr.clone(), query.pipes.clone()), "{}", printed);
                if query.filter.matches(&record)
                    && let Some(mut pipeline) = query.row_pipeline()
                {
                    pipeline.apply(0, &record);
                }
                explain(&query);
            }
            Err(error) => {
                prop_assert!(text.get(error.span.clone()).is_some(), "{:?} in {:?}", error.span, text);
                prop_assert!(!error.to_string().is_empty());
            }
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
