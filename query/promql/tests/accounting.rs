//! What queries say they read, held and did.

use crate::runner::points::Point;
use crate::runner::source::MemorySource;
use watchfire_model::{Labels, QueryBudget, Timestamp};
use watchfire_promql::{Engine, Explained, QueryStats, parse};

/// Two series with a sample every 10 s, `b` with half as many.
fn source() -> MemorySource {
    let mut source = MemorySource::default();
    for (name, every) in [("a", 10_000), ("b", 20_000)] {
        for index in ["0", "1"] {
            let labels = Labels::from_pairs([("__name__", name), ("i", index)]);
            source.load(&labels, every, &(0..200).map(|at| Point::Value(f64::from(at))).collect::<Vec<_>>());
        }
    }
    source
}

/// The accounts at 200 s, and over four steps from there on, 10 s apart.
fn stats(text: &str) -> (QueryStats, QueryStats) {
    let (source, expr, budget) = (source(), parse(text).unwrap(), QueryBudget::unlimited());
    let engine = Engine::default().with_step_stats();
    let instant = engine.instant(&source, &expr, Timestamp(200_000), &budget).unwrap();
    let range = engine.range(&source, &expr, Timestamp(200_000), Timestamp(230_000), 10_000, &budget).unwrap();
    (instant.stats, range.stats)
}

#[track_caller]
fn check(text: &str, want_instant: u64, want_steps: [u64; 4]) {
    let (instant, range) = stats(text);
    assert_eq!((instant.samples, instant.samples_per_step.as_slice()), (want_instant, &[want_instant][..]), "{text}");
    assert_eq!(
        (range.samples, range.samples_per_step.as_slice()),
        (want_steps.iter().sum(), &want_steps[..]),
        "{text}"
    );
}

#[test]
fn samples_are_counted_as_upstream_counts_them() {
    check("1 + 1", 0, [0; 4]);
    check("a", 2, [2; 4]);
    check("sum(a)", 2, [2; 4]);
    check("sum_over_time(a[60s])", 12, [12; 4]);
    check("sum_over_time(b[60s])", 6, [6; 4]);
    // Of a pinned expression every step counts what the one evaluation looked at.
    check("sum_over_time(a[60s] @ 100)", 12, [12; 4]);
    // Of a subquery, the samples that it makes; at 200 s these are of 150, 160 … 200 s.
    check("sum_over_time(a[60s:10s])", 12, [12; 4]);
    check("sum_over_time(sum_over_time(a[60s])[30s:10s])", 6, [6; 4]);
    // What is answered once counts as often as it stands there.
    check("sum(a) + sum(a)", 4, [4; 4]);
    check("rate(a[60s]) / rate(a[60s])", 24, [24; 4]);
}

#[test]
fn peaks_and_series_are_counted() {
    let (instant, range) = stats("sum_over_time(a[60s])");
    assert_eq!((instant.series, range.series), (2, 2));
    assert!(instant.samples_peak >= 6 && instant.samples_peak <= 24, "{instant:?}");
    assert!(instant.bytes_peak >= instant.samples_peak * 16, "{instant:?}");
    let (once, _) = stats("max_over_time(a[60s]) / max_over_time(a[60s])");
    assert_eq!(once.series, 2, "what stands there twice is read once");
    let source = source();
    let output = Engine::default().instant(&source, &parse("a").unwrap(), Timestamp(0), &QueryBudget::unlimited());
    assert!(output.unwrap().stats.samples_per_step.is_empty());
}

fn outline(node: &Explained) -> String {
    let children: Vec<String> = node.children.iter().map(outline).collect();
    let reused = if node.reused { " reused" } else { "" };
    let inner = if children.is_empty() { String::new() } else { format!(" [{}]", children.join(", ")) };
    format!("{} {}/{}/{}{reused}{inner}", node.kind, node.series, node.points, node.samples_read)
}

#[track_caller]
fn check_explained(text: &str, want: &str) {
    let (source, expr, budget) = (source(), parse(text).unwrap(), QueryBudget::unlimited());
    let engine = Engine::default();
    let explained =
        engine.explain_range(&source, &expr, Timestamp(200_000), Timestamp(230_000), 10_000, &budget).unwrap();
    assert_eq!(outline(&explained.tree), want, "{text}");
    let tree = explained.tree;
    assert_eq!((&text[tree.start..tree.end], tree.text.as_str()), (text, text));
    assert!(tree.seconds >= 0.0 && budget.samples() == 0);
}

#[test]
fn every_part_says_what_it_returned_and_read() {
    check_explained("a", "selector 2/8/48");
    check_explained("1 + time()", "binary 0/4/0 [number 0/4/0, call 0/4/0]");
    check_explained("sum(a)", "aggregation 1/4/0 [selector 2/8/48]");
    check_explained("sum(rate(a[1m]))", "aggregation 1/4/0 [call 2/8/0 [matrix selector 2/18/18]]");
    check_explained(
        "sum(a) / (sum(a))",
        "binary 1/4/0 [aggregation 1/4/0 [selector 2/8/48], paren 1/4/0 [aggregation 1/4/0 reused]]",
    );
    check_explained(
        "topk(1, max_over_time(a[1m:30s]))",
        "aggregation 1/4/0 [number 0/4/0, call 2/8/0 [subquery 2/6/0 [selector 2/6/44]]]",
    );
}
