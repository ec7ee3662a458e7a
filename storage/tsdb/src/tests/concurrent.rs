use super::*;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;

/// Samples that the writer adds to each series; 25 windows.
const TICKS: i64 = 2500;

#[test]
fn queries_miss_nothing_while_blocks_come_and_go() {
    let store = Fixture::new();
    let (tsdb, clock) = (&store.tsdb, &store.clock);
    let written = AtomicI64::new(0);
    let (done, maintained) = (AtomicBool::new(false), AtomicI64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            let ids: Vec<SeriesId> =
                (0..4).map(|number| tsdb.register(&series(number)).expect("below the limit")).collect();
            for tick in 0..TICKS {
                clock.advance_ms(10);
                let sample = Sample { time: Timestamp(START + tick * 10), value: tick as f64 };
                let batch: Vec<_> = ids.iter().map(|id| (*id, sample)).collect();
                assert_eq!(tsdb.append(&batch).expect("the storage works").stored, ids.len());
                written.store(tick + 1, Ordering::SeqCst);
                let before = maintained.load(Ordering::SeqCst);
                while tick % (SPAN / 20) == 0 && maintained.load(Ordering::SeqCst) < before + 2 {
                    thread::yield_now();
                }
            }
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                tsdb.maintain().expect("the storage works");
                tsdb.commit().expect("the storage works");
                maintained.fetch_add(1, Ordering::SeqCst);
            }
        });
        let mut rounds = 0;
        while !done.load(Ordering::SeqCst) || rounds == 0 {
            let least = written.load(Ordering::SeqCst);
            let budget = QueryBudget::unlimited();
            let found = tsdb.select(&[], TimeRange::ALL, &budget).expect("the storage works");
            // Reading only after more was written makes the view an old one.
            for reader in found {
                let mut samples = Samples::default();
                reader.read(TimeRange::ALL, &budget, &mut samples).expect("the storage works");
                assert!(samples.len() as i64 >= least, "{} samples of at least {least}", samples.len());
                assert!((0..).zip(&samples.values).all(|(tick, value)| *value == f64::from(tick)), "without a gap");
            }
            rounds += 1;
        }
    });
    let metrics = &store.tsdb.shared.metrics;
    assert!(metrics.flushes.get() > 5 && metrics.compactions.get() > 2, "there was something to miss");
    assert_eq!(store.all().values().map(BTreeMap::len).sum::<usize>(), 4 * TICKS as usize);
}
