//! Bytes that are not what was written: noticed, named, and never a wrong answer.

use super::{append, open};
use crate::testing::record;
use crate::{FieldsRequest, LogStore, SearchRequest, SearchResult};
use watchfire_model::{
    FieldPattern, FieldSelection, FieldValue, LogFilter, LogRecord, QueryBudget, ScanOrder, TimeNs, TimeRangeNs,
};
use watchfire_store::{MemStorage, Storage};

pub(super) fn full(time: i64) -> LogRecord {
    let fields = vec![
        ("took".into(), FieldValue::I64(time * 7)),
        ("user".into(), FieldValue::Text(format!("u{time}").into())),
        ("mixed".into(), if time % 2 == 0 { FieldValue::Bool(true) } else { FieldValue::F64(0.5) }),
    ];
    LogRecord { fields, ..record(time, &format!("request {time} done")) }
}

/// A store with one block, and a second one that stays whole.
pub(super) fn filled() -> (MemStorage, Vec<String>) {
    let storage = MemStorage::new(1);
    let store = open(&storage);
    append(&store, (0..20).map(full).collect());
    store.flush().unwrap();
    let keys = storage.list("logs/").unwrap().into_iter().map(|object| object.key).collect();
    append(&store, (100..110).map(full).collect());
    store.flush().unwrap();
    (storage, keys)
}

pub(super) fn search(store: &LogStore, filter: LogFilter) -> SearchResult {
    let request = SearchRequest {
        filter,
        range: TimeRangeNs::ALL,
        limit: 100,
        cursor: None,
        order: ScanOrder::NewestFirst,
        fields: FieldSelection::All,
    };
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

/// Flips bits of every object of the first block, a prime step apart so that all bits of a byte have their turn.
fn at_flips(storage: &MemStorage, keys: &[String], check: impl Fn(LogStore, &str)) {
    for key in keys {
        for bit in (0..storage.size(key).unwrap() * 8).step_by(1013) {
            assert!(storage.flip_bit(key, bit));
            check(open(storage), &format!("bit {bit} of {key}"));
            assert!(storage.flip_bit(key, bit));
        }
    }
}

#[test]
fn any_flipped_bit_is_noticed_or_does_not_matter() {
    let (storage, keys) = filled();
    let needle = LogFilter::Any(FieldPattern::text("u7"));
    let noticed = std::cell::Cell::new(0);
    at_flips(&storage, &keys, |store, context| {
        let by_needle = check(&store, &needle, &keys[0], context);
        let is_noticed = check(&store, &LogFilter::All, &keys[0], context) || by_needle;
        noticed.set(noticed.get() + usize::from(is_noticed));
    });
    assert!(noticed.get() > 20, "{} flips were noticed", noticed.get());
}

#[test]
fn a_scrub_finds_any_flipped_bit() {
    let (storage, keys) = filled();
    at_flips(&storage, &keys, |store, context| {
        let report = store.scrub(u64::MAX);
        assert_eq!((report.blocks, report.damaged, report.is_round_over), (2, 1, true), "{context}");
        let damaged = store.status().damaged;
        assert!(damaged.len() == 1 && context.contains(&damaged[0].key), "{context}: {damaged:?}");
        assert_eq!((damaged[0].rows, damaged[0].times), (20, (TimeNs(0), TimeNs(19))));
    });
}

#[test]
fn any_flipped_bit_of_a_merged_block_is_noticed_or_does_not_matter() {
    let (storage, _) = filled();
    open(&storage).inner.merge_all().unwrap();
    let whole = search(&open(&storage), LogFilter::All).records;
    let keys: Vec<String> = storage.list("logs/").unwrap().into_iter().map(|object| object.key).collect();
    assert_eq!((whole.len(), keys.len()), (30, 2));
    at_flips(&storage, &keys, |store, context| {
        let answer = search(&store, LogFilter::All);
        if answer.partial.is_empty() {
            assert_eq!(answer.records, whole, "{context}");
            assert_eq!(store.scrub(u64::MAX).damaged, 1, "{context}");
        } else {
            assert_eq!(answer.records, [], "{context}");
        }
    });
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
        let store = open(&storage);
        assert!(check(&store, &LogFilter::All, &keys[0], &format!("cut at {cut:?}")));
        let request = FieldsRequest { filter: LogFilter::All, range: TimeRangeNs::ALL, values_max: 1, names: None };
        let fields = store.fields(&request, &QueryBudget::unlimited()).unwrap();
        assert_eq!(fields.partial.len(), 1);
        assert_eq!(fields.fields.iter().find(|field| field.name == "took").map(|field| field.records), Some(10));
    }
}

#[test]
fn a_read_that_fails_once_costs_one_answer_at_most() {
    let (storage, _) = filled();
    let mut partial = 0;
    for number in 1..12 {
        let store = open(&storage);
        storage.fail_at(storage.operations() + number, watchfire_store::Fault::Io);
        let answer = search(&store, LogFilter::All);
        partial += answer.partial.len();
        assert_eq!(answer.records.len() == 30, answer.partial.is_empty(), "operation {number}");
        assert_eq!(search(&store, LogFilter::All).records.len(), 30, "operation {number}");
    }
    assert!(partial > 2);
}
