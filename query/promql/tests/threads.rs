//! However many threads help: the same answers, bit for bit, with the same remarks and the same accounts.

use crate::runner::points::Point;
use crate::runner::source::MemorySource;
use std::sync::Arc;
use watchfire_model::{Labels, QueryBudget, Timestamp};
use watchfire_promql::{Engine, QueryOutput, ScopedHelpers, Value, parse};

const SERIES: usize = 120;
const STEPS: i64 = 1200;

fn source() -> MemorySource {
    let mut source = MemorySource::default();
    for index in 0..SERIES {
        let (number, group) = (index.to_string(), (index % 7).to_string());
        let labels = Labels::from_pairs([("__name__", "a"), ("i", number.as_str()), ("g", group.as_str())]);
        let value = |at: i32| match (at + index as i32) % 97 {
            0 => Point::None,
            rest => Point::Value(f64::from(rest * rest) / 7.0),
        };
        source.load(&labels, 15_000, &(0..200).map(value).collect::<Vec<_>>());
    }
    source
}

/// Everything but the times that it took.
fn seen(output: QueryOutput) -> String {
    let Value::Matrix(matrix) = output.value else { panic!("a matrix") };
    let points = matrix.iter().map(|series| {
        let bits = series.values.iter().fold(0_u64, |all, value| all.rotate_left(5) ^ value.to_bits());
        format!("{} {} {bits:x}\n", series.labels, series.times.len())
    });
    let points: String = points.collect();
    let stats = &output.stats;
    format!("{points}{:?} {} {} {:?}", output.annotations, stats.samples, stats.series, stats.samples_per_step)
}

#[track_caller]
fn check(source: &MemorySource, text: &str) {
    let expr = parse(text).unwrap();
    let answer = |helpers: usize| {
        let engine = Engine::default().with_helpers(Arc::new(ScopedHelpers::new(helpers))).with_step_stats();
        let budget = QueryBudget::unlimited();
        let output = engine.range(source, &expr, Timestamp(0), Timestamp((STEPS - 1) * 2500), 2500, &budget);
        let output = output.map(seen).map_err(|error| error.to_string());
        assert_eq!(budget.samples(), 0, "{text} with {helpers} helpers");
        output
    };
    let alone = answer(0);
    for helpers in [1, 3] {
        assert_eq!(answer(helpers), alone, "{text} with {helpers} helpers");
    }
}

#[test]
fn answers_do_not_depend_on_the_number_of_threads() {
    let source = source();
    for text in [
        "a",
        "a offset 1m",
        "sum by (g) (rate(a[5m]))",
        "avg_over_time(a[10m])",
        "quantile_over_time(time() % 2, a[5m])",
        "max_over_time(rate(a[1m])[5m:30s])",
        "absent_over_time(a{i=\"3\"}[1m])",
        "a and on(g) topk(3, a)",
        "rate(a[5m]) / on(i) rate(a[5m])",
        "label_replace(a, \"g\", \"x\", \"\", \"\") + 1 / 0",
        "sum(a @ 600)",
        "a + a",
        "label_replace(a, \"i\", \"x\", \"\", \"\")",
    ] {
        check(&source, text);
    }
}
