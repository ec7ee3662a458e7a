//! Damaged blocks are made anew, and what is lost is known to the record.

use super::damage::{filled, full, search};
use super::{GRANULE_ROWS, open, options};
use crate::{LogStore, LogStoreOptions, RepairReport};
use std::sync::Arc;
use std::time::{Duration, Instant};
use watchfire_model::{ByteSize, DurationMs, LogFilter, LogRecord, TimeNs};
use watchfire_store::{ManualClock, MemStorage, Storage};

const DEADLINE: Duration = Duration::from_mins(1);

fn open_as(storage: &MemStorage, options: LogStoreOptions) -> LogStore {
    let clock = Arc::new(ManualClock::new(TimeNs(1_000)));
    let store = LogStore::open_with(Arc::new(storage.clone()), clock, options, GRANULE_ROWS).unwrap();
    store.wait_ready().unwrap();
    store
}

/// Without the write-ahead log, so that there is nothing to rebuild from.
fn without_log(storage: &MemStorage) {
    for object in storage.list("wal/").unwrap() {
        storage.delete(&object.key).unwrap();
    }
}

fn damage_of(storage: &MemStorage, key: &str, bit: u64) -> LogStore {
    assert!(storage.flip_bit(key, bit));
    let store = open(storage);
    assert_eq!(store.scrub(u64::MAX).damaged, 1);
    store
}

fn ending<'a>(keys: &'a [String], ending: &str) -> &'a str {
    keys.iter().find(|key| key.ends_with(ending)).unwrap()
}

fn found(store: &LogStore) -> Vec<LogRecord> {
    search(store, LogFilter::All).records.into_iter().map(|stored| stored.record).collect()
}

#[test]
fn a_block_is_rebuilt_from_the_log_that_is_kept() {
    let (storage, keys) = filled();
    let before = search(&open(&storage), LogFilter::All).records;
    let store = damage_of(&storage, ending(&keys, ".parquet"), 800);
    let report = store.repair().unwrap();
    assert_eq!(report, RepairReport { rebuilt_blocks: 1, rows: 20, ..RepairReport::default() });
    let answer = search(&store, LogFilter::All);
    assert_eq!((answer.records, answer.partial), (before, Vec::new()));
    assert_eq!(storage.list("damaged/logs/").unwrap().len(), 2);
    assert_eq!(store.status().damaged, []);
    assert_eq!(store.scrub(u64::MAX).damaged, 0);
}

#[test]
fn an_index_is_made_anew_without_loss() {
    let (storage, keys) = filled();
    without_log(&storage);
    let idx = ending(&keys, ".idx");
    let bits = storage.size(idx).unwrap() * 8;
    for bit in (0..bits).step_by(1511) {
        let store = damage_of(&storage.crash(), idx, bit);
        let report = store.repair().unwrap();
        assert_eq!(report, RepairReport { salvaged_blocks: 1, rows: 20, ..RepairReport::default() }, "bit {bit}");
        assert_eq!(found(&store).len(), 30);
    }
}

#[test]
fn what_is_left_of_a_block_is_kept_and_the_rest_is_counted() {
    let (base, keys) = filled();
    without_log(&base);
    let parquet = ending(&keys, ".parquet");
    let mut lost_in_all = 0;
    for bit in (0..base.size(parquet).unwrap() * 8).step_by(2017) {
        let storage = base.crash();
        let store = damage_of(&storage, parquet, bit);
        let report = store.repair().unwrap();
        let left = found(&store);
        assert_eq!(left.len() as u64 + report.lost_rows, 30, "bit {bit}");
        assert!(report.lost_rows <= GRANULE_ROWS as u64, "bit {bit} costs one granule at most: {report:?}");
        assert!(left.iter().all(|record| {
            let mut want = full(record.time.0);
            want.fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            *record == want
        }));
        let answer = search(&store, LogFilter::All);
        assert_eq!(answer.partial.len(), usize::from(report.lost_rows > 0), "bit {bit}: {:?}", answer.partial);
        lost_in_all += report.lost_rows;
        drop(store);
        let store = open(&storage);
        assert_eq!(store.status().lost.iter().map(|lost| lost.rows).sum::<u64>(), report.lost_rows);
        assert_eq!(found(&store), left);
    }
    assert!(lost_in_all > 0);
}

#[test]
fn a_power_cut_at_any_operation_of_a_repair_loses_and_doubles_nothing() {
    let (base, keys) = filled();
    without_log(&base);
    assert!(base.flip_bit(ending(&keys, ".parquet"), 800));
    let mut repaired = 0;
    for cut in 1..100 {
        let storage = base.crash();
        let store = open(&storage);
        store.scrub(u64::MAX);
        let end = storage.operations();
        storage.unplug_at(end + cut);
        let is_done = store.repair().is_ok();
        drop(store);
        let store = open(&storage.crash());
        store.scrub(u64::MAX);
        // The damaged block is there, and set aside, or what was left of it is.
        let mended = !store.status().lost.is_empty();
        assert_eq!(found(&store).len(), if mended { 26 } else { 10 }, "cut {cut}");
        assert_eq!(store.status().damaged.len(), usize::from(!mended), "cut {cut}");
        assert!(mended || !is_done, "cut {cut}");
        store.repair().unwrap();
        assert_eq!(found(&store).len(), 26, "cut {cut}");
        repaired += usize::from(is_done);
        if repaired > 3 {
            return;
        }
    }
    panic!("a repair takes more operations than were tried");
}

#[test]
fn a_block_without_files_is_lost_and_forgotten_with_its_retention() {
    let (storage, keys) = filled();
    without_log(&storage);
    for key in &keys {
        storage.delete(key).unwrap();
    }
    let hour = DurationMs::from_secs(3600);
    let clock = Arc::new(ManualClock::new(TimeNs(1_000)));
    let options = LogStoreOptions { retention: hour, ..options() };
    let store = LogStore::open_with(Arc::new(storage.clone()), Arc::clone(&clock) as _, options, GRANULE_ROWS).unwrap();
    assert_eq!(store.scrub(u64::MAX).damaged, 1);
    assert_eq!(store.repair().unwrap(), RepairReport { salvaged_blocks: 1, lost_rows: 20, ..RepairReport::default() });
    let lost = store.status().lost;
    assert_eq!((lost[0].rows, lost[0].times), (20, (TimeNs(0), TimeNs(19))));
    let answer = search(&store, LogFilter::All);
    assert!(answer.partial.len() == 1 && answer.partial[0].contains("20 records"), "{:?}", answer.partial);
    let hours = |hour: i64| full(hour * 3_600_000_000_000);
    let position = store.append((1..8).map(hours).collect()).unwrap();
    store.commit(position).unwrap();
    clock.advance_ms(8 * 3_600_000);
    store.maintain().unwrap();
    assert_eq!(store.status().lost, []);
}

#[test]
fn damage_is_mended_in_the_background_where_nothing_is_lost() {
    let (storage, keys) = filled();
    assert!(storage.flip_bit(ending(&keys, ".parquet"), 800));
    let store = open_as(&storage, LogStoreOptions { compact_in_background: true, ..options() });
    let begin = Instant::now();
    while search(&store, LogFilter::All).records.len() < 30 {
        assert!(begin.elapsed() < DEADLINE, "{:?}", store.status());
        std::thread::yield_now();
    }
    assert_eq!(store.status().damaged, []);
}

#[test]
fn a_scrub_goes_on_where_it_stopped() {
    let (storage, _) = filled();
    let store = open_as(&storage, LogStoreOptions { wal_keep_bytes: ByteSize(0), ..options() });
    let first = store.scrub(1);
    assert_eq!((first.blocks, first.objects, first.is_round_over), (1, 2, false));
    let second = store.scrub(1);
    assert_eq!((second.blocks, second.is_round_over), (1, false));
    assert!(first.bytes + second.bytes >= store.status().block_bytes, "everything was read");
    let rest: Vec<_> = std::iter::repeat_with(|| store.scrub(1)).take(4).collect();
    let end = rest.iter().position(|report| report.is_round_over).unwrap();
    assert!(rest[..=end].iter().all(|report| report.blocks == 0 && report.found.is_empty()), "{rest:?}");
    store.scrub(u64::MAX);
    assert_eq!(store.scrub(1).blocks, 1);
}
