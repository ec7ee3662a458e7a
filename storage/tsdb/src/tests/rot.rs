//! Bits that flip, and what is done about it.

use super::*;
use watchfire_store::Storage;

/// Some blocks, and samples in the log only.
fn filled(options: &TsdbOptions) -> (Fixture, Model) {
    let mut store = Fixture::with(options);
    let mut model = Model::new();
    for tick in 0..70 {
        store.clock.advance_ms(SPAN / 10);
        let samples: Vec<_> = (0..3).map(|number| (series(number), store.now(), f64::from(tick) / 8.0)).collect();
        for (labels, time, value) in &samples {
            model.entry(labels.clone()).or_default().insert(*time, value.to_bits());
        }
        store.append(&samples);
        store.tsdb.commit().expect("the storage works");
        store.tsdb.maintain().expect("the storage works");
    }
    (store, model)
}

/// A log of which nothing is kept beyond what is needed.
fn without_old_log() -> TsdbOptions {
    let options = TsdbOptions::default();
    TsdbOptions { wal: watchfire_wal::WalOptions { keep_bytes: 0, segment_bytes_max: 1, ..options.wal }, ..options }
}

/// Whether the log's own counters tell of damage or of a torn end.
fn counts_damaged_log(tsdb: &Tsdb) -> bool {
    let mut registry = prometheus_client::registry::Registry::default();
    tsdb.register_metrics(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("a string takes all");
    let counts = |line: &str| line.starts_with("tsdb_wal_damaged_records_total") || line.starts_with("tsdb_wal_torn");
    text.lines().any(|line| counts(line) && !line.ends_with(" 0"))
}

fn count(model: &Model) -> usize {
    model.values().map(BTreeMap::len).sum()
}

#[test]
fn any_flipped_bit_is_found_or_harmless() {
    let (store, model) = filled(&TsdbOptions::default());
    let objects = store.storage.list("").expect("the storage works");
    let bits: u64 = objects.iter().map(|object| object.size * 8).sum();
    let step = if std::env::var_os("WATCHFIRE_EVERY_BIT").is_some() { 1 } else { bits / 400 + 1 };
    let mut kinds = BTreeMap::new();
    for object in &objects {
        for bit in (0..object.size * 8).step_by(step as usize) {
            let storage = store.storage.crash();
            assert!(storage.flip_bit(&object.key, bit));
            let what = format!("bit {bit} of {}", object.key);
            let clock = Arc::clone(&store.clock) as _;
            let kind = object.key.split('/').next().unwrap_or_default();
            let (found, harmless) = kinds.entry(kind.to_owned()).or_insert((0, 0));
            // A manifest whose both copies are damaged is refused; one copy serves.
            let Ok(tsdb) = Tsdb::open(Arc::new(storage), clock, store.options.clone()) else {
                *found += 1;
                continue;
            };
            let ready = tsdb.wait_ready();
            let left = query(&tsdb, &[], TimeRange::ALL);
            for (labels, samples) in &left {
                let is_stored =
                    |(time, bits): (&i64, &u64)| model.get(labels).and_then(|all| all.get(time)) == Some(bits);
                assert!(samples.iter().all(is_stored), "{what}: only what was stored");
            }
            if left == model {
                *harmless += 1;
                continue;
            }
            let is_named = !tsdb.status().damaged_blocks.is_empty() || ready.is_err();
            assert!(is_named || counts_damaged_log(&tsdb), "{what}: found");
            *found += 1;
        }
    }
    assert_eq!(kinds.keys().collect::<Vec<_>>(), ["manifest", "metrics", "wal"], "{kinds:?}");
}

#[test]
fn a_scrub_finds_what_no_query_reads() {
    let (store, _) = filled(&TsdbOptions::default());
    let report = store.tsdb.scrub(u64::MAX).expect("the storage works");
    let blocks = store.tsdb.status().blocks;
    let bytes: u64 = blocks.iter().map(|block| block.bytes).sum();
    assert!(report.round_complete && report.damaged.is_empty(), "{report:?}");
    assert_eq!(report.blocks, blocks.len() as u64);
    assert!(report.bytes > bytes / 2 && report.bytes <= bytes, "{report:?} of {bytes}");
    let block = &blocks[1];
    // A bit in the first page, behind magic, version and checksum.
    assert!(store.storage.flip_bit(&block.key, 40 * 8));
    let mut damaged = Vec::new();
    for calls in 1.. {
        let report = store.tsdb.scrub(1).expect("the storage works");
        damaged.extend(report.damaged);
        if report.round_complete {
            assert!(calls >= blocks.len(), "a little at a time");
            break;
        }
    }
    assert_eq!(damaged.len(), 1, "{damaged:?}");
    assert_eq!((damaged[0].key.as_str(), damaged[0].samples), (block.key.as_str(), block.samples));
    assert_eq!(store.tsdb.status().damage, damaged);
    assert!(store.tsdb.missing(TimeRange::ALL)[0].contains(&block.key));
    assert!(store.tsdb.missing(range(block.max_time.0 + SPAN, i64::MAX)).is_empty());
}

#[test]
fn a_damaged_block_is_rebuilt_from_the_log() {
    let (mut store, model) = filled(&TsdbOptions::default());
    for block in store.tsdb.status().blocks {
        assert!(store.storage.flip_bit(&block.key, block.bytes * 4));
        assert!(store.storage.flip_bit(&block.key, 40 * 8));
    }
    store.reopen();
    store.tsdb.scrub(u64::MAX).expect("the storage works");
    let damaged = store.tsdb.status().damaged_blocks;
    assert!(damaged.len() >= 2);
    let report = store.tsdb.repair().expect("the storage works");
    assert_eq!(report.rebuilt, damaged);
    assert_eq!(report.set_aside.len(), damaged.len());
    assert!(report.lost.is_empty() && report.salvaged.is_empty(), "{report:?}");
    assert_eq!(store.all(), model);
    assert!(store.tsdb.status().damaged_blocks.is_empty());
    let kept = store.storage.list("damaged/metrics/").expect("the storage works");
    assert_eq!(kept.len(), damaged.len());
    store.crash();
    assert_eq!(store.all(), model);
}

#[test]
fn what_cannot_be_rebuilt_is_salvaged_and_told() {
    let (mut store, model) = filled(&without_old_log());
    let block = store.tsdb.status().blocks[0].clone();
    assert!(store.storage.flip_bit(&block.key, 40 * 8));
    let before = count(&store.all());
    assert!(before < count(&model));
    let report = store.tsdb.repair().expect("the storage works");
    assert_eq!(report.salvaged, std::slice::from_ref(&block.key), "{report:?}");
    assert_eq!(report.lost.len(), 1);
    let lost = &report.lost[0];
    assert_eq!(lost.samples as usize, count(&model) - before);
    assert_eq!((lost.min_time, lost.max_time), (block.min_time, block.max_time));
    store.crash();
    assert_eq!(count(&store.all()), before);
    let status = store.tsdb.status();
    assert_eq!(status.lost, report.lost, "remembered");
    assert!(status.damaged_blocks.is_empty());
    assert!(store.tsdb.missing(TimeRange::ALL)[0].contains("were lost"));
    assert!(store.tsdb.missing(range(block.max_time.0 + 1, i64::MAX)).is_empty());
}

#[test]
fn an_error_that_passes_is_no_damage() {
    let (mut store, model) = filled(&TsdbOptions::default());
    for step in 1..30 {
        let storage = store.storage.crash();
        storage.fail_at(step, watchfire_store::Fault::Io);
        let clock = Arc::clone(&store.clock) as _;
        let Ok(tsdb) = Tsdb::open(Arc::new(storage.clone()), clock, store.options.clone()) else { continue };
        while tsdb.wait_ready().is_err() {
            std::thread::yield_now();
        }
        storage.repair();
        assert_eq!(query(&tsdb, &[], TimeRange::ALL), model, "step {step}");
        assert!(tsdb.status().damaged_blocks.is_empty(), "step {step}");
    }
    store.crash();
    assert_eq!(store.all(), model);
}
