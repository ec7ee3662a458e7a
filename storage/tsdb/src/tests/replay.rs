use super::*;
use crate::TsdbError;
use parking_lot::{Condvar, Mutex};
use watchfire_model::ByteSize;

/// Holds up the thread that reads the log until it is opened, or dropped.
#[derive(Debug)]
struct Barrier(Arc<BarrierState>);

#[derive(Debug, Default)]
struct BarrierState {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Barrier {
    fn before(storage: &MemStorage) -> Barrier {
        let barrier = Barrier(Arc::default());
        let theirs = Arc::clone(&barrier.0);
        storage.on_operation(move |_| {
            let mut is_open = theirs.is_open.lock();
            while std::thread::current().name() == Some("tsdb-replay") && !*is_open {
                theirs.opened.wait(&mut is_open);
            }
        });
        barrier
    }

    fn open(&self) {
        *self.0.is_open.lock() = true;
        self.0.opened.notify_all();
    }
}

impl Drop for Barrier {
    fn drop(&mut self) {
        self.open();
    }
}

/// A store that is opened and held up in reading its log, and what it holds.
fn held_up(options: &TsdbOptions) -> (Fixture, Model, Barrier) {
    let mut store = Fixture::with(options);
    let mut model = Model::new();
    for tick in 0..40 {
        store.clock.advance_ms(SPAN / 10);
        let samples: Vec<_> = (0..3).map(|number| (series(number), store.now(), f64::from(tick))).collect();
        note(&mut model, &samples);
        store.append(&samples);
    }
    store.tsdb.maintain().expect("the storage works");
    store.tsdb.commit().expect("the storage works");
    let storage = store.storage.crash();
    let barrier = Barrier::before(&storage);
    store.ids.clear();
    let tsdb = Tsdb::open(Arc::new(storage.clone()), Arc::clone(&store.clock) as _, store.options.clone());
    let store = Fixture { tsdb: tsdb.expect("the store opens"), storage, ..store };
    (store, model, barrier)
}

fn note(model: &mut Model, samples: &[(Labels, i64, f64)]) {
    for (labels, time, value) in samples {
        model.entry(labels.clone()).or_default().insert(*time, value.to_bits());
    }
}

#[test]
fn blocks_answer_and_samples_are_taken_while_the_log_is_read() {
    let (mut store, mut model, barrier) = held_up(&TsdbOptions::default());
    let status = store.tsdb.status();
    assert!(status.replay.as_ref().is_some_and(|replay| replay.bytes_total > 0), "{status:?}");
    assert_eq!(store.tsdb.missing(TimeRange::ALL).len(), 1);
    let stored = status.blocks.iter().map(|block| block.samples).sum::<u64>() as usize;
    assert_eq!(store.all().values().map(BTreeMap::len).sum::<usize>(), stored, "blocks answer");
    // Of a known series: at the time of a sample that is still to be read, before it, and after it.
    let now = store.now();
    let fresh = [(series(0), now, -1.0), (series(1), now - 1, -2.0), (series(2), now + 5, -3.0), (series(7), now, 8.0)];
    store.append(&fresh);
    store.append(&[(series(2), now + 5, -4.0)]);
    store.tsdb.commit().expect("the storage works");
    note(&mut model, &fresh);
    note(&mut model, &[(series(2), now + 5, -4.0)]);
    assert_eq!(store.all().values().map(BTreeMap::len).sum::<usize>(), stored + 4, "what is fresh is seen at once");
    store.tsdb.maintain().expect("nothing is due");
    let crashed = store.storage.crash();
    barrier.open();
    store.tsdb.wait_ready().expect("the log can be read");
    assert_eq!(store.tsdb.status().replay, None);
    assert!(store.tsdb.missing(TimeRange::ALL).is_empty());
    assert_eq!(store.all(), model, "what was written last counts");
    for _ in 0..6 {
        store.clock.advance_ms(SPAN / 2);
        store.append(&[(series(0), store.now(), 1.0)]);
        note(&mut model, &[(series(0), store.now(), 1.0)]);
        store.tsdb.commit().expect("the storage works");
        store.tsdb.maintain().expect("the storage works");
    }
    assert_eq!(store.all(), model, "flushed");
    store.crash();
    assert_eq!(store.all(), model, "opened again");
    let interrupted = open(&crashed, &store.clock, &store.options);
    let left = query(&interrupted, &[], TimeRange::ALL);
    let within = |time: &i64| *time <= now + 5;
    for (labels, samples) in &model {
        let want: BTreeMap<_, _> = samples.iter().filter(|(time, _)| within(time)).map(|(t, v)| (*t, *v)).collect();
        assert_eq!(left[labels], want, "a crash while the log was read costs nothing: {labels}");
    }
}

#[test]
fn what_waits_for_the_log_has_a_limit() {
    let (store, _, barrier) = held_up(&TsdbOptions { late_samples_max: 3, ..TsdbOptions::default() });
    let id = store.tsdb.register(&series(0)).expect("below the limit");
    let sample = |index: i64| (id, Sample { time: Timestamp(store.now() + index), value: 1.0 });
    store.tsdb.append(&[sample(1), sample(2), sample(3)]).expect("there is room");
    let refused = store.tsdb.append(&[sample(4)]);
    assert!(matches!(refused, Err(TsdbError::Replaying { max: 3 })), "{refused:?}");
    assert_eq!(store.tsdb.shared.metrics.refused_samples.get(), 1);
    barrier.open();
    store.tsdb.wait_ready().expect("the log can be read");
    store.tsdb.append(&[sample(4)]).expect("the limit is over");
}

#[test]
fn closing_ends_a_replay_that_is_held_up() {
    let (store, model, barrier) = held_up(&TsdbOptions::default());
    store.tsdb.close();
    assert!(matches!(store.tsdb.wait_ready(), Err(TsdbError::Closing)));
    let Fixture { storage, clock, options, tsdb, .. } = store;
    barrier.open();
    drop(tsdb);
    assert_eq!(query(&open(&storage, &clock, &options), &[], TimeRange::ALL), model, "the log stays as it was");
}

#[test]
fn a_log_larger_than_memory_is_flushed_while_it_is_read() {
    let mut store = Fixture::new();
    let mut model = Model::new();
    // All of it is in the log.
    let (n_series, ticks) = (40, 6000);
    let all: Vec<Labels> = (0..n_series).map(series).collect();
    let ids: Vec<SeriesId> = all.iter().map(|labels| store.tsdb.register(labels).expect("below")).collect();
    store.clock.advance_ms(ticks);
    for tick in 0..ticks {
        let sample = Sample { time: Timestamp(START + tick), value: (tick * 7 % 13) as f64 };
        let batch: Vec<_> = ids.iter().map(|id| (*id, sample)).collect();
        store.tsdb.append(&batch).expect("the storage works");
    }
    for labels in all {
        let samples = (0..ticks).map(|tick| (START + tick, ((tick * 7 % 13) as f64).to_bits()));
        model.insert(labels, samples.collect());
    }
    store.tsdb.commit().expect("the storage works");
    store.options.head_bytes_max = ByteSize(store.tsdb.head_bytes() as u64 / 2);
    store.crash();
    let status = store.tsdb.status();
    assert!(store.tsdb.shared.metrics.flushes.get() >= 1, "{} bytes", status.head_bytes);
    assert!(status.head_bytes < store.options.head_bytes_max.0, "{} bytes", status.head_bytes);
    assert_eq!(store.all(), model);
    let flushed = status.blocks.len();
    store.crash();
    assert_eq!(store.tsdb.status().blocks.len(), flushed, "nothing is flushed twice");
    assert_eq!(store.all(), model);
    let held: u64 = store.tsdb.status().head_samples + status.blocks.iter().map(|block| block.samples).sum::<u64>();
    assert_eq!(held, n_series as u64 * ticks as u64, "each sample is held once");
}

#[test]
fn a_power_cut_anywhere_in_a_replay_that_flushes_costs_nothing() {
    let mut store = Fixture::new();
    let all: Vec<Labels> = (0..10).map(series).collect();
    let ids: Vec<SeriesId> = all.iter().map(|labels| store.tsdb.register(labels).expect("below")).collect();
    let ticks = 3 * SPAN;
    store.clock.advance_ms(ticks);
    for tick in 0..ticks {
        let sample = Sample { time: Timestamp(START + tick), value: (tick % 17) as f64 };
        let batch: Vec<_> = ids.iter().map(|id| (*id, sample)).collect();
        store.tsdb.append(&batch).expect("the storage works");
    }
    store.tsdb.commit().expect("the storage works");
    let model = store.all();
    store.options.head_bytes_max = ByteSize(14_000);
    let operations = {
        let storage = store.storage.crash();
        let whole = open(&storage, &store.clock, &store.options);
        let flushes = whole.shared.metrics.flushes.get();
        assert!(flushes > 1, "{flushes} flushes, {} bytes", whole.head_bytes());
        storage.operations()
    };
    for step in 1..=operations {
        let storage = store.storage.crash();
        storage.unplug_at(step);
        let clock = Arc::clone(&store.clock) as _;
        let tsdb = Tsdb::open(Arc::new(storage.clone()), clock, store.options.clone());
        // Whether it gets to the end depends on where the cut is.
        drop(tsdb.map(|tsdb| tsdb.wait_ready()));
        storage.repair();
        let again = open(&storage.crash(), &store.clock, &store.options);
        assert_eq!(query(&again, &[], TimeRange::ALL), model, "cut at {step}");
        let status = again.status();
        let held = status.head_samples + status.blocks.iter().map(|block| block.samples).sum::<u64>();
        assert_eq!(held, 10 * ticks as u64, "cut at {step}: each sample is held once");
    }
}
