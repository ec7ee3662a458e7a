//! The store as a source of records for queries, against a list.

use super::model::filters;
use super::{GRANULE_ROWS, Step, append, open, options, step};
use crate::testing::{record, records};
use crate::{LogStore, RecordId, SearchRequest};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use watchfire_model::{
    Aggregate, AggregateFunction, AggregateRequest, AggregateSpec, FieldPattern, FieldSelection, FieldValue, GroupKey,
    GroupRow, Groups, LogFilter, LogRecord, LogSource, LogSourceError, QueryBudget, ScanOrder, ScanRequest,
    TimeBuckets, TimeNs, TimeRangeNs,
};
use watchfire_store::{ManualClock, MemStorage, Storage};

const NAMES: [&str; 10] = ["service", "took", "took:kind", "a.b", "", "host", "message", "stream", "level", "absent"];

/// Every record that passes, in the order in which it is handed out.
fn scan(store: &LogStore, filter: &LogFilter, range: TimeRangeNs, order: ScanOrder) -> Vec<(RecordId, LogRecord)> {
    let request = ScanRequest { filter: filter.clone(), range, order, fields: FieldSelection::All };
    let mut found = Vec::new();
    let answer = store.scan(&request, &QueryBudget::unlimited(), &mut |sequence, record| {
        found.push((RecordId { time: record.time, sequence }, record.clone()));
        ControlFlow::Continue(())
    });
    assert_eq!(answer.unwrap().partial, Vec::<String>::new());
    found
}

/// What is appended in which order, however often the store was opened.
fn texts(found: &[(RecordId, LogRecord)]) -> Vec<&LogRecord> {
    found.iter().map(|(_, record)| record).collect()
}

fn function() -> impl Strategy<Value = AggregateFunction> {
    use AggregateFunction as F;
    prop_oneof![
        Just(F::Count),
        Just(F::Sum),
        Just(F::Avg),
        Just(F::Min),
        Just(F::Max),
        Just(F::Quantile(0.5)),
        Just(F::CountUniq),
        Just(F::Values(3)),
        Just(F::First),
        Just(F::Last),
        Just(F::Rate { over_ns: 1_000_000_000 }),
    ]
}

fn name() -> impl Strategy<Value = smol_str::SmolStr> {
    prop::sample::select(&NAMES[..]).prop_map(Into::into)
}

fn aggregate() -> impl Strategy<Value = Aggregate> {
    let only = prop_oneof![
        3 => Just(None),
        1 => Just(Some(LogFilter::Any(FieldPattern::text("200")))),
        1 => Just(Some(LogFilter::Exists { name: "took".into() })),
    ];
    (function(), proptest::option::of(name()), only).prop_map(|(function, field, only)| {
        let counts = matches!(function, AggregateFunction::Count | AggregateFunction::Rate { .. });
        // All but counts look at a field.
        let field = field.or_else(|| if counts { None } else { Some("took".into()) });
        Aggregate { function, field, only }
    })
}

fn key() -> impl Strategy<Value = GroupKey> {
    prop_oneof![
        3 => name().prop_map(GroupKey::Field),
        1 => (1i64..500, -600i64..600)
            .prop_map(|(step_ns, origin)| GroupKey::Time(TimeBuckets::Every { step_ns, origin: TimeNs(origin) })),
        1 => Just(GroupKey::Time(TimeBuckets::Starts(vec![TimeNs(100), TimeNs(170), TimeNs(600)]))),
    ]
}

prop_compose! {
    fn spec()(
        by in proptest::collection::vec(key(), 0..3),
        functions in proptest::collection::vec(aggregate(), 0..4),
    ) -> AggregateSpec {
        AggregateSpec { by, functions, groups_max: 100_000 }
    }
}

/// Sums may differ in the last digits, as they are added in another order.
#[track_caller]
fn assert_same(got: &[GroupRow], want: &[GroupRow], what: &dyn std::fmt::Debug) {
    assert_eq!(got.len(), want.len(), "groups of {what:?}: {got:?} for {want:?}");
    for (got, want) in got.iter().zip(want) {
        assert_eq!(got.key, want.key, "{what:?}");
        for (one, other) in got.values.iter().zip(&want.values) {
            let number = |value: &Option<FieldValue>| value.as_ref().and_then(FieldValue::as_number);
            let close = match (number(one), number(other)) {
                (Some(a), Some(b)) => {
                    a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()) || a.is_nan() && b.is_nan()
                }
                _ => one == other,
            };
            assert!(close, "{what:?}, group {:?}: {one:?} for {other:?}", want.key);
        }
    }
}

/// Appends batches with something else between them.
fn build(batches: Vec<(Vec<LogRecord>, Step)>) -> (LogStore, Vec<LogRecord>) {
    let storage = MemStorage::new(1);
    let mut store = open(&storage);
    let mut all = Vec::new();
    for (batch, step) in batches {
        append(&store, batch.clone());
        all.extend(batch);
        store = step.take(store, &storage);
    }
    (store, all)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn scans_and_aggregates_equal_a_list(
        batches in proptest::collection::vec((records(0..30), step()), 1..5),
        specs in proptest::collection::vec((spec(), prop::sample::select(filters())), 20),
        start in -100i64..600,
        len in 0i64..1200,
    ) {
        let (store, all) = build(batches);
        let narrow = TimeRangeNs { start: TimeNs(start), end: TimeNs(start + len) };
        for (turn, (spec, filter)) in specs.into_iter().enumerate() {
            let range = if turn % 3 == 0 { narrow } else { TimeRangeNs::ALL };
            let passes = |record: &&LogRecord| range.contains(record.time) && filter.matches(*record);
            let mut oldest_first: Vec<&LogRecord> = all.iter().filter(passes).collect();
            oldest_first.sort_by_key(|record| record.time);
            let scanned = scan(&store, &filter, range, ScanOrder::OldestFirst);
            prop_assert_eq!(texts(&scanned), oldest_first, "{:?} in {:?}", filter, range);
            let mut newest = scan(&store, &filter, range, ScanOrder::NewestFirst);
            newest.reverse();
            prop_assert_eq!(&newest, &scanned);
            let mut any = scan(&store, &filter, range, ScanOrder::Any);
            any.sort_by_key(|(id, _)| *id);
            prop_assert_eq!(&any, &scanned);

            let mut want = Groups::new(Arc::new(spec.clone()));
            for (id, record) in &scanned {
                want.add(id.sequence, record).unwrap();
            }
            let request = AggregateRequest { filter, range, spec };
            let (got, answer) = store.aggregate(&request, &QueryBudget::unlimited()).unwrap();
            prop_assert_eq!(answer.partial, Vec::<String>::new());
            assert_same(&got.finish(), &want.finish(), &request);
        }
    }

    /// A page holds what comes behind its cursor: what was there when the first one was asked for comes exactly once.
    #[test]
    fn cursors_are_stable_while_records_arrive(
        before in proptest::collection::vec((records(0..30), step()), 1..3),
        arriving in proptest::collection::vec(records(0..6), 0..8),
        oldest_first: bool,
        limit in 1usize..9,
    ) {
        let (store, _) = build(before);
        let order = if oldest_first { ScanOrder::OldestFirst } else { ScanOrder::NewestFirst };
        let there = scan(&store, &LogFilter::All, TimeRangeNs::ALL, order);
        let mut request = SearchRequest {
            filter: LogFilter::All,
            range: TimeRangeNs::ALL,
            limit,
            cursor: None,
            order,
            fields: FieldSelection::All,
        };
        let mut found = Vec::new();
        let mut arriving = arriving.into_iter().enumerate();
        loop {
            let page = store.search(&request, &QueryBudget::unlimited()).unwrap();
            found.extend(page.records.into_iter().map(|stored| (stored.id, stored.record)));
            request.cursor = page.next_cursor;
            if request.cursor.is_none() {
                break;
            }
            if let Some((turn, batch)) = arriving.next() {
                append(&store, batch);
                if turn % 3 == 0 {
                    store.flush().unwrap();
                }
            }
        }
        let ids: BTreeSet<RecordId> = found.iter().map(|(id, _)| *id).collect();
        prop_assert_eq!(ids.len(), found.len(), "none comes twice");
        let known: BTreeSet<RecordId> = there.iter().map(|(id, _)| *id).collect();
        found.retain(|(id, _)| known.contains(id));
        prop_assert_eq!(found, there);
    }
}

fn many(count: i64) -> LogStore {
    let store = open(&MemStorage::new(1));
    append(&store, (0..count).map(|time| record(time, "m")).collect());
    store.flush().unwrap();
    store
}

#[test]
fn a_scan_that_is_broken_off_reads_no_further() {
    let store = many(4000);
    let budget = QueryBudget::new(20 * GRANULE_ROWS as u64 * 8);
    let range = TimeRangeNs::ALL;
    let request =
        ScanRequest { filter: LogFilter::All, range, order: ScanOrder::NewestFirst, fields: FieldSelection::All };
    let mut seen = 0;
    let mut visit = |_: u64, _: &LogRecord| {
        seen += 1;
        if seen == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let answer = store.scan(&request, &budget, &mut visit).unwrap();
    assert!(answer.cost.granules_read <= 4, "{:?}", answer.cost);
    assert_eq!(budget.samples(), 0, "nothing is held any more");
    // However many records there are, few are held at once.
    let mut seen = 0;
    let mut visit = |_: u64, _: &LogRecord| {
        seen += 1;
        ControlFlow::Continue(())
    };
    store.scan(&request, &budget, &mut visit).unwrap();
    assert_eq!((seen, budget.samples()), (4000, 0));
}

#[test]
fn only_the_fields_that_are_asked_for_are_there() {
    let store = open(&MemStorage::new(1));
    let fields = vec![("a".into(), FieldValue::I64(1)), ("b".into(), FieldValue::I64(2))];
    append(&store, vec![LogRecord { fields, ..record(1, "line") }]);
    for _ in 0..2 {
        let request = SearchRequest {
            filter: LogFilter::All,
            range: TimeRangeNs::ALL,
            limit: 1,
            cursor: None,
            order: ScanOrder::Any,
            fields: FieldSelection::Only(["b".into(), "host".into()].into()),
        };
        let page = store.search(&request, &QueryBudget::unlimited()).unwrap();
        let got = &page.records[0].record;
        let want = LogRecord { fields: vec![("b".into(), FieldValue::I64(2))], message: "".into(), ..record(1, "") };
        assert_eq!(*got, want);
        store.flush().unwrap();
    }
}

#[test]
fn aggregates_are_bounded_and_counts_need_no_reading() {
    let store = many(400);
    let count = Aggregate { function: AggregateFunction::Count, field: None, only: None };
    let by = |name: &str| vec![GroupKey::Field(name.into())];
    let request = |by, groups_max| AggregateRequest {
        filter: LogFilter::All,
        range: TimeRangeNs::ALL,
        spec: AggregateSpec { by, functions: vec![count.clone()], groups_max },
    };
    let time = vec![GroupKey::Time(TimeBuckets::Every { step_ns: 1, origin: TimeNs(0) })];
    let error = store.aggregate(&request(time, 10), &QueryBudget::unlimited()).unwrap_err();
    assert!(matches!(error, LogSourceError::TooManyGroups(_)), "{error:?}");
    let (groups, answer) = store.aggregate(&request(by("stream"), 10), &QueryBudget::unlimited()).unwrap();
    assert_eq!(groups.finish()[0].values, [Some(FieldValue::I64(400))]);
    assert_eq!((answer.cost.granules_summed, answer.cost.granules_read), (100, 0));
    let cancelled = QueryBudget::unlimited();
    cancelled.cancel();
    let error = store.aggregate(&request(by("host"), 10), &cancelled).unwrap_err();
    assert!(matches!(error, LogSourceError::Exhausted(_)), "{error:?}");
}

/// A block is damaged: whoever has seen nothing yet gets everything else, whoever is in the midst of it goes on.
#[test]
fn a_block_that_turns_out_damaged_in_the_midst_of_a_scan_is_named() {
    // The damage is in the first granule of the newer block.
    for (order, count) in [(ScanOrder::OldestFirst, 40), (ScanOrder::NewestFirst, 76)] {
        let storage = MemStorage::new(1);
        let store = open(&storage);
        for day in 0..2 {
            append(&store, (0..40).map(|time| record(day * 86_400_000_000_000 + time, "m")).collect());
            store.flush().unwrap();
        }
        let mut keys: Vec<String> = storage.list("logs/").unwrap().into_iter().map(|object| object.key).collect();
        keys.retain(|key| std::path::Path::new(key).extension().is_some_and(|ending| ending == "parquet"));
        keys.sort();
        let newer = keys.last().unwrap().clone();
        drop(store);
        storage.flip_bit(&newer, 100);
        let at: Arc<dyn Storage> = Arc::new(storage.clone());
        let clock = Arc::new(ManualClock::new(TimeNs(1_000)));
        let store = LogStore::open_with(at, clock, options(), GRANULE_ROWS).unwrap();
        store.wait_ready().unwrap();
        let request =
            ScanRequest { filter: LogFilter::All, range: TimeRangeNs::ALL, order, fields: FieldSelection::All };
        let mut times = Vec::new();
        let answer = store.scan(&request, &QueryBudget::unlimited(), &mut |_, record| {
            times.push(record.time.0);
            ControlFlow::Continue(())
        });
        let answer = answer.unwrap();
        assert_eq!(answer.partial, [newer.trim_end_matches(".parquet")]);
        assert_eq!(times.len(), count, "{order:?}");
    }
}
