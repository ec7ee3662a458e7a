//! Runs of samples merged into one column pair: what was written later wins.

use crate::codec::{Damage, decode_unit, unit_times};
use watchfire_model::{Exhausted, QueryBudget, Samples, TimeRange};
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
}

impl<'a> Merge<'a> {
    /// Appends to `into`, whose samples so far are left alone.
    pub(crate) fn new(range: TimeRange, budget: &'a QueryBudget, into: &'a mut Samples) -> Merge<'a> {
        let base = into.len();
        Merge { range, budget, into, base, run: Samples::default() }
    }

    /// Adds an encoded unit; decodes it only where it reaches into the range.
    pub(crate) fn add_unit(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        let (first, last, count) = unit_times(bytes)?;
        if first > self.range.end.0 || last < self.range.start.0 {
            return Ok(());
        }
        self.budget.take_samples(count as u64)?;
        let whole = first >= self.range.start.0 && last <= self.range.end.0;
        if whole && self.follows(first) {
            return Ok(decode_unit(bytes, self.into)?);
        }
        self.run.clear();
        decode_unit(bytes, &mut self.run)?;
        self.trim_run();
        self.merge_run();
        // What did not stay is given back.
        self.budget.return_samples(count as u64);
        self.budget.take_samples(self.run.len() as u64)?;
        Ok(())
    }

    /// Adds samples in order of time, each time once.
    pub(crate) fn add_run(&mut self, samples: impl Iterator<Item = (i64, f64)>) -> Result<(), ReadError> {
        self.run.clear();
        for (time, value) in samples.filter(|(time, _)| self.range.start.0 <= *time && *time <= self.range.end.0) {
            self.run.push(time, value);
        }
        self.budget.take_samples(self.run.len() as u64)?;
        self.merge_run();
        Ok(())
    }

    /// Whether a run that begins at `first` comes after everything collected.
    fn follows(&self, first: i64) -> bool {
        self.into.times[self.base..].last().is_none_or(|last| *last < first)
    }

    fn trim_run(&mut self) {
        let end = self.run.times.partition_point(|time| *time <= self.range.end.0);
        self.run.times.truncate(end);
        self.run.values.truncate(end);
        let start = self.run.times.partition_point(|time| *time < self.range.start.0);
        self.run.times.drain(..start);
        self.run.values.drain(..start);
    }

    fn merge_run(&mut self) {
        let Some(&first) = self.run.times.first() else { return };
        if self.follows(first) {
            self.into.times.extend_from_slice(&self.run.times);
            self.into.values.extend_from_slice(&self.run.values);
            return;
        }
        let from = self.base + self.into.times[self.base..].partition_point(|time| *time < first);
        let old_times = self.into.times.split_off(from);
        let old_values = self.into.values.split_off(from);
        let mut old = old_times.into_iter().zip(old_values).peekable();
        for (&time, &value) in self.run.times.iter().zip(&self.run.values) {
            while let Some((time, value)) = old.next_if(|(old_time, _)| *old_time < time) {
                self.into.push(time, value);
            }
            if old.next_if(|(old_time, _)| *old_time == time).is_some() {
                self.budget.return_samples(1);
            }
            self.into.push(time, value);
        }
        for (time, value) in old {
            self.into.push(time, value);
        }
    }
}
