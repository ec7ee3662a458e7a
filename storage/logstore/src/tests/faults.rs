//! Crashes, failing operations and full disks at every single operation of a scenario that does everything a store does:
//! what was acknowledged is there exactly once with its full payload, what was refused is not there.

use super::{GRANULE_ROWS, options, search_all};
use crate::testing::record;
use crate::{LogStore, LogStoreError, LogStoreOptions};
use std::collections::BTreeMap;
use std::sync::Arc;
use watchfire_model::{ByteSize, DurationMs, FieldValue, LogFilter, LogRecord, TimeNs, TimeRangeNs};
use watchfire_store::{Fault, ManualClock, MemStorage};

const DAY_NS: i64 = 24 * 3600 * 1_000_000_000;
/// More operations than the scenario takes.
const OPERATIONS_MAX: u64 = 2000;

/// What senders were told about each record, by its message.
#[derive(Debug, Default)]
struct Told {
    acknowledged: BTreeMap<String, LogRecord>,
    /// Refused, and then the process ended before it could write down that they are: they may come back.
    undecided: BTreeMap<String, LogRecord>,
}

fn numbered(n: i64) -> LogRecord {
    let fields = vec![
        ("number".into(), if n % 3 == 0 { FieldValue::F64(0.5) } else { FieldValue::I64(n) }),
        ("text".into(), FieldValue::Text(format!("payload {n}").into())),
    ];
    let fields = if n % 5 == 0 { Vec::new() } else { fields };
    LogRecord { fields, ..record(DAY_NS * i64::from(n % 9 == 8) + n, &format!("m{n:03}")) }
}

fn open(storage: &MemStorage) -> Result<LogStore, LogStoreError> {
    let clock = Arc::new(ManualClock::new(TimeNs(DAY_NS * 2)));
    let options = LogStoreOptions { memtable_bytes_max: ByteSize(1 << 20), ..options() };
    let store = LogStore::open_with(Arc::new(storage.clone()), clock, options, GRANULE_ROWS)?;
    store.wait_ready()?;
    Ok(store)
}

/// Appends batches of three and commits each; flushes, merges, retires and reopens in between.
fn scenario(storage: &MemStorage, told: &mut Told) {
    let named = |record: LogRecord| (record.message.to_string(), record);
    let mut n = 0;
    for round in 0..2 {
        let Ok(store) = open(storage) else { continue };
        let mut refused = Vec::new();
        for batch in 0..4 {
            let records: Vec<LogRecord> = (n..n + 3).map(numbered).collect();
            n += 3;
            if store.append(records.clone()).and_then(|position| store.commit(position)).is_ok() {
                told.acknowledged.extend(records.into_iter().map(named));
                refused.clear();
            } else {
                refused.extend(records);
            }
            if batch % 2 == round % 2 {
                // A failed flush leaves everything in the write-ahead log.
                drop(store.flush());
            }
        }
        told.undecided.extend(refused.into_iter().map(named));
        drop(store.inner.merge_all());
        drop(store.maintain());
    }
}

#[track_caller]
fn check(storage: &MemStorage, told: &Told, context: &str) {
    let store = open(storage).unwrap_or_else(|error| panic!("{context}: {error}"));
    let mut found: Vec<(String, LogRecord)> = search_all(&store, &LogFilter::All, TimeRangeNs::ALL)
        .into_iter()
        .map(|stored| (stored.record.message.to_string(), stored.record))
        .collect();
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    assert!(found.windows(2).all(|pair| pair[0].0 != pair[1].0), "{context}: doubled in {found:?}");
    let found: BTreeMap<String, LogRecord> = found.into_iter().collect();
    for (message, record) in &told.acknowledged {
        assert_eq!(found.get(message), Some(record), "{context}: {message} was acknowledged");
    }
    for (message, record) in found.iter().filter(|(message, _)| !told.acknowledged.contains_key(*message)) {
        assert_eq!(told.undecided.get(message), Some(record), "{context}: {message} was refused");
    }
    let position = store.append(vec![record(DAY_NS, "fresh")]).unwrap_or_else(|error| panic!("{context}: {error}"));
    store.commit(position).unwrap_or_else(|error| panic!("{context}: {error}"));
    store.flush().unwrap_or_else(|error| panic!("{context}: {error}"));
    assert_eq!(store.status().records as usize, found.len() + 1, "{context}");
}

/// Where the environment does not ask for all operations, every such one is tried, beginning with another one in each test.
const STEP: usize = 5;

/// Runs the scenario again and again; `plan` lets something go wrong at the operation with this number, and `after` gives
/// what is left to be opened again. `WATCHFIRE_EVERY_OPERATION=1` leaves no operation out.
fn at_every_operation(
    what: &str,
    begin: u64,
    plan: impl Fn(&MemStorage, u64),
    after: impl Fn(MemStorage) -> MemStorage,
) {
    let all = std::env::var_os("WATCHFIRE_EVERY_OPERATION").is_some();
    for number in (if all { 1 } else { begin }..OPERATIONS_MAX).step_by(if all { 1 } else { STEP }) {
        let storage = MemStorage::new(number);
        plan(&storage, number);
        let mut told = Told::default();
        scenario(&storage, &mut told);
        let is_over = storage.operations() < number;
        check(&after(storage), &told, &format!("{what} at operation {number}"));
        if is_over {
            assert!(number > 100, "{number} operations are no scenario");
            return;
        }
    }
    panic!("the scenario takes more operations than were tried");
}

fn repaired(storage: MemStorage) -> MemStorage {
    storage.repair();
    storage
}

/// What was deleted may come back.
#[test]
fn a_power_cut_at_any_operation_keeps_every_promise() {
    let plan = |storage: &MemStorage, number| {
        storage.undo_deletions(8);
        storage.unplug_at(number);
    };
    at_every_operation("power cut", 1, plan, |storage| storage.crash());
}

#[test]
fn an_io_error_at_any_operation_costs_only_what_was_refused() {
    at_every_operation("error", 2, |storage, number| storage.fail_at(number, Fault::Io), repaired);
}

#[test]
fn an_error_after_any_operation_costs_only_what_was_refused() {
    at_every_operation("error afterwards", 3, |storage, number| storage.fail_at(number, Fault::IoAfterwards), repaired);
}

#[test]
fn a_full_disk_at_any_operation_costs_only_what_was_refused() {
    at_every_operation("full", 4, |storage, number| storage.fail_at(number, Fault::Full), repaired);
}

#[test]
fn refused_records_are_gone_at_once_and_a_retry_is_not_doubled() {
    let storage = MemStorage::new(7);
    let store = open(&storage).unwrap();
    let commit = |records: &[LogRecord]| store.append(records.to_vec()).and_then(|position| store.commit(position));
    commit(&[numbered(1)]).unwrap();
    let batch = [numbered(2), numbered(3)];
    // The append to the file, its sync.
    for operation in [1, 2] {
        storage.fail_at(storage.operations() + operation, Fault::Io);
        commit(&batch).unwrap_err();
        assert_eq!(search_all(&store, &LogFilter::All, TimeRangeNs::ALL).len(), 1, "operation {operation}");
    }
    store.flush().unwrap();
    commit(&batch).unwrap();
    commit(&[numbered(4)]).unwrap();
    store.flush().unwrap();
    assert_eq!(search_all(&store, &LogFilter::All, TimeRangeNs::ALL).len(), 4);
    drop(store);
    let store = open(&storage).unwrap();
    assert_eq!(search_all(&store, &LogFilter::All, TimeRangeNs::ALL).len(), 4);
}

#[test]
fn a_flush_makes_the_log_durable_first_and_leaves_out_what_fails() {
    let storage = MemStorage::new(7);
    let store = open(&storage).unwrap();
    // Nobody has committed yet, so the log's file is first touched by the flush.
    let position = store.append(vec![numbered(1), numbered(2)]).unwrap();
    storage.fail_at(storage.operations() + 2, Fault::Io);
    store.flush().unwrap();
    assert!(store.commit(position).is_err());
    assert_eq!(search_all(&store, &LogFilter::All, TimeRangeNs::ALL), []);
    assert_eq!(store.status().blocks, 0);
    let position = store.append(vec![numbered(1), numbered(2)]).unwrap();
    store.commit(position).unwrap();
    store.flush().unwrap();
    assert_eq!(search_all(&store, &LogFilter::All, TimeRangeNs::ALL).len(), 2);
}

#[test]
fn a_nearly_full_disk_refuses_records_and_answers() {
    let storage = MemStorage::new(7);
    let store = open(&storage).unwrap();
    let position = store.append(vec![numbered(1)]).unwrap();
    store.commit(position).unwrap();
    storage.set_has_room(false);
    assert!(matches!(store.append(vec![numbered(2)]), Err(LogStoreError::DiskFull)));
    assert_eq!(search_all(&store, &LogFilter::All, TimeRangeNs::ALL).len(), 1);
    store.flush().unwrap();
    drop(store);
    let store = open(&storage).unwrap();
    assert_eq!(search_all(&store, &LogFilter::All, TimeRangeNs::ALL).len(), 1);
    storage.set_has_room(true);
    let position = store.append(vec![numbered(2)]).unwrap();
    store.commit(position).unwrap();
    assert_eq!(search_all(&store, &LogFilter::All, TimeRangeNs::ALL).len(), 2);
}

#[test]
fn when_the_disk_is_nearly_full_retention_by_bytes_goes_first() {
    let storage = MemStorage::new(7);
    let clock = Arc::new(ManualClock::new(TimeNs(DAY_NS)));
    let options = LogStoreOptions { bytes_max: Some(ByteSize(1)), flush_age: DurationMs(1), ..options() };
    let store = LogStore::open(Arc::new(storage.clone()), Arc::clone(&clock) as _, options).unwrap();
    for n in 0..3 {
        let position = store.append(vec![numbered(n)]).unwrap();
        store.commit(position).unwrap();
        store.flush().unwrap();
    }
    assert_eq!(store.status().blocks, 3);
    assert_eq!(store.retention_preview().len(), 2);
    storage.set_has_room(false);
    // Only the manifest has to be written for blocks to go.
    store.maintain().unwrap();
    assert_eq!(store.status().blocks, 1);
    assert_eq!(store.retention_preview(), []);
}
