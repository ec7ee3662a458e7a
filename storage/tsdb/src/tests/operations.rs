//! One scenario of everything that the store does, with a fault at every operation of it.

use super::*;
use watchfire_model::{Exemplar, Histogram, Point};
use watchfire_store::{Fault, Storage};

/// What was appended, and how much of it was acknowledged by a commit.
struct Scenario {
    storage: MemStorage,
    clock: Arc<ManualClock>,
    options: TsdbOptions,
    appended: Model,
    acknowledged: Model,
    /// Appended since the last commit.
    pending: Vec<(Labels, i64, f64)>,
    /// Times of exemplars, acknowledged and since the last commit.
    exemplars: Vec<i64>,
    pending_exemplars: Vec<i64>,
}

impl Scenario {
    fn new() -> Scenario {
        let options = TsdbOptions {
            retention: DurationMs(90_000),
            block_span: DurationMs(SPAN as u64),
            ..TsdbOptions::default()
        };
        let clock = Arc::new(ManualClock::new(TimeNs(START * 1_000_000)));
        let (appended, acknowledged) = (Model::new(), Model::new());
        Scenario {
            storage: MemStorage::new(11),
            clock,
            options,
            appended,
            acknowledged,
            pending: Vec::new(),
            exemplars: Vec::new(),
            pending_exemplars: Vec::new(),
        }
    }

    fn open(&self) -> Option<Tsdb> {
        let clock = Arc::clone(&self.clock) as _;
        let tsdb = Tsdb::open(Arc::new(self.storage.clone()), clock, self.options.clone()).ok()?;
        // Not read yet is no excuse: whoever cannot wait tries again.
        tsdb.wait_ready().ok().map(|()| tsdb)
    }

    /// Runs to the end whatever fails.
    fn run(&mut self) {
        let mut tsdb = self.open();
        for step in 0..24i64 {
            self.clock.advance_ms(SPAN / 2);
            let now = START + (step + 1) * SPAN / 2;
            if step % 10 == 9 || tsdb.is_none() {
                // What was not committed is not promised.
                self.pending.clear();
                self.pending_exemplars.clear();
                drop(tsdb.take());
                tsdb = self.open();
            }
            let Some(tsdb) = &tsdb else { continue };
            self.append(tsdb, &[(series(0), now, step as f64), (series(1), now + 1, 0.5)]);
            if step % 3 == 1 {
                // Late, some of it for windows that are in blocks.
                self.append(tsdb, &[(series(2), now - step * SPAN / 3 - 13, -1.0)]);
            }
            self.append_point(tsdb, now + 2, step as f64 + 0.25);
            self.append_exemplar(tsdb, now);
            if step % 2 == 0 {
                self.commit(tsdb);
            }
            if step == 13 {
                self.delete(tsdb, range(START, START + 5 * SPAN));
            }
            if step == 17 {
                drop(tsdb.clean_tombstones());
            }
            // What fails is told to whoever maintains; here only what is stored counts.
            drop(tsdb.maintain());
            drop(tsdb.scrub(1000));
            if step == 20 {
                drop(tsdb.pin());
                drop(tsdb.repair());
            }
        }
        if let Some(tsdb) = &tsdb {
            self.commit(tsdb);
        }
    }

    fn append(&mut self, tsdb: &Tsdb, samples: &[(Labels, i64, f64)]) {
        let mut batch = Vec::new();
        for (labels, time, value) in samples {
            let id = tsdb.register(labels).expect("below the limit");
            batch.push((id, Sample { time: Timestamp(*time), value: *value }));
            // Even what was refused may be in the log.
            self.appended.entry(labels.clone()).or_default().insert(*time, value.to_bits());
        }
        if tsdb.append(&batch).is_ok_and(|appended| appended.stored == batch.len()) {
            self.pending.extend_from_slice(samples);
        }
    }

    /// A histogram with so many observations.
    fn append_point(&mut self, tsdb: &Tsdb, time: i64, count: f64) {
        let labels = series(4);
        let id = tsdb.register(&labels).expect("below the limit");
        let value = PointValue::Histogram(Arc::new(Histogram {
            count,
            positive: (0..count as i32).map(|index| (index * 2, 1.0)).collect(),
            ..Histogram::empty()
        }));
        let point = Point { time: Timestamp(time), start: Some(Timestamp(START)), value };
        self.appended.entry(labels.clone()).or_default().insert(time, count.to_bits());
        if tsdb.append_points(&[(id, point)]).is_ok_and(|appended| appended.stored == 1) {
            self.pending.push((labels, time, count));
        }
    }

    fn append_exemplar(&mut self, tsdb: &Tsdb, time: i64) {
        let id = tsdb.register(&series(0)).expect("below the limit");
        let exemplar = Exemplar { labels: series(9), value: 1.0, time: Timestamp(time) };
        if tsdb.append_exemplars(&[(id, exemplar)]).is_ok_and(|appended| appended.stored == 1) {
            self.pending_exemplars.push(time);
        }
    }

    /// Deletes a part of what is floats and histograms in turn.
    fn delete(&mut self, tsdb: &Tsdb, within: TimeRange) {
        let matchers = vec![Matcher::equal("parity", "even"), Matcher::equal("number", "4")];
        let deleted = tsdb.delete_series(&[matchers], within).is_ok();
        let is_within = |time: &i64| within.contains(Timestamp(*time));
        if let Some(samples) = self.acknowledged.get_mut(&series(4)) {
            samples.retain(|time, _| !is_within(time));
        }
        self.pending.retain(|(labels, time, _)| *labels != series(4) || !is_within(time));
        // Where it failed it may be deleted all the same, or not.
        if deleted && let Some(samples) = self.appended.get_mut(&series(4)) {
            samples.retain(|time, _| !is_within(time));
        }
    }

    fn commit(&mut self, tsdb: &Tsdb) {
        if tsdb.commit().is_ok() {
            self.exemplars.append(&mut self.pending_exemplars);
            for (labels, time, value) in self.pending.drain(..) {
                self.acknowledged.entry(labels).or_default().insert(time, value.to_bits());
            }
        }
    }

    /// What is there now is what was acknowledged, and nothing but what was appended.
    #[track_caller]
    fn check(&self, tsdb: &Tsdb, what: &str) {
        let found = query(tsdb, &[], TimeRange::ALL);
        for (labels, samples) in &self.acknowledged {
            for (time, bits) in samples {
                let got = found.get(labels).and_then(|samples| samples.get(time));
                assert_eq!(got, Some(bits), "{what}: {labels} at {time}");
            }
        }
        let within = range(self.exemplars.first().copied().unwrap_or(0), i64::MAX);
        let budget = QueryBudget::unlimited();
        let exemplars = tsdb.exemplars(&[Vec::new()], within, &budget).expect("there is no limit");
        let times: Vec<i64> = exemplars.iter().flat_map(|one| &one.exemplars).map(|one| one.time.0).collect();
        assert!(self.exemplars.iter().all(|time| times.contains(time)), "{what}: {times:?} of {:?}", self.exemplars);
        for (labels, samples) in &found {
            for (time, bits) in samples {
                assert_eq!(
                    self.appended[labels].get(time),
                    Some(bits),
                    "{what}: {labels} at {time} was never appended"
                );
            }
        }
    }

    fn check_after(mut self, what: &str) {
        self.pending.clear();
        self.pending_exemplars.clear();
        self.storage.repair();
        self.storage = self.storage.crash();
        let tsdb = self.open().unwrap_or_else(|| panic!("{what}: the store opens"));
        self.check(&tsdb, what);
        for _ in 0..4 {
            self.clock.advance_ms(SPAN);
            let now = watchfire_store::Clock::now(&*self.clock).to_ms().0;
            self.append(&tsdb, &[(series(3), now, 7.0)]);
            self.commit(&tsdb);
            tsdb.maintain().unwrap_or_else(|error| panic!("{what}: {error}"));
        }
        tsdb.compact().unwrap_or_else(|error| panic!("{what}: {error}"));
        self.check(&tsdb, what);
        let status = tsdb.status();
        assert!(status.damaged_blocks.is_empty() && status.lost.is_empty(), "{what}: {status:?}");
        let objects = self.storage.list("metrics/").expect("the storage works");
        let objects: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
        let (saved, objects): (Vec<&str>, Vec<&str>) = objects.iter().partition(|key| key.ends_with(".exemplars"));
        assert!(saved.len() <= 1, "{what}: {saved:?}");
        let mut blocks: Vec<&str> = status.blocks.iter().map(|block| block.key.as_str()).collect();
        blocks.sort_unstable();
        assert_eq!(objects, blocks, "{what}: no orphans");
        drop(tsdb);
        let tsdb = self.open().unwrap_or_else(|| panic!("{what}: the store opens again"));
        self.check(&tsdb, what);
    }
}

/// Operations of the scenario when nothing fails.
fn operations() -> u64 {
    let mut scenario = Scenario::new();
    scenario.run();
    assert!(scenario.pending.is_empty());
    let count = scenario.storage.operations();
    scenario.check_after("nothing fails");
    count
}

/// One in so many operations is tried, each kind of fault another part of them; all of them with the environment variable
/// `WATCHFIRE_EVERY_OPERATION`.
fn steps(first: u64) -> impl Iterator<Item = u64> {
    let step = if std::env::var_os("WATCHFIRE_EVERY_OPERATION").is_some() { 1 } else { 11 };
    (1 + first % step..=operations()).step_by(step as usize)
}

#[track_caller]
fn check_fault(first: u64, fault: Fault) {
    for number in steps(first) {
        let mut scenario = Scenario::new();
        scenario.storage.fail_at(number, fault);
        scenario.run();
        scenario.check_after(&format!("{fault:?} at {number}"));
    }
}

#[test]
fn an_error_at_any_operation_loses_nothing() {
    check_fault(0, Fault::Io);
}

#[test]
fn an_error_after_any_operation_loses_nothing() {
    check_fault(1, Fault::IoAfterwards);
}

#[test]
fn a_full_disk_at_any_operation_loses_nothing() {
    check_fault(2, Fault::Full);
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing() {
    for number in steps(3) {
        let mut scenario = Scenario::new();
        scenario.storage.unplug_at(number);
        scenario.run();
        scenario.check_after(&format!("power cut at {number}"));
    }
}
