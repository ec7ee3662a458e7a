//! Runs of samples merged into columns: what was written later wins.

use crate::codec::{Damage, decode_unit, unit_times};
use watchfire_model::{Exhausted, QueryBudget, Samples, TimeRange, Timestamp};
use watchfire_store::StorageError;

/// Why samples cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Budget(#[from] Exhausted),
    #[error(transparent)]
    Damaged(#[from] Damage),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl ReadError {
    /// Whether what is stored is not what was written, rather than that it cannot be read at the moment.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            ReadError::Damaged(_) => true,
            ReadError::Storage(error) => {
                matches!(error, StorageError::NotFound { .. } | StorageError::Damaged { .. })
            }
            ReadError::Budget(_) => false,
        }
    }
}

/// Collects the samples of one series within a range. Runs are added in the order in which they were written: of two
/// samples with one time the later run's stays.
#[derive(Debug)]
pub(crate) struct Merge<'a> {
    range: TimeRange,
    budget: &'a QueryBudget,
    into: &'a mut Samples,
    /// Where in `into` the samples of this series begin.
    base: usize,
    /// A run that may overlap what is there, before it is merged.
    run: Samples,
    /// What was deleted of the runs to come.
    deleted: Vec<TimeRange>,
}

impl<'a> Merge<'a> {
    /// Appends to `into`, whose samples so far are left alone.
    pub(crate) fn new(range: TimeRange, budget: &'a QueryBudget, into: &'a mut Samples) -> Merge<'a> {
        let base = into.len();
        Merge { range, budget, into, base, run: Samples::default(), deleted: Vec::new() }
    }

    /// Of what is added from now on, samples within these ranges are left out.
    pub(crate) fn set_deleted(&mut self, deleted: Vec<TimeRange>) {
        self.deleted = deleted;
    }

    /// Adds an encoded unit; decodes it only where it reaches into the range.
    pub(crate) fn add_unit(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        let (first, last, count) = unit_times(bytes)?;
        if first > self.range.end.0 || last < self.range.start.0 {
            return Ok(());
        }
        self.budget.take_samples(count as u64)?;
        let times = TimeRange { start: Timestamp(first), end: Timestamp(last) };
        let whole = first >= self.range.start.0
            && last <= self.range.end.0
            && !self.deleted.iter().any(|deleted| deleted.overlaps(times));
        if whole && self.follows(first) {
            let place = self.into.len();
            decode_unit(bytes, self.into)?;
            // What histograms weigh is known now.
            let rest = self.into.weight_from(place) - count as u64;
            if rest > 0 {
                self.budget.take_samples(rest)?;
            }
            return Ok(());
        }
        self.run.clear();
        decode_unit(bytes, &mut self.run)?;
        self.budget.return_samples(count as u64);
        self.take_run()
    }

    /// Adds samples that `fill` puts into empty columns, in order of time, each time once.
    pub(crate) fn add_run(&mut self, fill: impl FnOnce(&mut Samples)) -> Result<(), ReadError> {
        self.run.clear();
        fill(&mut self.run);
        self.take_run()
    }

    fn take_run(&mut self) -> Result<(), ReadError> {
        self.trim_run();
        self.budget.take_samples(self.run.weight_from(0))?;
        self.merge_run();
        Ok(())
    }

    /// Whether a run that begins at `first` comes after everything collected.
    fn follows(&self, first: i64) -> bool {
        self.into.times[self.base..].last().is_none_or(|last| *last < first)
    }

    /// Leaves what is within the range and not deleted.
    fn trim_run(&mut self) {
        let before = TimeRange { start: Timestamp(i64::MIN), end: Timestamp(self.range.start.0.saturating_sub(1)) };
        let behind = TimeRange { start: Timestamp(self.range.end.0.saturating_add(1)), end: Timestamp(i64::MAX) };
        if self.range.start.0 > i64::MIN {
            remove(&mut self.run, before);
        }
        if self.range.end.0 < i64::MAX {
            remove(&mut self.run, behind);
        }
        for deleted in &self.deleted {
            remove(&mut self.run, *deleted);
        }
    }

    fn merge_run(&mut self) {
        let Some(&first) = self.run.times.first() else { return };
        if self.follows(first) {
            self.into.extend_from(&self.run, 0..self.run.len());
            return;
        }
        let from = self.base + self.into.times[self.base..].partition_point(|time| *time < first);
        let old = self.into.split_off(from);
        let mut next = 0;
        for (place, time) in self.run.times.iter().enumerate() {
            let before = next + old.times[next..].partition_point(|old_time| old_time < time);
            self.into.extend_from(&old, next..before);
            next = before;
            if old.times.get(next) == Some(time) {
                self.budget.return_samples(old.weight(next..next + 1));
                next += 1;
            }
            self.into.extend_from(&self.run, place..place + 1);
        }
        self.into.extend_from(&old, next..old.len());
    }
}

/// Removes the samples within a range.
pub(crate) fn remove(samples: &mut Samples, range: TimeRange) {
    let start = samples.times.partition_point(|time| *time < range.start.0);
    let end = samples.times.partition_point(|time| *time <= range.end.0);
    if start < end {
        let rest = samples.split_off(end);
        samples.truncate(start);
        samples.extend_from(&rest, 0..rest.len());
    }
}
