use super::*;
use watchfire_store::{Fault, Storage};

/// Three windows of two series, committed.
fn filled() -> (Fixture, Model) {
    let mut store = Fixture::new();
    let mut model = Model::new();
    for tick in 0..30 {
        store.clock.advance_ms(SPAN / 10);
        let samples: Vec<_> = (0..2).map(|number| (series(number), store.now(), f64::from(tick) / 8.0)).collect();
        for (labels, time, value) in &samples {
            model.entry(labels.clone()).or_default().insert(*time, value.to_bits());
        }
        store.append(&samples);
    }
    store.tsdb.commit().expect("the storage works");
    (store, model)
}

#[test]
fn a_flush_that_fails_anywhere_loses_nothing() {
    let mut failures = 0;
    for step in 1..40 {
        let (mut store, model) = filled();
        store.storage.fail_at(store.storage.operations() + step, Fault::Io);
        failures += u32::from(store.tsdb.maintain().is_err());
        store.storage.repair();
        assert_eq!(store.all(), model, "step {step}, running on");
        store.clock.advance_ms(60_000);
        store.tsdb.maintain().expect("the storage works again");
        assert_eq!(store.all(), model, "step {step}, tried again");
        assert!(!store.tsdb.status().blocks.is_empty(), "step {step}");
        store.crash();
        assert_eq!(store.all(), model, "step {step}, opened again");
    }
    assert!(failures >= 3, "{failures} of the steps failed");
}

#[test]
fn a_crash_anywhere_in_a_flush_loses_nothing() {
    for step in 1..40 {
        let (mut store, model) = filled();
        store.storage.unplug_at(store.storage.operations() + step);
        drop(store.tsdb.maintain());
        store.crash();
        assert_eq!(store.all(), model, "step {step}");
        store.tsdb.maintain().expect("the storage works again");
        assert_eq!(store.all(), model, "step {step}, flushed");
        let objects = store.storage.list("metrics/").expect("the storage works");
        assert_eq!(objects.len(), store.tsdb.status().blocks.len(), "step {step}: no orphans");
    }
}

#[test]
fn a_log_that_fails_is_written_anew() {
    let mut store = Fixture::new();
    store.append(&[(series(0), START, 1.0)]);
    store.tsdb.commit().expect("the storage works");
    store.append(&[(series(0), START + 1, 2.0), (series(1), START + 1, 3.0)]);
    store.storage.fail_at(store.storage.operations() + 2, Fault::Io);
    assert!(store.tsdb.commit().is_err(), "the samples are not durable");
    store.append(&[(series(1), START + 2, 4.0)]);
    store.tsdb.commit().expect("a new session works");
    let before = store.all();
    assert_eq!(before.values().map(BTreeMap::len).sum::<usize>(), 4);
    store.crash();
    assert_eq!(store.all(), before, "what was not durable before is now");
}

#[test]
fn a_log_cut_at_any_byte_leaves_a_prefix() {
    let mut store = Fixture::new();
    let mut prefixes = vec![Model::new()];
    for tick in 0..6 {
        store.append(&[(series(tick % 3), START + tick as i64 * 300, tick as f64), (series(0), START, 0.25)]);
        store.tsdb.commit().expect("the storage works");
        prefixes.push(store.all());
    }
    let segments = store.storage.list("wal/metrics/").expect("the storage works");
    let segment = segments.last().expect("there is a log");
    let mut reached = 0;
    for len in 0..=segment.size as usize {
        let cut = store.storage.crash();
        assert!(cut.truncate(&segment.key, len));
        let tsdb = open(&cut, &store.clock, &store.options);
        let left = query(&tsdb, &[], TimeRange::ALL);
        let at = prefixes.iter().position(|prefix| *prefix == left).unwrap_or_else(|| panic!("cut at {len}: {left:?}"));
        assert!(at >= reached, "cut at {len}");
        reached = at;
    }
    assert_eq!(reached, prefixes.len() - 1);
}

#[test]
fn a_damaged_block_is_named_and_left_out() {
    let (store, model) = filled();
    store.tsdb.maintain().expect("the storage works");
    let block = store.tsdb.status().blocks.first().expect("a block was written").clone();
    for bit in (0..block.bytes * 8).step_by(13) {
        let storage = store.storage.crash();
        assert!(storage.flip_bit(&block.key, bit));
        let tsdb = open(&storage, &store.clock, &store.options);
        let left = query(&tsdb, &[], TimeRange::ALL);
        let damaged = tsdb.status().damaged_blocks;
        assert_eq!(damaged, std::slice::from_ref(&block.key), "bit {bit}");
        for (labels, samples) in &left {
            assert!(
                samples.iter().all(|(time, bits)| model[labels].get(time) == Some(bits)),
                "bit {bit}: only what was stored"
            );
        }
        let lost = (block.samples) as usize;
        assert_eq!(left.values().map(BTreeMap::len).sum::<usize>() + lost, 60, "bit {bit}: the rest is there");
    }
    let storage = store.storage.crash();
    storage.delete(&block.key).expect("the storage works");
    assert_eq!(open(&storage, &store.clock, &store.options).status().damaged_blocks, [block.key]);
}
