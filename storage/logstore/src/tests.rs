//! The store against a naive model: every answer, wherever the records lie.

mod asked_again;
mod compaction;
mod copies;
mod damage;
mod faults;
mod formats;
mod lifecycle;
mod mending;
mod model;
mod replaying;
mod source;

use crate::testing::{record, records};
use crate::{FieldsRequest, HistogramRequest, LogStore, LogStoreError, LogStoreOptions, SearchRequest, StoredRecord};
use model::{Model, filters};
use proptest::prelude::*;
use std::sync::Arc;
use watchfire_model::{
    ByteSize, FieldSelection, LogFilter, LogRecord, MemoryPool, QueryBudget, ScanOrder, TimeNs, TimeRangeNs,
};
use watchfire_store::{ManualClock, MemStorage, Storage};

/// Small, so that few records make many granules.
const GRANULE_ROWS: usize = 4;

/// Without a thread of its own for merging, so that tests know what happens when.
fn options() -> LogStoreOptions {
    LogStoreOptions { compact_in_background: false, ..LogStoreOptions::default() }
}

fn open(storage: &MemStorage) -> LogStore {
    let store = try_open(storage).unwrap();
    store.wait_ready().unwrap();
    store
}

fn try_open(storage: &MemStorage) -> Result<LogStore, LogStoreError> {
    let storage: Arc<dyn Storage> = Arc::new(storage.clone());
    let clock = Arc::new(ManualClock::new(TimeNs(1_000)));
    LogStore::open_with(storage, clock, options(), GRANULE_ROWS)
}

fn append(store: &LogStore, records: Vec<LogRecord>) {
    let position = store.append(records).unwrap();
    store.commit(position).unwrap();
}

/// All records that pass, in pages of three.
fn search_all(store: &LogStore, filter: &LogFilter, range: TimeRangeNs) -> Vec<StoredRecord> {
    let mut request = SearchRequest {
        filter: filter.clone(),
        range,
        limit: 3,
        cursor: None,
        order: ScanOrder::NewestFirst,
        fields: FieldSelection::All,
    };
    let mut found = Vec::new();
    loop {
        let page = store.search(&request, &QueryBudget::unlimited()).unwrap();
        assert_eq!(page.partial, Vec::<String>::new());
        assert!(page.records.len() == request.limit || page.next_cursor.is_none(), "only the last page is short");
        found.extend(page.records);
        let Some(cursor) = page.next_cursor else { return found };
        assert_eq!(found.last().map(|record| record.id), Some(cursor.0));
        request.cursor = Some(cursor.to_string().parse().unwrap());
    }
}

/// The records, numbered in order of arrival without the gaps that reopening leaves.
fn renumbered(store: &LogStore, mut found: Vec<StoredRecord>) -> Vec<StoredRecord> {
    let all = search_all(store, &LogFilter::All, TimeRangeNs::ALL);
    let mut sequences: Vec<u64> = all.iter().map(|stored| stored.id.sequence).collect();
    sequences.sort_unstable();
    for stored in &mut found {
        stored.id.sequence = sequences.binary_search(&stored.id.sequence).unwrap() as u64;
    }
    found
}

/// `turn` chooses the field that splits the histogram.
#[track_caller]
fn check_answers(store: &LogStore, model: &Model, filter: &LogFilter, range: TimeRangeNs, turn: usize) {
    let budget = QueryBudget::unlimited();
    let found = renumbered(store, search_all(store, filter, range));
    assert_eq!(found, model.search(filter, range), "search for {filter:?} in {range:?}");
    let request = FieldsRequest { filter: filter.clone(), range, values_max: 2, names: None };
    let fields = store.fields(&request, &budget).unwrap();
    assert_eq!(fields.fields, model.fields(&request), "fields of {filter:?} in {range:?}");
    let names = store.fields(&FieldsRequest { values_max: 0, ..request.clone() }, &budget).unwrap();
    assert_eq!(names.fields, model.fields(&FieldsRequest { values_max: 0, ..request }), "names of {filter:?}");
    let names = ["service", "took", "level", "stream", "host", "message"];
    for by in [None, Some(names[turn % names.len()])] {
        let by = by.map(Into::into);
        let request = HistogramRequest { filter: filter.clone(), range, step_ns: 70, by };
        if let Some(want) = model.histogram(&request) {
            let got = store.histogram(&request, &budget).unwrap();
            assert_eq!((got.start, got.series, got.total), want, "histogram of {request:?}");
        }
    }
}

/// The first page of everything that passes.
fn newest(filter: LogFilter, limit: usize) -> SearchRequest {
    let (order, fields) = (ScanOrder::NewestFirst, FieldSelection::All);
    SearchRequest { filter, range: TimeRangeNs::ALL, limit, cursor: None, order, fields }
}

/// What happens to the store between two batches.
#[derive(Debug, Clone, Copy)]
enum Step {
    Nothing,
    Flush,
    Reopen,
    /// Flushes, and merges all that there is.
    Merge,
}

impl Step {
    fn take(self, store: LogStore, storage: &MemStorage) -> LogStore {
        match self {
            Step::Nothing => {}
            Step::Flush => store.flush().unwrap(),
            Step::Reopen => {
                drop(store);
                return open(storage);
            }
            Step::Merge => {
                store.flush().unwrap();
                store.inner.merge_all().unwrap();
            }
        }
        store
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![Just(Step::Nothing), Just(Step::Flush), Just(Step::Reopen), Just(Step::Merge)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn answers_equal_a_naive_scan(
        batches in proptest::collection::vec((records(0..25), step()), 1..5),
        start in -100i64..600,
        len in 0i64..1200,
    ) {
        let storage = MemStorage::new(1);
        let mut store = open(&storage);
        let mut model = Model::default();
        for (batch, step) in batches {
            append(&store, batch.clone());
            model.append(batch);
            store = step.take(store, &storage);
        }
        let narrow = TimeRangeNs { start: TimeNs(start), end: TimeNs(start + len) };
        for (turn, filter) in filters().into_iter().enumerate() {
            let range = if turn % 3 == 0 { TimeRangeNs::ALL } else { narrow };
            check_answers(&store, &model, &filter, range, turn);
        }
    }
}

#[test]
fn thousands_of_field_names_share_a_column() {
    let storage = MemStorage::new(1);
    let store = open(&storage);
    let mut model = Model::default();
    let named = |n: i64| {
        let fields =
            (0..1100).map(|field| (format!("f{field:04}").into(), watchfire_model::FieldValue::I64(field * n)));
        LogRecord { fields: fields.collect(), ..record(n, "wide") }
    };
    let twice = LogRecord {
        fields: vec![
            ("a".into(), watchfire_model::FieldValue::I64(1)),
            ("a".into(), watchfire_model::FieldValue::I64(2)),
        ],
        ..record(9, "twice")
    };
    let batch = vec![named(1), named(2), record(3, "narrow"), twice];
    append(&store, batch.clone());
    model.append(batch);
    store.flush().unwrap();
    for filter in model::wide_filters() {
        check_answers(&store, &model, &filter, TimeRangeNs::ALL, 0);
    }
}

#[test]
fn requests_beyond_their_limits_are_refused() {
    let store = open(&MemStorage::new(1));
    let budget = QueryBudget::unlimited();
    for limit in [0, SearchRequest::LIMIT_MAX + 1] {
        let request = SearchRequest {
            filter: LogFilter::All,
            range: TimeRangeNs::ALL,
            limit,
            cursor: None,
            order: ScanOrder::NewestFirst,
            fields: FieldSelection::All,
        };
        assert!(store.search(&request, &budget).is_err(), "limit {limit}");
    }
    for step_ns in [0, -1, 1] {
        let request = HistogramRequest { filter: LogFilter::All, range: TimeRangeNs::ALL, step_ns, by: None };
        assert!(store.histogram(&request, &budget).is_err(), "step {step_ns}");
    }
}

#[test]
fn a_budget_ends_a_query() {
    let store = open(&MemStorage::new(1));
    append(&store, (0..100).map(|time| record(time, "m")).collect());
    store.flush().unwrap();
    let request = newest(LogFilter::All, 50);
    assert!(store.search(&request, &QueryBudget::new(10)).is_err());
    let cancelled = QueryBudget::unlimited();
    cancelled.cancel();
    assert!(store.search(&request, &cancelled).is_err());
    assert!(store.search(&request, &QueryBudget::new(51)).is_ok());
}

#[test]
fn the_newest_records_are_found_without_reading_the_rest() {
    let store = open(&MemStorage::new(1));
    append(&store, (0..400).map(|time| record(time, "m")).collect());
    store.flush().unwrap();
    let request = newest(LogFilter::All, 5);
    let result = store.search(&request, &QueryBudget::unlimited()).unwrap();
    assert_eq!(result.records.len(), 5);
    assert_eq!((result.stats.granules, result.stats.granules_read), (100, 2));
    assert_eq!(result.stats.granules_pruned, 98);
}

#[test]
fn the_index_spares_reading() {
    let store = open(&MemStorage::new(1));
    let text = |time: i64| if time == 123 { "needle zk81".to_owned() } else { format!("hay {time}") };
    append(&store, (0..400).map(|time| record(time, &text(time))).collect());
    store.flush().unwrap();
    let filter = LogFilter::Any(watchfire_model::FieldPattern::text("ZK81"));
    let request = newest(filter, 5);
    let result = store.search(&request, &QueryBudget::unlimited()).unwrap();
    assert_eq!(result.records.len(), 1);
    assert_eq!(result.stats.granules_read, 1);
}

#[test]
fn a_query_pays_for_the_memory_that_it_holds() {
    let store = open(&MemStorage::new(1));
    append(&store, (0..100).map(|time| record(time, &format!("message {time} {}", "x".repeat(1000)))).collect());
    for flushed in [false, true] {
        if flushed {
            store.flush().unwrap();
        }
        let pool = MemoryPool::new("queries", ByteSize::from_mib(1));
        let request = newest(LogFilter::All, 50);
        let small = QueryBudget::unlimited().with_memory(&pool, 40_000);
        assert!(matches!(
            store.search(&request, &small),
            Err(LogStoreError::Exhausted(watchfire_model::Exhausted::Memory { .. }))
        ));
        drop(small);
        assert_eq!(pool.used(), 0);
        let enough = QueryBudget::unlimited().with_memory(&pool, 1 << 20);
        store.search(&request, &enough).unwrap();
        assert!(pool.used() > 50_000, "the answer is still held: {}", pool.used());
        let fields = FieldsRequest { filter: LogFilter::All, range: TimeRangeNs::ALL, values_max: 10, names: None };
        store.fields(&fields, &enough).unwrap();
        drop(enough);
        assert_eq!(pool.used(), 0);
    }
}
