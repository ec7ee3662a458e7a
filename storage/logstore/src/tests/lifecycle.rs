//! Flushes, restarts, retention, full disks, readers at the same time.

use super::{append, open, search_all};
use crate::testing::record;
use crate::{LogStore, LogStoreError, LogStoreOptions, SearchRequest, TailEvent};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use watchfire_model::{
    ByteSize, DurationMs, FieldSelection, LogFilter, LogRecord, QueryBudget, ScanOrder, TimeNs, TimeRangeNs,
};
use watchfire_store::{Fault, ManualClock, MemStorage, Storage};

const DAY_MS: i64 = 24 * 3600 * 1000;

fn open_at(storage: &MemStorage, clock: &Arc<ManualClock>, options: LogStoreOptions) -> LogStore {
    let store = LogStore::open(Arc::new(storage.clone()), Arc::clone(clock) as _, options).unwrap();
    store.wait_ready().unwrap();
    store
}

fn messages(store: &LogStore) -> Vec<String> {
    let mut found: Vec<String> = search_all(store, &LogFilter::All, TimeRangeNs::ALL)
        .into_iter()
        .map(|stored| stored.record.message.to_string())
        .collect();
    found.sort();
    found
}

fn objects(storage: &MemStorage, prefix: &str) -> usize {
    storage.list(prefix).unwrap().len()
}

#[test]
fn ids_survive_flush_and_restart() {
    let storage = MemStorage::new(1);
    let store = open(&storage);
    append(&store, vec![record(5, "a"), record(5, "b")]);
    let fresh = search_all(&store, &LogFilter::All, TimeRangeNs::ALL);
    drop(store);
    let store = open(&storage);
    assert_eq!(search_all(&store, &LogFilter::All, TimeRangeNs::ALL), fresh);
    store.flush().unwrap();
    assert_eq!(search_all(&store, &LogFilter::All, TimeRangeNs::ALL), fresh);
    drop(store);
    let store = open(&storage);
    assert_eq!(search_all(&store, &LogFilter::All, TimeRangeNs::ALL), fresh);
    append(&store, vec![record(5, "c")]);
    let next = search_all(&store, &LogFilter::All, TimeRangeNs::ALL)[0].id;
    assert!(next.sequence > fresh[0].id.sequence);
    assert_eq!(store.status().records, 3);
    assert_eq!(store.status().times, Some((TimeNs(5), TimeNs(5))));
}

#[test]
fn a_cut_at_any_operation_loses_nothing_that_was_committed_and_doubles_nothing() {
    for cut in 1..200 {
        let storage = MemStorage::new(cut);
        storage.unplug_at(cut);
        let mut committed = Vec::new();
        let mut tried = Vec::new();
        let clock = Arc::new(ManualClock::new(TimeNs(1)));
        if let Ok(store) = LogStore::open(Arc::new(storage.clone()), clock, super::options()) {
            for n in 0..6 {
                let message = format!("m{n}");
                tried.push(message.clone());
                let stored = store.append(vec![record(n, &message)]).and_then(|position| store.commit(position));
                if stored.is_ok() {
                    committed.push(message);
                }
                if n % 2 == 1 {
                    // A failed flush leaves everything in the write-ahead log.
                    let _ = store.flush();
                }
            }
        }
        let all_done = storage.operations() < cut;
        let store = open(&storage.crash());
        let found = messages(&store);
        assert!(committed.iter().all(|message| found.contains(message)), "cut {cut}: {committed:?} in {found:?}");
        assert!(found.windows(2).all(|pair| pair[0] != pair[1]), "cut {cut}: doubled in {found:?}");
        assert!(found.iter().all(|message| tried.contains(message)), "cut {cut}: {found:?}");
        if all_done {
            return;
        }
    }
    panic!("the scenario takes more operations than were tried");
}

#[test]
fn a_single_failing_operation_loses_nothing_and_is_recovered_from() {
    for (number, fault) in
        (1..60).flat_map(|number| [(number, Fault::Io), (number, Fault::IoAfterwards), (number, Fault::Full)])
    {
        let storage = MemStorage::new(number);
        let store = open(&storage);
        storage.fail_at(storage.operations() + number, fault);
        let mut committed = Vec::new();
        for n in 0..4 {
            let message = format!("m{n}");
            if store.append(vec![record(n, &message)]).and_then(|position| store.commit(position)).is_ok() {
                committed.push(message);
            }
            let _ = store.flush();
        }
        storage.repair();
        store.maintain().unwrap();
        let live = messages(&store);
        drop(store);
        for (place, found) in [("live", live), ("reopened", messages(&open(&storage)))] {
            let context = format!("{fault:?} at {number}, {place}: {found:?}");
            assert!(committed.iter().all(|message| found.contains(message)), "{context}");
            assert!(found.windows(2).all(|pair| pair[0] != pair[1]), "{context}");
        }
    }
}

#[test]
fn orphans_of_a_failed_flush_are_swept() {
    let storage = MemStorage::new(1);
    storage.create("logs/default/1970-01-01/ORPHAN.parquet", b"x").unwrap();
    let store = open(&storage);
    assert_eq!(objects(&storage, "logs/"), 0);
    append(&store, vec![record(1, "a")]);
    store.flush().unwrap();
    drop(store);
    let store = open(&storage);
    assert_eq!(objects(&storage, "logs/"), 2);
    assert_eq!(messages(&store), ["a"]);
}

#[test]
fn records_are_flushed_when_they_are_old() {
    let storage = MemStorage::new(1);
    let clock = Arc::new(ManualClock::new(TimeNs(0)));
    let store = open_at(&storage, &clock, super::options());
    append(&store, vec![record(1, "a")]);
    store.maintain().unwrap();
    assert_eq!(store.status().blocks, 0);
    clock.advance_ms(5 * 60 * 1000);
    store.maintain().unwrap();
    assert_eq!((store.status().blocks, store.status().memtable_records), (1, 0));
}

fn at_day(day: i64, message: &str) -> LogRecord {
    record(day * DAY_MS * 1_000_000, message)
}

/// Lets records arrive for so many hours up to `day`.
fn arrive(store: &LogStore, day: i64, hours: i64) {
    for hour in 1 - hours..=0 {
        let time = day * DAY_MS + hour * 3_600_000;
        append(store, vec![record(time * 1_000_000, &format!("day {day} hour {hour}"))]);
    }
}

#[test]
fn blocks_past_their_retention_go_and_a_clock_jump_deletes_nothing() {
    let storage = MemStorage::new(1);
    let clock = Arc::new(ManualClock::new(TimeNs(0)));
    let mut options = LogStoreOptions { retention: DurationMs(10 * DAY_MS as u64), ..super::options() };
    options.stream_retention.insert("audit".into(), DurationMs(100 * DAY_MS as u64));
    let store = open_at(&storage, &clock, options);
    let set_day = |day: i64| clock.set(TimeNs(day * DAY_MS * 1_000_000));
    let kept = || ["audit", "new", "old"].map(|message| messages(&store).contains(&message.to_owned()));
    let audit = LogRecord { stream: "audit".into(), ..at_day(0, "audit") };
    append(&store, vec![at_day(0, "old"), audit, at_day(5, "new")]);
    set_day(5);
    arrive(&store, 5, 6);
    store.flush().unwrap();
    // However far the clock jumps, and though records arrive at the time that it claims: for hours nothing is believed.
    for jumped in [365, -365, 5, -20_454, 10_000, 16] {
        set_day(jumped);
        store.maintain().unwrap();
        append(&store, vec![at_day(jumped, "jumped")]);
        store.flush().unwrap();
        store.maintain().unwrap();
        assert_eq!(kept(), [true; 3], "day {jumped}");
        set_day(5);
        store.maintain().unwrap();
        assert_eq!(kept(), [true; 3], "day {jumped} and back");
    }
    set_day(11);
    arrive(&store, 11, 4);
    store.maintain().unwrap();
    assert_eq!(kept(), [true; 3]);
    arrive(&store, 11, 6);
    let preview: Vec<String> = store.retention_preview().into_iter().map(|block| block.stream.to_string()).collect();
    assert!(preview.contains(&"default".to_owned()) && !preview.contains(&"audit".to_owned()), "{preview:?}");
    store.maintain().unwrap();
    assert_eq!(kept(), [true, true, false]);
    assert_eq!(objects(&storage, "logs/default/1970-01-01/"), 0);
}

#[test]
fn a_query_reads_its_blocks_to_the_end_though_they_are_retired() {
    let storage = MemStorage::new(1);
    let clock = Arc::new(ManualClock::new(TimeNs(0)));
    let options =
        LogStoreOptions { retention: DurationMs(DAY_MS as u64), cache_bytes_max: ByteSize(0), ..super::options() };
    let store = Arc::new(open_at(&storage, &clock, options));
    append(&store, vec![at_day(0, "old"), at_day(9, "new")]);
    store.flush().unwrap();
    clock.set(TimeNs(9 * DAY_MS * 1_000_000));
    let range = TimeRangeNs { start: TimeNs::MIN, end: at_day(9, "new").time.plus_ns(1) };
    append(
        &store,
        (0..6).map(|hour| record(9 * DAY_MS * 1_000_000 + (hour - 6) * 3_600_000_000_000, "more")).collect(),
    );
    let retire = AtomicBool::new(true);
    let hook_store = Arc::downgrade(&store);
    storage.on_operation(move |operation| {
        if operation.key.starts_with("logs/")
            && operation.kind == watchfire_store::OperationKind::Read
            && retire.swap(false, Ordering::SeqCst)
        {
            hook_store.upgrade().unwrap().maintain().unwrap();
        }
    });
    let request = SearchRequest {
        filter: LogFilter::All,
        range,
        limit: 99,
        cursor: None,
        order: ScanOrder::NewestFirst,
        fields: FieldSelection::All,
    };
    let page = store.search(&request, &QueryBudget::unlimited()).unwrap();
    assert_eq!((page.records.len(), page.partial.len()), (8, 0));
    assert_eq!(objects(&storage, "logs/"), 2, "the last reader has let go");
    assert!(!messages(&store).contains(&"old".to_owned()));
}

#[test]
fn a_full_disk_stops_appends_and_space_brings_them_back() {
    let storage = MemStorage::new(1);
    let clock = Arc::new(ManualClock::new(TimeNs(0)));
    let options = LogStoreOptions { memtable_bytes_max: ByteSize(4096), ..super::options() };
    let store = open_at(&storage, &clock, options);
    let stop = Arc::new(AtomicBool::new(true));
    // Blocks cannot be created, the write-ahead log goes on.
    storage.on_operation({
        let (storage, stop) = (storage.clone(), Arc::clone(&stop));
        move |operation| {
            let no_room = operation.key.starts_with("logs/") && stop.load(Ordering::SeqCst);
            storage.set_capacity(no_room.then_some(0));
        }
    });
    let mut accepted = 0;
    let refused = loop {
        match store.append(vec![record(accepted, &"x".repeat(100))]) {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
        assert!(accepted < 1000, "memory is not bounded");
    };
    assert!(matches!(refused, LogStoreError::Backlog { .. }), "{refused}");
    assert_eq!(messages(&store).len(), accepted as usize);
    stop.store(false, Ordering::SeqCst);
    store.maintain().unwrap();
    append(&store, vec![record(0, "more")]);
    store.flush().unwrap();
    assert_eq!(messages(&store).len(), accepted as usize + 1);
    assert_eq!(store.status().memtable_records, 0);
}

#[test]
fn readers_see_every_record_once_while_it_moves() {
    let storage = MemStorage::new(1);
    let clock = Arc::new(ManualClock::new(TimeNs(0)));
    let options = LogStoreOptions { memtable_bytes_max: ByteSize(20_000), ..super::options() };
    let store = open_at(&storage, &clock, options);
    let count = || {
        let request = SearchRequest {
            filter: LogFilter::All,
            range: TimeRangeNs::ALL,
            limit: 10_000,
            cursor: None,
            order: ScanOrder::NewestFirst,
            fields: FieldSelection::All,
        };
        let result = store.search(&request, &QueryBudget::unlimited()).unwrap();
        let mut sequences: Vec<u64> = result.records.iter().map(|stored| stored.id.sequence).collect();
        sequences.sort_unstable();
        assert!(sequences.iter().copied().eq(0..sequences.len() as u64), "{sequences:?}");
        sequences.len()
    };
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for batch in 0..150 {
                store.append((0..10).map(|n| record(batch * 10 + n, "some message")).collect()).unwrap();
            }
        });
        let mut before = 0;
        while !writer.is_finished() {
            let now = count();
            assert!(now >= before, "{now} after {before}");
            before = now;
        }
    });
    assert_eq!(count(), 1500);
    assert!(store.status().blocks > 0);
}

#[test]
fn the_tail_tells_what_was_accepted() {
    let store = open(&MemStorage::new(1));
    let mut tail = store.tail();
    append(&store, vec![record(1, "a"), record(0, "b")]);
    let Some(TailEvent::Records(batch)) = tail.try_next() else { panic!("a batch was accepted") };
    let got: Vec<_> = batch.iter().map(|stored| (stored.id.sequence, stored.record.message.as_str())).collect();
    assert_eq!(got, [(0, "a"), (1, "b")]);
    assert_eq!(tail.try_next(), None);
    drop(store);
    assert_eq!(tail.try_next(), Some(TailEvent::Closed));
}
