//! A write-ahead log cut at any of its last 64 KiB, with nothing, zeros or an older page behind the cut: it opens, and holds all
//! records before the cut.
//!
//! `WATCHFIRE_SIM_CUT_STEP` is the distance between two cuts (`make flips` cuts at every byte).

use crate::data::{record, series, value};
use crate::number;
use crate::stores::{START, Stores};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use watchfire_model::Sample;
use watchfire_store::{Clock, ManualClock, MemStorage, Storage};

const STEP_DEFAULT: u64 = 1_499;
const TAIL_BYTES: u64 = 65_536;
/// Some page caches leave a page of zeros, or of what was there before.
const PAGE_BYTES: usize = 4_096;

/// A log and its lengths after each commit.
struct Log {
    key: String,
    ends: Vec<u64>,
}

fn newest(storage: &MemStorage, prefix: &str) -> (String, u64) {
    let objects = storage.list(prefix).expect("the disk works");
    let newest = objects.last().expect("a segment");
    (newest.key.clone(), newest.size)
}

/// Commits one record and one sample after the other until both logs are long enough.
fn fill() -> (MemStorage, Arc<ManualClock>, Log, Log) {
    let storage = MemStorage::new(1);
    let clock = Arc::new(ManualClock::new(START.to_ns()));
    let stores = Stores::open(&storage, &clock).expect("an empty disk");
    let mut logs = Log { key: String::new(), ends: Vec::new() };
    let mut metrics = Log { key: String::new(), ends: Vec::new() };
    while logs.ends.last().is_none_or(|end| *end < TAIL_BYTES + 1000) {
        let position = stores.logs.append(vec![record(logs.ends.len() as u64, clock.now())]).expect("the disk works");
        stores.logs.commit(position).expect("the disk works");
        let (key, end) = newest(&storage, "wal/logs/");
        logs.key = key;
        logs.ends.push(end);
    }
    while metrics.ends.last().is_none_or(|end| *end < TAIL_BYTES + 1000) {
        clock.advance_ms(10);
        let count = metrics.ends.len() as u64;
        let id = stores.tsdb.register(&series(0)).expect("a series");
        let sample = Sample { time: clock.now().to_ms(), value: value(count) };
        stores.tsdb.append(&[(id, sample)]).expect("the disk works");
        stores.tsdb.commit().expect("the disk works");
        let (key, end) = newest(&storage, "wal/metrics/");
        metrics.key = key;
        metrics.ends.push(end);
    }
    drop(stores);
    (storage, clock, logs, metrics)
}

/// What lies behind a cut.
#[derive(Debug, Clone, Copy)]
enum Behind {
    Nothing,
    Zeros,
    OlderPage,
}

fn cut(storage: &MemStorage, key: &str, len: usize, behind: Behind) -> MemStorage {
    let copy = storage.crash();
    let mut bytes = copy.read(key).expect("the disk works")[..len].to_vec();
    match behind {
        Behind::Nothing => {}
        Behind::Zeros => bytes.resize(len + PAGE_BYTES, 0),
        Behind::OlderPage => bytes.extend_from_within(len.saturating_sub(PAGE_BYTES)..),
    }
    copy.delete(key).expect("the disk works");
    copy.create(key, &bytes).expect("the disk works");
    copy
}

/// Opens a copy whose log is cut at `len`, and counts what is shown.
#[track_caller]
fn check(storage: &MemStorage, clock: &Arc<ManualClock>, (logs, metrics): (&Log, &Log), back: u64, behind: Behind) {
    let len = |log: &Log| (log.ends.last().expect("a commit") - back) as usize;
    let copy = cut(&cut(storage, &logs.key, len(logs), behind), &metrics.key, len(metrics), behind);
    let stores = Stores::open(&copy, clock).unwrap_or_else(|error| panic!("{back} bytes less, {behind:?}: {error}"));
    let answers = stores.ask().unwrap_or_else(|error| panic!("{back} bytes less, {behind:?}: {error}"));
    // The one that was being written may be there as well: its record is whole, only the end mark of its batch is not.
    let whole = |log: &Log| log.ends.iter().filter(|end| **end <= len(log) as u64).count();
    let is_right = |shown: usize, log: &Log| (whole(log)..=whole(log) + 1).contains(&shown);
    let samples = answers.samples.values().map(BTreeMap::len).sum::<usize>();
    let records = answers.records.len();
    assert!(is_right(records, logs), "{records} of {} records, {back} bytes less, {behind:?}", whole(logs));
    assert!(is_right(samples, metrics), "{samples} of {} samples, {back} bytes less, {behind:?}", whole(metrics));
    assert_eq!(answers.missing, Vec::<String>::new());
}

#[test]
fn a_log_cut_anywhere_in_its_last_64_kib_opens() {
    let begun = Instant::now();
    let step = number("WATCHFIRE_SIM_CUT_STEP").unwrap_or(STEP_DEFAULT).max(1);
    let (storage, clock, logs, metrics) = fill();
    let mut opened = 0;
    for back in (0..TAIL_BYTES).step_by(usize::try_from(step).expect("a small distance")) {
        let behind = [Behind::Nothing, Behind::Nothing, Behind::Zeros, Behind::OlderPage][(opened % 4) as usize];
        check(&storage, &clock, (&logs, &metrics), back, behind);
        opened += 1;
    }
    println!(
        "cuts: {opened} of both logs within their last {TAIL_BYTES} bytes, all opened; {:.0} s",
        begun.elapsed().as_secs_f64()
    );
}
