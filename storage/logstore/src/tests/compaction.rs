//! Merging: the same records under the same names, in fewer blocks.

use super::{GRANULE_ROWS, append, open, options, search_all};
use crate::state::LogDelta;
use crate::testing::record;
use crate::write::{BlocksWriter, Job, Work};
use crate::{LogStore, LogStoreOptions, RecordId, SearchRequest};
use std::sync::Arc;
use std::time::{Duration, Instant};
use watchfire_logblock::block::{Shape, Survey};
use watchfire_model::{FieldSelection, FieldValue, LogFilter, LogRecord, QueryBudget, ScanOrder, TimeNs, TimeRangeNs};
use watchfire_store::{ManualClock, MemStorage, Storage};

const DEADLINE: Duration = Duration::from_mins(1);

/// A record whose fields differ from those of its neighbours in name and type.
fn numbered(n: i64) -> LogRecord {
    let value = match n % 4 {
        0 => FieldValue::I64(n),
        1 => FieldValue::F64(n as f64),
        2 => FieldValue::Bool(true),
        _ => FieldValue::Text(format!("t{n}").into()),
    };
    let fields = vec![(format!("field{}", n % 3).into(), FieldValue::I64(n)), ("mixed".into(), value)];
    LogRecord { fields, ..record(n, &format!("message {n}")) }
}

/// One block for each record.
fn fill(store: &LogStore, numbers: std::ops::Range<i64>) {
    for n in numbers {
        append(store, vec![numbered(n)]);
        store.flush().unwrap();
    }
}

#[test]
fn merged_blocks_hold_the_same_records_under_the_same_names() {
    let storage = MemStorage::new(1);
    let store = open(&storage);
    fill(&store, 0..20);
    let before = search_all(&store, &LogFilter::All, TimeRangeNs::ALL);
    let request = SearchRequest {
        filter: LogFilter::All,
        range: TimeRangeNs::ALL,
        limit: 7,
        cursor: None,
        order: ScanOrder::NewestFirst,
        fields: FieldSelection::All,
    };
    let page = store.search(&request, &QueryBudget::unlimited()).unwrap();
    store.compact().unwrap();
    assert_eq!(store.status().blocks, 1);
    assert_eq!(storage.list("logs/").unwrap().len(), 2, "nobody reads the inputs any more");
    assert_eq!(search_all(&store, &LogFilter::All, TimeRangeNs::ALL), before);
    let rest =
        store.search(&SearchRequest { cursor: page.next_cursor, limit: 100, ..request }, &QueryBudget::unlimited());
    assert_eq!(rest.unwrap().records, before[7..]);
    drop(store);
    assert_eq!(search_all(&open(&storage), &LogFilter::All, TimeRangeNs::ALL), before);
}

#[test]
fn fields_beyond_the_columns_are_merged_too() {
    let store = open(&MemStorage::new(1));
    let wide = |n: i64| {
        let mut fields: Vec<_> = (0..1050).map(|f| (format!("f{f:04}").into(), FieldValue::I64(f * n))).collect();
        // The same name with another type, and twice.
        fields.push((format!("f{:04}", 1000 + n).into(), FieldValue::Bool(true)));
        LogRecord { fields, ..record(n, "wide") }
    };
    for n in 0..8 {
        append(&store, vec![wide(n), record(n, "narrow")]);
        store.flush().unwrap();
    }
    let before = search_all(&store, &LogFilter::All, TimeRangeNs::ALL);
    store.compact().unwrap();
    assert_eq!(store.status().blocks, 1);
    assert_eq!(search_all(&store, &LogFilter::All, TimeRangeNs::ALL), before);
}

#[test]
fn a_damaged_input_is_left_out() {
    let storage = MemStorage::new(1);
    let store = open(&storage);
    fill(&store, 0..9);
    let keys: Vec<String> = storage.list("logs/").unwrap().into_iter().map(|object| object.key).collect();
    let damaged = keys.iter().find(|key| key.ends_with(".parquet")).unwrap();
    assert!(storage.flip_bit(damaged, 80));
    store.compact().unwrap();
    let status = store.status();
    assert_eq!((status.blocks, status.damaged.len(), status.records), (2, 1, 9));
}

#[test]
fn the_thread_of_the_store_merges_by_itself() {
    let storage = MemStorage::new(1);
    let clock = Arc::new(ManualClock::new(TimeNs(1_000)));
    let options = LogStoreOptions { compact_in_background: true, ..options() };
    let store = LogStore::open(Arc::new(storage.clone()), clock, options).unwrap();
    fill(&store, 0..16);
    let begin = Instant::now();
    while store.status().blocks > 8 {
        assert!(begin.elapsed() < DEADLINE, "{:?}", store.status());
        std::thread::yield_now();
    }
    assert_eq!(search_all(&store, &LogFilter::All, TimeRangeNs::ALL).len(), 16);
}

#[test]
fn nothing_is_merged_where_there_is_no_room_for_it() {
    let storage = MemStorage::new(1);
    let store = open(&storage);
    fill(&store, 0..8);
    storage.set_has_room(false);
    store.compact().unwrap();
    assert_eq!(store.status().blocks, 8);
    storage.set_has_room(true);
    store.compact().unwrap();
    assert_eq!(store.status().blocks, 1);
}

#[test]
fn a_block_ends_where_its_tokens_take_too_much_memory() {
    let store = open(&MemStorage::new(1));
    let records: Vec<LogRecord> = (0..18).map(numbered).collect();
    let survey = Survey::new(records.iter());
    let job = Job {
        work: Work::Flush,
        stream: "default".into(),
        time_max: TimeNs(17),
        fields: survey.fields.clone(),
        shape: Shape { granule_rows: GRANULE_ROWS, zstd_level: 1 },
        tokens_bytes_max: 1,
        logged: None,
    };
    let mut writer = BlocksWriter::new(&store.inner, job);
    let mut targets = survey.targets();
    for (sequence, record) in (0..).zip(&records) {
        let (of_record, rest) = targets.split_at(record.fields.len());
        targets = rest;
        writer.push_record(RecordId { time: record.time, sequence }, record, of_record).unwrap();
    }
    let blocks = writer.finish().unwrap();
    assert!(blocks.metas().iter().all(|meta| meta.rows <= GRANULE_ROWS as u64 && !meta.full));
    store.inner.commit_blocks(blocks, LogDelta::default(), |_| {}).unwrap();
    assert_eq!((store.status().blocks, store.status().memory.work), (5, 0));
    let found = search_all(&store, &LogFilter::All, TimeRangeNs::ALL);
    assert!(
        found.iter().rev().map(|stored| stored.record.message.as_str()).eq(records.iter().map(|r| r.message.as_str()))
    );
}
