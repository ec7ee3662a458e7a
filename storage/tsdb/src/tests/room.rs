//! Limits of disk and memory.

use super::*;
use crate::TsdbError;
use watchfire_model::{ByteSize, Exhausted, MemoryPool, SelectError};
use watchfire_store::Fault;

fn sample(store: &Fixture, id: SeriesId) -> [(SeriesId, Sample); 1] {
    [(id, Sample { time: Timestamp(store.now()), value: 1.0 })]
}

#[test]
fn a_disk_that_is_nearly_full_takes_no_samples_and_answers() {
    let mut store = Fixture::new();
    store.append(&[(series(0), START, 1.0)]);
    store.storage.set_has_room(false);
    let id = store.ids[&series(0)];
    let refused = store.tsdb.append(&sample(&store, id));
    assert!(matches!(refused, Err(TsdbError::DiskFull)), "{refused:?}");
    assert_eq!(store.tsdb.shared.metrics.refused_samples.get(), 1);
    assert_eq!(store.all()[&series(0)].len(), 1);
    store.tsdb.commit().expect("what was taken becomes durable");
    store.tsdb.maintain().expect("nothing is due");
    store.storage.set_has_room(true);
    store.clock.advance_ms(1);
    store.tsdb.append(&sample(&store, id)).expect("there is room");
}

#[test]
fn a_flush_uses_the_reserve() {
    let mut store = Fixture::new();
    for tick in 0..30 {
        store.clock.advance_ms(SPAN / 10);
        store.append(&[(series(0), store.now(), f64::from(tick))]);
    }
    store.tsdb.commit().expect("the storage works");
    let before = store.all();
    store.storage.set_reserve(1 << 20);
    let first_write = store.storage.operations() + 1;
    store.storage.fail_at(first_write, Fault::Full);
    store.tsdb.maintain().expect("the second try has the reserve");
    assert_eq!(store.tsdb.shared.metrics.released_reserves.get(), 1);
    assert!(!store.tsdb.status().blocks.is_empty());
    assert_eq!(store.all(), before);
}

#[test]
fn a_head_that_is_full_is_flushed_and_refuses_what_would_exceed_it() {
    let max = 600_000;
    let mut store = Fixture::with(&TsdbOptions { head_bytes_max: ByteSize(max), ..TsdbOptions::default() });
    let mut refused_series = 0;
    let mut ids = Vec::new();
    for number in 0..3000 {
        match store.tsdb.register(&series(number)) {
            Ok(id) => ids.push(id),
            Err(TsdbError::HeadFull { .. }) => refused_series += 1,
            Err(error) => panic!("{error}"),
        }
        if number % 100 == 0 {
            assert!(store.tsdb.register(&series(0)).is_ok(), "known series are found");
        }
    }
    assert!(refused_series > 0 && ids.len() > 500, "{} series taken", ids.len());
    // Few series, many samples.
    let max = 200_000;
    store.options.head_bytes_max = ByteSize(max);
    store.crash();
    let mut model = Model::new();
    let mut peak = 0;
    for tick in 0..2000 {
        store.clock.advance_ms(1);
        let samples: Vec<_> = (0..40).map(|number| (series(number), store.now(), f64::from(tick).sqrt())).collect();
        for (labels, time, value) in &samples {
            model.entry(labels.clone()).or_default().insert(*time, value.to_bits());
        }
        store.append(&samples);
        if tick % 10 == 0 {
            store.tsdb.commit().expect("the storage works");
            store.tsdb.maintain().expect("the storage works");
        }
        peak = peak.max(store.tsdb.head_bytes() as u64);
    }
    assert!(peak < max, "{peak} bytes");
    assert!(store.tsdb.shared.metrics.flushes.get() > 1, "flushed for its memory");
    assert_eq!(store.all(), model);
    store.tsdb.commit().expect("the storage works");
    store.crash();
    assert_eq!(store.all(), model);
}

#[test]
fn samples_are_refused_when_no_flush_makes_room() {
    let mut store = Fixture::with(&TsdbOptions { head_bytes_max: ByteSize(100_000), ..TsdbOptions::default() });
    let mut refused = None;
    let id = store.tsdb.register(&series(0)).expect("below the limit");
    for _ in 0..1000 {
        store.clock.advance_ms(1);
        let batch: Vec<_> = (0..100).map(|_| sample(&store, id)[0]).collect();
        match store.tsdb.append(&batch) {
            Ok(_) => {}
            Err(error) => refused = Some(error),
        }
    }
    assert!(matches!(refused, Some(TsdbError::HeadFull { .. })), "{refused:?}");
    assert!(store.tsdb.head_bytes() < 130_000, "{} bytes", store.tsdb.head_bytes());
    store.tsdb.commit().expect("the storage works");
    store.append(&[(series(0), store.now() + 1, 1.0)]);
}

#[test]
fn whoever_appends_too_much_without_a_commit_waits_for_one() {
    let mut store = Fixture::with(&TsdbOptions { unsynced_bytes_max: ByteSize(10_000), ..TsdbOptions::default() });
    let samples = |store: &Fixture| -> Vec<_> { (0..100).map(|index| (series(0), store.now() + index, 1.0)).collect() };
    for _ in 0..20 {
        store.clock.advance_ms(100);
        store.append(&samples(&store));
    }
    let metrics = &store.tsdb.shared.metrics;
    assert!(metrics.unsynced_waits.get() > 0);
    assert!(store.tsdb.head_bytes() < 25_000, "{} bytes", store.tsdb.head_bytes());
    let committed = count(&store);
    let id = store.ids[&series(0)];
    store.storage.unplug_at(store.storage.operations() + 1);
    let mut refused = 0;
    for _ in 0..40 {
        store.clock.advance_ms(100);
        let batch: Vec<_> = (0..100).map(|_| sample(&store, id)[0]).collect();
        refused += usize::from(store.tsdb.append(&batch).is_err());
    }
    assert!(refused > 20 && store.tsdb.head_bytes() < 40_000, "{refused}, {} bytes", store.tsdb.head_bytes());
    assert!(store.tsdb.commit().is_err());
    assert!(store.tsdb.status().last_failure.is_some_and(|failure| failure.starts_with("making samples durable")));
    store.storage.repair();
    store.tsdb.commit().expect("a new session works");
    assert_eq!(store.tsdb.status().last_failure, None);
    let before = store.all();
    assert!(count(&store) > committed);
    store.crash();
    assert_eq!(store.all(), before, "what a failed session has lost was written again");
}

fn count(store: &Fixture) -> usize {
    store.all().values().map(BTreeMap::len).sum()
}

#[test]
fn series_found_are_charged_to_the_query() {
    let mut store = Fixture::new();
    let samples: Vec<_> = (0..100).map(|number| (series(number), START, 1.0)).collect();
    store.append(&samples);
    let pool = MemoryPool::new("queries", ByteSize(1 << 20));
    let budget = QueryBudget::unlimited().with_memory(&pool, 1000);
    let refused = store.tsdb.select(&[], TimeRange::ALL, &budget).err();
    assert_eq!(refused, Some(SelectError::Budget(Exhausted::Memory { max: 1000 })));
    let budget = QueryBudget::unlimited().with_memory(&pool, 1 << 20);
    store.tsdb.select(&[], TimeRange::ALL, &budget).expect("it fits");
    assert!(pool.used() > 100 * 100 && pool.used() < 100 * 1000, "{} bytes", pool.used());
    drop(budget);
    let budget = QueryBudget::unlimited().with_memory(&pool, 1000);
    let refused = store.tsdb.label_values("number", &[], TimeRange::ALL, &budget);
    assert_eq!(refused, Err(SelectError::Budget(Exhausted::Memory { max: 1000 })));
}
