//! Bytes that are not what was written: noticed, named, and never a wrong answer.

use super::{GRANULE_ROWS, append, open};
use crate::testing::record;
use crate::{FieldsRequest, LogStore, LogStoreOptions, SearchRequest, SearchResult};
use std::sync::Arc;
use watchfire_model::{FieldPattern, FieldValue, LogFilter, LogRecord, QueryBudget, TimeNs, TimeRangeNs};
use watchfire_store::{ManualClock, MemStorage, Storage};

fn full(time: i64) -> LogRecord {
    let fields = vec![
        ("took".into(), FieldValue::I64(time * 7)),
        ("user".into(), FieldValue::Text(format!("u{time}").into())),
        ("mixed".into(), if time % 2 == 0 { FieldValue::Bool(true) } else { FieldValue::F64(0.5) }),
    ];
    LogRecord { fields, ..record(time, &format!("request {time} done")) }
}

/// A store with one block, and a second one that stays whole.
fn filled() -> (MemStorage, Vec<String>) {
    let storage = MemStorage::new(1);
    let store = open(&storage);
    append(&store, (0..20).map(full).collect());
    store.flush().unwrap();
    let keys = storage.list("logs/").unwrap().into_iter().map(|object| object.key).collect();
    append(&store, (100..110).map(full).collect());
    store.flush().unwrap();
    (storage, keys)
}

fn search(store: &LogStore, filter: LogFilter) -> SearchResult {
    let request = SearchRequest { filter, range: TimeRangeNs::ALL, limit: 100, cursor: None };
    store.search(&request, &QueryBudget::unlimited()).unwrap()
}

/// Whether the answer misses the damaged block and says so; otherwise it has to be complete.
#[track_caller]
fn check(store: &LogStore, filter: &LogFilter, key: &str, context: &str) -> bool {
    let result = search(store, filter.clone());
    let whole = (0..20).chain(100..110).map(full).filter(|record| filter.matches(record)).rev();
    let without = (100..110).map(full).filter(|record| filter.matches(record)).rev();
    let got: Vec<LogRecord> = result.records.into_iter().map(|stored| stored.record).collect();
    let sorted = |records: &mut dyn Iterator<Item = LogRecord>| -> Vec<LogRecord> {
        records
            .map(|mut record| {
                record.fields.sort_by(|(a, _), (b, _)| a.cmp(b));
                record
            })
            .collect()
    };
    if result.partial.is_empty() {
        assert_eq!(got, sorted(&mut { whole }), "{context}");
        return false;
    }
    assert!(result.partial.len() == 1 && key.starts_with(&result.partial[0]), "{context}: {:?}", result.partial);
    assert_eq!(got, sorted(&mut { without }), "{context}");
    true
}

fn reopened(storage: &MemStorage) -> LogStore {
    let clock = Arc::new(ManualClock::new(TimeNs(1_000)));
    LogStore::open_with(Arc::new(storage.clone()), clock, LogStoreOptions::default(), GRANULE_ROWS).unwrap()
}

#[test]
fn any_flipped_bit_is_noticed_or_does_not_matter() {
    let (storage, keys) = filled();
    let needle = LogFilter::Any(FieldPattern::text("u7"));
    for key in &keys {
        let bits = storage.size(key).unwrap() * 8;
        let mut noticed = 0;
        // A prime step, so that all bits of a byte have their turn.
        for bit in (0..bits).step_by(1013) {
            assert!(storage.flip_bit(key, bit));
            let store = reopened(&storage);
            let context = format!("bit {bit} of {key}");
            let by_needle = check(&store, &needle, key, &context);
            noticed += usize::from(check(&store, &LogFilter::All, key, &context) || by_needle);
            drop(store);
            assert!(storage.flip_bit(key, bit));
        }
        assert!(noticed > 5, "{noticed} flips of {key} were noticed");
    }
}

#[test]
fn a_missing_or_shortened_file_costs_its_block_only() {
    for cut in [None, Some(0), Some(10), Some(500)] {
        let (storage, keys) = filled();
        for key in &keys {
            match cut {
                None => storage.delete(key).unwrap(),
                Some(len) => assert!(storage.truncate(key, len)),
            }
        }
        let store = reopened(&storage);
        assert!(check(&store, &LogFilter::All, &keys[0], &format!("cut at {cut:?}")));
        let request = FieldsRequest { filter: LogFilter::All, range: TimeRangeNs::ALL, values_max: 1 };
        let fields = store.fields(&request, &QueryBudget::unlimited()).unwrap();
        assert_eq!(fields.partial.len(), 1);
        assert_eq!(fields.fields.iter().find(|field| field.name == "took").map(|field| field.records), Some(10));
    }
}

#[test]
fn a_read_that_fails_once_costs_one_answer() {
    let (storage, _) = filled();
    let store = reopened(&storage);
    storage.fail_at(storage.operations() + 1, watchfire_store::Fault::Io);
    assert_eq!(search(&store, LogFilter::All).partial.len(), 1);
    assert_eq!(search(&store, LogFilter::All).records.len(), 30);
}
