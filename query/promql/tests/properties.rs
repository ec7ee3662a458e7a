//! Properties: the parser is total, printing loses nothing, a range query is many instant queries.

use crate::runner::points::Point;
use crate::runner::source::MemorySource;
use proptest::prelude::*;
use std::collections::BTreeMap;
use watchfire_model::{Labels, QueryBudget, Timestamp, stale_nan};
use watchfire_promql::{Engine, Value, parse};

/// Pieces that make texts which are often nearly, and sometimes fully, valid.
const PIECES: [&str; 48] = [
    "a",
    "b:c",
    "sum",
    "rate",
    "abs",
    "topk",
    "histogram_quantile",
    "label_join",
    "info",
    "(",
    ")",
    "(",
    ")",
    "[5m]",
    "[1h:]",
    "[1h:1m]",
    "[step()+1]",
    "{a=\"b\"}",
    "{",
    "}",
    "\"m.x\"",
    "'s'",
    "`r`",
    "+",
    "-",
    "*",
    "^",
    "==",
    "</",
    ">bool",
    "and",
    "unless",
    "on(a)",
    "ignoring(b)",
    "group_left(c)",
    "fill(1)",
    "by(a)",
    "without(b)",
    "offset 5m",
    "offset -(1+2)",
    "@ start()",
    "@ 5",
    "anchored",
    ",",
    "1",
    "0x1f",
    "5m",
    "NaN",
];

#[track_caller]
fn check_parse(text: &str) -> Result<(), TestCaseError> {
    if let Ok(expr) = parse(text) {
        let printed = expr.to_string();
        let again = parse(&printed);
        prop_assert_eq!(again.as_ref(), Ok(&expr), "{} printed as {}", text, printed);
    }
    Ok(())
}

/// Samples every 10 s, some missing, some stale, with resets.
fn points() -> impl Strategy<Value = Vec<Option<i8>>> {
    proptest::collection::vec(proptest::option::weighted(0.8, -3..20_i8), 0..30)
}

fn source(all: &[Vec<Option<i8>>]) -> MemorySource {
    let mut source = MemorySource::default();
    for (index, points) in all.iter().enumerate() {
        let labels = Labels::from_pairs([("__name__", "a"), ("i", index.to_string().as_str())]);
        let to_point = |point: &Option<i8>| match point {
            None => Point::None,
            Some(value) if *value < 0 => Point::Value(stale_nan()),
            Some(value) => Point::Value(f64::from(*value)),
        };
        source.load(&labels, 10_000, &points.iter().map(to_point).collect::<Vec<_>>());
    }
    source
}

const EXPRESSIONS: [&str; 34] = [
    "a",
    "a offset 35s",
    "a @ 100",
    "rate(a[1m])",
    "increase(a[45s] offset 10s)",
    "irate(a[1m])",
    "changes(a[1m]) + resets(a[2m])",
    "sum_over_time(a[25s])",
    "avg_over_time(a[1m] @ end())",
    "stddev_over_time(a[1m])",
    "quantile_over_time(0.3, a[1m])",
    "max_over_time(rate(a[30s])[1m:7s])",
    "deriv(a[1m])",
    "predict_linear(a[1m], 60)",
    "sum(a)",
    "avg by (i) (a)",
    "topk(1, a)",
    "quantile(0.5, a)",
    "count_values(\"v\", a)",
    "a > 5",
    "a + on(i) a offset 20s",
    "a and a offset 50s",
    "-a or a offset 1m",
    "absent(a > 10)",
    // Windows that overlap much: what is carried over leads to the same.
    "sum_over_time(a[15m])",
    "avg_over_time(a[15m])",
    "min_over_time(a[15m]) + max_over_time(a[10m])",
    "quantile_over_time(0.7, a[15m])",
    "increase(a[15m])",
    "changes(a[15m]) + resets(a[15m])",
    "sum_over_time(rate(a[30s])[3m:1s])",
    // What stands there twice is answered once.
    "rate(a[1m]) / on(i) group_left() rate(a[1m])",
    "sum by (i) (a) - sum by (i) (a)",
    "max_over_time(a[1m]) > a or max_over_time(a[1m])",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_is_parsed_or_refused(text in ".{0,80}") {
        check_parse(&text)?;
    }

    #[test]
    fn what_is_printed_parses_again(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 1..10)) {
        check_parse(&pieces.join(" "))?;
    }

    #[test]
    fn a_range_query_is_many_instant_queries(
        all in proptest::collection::vec(points(), 1..4),
        start in 0..200_i64,
        step in 1..70_i64,
    ) {
        let source = source(&all);
        let (start, step) = (start * 1000, step * 1000);
        let end = start + 5 * step;
        for text in EXPRESSIONS {
            // `@ end()` is the time of the query itself, so only the range query may say it.
            let pinned = text.replace("end()", &(end / 1000).to_string());
            let engine = Engine::default();
            let budget = QueryBudget::unlimited();
            let range = engine.range(&source, &parse(text).unwrap(), Timestamp(start), Timestamp(end), step, &budget);
            let Value::Matrix(matrix) = range.unwrap().value else { panic!("a matrix") };
            let mut by_time: BTreeMap<i64, BTreeMap<Labels, u64>> = BTreeMap::new();
            for series in matrix {
                for (time, value) in series.times.iter().zip(&series.values) {
                    by_time.entry(*time).or_default().insert(series.labels.clone(), value.to_bits());
                }
            }
            for time in (start..=end).step_by(step as usize) {
                let instant = engine.instant(&source, &parse(&pinned).unwrap(), Timestamp(time), &budget);
                let Value::Vector(vector) = instant.unwrap().value else { panic!("a vector") };
                let want: BTreeMap<Labels, u64> =
                    vector.into_iter().map(|sample| (sample.labels, sample.value.to_bits())).collect();
                let got = by_time.remove(&time).unwrap_or_default();
                prop_assert_eq!(got, want, "{} at {} ms", text, time);
            }
            prop_assert_eq!(budget.samples(), 0, "{} gives back what it takes", text);
        }
    }
}

#[test]
fn a_tall_tree_is_evaluated_on_a_small_stack() {
    let text = format!("a{}", " + a".repeat(250));
    let expr = parse(&text).unwrap();
    let source = source(&[vec![Some(1)]]);
    let output = Engine::default().instant(&source, &expr, Timestamp(0), &QueryBudget::unlimited()).unwrap();
    let Value::Vector(vector) = output.value else { panic!("a vector") };
    assert_eq!(vector[0].value, 251.0);
}

#[test]
fn a_budget_and_a_cancellation_stop_a_query() {
    let source = source(&[vec![Some(1); 30]]);
    let expr = parse("sum_over_time(a[5m])").unwrap();
    let run = |budget: &QueryBudget| {
        Engine::default().instant(&source, &expr, Timestamp(300_000), budget).unwrap_err().to_string()
    };
    assert!(run(&QueryBudget::new(10)).contains("too many samples"));
    let cancelled = QueryBudget::unlimited();
    cancelled.cancel();
    assert_eq!(run(&cancelled), "query was canceled in expression evaluation");
}
