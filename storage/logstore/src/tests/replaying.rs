//! What the write-ahead log holds comes back while the store answers and takes records in.

use super::{GRANULE_ROWS, append, open, options, search_all};
use crate::fresh::ReplayState;
use crate::testing::record;
use crate::{LogStore, LogStoreError, LogStoreOptions, SearchRequest};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use watchfire_model::{ByteSize, FieldSelection, LogFilter, QueryBudget, ScanOrder, TimeNs, TimeRangeNs};
use watchfire_store::{ManualClock, MemStorage, OperationKind, Storage};
use watchfire_wal::{Position, Wal, WalOptions};

const MEMTABLE_BYTES: u64 = 16_000;

fn open_small(storage: &MemStorage) -> LogStore {
    let options = LogStoreOptions { memtable_bytes_max: ByteSize(MEMTABLE_BYTES), ..options() };
    let clock = Arc::new(ManualClock::new(TimeNs(1_000)));
    LogStore::open_with(Arc::new(storage.clone()), clock, options, GRANULE_ROWS).unwrap()
}

/// A store with two records in a block and `count` in its write-ahead log.
fn filled(count: i64) -> MemStorage {
    let storage = MemStorage::new(1);
    let store = open(&storage);
    append(&store, vec![record(-2, "block"), record(-1, "block")]);
    store.flush().unwrap();
    for time in 0..count {
        append(&store, vec![record(time, &"x".repeat(100))]);
    }
    storage
}

/// Whether every record from -2 on is there exactly once.
#[track_caller]
fn check(store: &LogStore, count: i64) {
    let mut times: Vec<i64> =
        search_all(store, &LogFilter::All, TimeRangeNs::ALL).iter().map(|stored| stored.id.time.0).collect();
    times.reverse();
    assert_eq!(times, (-2..count).collect::<Vec<i64>>());
}

impl LogStore {
    /// Whether all records are there; not, when writing them out has failed, for then the replay waits for room.
    fn wait_ready_until_stuck(&self) -> bool {
        let mut fresh = self.inner.fresh.lock();
        while fresh.replay == ReplayState::Running && !fresh.flush_failed {
            self.inner.changed.wait(&mut fresh);
        }
        fresh.replay == ReplayState::Done
    }
}

fn partial(store: &LogStore) -> (usize, Vec<String>) {
    let request = SearchRequest {
        filter: LogFilter::All,
        range: TimeRangeNs::ALL,
        limit: 10_000,
        cursor: None,
        order: ScanOrder::NewestFirst,
        fields: FieldSelection::All,
    };
    let page = store.search(&request, &QueryBudget::unlimited()).unwrap();
    (page.records.len(), page.partial)
}

#[test]
fn a_store_answers_and_takes_records_in_while_it_replays() {
    let storage = filled(200);
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    storage.on_operation({
        let gate = Arc::clone(&gate);
        move |operation| {
            let is_replay = std::thread::current().name() == Some("logstore-replay");
            if is_replay && operation.kind == OperationKind::Read {
                let mut is_open = gate.0.lock();
                gate.1.wait_while(&mut is_open, |is_open| !*is_open);
            }
        }
    });
    let store = open_small(&storage);
    let (found, missing) = partial(&store);
    assert_eq!(found, 2);
    assert!(missing.len() == 1 && missing[0].starts_with("replaying the write-ahead log, 0 of 1 MiB"), "{missing:?}");
    let status = store.status().replay.unwrap();
    assert!(status.bytes_done < status.bytes_total);
    append(&store, vec![record(200, "fresh")]);
    assert_eq!(partial(&store).0, 3);
    // It is not written out before what comes before it in the log.
    store.maintain().unwrap();
    assert_eq!(store.status().blocks, 1);
    *gate.0.lock() = true;
    gate.1.notify_all();
    store.wait_ready().unwrap();
    check(&store, 201);
    assert_eq!(store.status().replay, None);
    assert!(store.status().blocks > 1, "it was written out while it was read");
    drop(store);
    check(&open(&storage), 201);
}

#[test]
fn a_replay_takes_no_more_memory_than_two_memtables() {
    let storage = filled(1000);
    let store = Arc::new(open_small(&storage));
    let peak = Arc::new(Mutex::new(0));
    storage.on_operation({
        let (store, peak) = (Arc::downgrade(&store), Arc::clone(&peak));
        move |_| {
            if let Some(store) = store.upgrade() {
                let mut peak = peak.lock();
                *peak = store.status().memtable_bytes.max(*peak);
            }
        }
    });
    store.wait_ready().unwrap();
    check(&store, 1000);
    assert!(*peak.lock() <= 2 * MEMTABLE_BYTES, "{} bytes", peak.lock());
}

#[test]
fn a_power_cut_at_any_operation_of_a_replay_loses_and_doubles_nothing() {
    let base = filled(150);
    for cut in (1..1000).step_by(3) {
        let storage = base.crash();
        storage.unplug_at(cut);
        let options = LogStoreOptions { memtable_bytes_max: ByteSize(MEMTABLE_BYTES), ..options() };
        let clock = Arc::new(ManualClock::new(TimeNs(1_000)));
        let store = LogStore::open_with(Arc::new(storage.clone()), clock, options, GRANULE_ROWS);
        let is_ready = store.is_ok_and(|store| store.wait_ready_until_stuck());
        let is_over = is_ready && storage.operations() < cut;
        check(&open(&storage.crash()), 150);
        if is_over {
            return;
        }
    }
    panic!("the replay takes more operations than were tried");
}

#[test]
fn a_newer_batch_is_named_and_nothing_is_taken_in() {
    let storage = MemStorage::new(1);
    {
        let shared: Arc<dyn Storage> = Arc::new(storage.clone());
        let (wal, _) = Wal::open(shared, "wal/logs", WalOptions::default(), Position::START, &mut |_, _| {}).unwrap();
        let position = wal.append(&[99]).unwrap();
        wal.commit(position).unwrap();
    }
    let store = open_small(&storage);
    assert!(matches!(store.wait_ready(), Err(LogStoreError::Newer { found: 99, .. })));
    assert!(matches!(store.append(vec![record(1, "m")]), Err(LogStoreError::Newer { .. })));
    assert!(store.status().failure.is_some_and(|failure| failure.contains("version 99")));
    assert!(partial(&store).1[0].contains("version 99"));
}
