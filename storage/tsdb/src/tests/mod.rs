//! The store as its users see it, against a map.

mod compaction;
mod concurrent;
mod faults;
mod formats;
mod limits;
mod model;
mod operations;
pub(crate) mod points;
mod replay;
mod room;
mod rot;

use crate::{SeriesId, Tsdb, TsdbOptions};
use std::collections::BTreeMap;
use std::sync::Arc;
use watchfire_model::{
    DurationMs, Labels, Matcher, PointValue, QueryBudget, Sample, Samples, SeriesSource, TimeNs, TimeRange, Timestamp,
};
use watchfire_store::{ManualClock, MemStorage};

/// Block windows of the tests, in milliseconds.
const SPAN: i64 = 1000;

/// What the clock shows at first: a window's start, far from zero.
const START: i64 = 1_000_000;

/// What is stored: by series, bits of values by time.
type Model = BTreeMap<Labels, BTreeMap<i64, u64>>;

/// A store over memory, with the clock in hand.
struct Fixture {
    storage: MemStorage,
    clock: Arc<ManualClock>,
    options: TsdbOptions,
    tsdb: Tsdb,
    /// Ids as a scraper caches them.
    ids: BTreeMap<Labels, SeriesId>,
}

impl Fixture {
    fn new() -> Fixture {
        Fixture::with(&TsdbOptions::default())
    }

    /// A store with the tests' windows and a retention that they do not reach.
    fn with(options: &TsdbOptions) -> Fixture {
        let defaults = TsdbOptions::default();
        let retention = if options.retention == defaults.retention { DurationMs(500_000) } else { options.retention };
        let options = TsdbOptions { retention, block_span: DurationMs(SPAN as u64), ..options.clone() };
        let storage = MemStorage::new(7);
        let clock = Arc::new(ManualClock::new(TimeNs(START * 1_000_000)));
        let tsdb = open(&storage, &clock, &options);
        Fixture { storage, clock, options, tsdb, ids: BTreeMap::new() }
    }

    fn reopen(&mut self) {
        self.ids.clear();
        self.tsdb = open(&self.storage, &self.clock, &self.options);
    }

    /// As after a power cut.
    fn crash(&mut self) {
        self.storage = self.storage.crash();
        self.reopen();
    }

    fn now(&self) -> i64 {
        use watchfire_store::Clock;
        self.clock.now().to_ms().0
    }

    /// Stores as a scraper does: registers what the store does not know.
    fn append(&mut self, samples: &[(Labels, i64, f64)]) {
        let mut rest: Vec<&(Labels, i64, f64)> = samples.iter().collect();
        for _ in 0..2 {
            let batch: Vec<(SeriesId, Sample)> = rest
                .iter()
                .map(|(labels, time, value)| {
                    let register = || self.tsdb.register(labels).expect("below the limit");
                    let id = *self.ids.entry(labels.clone()).or_insert_with(register);
                    (id, Sample { time: Timestamp(*time), value: *value })
                })
                .collect();
            let appended = self.tsdb.append(&batch).expect("the storage works");
            assert_eq!((appended.too_old, appended.too_far_ahead), (0, 0), "{batch:?}");
            assert_eq!(appended.stored + appended.unknown.len(), batch.len());
            rest = appended.unknown.iter().map(|&index| rest[index]).collect();
            for (labels, _, _) in &rest {
                self.ids.remove(labels);
            }
        }
        assert!(rest.is_empty(), "a series just registered is known");
    }

    fn all(&self) -> Model {
        query(&self.tsdb, &[], TimeRange::ALL)
    }
}

fn open(storage: &MemStorage, clock: &Arc<ManualClock>, options: &TsdbOptions) -> Tsdb {
    let clock = Arc::clone(clock);
    let tsdb = Tsdb::open(Arc::new(storage.clone()), clock, options.clone()).expect("the store opens");
    tsdb.wait_ready().expect("the log can be read");
    tsdb
}

/// Everything that a query finds; series without samples are left out.
fn query(tsdb: &Tsdb, matchers: &[Matcher], range: TimeRange) -> Model {
    let budget = QueryBudget::unlimited();
    let mut found = Model::new();
    let mut total = 0;
    let mut last: Option<Labels> = None;
    for reader in tsdb.select(matchers, range, &budget).expect("the storage works") {
        assert!(last.as_ref().is_none_or(|last| last < reader.labels()), "sorted, each once");
        last = Some(reader.labels().clone());
        let mut samples = Samples::default();
        samples.push(i64::MIN, 0.5);
        reader.read(range, &budget, &mut samples).expect("the storage works");
        total += samples.weight_from(1);
        assert!(samples.times.is_sorted_by(|a, b| a < b), "{:?} of {}", samples.times, reader.labels());
        assert_eq!(samples.values[0], 0.5, "what was there stays");
        let bits = (1..samples.len()).map(|place| (samples.times[place], bits(&samples, place)));
        if samples.len() > 1 {
            found.insert(reader.labels().clone(), bits.collect());
        }
    }
    assert_eq!(budget.samples(), total, "each sample is charged once");
    found
}

/// Bits of a float; of a histogram those of its count, which is never a number that a float of the tests has.
fn bits(samples: &Samples, place: usize) -> u64 {
    match samples.point(place).expect("there is a sample").value {
        PointValue::Float(value) => value.to_bits(),
        PointValue::Histogram(histogram) => histogram.count.to_bits(),
    }
}

fn series(number: usize) -> Labels {
    let parity = if number.is_multiple_of(2) { "even" } else { "" };
    Labels::from_pairs([("__name__", "m"), ("number", &number.to_string()), ("parity", parity)])
}

fn range(start: i64, end: i64) -> TimeRange {
    TimeRange { start: Timestamp(start), end: Timestamp(end) }
}
