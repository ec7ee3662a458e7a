use super::*;
use crate::{Appended, TsdbError};
use watchfire_model::{Exhausted, MetricKind, MetricMetadata, SelectError};

fn at(time: i64, id: SeriesId) -> (SeriesId, Sample) {
    (id, Sample { time: Timestamp(time), value: 1.0 })
}

#[test]
fn what_is_refused_is_counted() {
    let options = TsdbOptions { retention: DurationMs(10_000), ahead_max: DurationMs(500), ..TsdbOptions::default() };
    let store = Fixture::with(&options);
    let id = store.tsdb.register(&series(0)).expect("below the limit");
    let unknown = SeriesId(id.0 + 1);
    let batch = [
        at(START, id),
        at(START, id),
        at(START - 5, id),
        at(START - 10_001, id),
        at(START + 501, id),
        at(START, unknown),
    ];
    let appended = store.tsdb.append(&batch).expect("the storage works");
    let want = Appended {
        stored: 3,
        duplicates: 1,
        out_of_order: 1,
        too_old: 1,
        too_far_ahead: 1,
        invalid: 0,
        unknown: vec![5],
    };
    assert_eq!(appended, want);
    assert_eq!(store.tsdb.status().head_samples, 2);
}

#[test]
fn series_have_a_limit() {
    let store = Fixture::with(&TsdbOptions { series_max: 2, ..TsdbOptions::default() });
    let first = store.tsdb.register(&series(0)).expect("below the limit");
    store.tsdb.register(&series(1)).expect("below the limit");
    assert!(matches!(store.tsdb.register(&series(2)), Err(TsdbError::SeriesLimit { max: 2 })));
    assert_eq!(store.tsdb.register(&series(0)).expect("known"), first);
    let long = Labels::from_pairs([("a", "x".repeat(2 << 20))]);
    assert!(matches!(store.tsdb.register(&long), Err(TsdbError::LabelsTooLong { .. })));
    let cardinality = store.tsdb.cardinality(1);
    assert_eq!(cardinality.series_by_metric, [("m".to_owned(), 2)]);
    assert_eq!(cardinality.values_by_label, [("number".to_owned(), 2)]);
    assert_eq!(cardinality.label_pairs, 4);
}

#[test]
fn idle_series_leave_and_their_ids_are_not_mistaken() {
    let mut store = Fixture::new();
    store.append(&[(series(0), START, 1.0), (series(1), START, 1.0)]);
    let old = store.ids[&series(0)];
    for _ in 0..8 {
        store.clock.advance_ms(SPAN / 2);
        store.append(&[(series(1), store.now(), 2.0)]);
        store.tsdb.maintain().expect("the storage works");
    }
    assert_eq!(store.tsdb.status().series, 1);
    let new = store.tsdb.register(&series(2)).expect("below the limit");
    assert_ne!(new, old, "the slot is used again under another id");
    let appended = store.tsdb.append(&[at(store.now(), old)]).expect("the storage works");
    assert_eq!(appended.unknown, [0]);
    assert_eq!(store.all()[&series(0)].len(), 1, "its samples are in a block");
    let names = store.tsdb.label_names(&[], TimeRange::ALL, &QueryBudget::unlimited()).expect("the storage works");
    assert_eq!(names, ["__name__", "number", "parity"]);
    let numbers = |within| store.tsdb.label_values("number", &[], within, &QueryBudget::unlimited()).expect("it works");
    assert_eq!(numbers(TimeRange::ALL), ["0", "1", "2"]);
    assert_eq!(numbers(range(store.now(), store.now())), ["1", "2"]);
}

#[test]
fn age_deletes_blocks_but_a_clock_that_jumps_does_not() {
    let mut store = Fixture::with(&TsdbOptions { retention: DurationMs(20 * SPAN as u64), ..TsdbOptions::default() });
    let step = |store: &mut Fixture| {
        store.clock.advance_ms(SPAN / 2);
        store.append(&[(series(0), store.now(), 1.0)]);
        store.tsdb.maintain().expect("the storage works");
    };
    for _ in 0..40 {
        step(&mut store);
    }
    let oldest = |store: &Fixture| store.tsdb.status().blocks.first().map(|block| block.min_time.0);
    assert_eq!(oldest(&store), Some(START + SPAN / 2));
    let jump = 1000 * SPAN;
    store.clock.advance_ms(jump);
    for _ in 0..4 {
        step(&mut store);
    }
    assert_eq!(oldest(&store), Some(START + SPAN / 2), "a new time has to be agreed on");
    store.clock.advance_ms(-jump);
    for _ in 0..12 {
        step(&mut store);
    }
    assert!(oldest(&store) > Some(START + 2 * SPAN), "time went on, and the first blocks are past the retention");
    let deleted = store.tsdb.status().min_time.expect("there are samples");
    assert!(
        deleted.0 >= store.now() - 24 * SPAN && deleted.0 < store.now() - 18 * SPAN,
        "{deleted:?} at {}",
        store.now()
    );
    store.tsdb.commit().expect("the storage works");
    let before = store.all();
    store.crash();
    assert_eq!(store.all(), before);
}

#[test]
fn budgets_end_queries() {
    let mut store = Fixture::new();
    let samples: Vec<_> = (0..300).map(|tick| (series(0), START + tick, 1.0)).collect();
    store.append(&samples);
    let budget = QueryBudget::new(100);
    let found = store.tsdb.select(&[], TimeRange::ALL, &budget).expect("selecting takes no samples");
    let read = found[0].read(TimeRange::ALL, &budget, &mut Samples::default());
    assert_eq!(read, Err(SelectError::Budget(Exhausted::Samples { max: 100 })));
    let budget = QueryBudget::new(100);
    budget.cancel();
    let cancelled = store.tsdb.select(&[], TimeRange::ALL, &budget).err();
    assert_eq!(cancelled, Some(SelectError::Budget(Exhausted::Cancelled)));
}

#[test]
fn metadata_survives() {
    let mut store = Fixture::new();
    let metadata = MetricMetadata { kind: MetricKind::Counter, help: "Requests.".into(), unit: String::new() };
    store.tsdb.set_metadata("requests_total", metadata.clone());
    for _ in 0..10 {
        store.clock.advance_ms(SPAN / 2);
        store.append(&[(series(0), store.now(), 1.0)]);
        store.tsdb.commit().expect("the storage works");
        store.tsdb.maintain().expect("the storage works");
    }
    store.crash();
    assert_eq!(store.tsdb.metadata(), [("requests_total".to_owned(), vec![metadata])]);
}
