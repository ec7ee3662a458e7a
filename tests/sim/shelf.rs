//! A small disk with every kind of file on it, and what a healthy store shows of it.

use crate::data::{ID_FIELD, record, series, value};
use crate::metric_judge::Shown;
use crate::stores::{START, Stores};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use watchfire_model::{FieldPattern, FieldValue, LogFilter, LogRecord, Sample, Wildcard};
use watchfire_store::{Clock, ManualClock, MemStorage, Object, Storage};

/// Records per batch.
const BATCH: u64 = 12;
const SERIES: u64 = 5;

pub(crate) struct Shelf {
    pub(crate) storage: MemStorage,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) records: BTreeMap<u64, LogRecord>,
    pub(crate) samples: Shown,
}

/// What became of a damage.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Everything is there.
    Harmless,
    /// Something is missing or nothing opens, and it is told.
    Detected,
    /// Something is missing, wrong or doubled and nobody is told, or a panic.
    Wrong(String),
}

impl Shelf {
    /// Blocks of several streams and windows, and a tail in the write-ahead logs.
    pub(crate) fn new() -> Shelf {
        let mut shelf = Shelf {
            storage: MemStorage::new(1),
            clock: Arc::new(ManualClock::new(START.to_ns())),
            records: BTreeMap::new(),
            samples: Shown::new(),
        };
        let stores = Stores::open(&shelf.storage, &shelf.clock).expect("an empty disk");
        for tick in 0..8 {
            shelf.write(&stores, tick);
            if tick % 3 == 2 {
                stores.logs.flush().expect("the disk works");
            }
            stores.tsdb.maintain().expect("the disk works");
            shelf.clock.advance_ms(300_000);
        }
        drop(stores);
        shelf
    }

    fn write(&mut self, stores: &Stores, tick: u64) {
        let now = self.clock.now();
        let batch: Vec<LogRecord> = (tick * BATCH..(tick + 1) * BATCH).map(|id| record(id, now)).collect();
        self.records.extend((tick * BATCH..).zip(batch.clone()));
        let position = stores.logs.append(batch).expect("the disk works");
        stores.logs.commit(position).expect("the disk works");
        for number in 0..SERIES {
            let sample = Sample { time: now.to_ms(), value: value(tick * SERIES + number) };
            let id = stores.tsdb.register(&series(number)).expect("a series more");
            stores.tsdb.append(&[(id, sample)]).expect("the disk works");
            self.samples.entry(series(number)).or_default().insert(sample.time.0, sample.value.to_bits());
        }
        stores.tsdb.commit().expect("the disk works");
    }

    pub(crate) fn objects(&self) -> Vec<Object> {
        self.storage.list("").expect("the disk works")
    }

    /// Opens a damaged copy and compares all that it shows.
    pub(crate) fn judge(&self, damaged: &MemStorage) -> Verdict {
        catch_unwind(AssertUnwindSafe(|| self.compare(damaged)))
            .unwrap_or_else(|_| Verdict::Wrong("a panic".to_owned()))
    }

    /// Searches that the index answers: they find exactly what matches, or say what is missing.
    fn search_through_the_index(&self, stores: &Stores) -> Option<String> {
        let needle = self.records.values().nth(20).map(|record| record.message.to_string()).unwrap_or_default();
        let field = |name: &str, text: &str| LogFilter::Field { name: name.into(), pattern: FieldPattern::text(text) };
        let refused = Wildcard::parse("refus*").expect("a pattern");
        let filters = [
            LogFilter::Any(FieldPattern::text(&needle)),
            LogFilter::Any(FieldPattern::Wildcard(refused)),
            field("host", "node-3"),
            field(ID_FIELD, "17"),
            LogFilter::Exists { name: "a.b".into() },
        ];
        filters.into_iter().find_map(|filter| {
            let Ok(answer) = stores.search(&filter) else { return None };
            let mut found: Vec<&LogRecord> = answer.records.iter().collect();
            let mut wanted: Vec<&LogRecord> = self.records.values().filter(|record| filter.matches(*record)).collect();
            let by_number = |record: &&LogRecord| format!("{:?}", record.field(ID_FIELD));
            found.sort_by_key(by_number);
            wanted.sort_by_key(by_number);
            let is_right = if answer.missing.is_empty() && stores.damage_counted() == 0 {
                found == wanted
            } else {
                found.iter().all(|record| wanted.contains(record))
            };
            (!is_right).then(|| format!("{filter:?} finds {} records, not {}", found.len(), wanted.len()))
        })
    }

    fn compare(&self, damaged: &MemStorage) -> Verdict {
        let Ok(stores) = Stores::open(damaged, &self.clock) else { return Verdict::Detected };
        let Ok(answers) = stores.ask() else { return Verdict::Detected };
        if let Some(wrong) = self.search_through_the_index(&stores) {
            return Verdict::Wrong(wrong);
        }
        let mut shown = BTreeMap::new();
        for record in answers.records {
            let Some(FieldValue::I64(id)) = record.field(ID_FIELD) else {
                return Verdict::Wrong(format!("a record without a number: {record:?}"));
            };
            if shown.insert(*id as u64, record).is_some() {
                return Verdict::Wrong("a record is shown twice".to_owned());
            }
        }
        if let Some((id, record)) = shown.iter().find(|(id, record)| self.records.get(id) != Some(record)) {
            return Verdict::Wrong(format!("record {id} is not what was stored: {record:?}"));
        }
        let mut samples = 0;
        for (labels, found) in &answers.samples {
            let stored = self.samples.get(labels);
            let is_stored = |(time, bits): (&i64, &u64)| stored.and_then(|stored| stored.get(time)) == Some(bits);
            if !found.iter().all(is_stored) {
                return Verdict::Wrong(format!("samples of {labels} are not what was stored"));
            }
            samples += found.len();
        }
        let is_whole =
            shown.len() == self.records.len() && samples == self.samples.values().map(BTreeMap::len).sum::<usize>();
        match (is_whole, answers.missing.is_empty() && stores.damage_counted() == 0) {
            (true, true) => Verdict::Harmless,
            (_, false) => Verdict::Detected,
            (false, true) => Verdict::Wrong(format!(
                "{} of {} records and {samples} samples are shown, and nothing is said to be missing",
                shown.len(),
                self.records.len()
            )),
        }
    }
}
