//! Exemplars: the newest of all series, bounded in number.
//!
//! Which are kept depends on their times alone, not on the order in which they come: the log may be read again, and twice.

mod saved;

pub(crate) use saved::SavedExemplars;

use crate::deletion::pass_all;
use std::collections::{BTreeMap, HashMap};
use watchfire_model::{Exemplar, Exhausted, Labels, Matcher, QueryBudget, SeriesExemplars, TimeRange};

/// Series that are compared between two looks at the budget.
const SERIES_PER_CHECK: usize = 1024;

/// Exemplars by series. When all places are taken the oldest goes.
#[derive(Debug)]
pub(crate) struct ExemplarStore {
    max: usize,
    /// Of each series in order of time, those of one time in order of coming.
    series: HashMap<Labels, Vec<Kept>, foldhash::fast::RandomState>,
    /// All in order of time, and whose they are.
    order: BTreeMap<(i64, u64), Labels>,
    /// Numbers given out.
    numbers: u64,
    /// Counts what has changed.
    changes: u64,
    /// The object that was written last, and `changes` then; none at first.
    written: Option<(String, u64)>,
}

#[derive(Debug)]
struct Kept {
    number: u64,
    exemplar: Exemplar,
}

/// What becomes of an exemplar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Stored,
    /// The series has it already.
    Duplicate,
    /// All places are taken by newer ones.
    TooOld,
}

impl ExemplarStore {
    pub(crate) fn new(max: usize) -> ExemplarStore {
        ExemplarStore { max, series: HashMap::default(), order: BTreeMap::new(), numbers: 0, changes: 0, written: None }
    }

    /// Grows with every change.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Notes that an object holds what was here at `changes`.
    pub(crate) fn set_written(&mut self, key: String, changes: u64) {
        self.written = Some((key, changes));
    }

    /// The object that holds just what is here.
    pub(crate) fn written(&self) -> Option<&String> {
        self.written.as_ref().filter(|(_, changes)| *changes == self.changes).map(|(key, _)| key)
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// What adding it would do.
    pub(crate) fn fate(&self, series: &Labels, exemplar: &Exemplar) -> Fate {
        let kept = self.series.get(series).map(Vec::as_slice).unwrap_or_default();
        let from = kept.partition_point(|other| other.exemplar.time < exemplar.time);
        let same_time = kept[from..].iter().take_while(|other| other.exemplar.time == exemplar.time);
        let is_same = |other: &Kept| {
            other.exemplar.value.to_bits() == exemplar.value.to_bits() && other.exemplar.labels == exemplar.labels
        };
        if same_time.into_iter().any(is_same) {
            return Fate::Duplicate;
        }
        let is_full = self.order.len() >= self.max;
        let oldest = self.order.first_key_value().map(|((time, _), _)| *time);
        if is_full && oldest.is_none_or(|oldest| exemplar.time.0 <= oldest) { Fate::TooOld } else { Fate::Stored }
    }

    pub(crate) fn add(&mut self, series: &Labels, exemplar: Exemplar) -> Fate {
        let fate = self.fate(series, &exemplar);
        if fate != Fate::Stored {
            return fate;
        }
        if self.order.len() >= self.max {
            self.drop_oldest();
        }
        self.numbers += 1;
        self.changes += 1;
        let number = self.numbers;
        self.order.insert((exemplar.time.0, number), series.clone());
        let kept = self.series.entry(series.clone()).or_default();
        let place = kept.partition_point(|other| other.exemplar.time <= exemplar.time);
        kept.insert(place, Kept { number, exemplar });
        Fate::Stored
    }

    /// Exemplars within `range` of the series that pass any of the selectors, sorted by labels.
    pub(crate) fn select(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<SeriesExemplars>, Exhausted> {
        let mut found = Vec::new();
        for (count, (labels, kept)) in self.series.iter().enumerate() {
            if count % SERIES_PER_CHECK == 0 {
                budget.check()?;
            }
            if !selectors.iter().any(|matchers| pass_all(matchers, labels)) {
                continue;
            }
            let within = kept.iter().filter(|kept| range.contains(kept.exemplar.time));
            let exemplars: Vec<Exemplar> = within.map(|kept| kept.exemplar.clone()).collect();
            if !exemplars.is_empty() {
                budget.take_samples(exemplars.len() as u64)?;
                found.push(SeriesExemplars { labels: labels.clone(), exemplars });
            }
        }
        found.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        Ok(found)
    }

    /// Removes the exemplars within `range` of the series that `is_deleted` says.
    pub(crate) fn delete(&mut self, is_deleted: impl Fn(&Labels) -> bool, range: TimeRange) {
        let (order, changes) = (&mut self.order, &mut self.changes);
        self.series.retain(|labels, kept| {
            if is_deleted(labels) {
                kept.retain(|Kept { number, exemplar }| {
                    let goes = range.contains(exemplar.time);
                    if goes {
                        order.remove(&(exemplar.time.0, *number));
                        *changes += 1;
                    }
                    !goes
                });
            }
            !kept.is_empty()
        });
    }

    /// Every exemplar, series by series.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Labels, impl ExactSizeIterator<Item = &Exemplar>)> {
        self.series.iter().map(|(labels, kept)| (labels, kept.iter().map(|kept| &kept.exemplar)))
    }

    fn drop_oldest(&mut self) {
        let Some(((_, number), labels)) = self.order.pop_first() else { return };
        let Some(kept) = self.series.get_mut(&labels) else { return };
        kept.retain(|other| other.number != number);
        if kept.is_empty() {
            self.series.remove(&labels);
        }
    }
}

#[cfg(test)]
mod tests;
