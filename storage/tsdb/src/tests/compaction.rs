use super::*;
use crate::{RetentionReason, RetentionRule};
use watchfire_model::MatchOp;
use watchfire_store::{Clock, Storage};

/// Keeps the model beside the store.
struct Filled {
    store: Fixture,
    model: Model,
}

impl Filled {
    fn new(options: &TsdbOptions) -> Filled {
        Filled { store: Fixture::with(options), model: Model::new() }
    }

    fn append(&mut self, samples: &[(Labels, i64, f64)]) {
        for (labels, time, value) in samples {
            self.model.entry(labels.clone()).or_default().insert(*time, value.to_bits());
        }
        self.store.append(samples);
    }

    /// Two samples of two series in each of so many windows; maintains as time goes on.
    fn windows(&mut self, count: usize) {
        for _ in 0..count * 2 {
            self.store.clock.advance_ms(SPAN / 2);
            let now = self.store.now();
            self.append(&[(series(0), now, 1.5), (series(1), now, now as f64)]);
            self.store.tsdb.commit().expect("the storage works");
            self.store.tsdb.maintain().expect("the storage works");
        }
    }

    fn spans(&self) -> Vec<i64> {
        let blocks = self.store.tsdb.status().blocks;
        let window = |time: Timestamp| time.0.div_euclid(SPAN);
        blocks.iter().map(|block| window(block.max_time) - window(block.min_time) + 1).collect()
    }

    fn objects(&self) -> usize {
        self.store.storage.list("metrics/").expect("the storage works").len()
    }
}

#[test]
fn windows_become_longer_blocks_and_strays_come_to_them() {
    let mut filled = Filled::new(&TsdbOptions::default());
    filled.windows(30);
    filled.store.tsdb.compact().expect("the storage works");
    assert_eq!(filled.spans(), [26, 3], "a range of 27 windows, one of 3, and what is in the head");
    let late: Vec<_> = (0..29).map(|window| (series(window % 3), START + window as i64 * SPAN + 7, -1.0)).collect();
    filled.append(&late);
    // The same times once more, as corrections of what is in blocks.
    let corrected: Vec<_> = (2..20).map(|half| (series(0), START + half * SPAN / 2, 2.5)).collect();
    filled.append(&corrected);
    filled.windows(3);
    filled.store.tsdb.compact().expect("the storage works");
    assert_eq!(filled.store.all(), filled.model);
    assert_eq!(filled.objects(), filled.store.tsdb.status().blocks.len(), "what was merged is gone");
    assert_eq!(filled.store.tsdb.compact().expect("the storage works"), 0, "all is in order");
    filled.store.crash();
    assert_eq!(filled.store.all(), filled.model);
}

#[test]
fn a_reader_keeps_what_it_began_with() {
    let mut filled = Filled::new(&TsdbOptions::default());
    filled.windows(12);
    let budget = QueryBudget::unlimited();
    let readers = filled.store.tsdb.select(&[], TimeRange::ALL, &budget).expect("the storage works");
    filled.windows(12);
    filled.store.tsdb.compact().expect("the storage works");
    for reader in readers {
        let mut samples = Samples::default();
        reader.read(TimeRange::ALL, &budget, &mut samples).expect("the storage works");
        assert!(samples.len() >= 24, "{} samples", samples.len());
        let want = &filled.model[reader.labels()];
        assert!(samples.times.iter().zip(&samples.values).all(|(time, value)| want[time] == value.to_bits()));
    }
    assert_eq!(filled.objects(), filled.store.tsdb.status().blocks.len(), "the last reader has let go");
}

#[test]
fn the_oldest_blocks_go_when_the_store_is_too_large() {
    let mut filled = Filled::new(&TsdbOptions::default());
    filled.windows(20);
    let status = filled.store.tsdb.status();
    let bytes = status.blocks.iter().map(|block| block.bytes).sum::<u64>() + status.wal_bytes;
    let first = status.blocks[0].clone();
    filled.store.options.bytes_max = Some(watchfire_model::ByteSize(bytes - 1));
    filled.store.reopen();
    let preview = filled.store.tsdb.retention_preview();
    assert_eq!(preview.len(), 1, "{preview:?}");
    assert_eq!(preview[0].block, first.key);
    assert_eq!(preview[0].reason, RetentionReason::Bytes { max: bytes - 1 });
    filled.store.tsdb.maintain().expect("the storage works");
    assert!(filled.store.tsdb.status().blocks.iter().all(|block| block.key != first.key));
    assert!(filled.store.tsdb.retention_preview().is_empty());
}

#[test]
fn a_rule_hides_its_series_at_once_and_takes_them_out_of_blocks() {
    let mut filled = Filled::new(&TsdbOptions { retention: DurationMs(90 * SPAN as u64), ..TsdbOptions::default() });
    filled.windows(30);
    let odd = Matcher::new("number", MatchOp::Equal, "1").expect("a valid matcher");
    let rule = RetentionRule { matchers: vec![odd], retention: DurationMs(10 * SPAN as u64) };
    filled.store.options.retention_rules = vec![rule];
    filled.store.reopen();
    let newest = filled.store.tsdb.status().blocks.last().expect("there are blocks").max_time.0;
    let kept = newest - 10 * SPAN;
    filled.model.get_mut(&series(1)).expect("it was appended").retain(|time, _| *time >= kept);
    assert_eq!(filled.store.all(), filled.model, "hidden at once, and nothing else");
    let preview = filled.store.tsdb.retention_preview();
    let is_rule = |reason: &RetentionReason| *reason == RetentionReason::Rule { rule: "{number=\"1\"}".to_owned() };
    assert!(!preview.is_empty() && preview.iter().all(|step| is_rule(&step.reason)), "{preview:?}");
    let before: u64 = filled.store.tsdb.status().blocks.iter().map(|block| block.samples).sum();
    for _ in 0..=preview.len() {
        filled.store.tsdb.maintain().expect("the storage works");
    }
    assert!(filled.store.tsdb.retention_preview().is_empty());
    assert_eq!(filled.store.all(), filled.model);
    let after: u64 = filled.store.tsdb.status().blocks.iter().map(|block| block.samples).sum();
    assert!(after < before - 20, "{after} samples are left of {before}");
    filled.store.options.retention_rules.clear();
    filled.store.reopen();
    assert!(filled.store.all()[&series(1)].len() < 36, "they are gone for good");
}

#[test]
fn no_clock_deletes_anything() {
    let year = 365 * 24 * 3_600_000;
    for jump in [year, -year, -(START + 1), SPAN * 600] {
        let mut filled = Filled::new(&TsdbOptions { retention: DurationMs(100_000), ..TsdbOptions::default() });
        filled.windows(20);
        filled.store.clock.advance_ms(jump);
        for _ in 0..5 {
            filled.store.tsdb.maintain().expect("the storage works");
            // Senders with the same clock write a little.
            filled.store.clock.advance_ms(SPAN / 4);
            let now = filled.store.now();
            filled.append(&[(series(0), now, 0.5)]);
        }
        filled.store.tsdb.commit().expect("the storage works");
        assert_eq!(filled.store.all(), filled.model, "{jump}");
        filled.store.clock.advance_ms(-jump);
        // What was stamped long before is past the retention, by a time that all agree on again.
        filled.model.values_mut().for_each(|samples| samples.retain(|time, _| *time >= START));
        for _ in 0..3 {
            filled.store.tsdb.maintain().expect("the storage works");
        }
        assert_eq!(since_start(&filled.store), filled.model, "{jump} and back");
        filled.windows(4);
        filled.store.crash();
        assert_eq!(since_start(&filled.store), filled.model, "{jump} and back, opened again");
    }
}

fn since_start(store: &Fixture) -> Model {
    query(&store.tsdb, &[], range(START, i64::MAX))
}

#[test]
fn a_backup_is_a_store_of_its_own() {
    let mut filled = Filled::new(&TsdbOptions::default());
    filled.windows(10);
    let now = filled.store.now();
    filled.append(&[(series(2), now, f64::NAN), (series(0), now - 3 * SPAN, 9.0)]);
    let pinned = filled.store.tsdb.pin().expect("the storage works");
    let wanted = filled.model.clone();
    // What is merged and deleted meanwhile does not matter.
    filled.windows(10);
    filled.store.tsdb.compact().expect("the storage works");
    let copy = MemStorage::new(3);
    for object in pinned.objects() {
        let bytes = filled.store.storage.read(&object.key).expect("it is held");
        assert_eq!(bytes.len() as u64, object.size);
        copy.create(&object.key, &bytes).expect("the copy is empty");
    }
    copy.create(&pinned.snapshot().key, &pinned.snapshot().bytes).expect("the copy is empty");
    drop(pinned);
    assert_eq!(filled.objects(), filled.store.tsdb.status().blocks.len(), "what was held is let go");
    let mut restored = Fixture { storage: copy.crash(), ..Fixture::with(&TsdbOptions::default()) };
    restored.clock.set(filled.store.clock.now());
    restored.reopen();
    assert_eq!(restored.all(), wanted);
    restored.append(&[(series(0), restored.now(), 4.0), (series(0), START + SPAN, 5.0)]);
    restored.tsdb.commit().expect("the storage works");
    let after = restored.all();
    assert_ne!(after, wanted);
    restored.crash();
    assert_eq!(restored.all(), after, "it goes on as a store");
}

#[test]
fn what_was_overwritten_does_not_come_back_when_the_later_write_is_past_the_retention() {
    let retention = DurationMs(30 * SPAN as u64);
    let mut filled = Filled::new(&TsdbOptions { retention, ..TsdbOptions::default() });
    filled.windows(20);
    let jump = 28 * SPAN + SPAN / 2;
    filled.store.clock.advance_ms(-jump);
    let wrong = filled.store.now();
    filled.store.append(&[(series(5), wrong, 1.0)]);
    filled.store.tsdb.commit().expect("the storage works");
    // The head is flushed as a whole: this write shares a block with recent ones.
    filled.store.tsdb.maintain().expect("the storage works");
    filled.store.append(&[(series(5), wrong, 2.0)]);
    filled.store.tsdb.commit().expect("the storage works");
    filled.store.clock.advance_ms(jump);
    for _ in 0..12 {
        filled.windows(1);
        for _ in 0..2 {
            let found = filled.store.all();
            let shown = found.get(&series(5)).and_then(|samples| samples.get(&wrong)).copied().map(f64::from_bits);
            assert!(shown.is_none_or(|value| value == 2.0), "{shown:?} at {}", filled.store.now());
            filled.store.crash();
        }
    }
}
