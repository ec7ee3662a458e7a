//! The times at which an expression is evaluated.

use super::meter::Meter;
use crate::EvalError;
use watchfire_model::{Exhausted, Samples};

/// Evenly spaced times: `start`, `start + step`, … `count` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Unix milliseconds.
    pub(crate) start: i64,
    /// At least 1.
    pub(crate) step: i64,
    /// At least 1.
    pub(crate) count: usize,
}

impl Steps {
    pub(crate) fn once(time: i64) -> Steps {
        Steps { start: time, step: 1, count: 1 }
    }

    /// From `start` to `end`, both inclusive; `None` where that is more than `count_max` steps or none.
    pub(crate) fn between(start: i64, end: i64, step: i64, count_max: usize) -> Option<Steps> {
        let count = end.checked_sub(start)?.checked_div(step)?.checked_add(1)?;
        let count = usize::try_from(count).ok().filter(|count| (1..=count_max).contains(count))?;
        (step > 0).then_some(Steps { start, step, count })
    }

    pub(crate) fn time(self, index: usize) -> i64 {
        self.start.saturating_add(self.step.saturating_mul(index as i64))
    }

    pub(crate) fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |index| self.time(index))
    }
}

/// Points between two looks at the budget.
const POINTS_PER_CHECK: usize = 1000;

/// Asks the budget now and then whether the query was cancelled.
pub(crate) struct Ticker<'q> {
    budget: &'q Meter<'q>,
    points: usize,
    /// Samples that steps looked at and that are not noted yet.
    seen: u64,
    counts_seen: bool,
}

impl<'q> Ticker<'q> {
    pub(crate) fn new(budget: &'q Meter<'q>) -> Ticker<'q> {
        Ticker::counting(budget, false)
    }

    /// With `counts_seen`, also notes what steps look at.
    pub(super) fn counting(budget: &'q Meter<'q>, counts_seen: bool) -> Ticker<'q> {
        Ticker { budget, points: 0, seen: 0, counts_seen }
    }

    /// Notes that `points` were worked on.
    pub(crate) fn tick(&mut self, points: usize) -> Result<(), EvalError> {
        self.points += points;
        if self.points >= POINTS_PER_CHECK {
            self.points = 0;
            self.budget.check()?;
        }
        Ok(())
    }

    /// Notes that a step looked at samples.
    pub(super) fn see(&mut self, step: usize, n_samples: u64) -> Result<(), EvalError> {
        self.seen += n_samples;
        if self.counts_seen && self.budget.counts_steps() {
            self.budget.note_seen_at(step, n_samples);
        }
        self.tick(n_samples as usize + 1)
    }
}

impl Drop for Ticker<'_> {
    fn drop(&mut self) {
        if self.counts_seen {
            self.budget.note_seen(self.seen);
        }
    }
}

/// Samples and memory taken from the budget, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Held<'q> {
    budget: &'q Meter<'q>,
    samples: u64,
    /// Bytes beside those of the samples.
    memory: u64,
}

impl<'q> Held<'q> {
    pub(crate) fn new(budget: &'q Meter<'q>, samples: usize) -> Result<Held<'q>, Exhausted> {
        let mut held = Held { budget, samples: 0, memory: 0 };
        held.add(samples)?;
        Ok(held)
    }

    /// Takes memory only.
    pub(crate) fn memory(budget: &'q Meter<'q>, bytes: usize) -> Result<Held<'q>, Exhausted> {
        let mut held = Held { budget, samples: 0, memory: 0 };
        held.add_memory(bytes)?;
        Ok(held)
    }

    /// Takes over samples that are counted already.
    pub(crate) fn counted(budget: &'q Meter<'q>, samples: &Samples) -> Held<'q> {
        let weight = samples.weight_from(0);
        budget.note_samples(weight);
        Held { budget, samples: weight, memory: 0 }
    }

    /// Takes more samples.
    pub(crate) fn add(&mut self, samples: usize) -> Result<(), Exhausted> {
        let taken = self.budget.take_samples(samples as u64);
        // A cancelled budget counts nothing; one that is exceeded has counted.
        if taken != Err(Exhausted::Cancelled) {
            self.samples += samples as u64;
        }
        taken
    }

    /// Takes memory for something beside samples: label sets, tables.
    pub(crate) fn add_memory(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.budget.take_memory(bytes as u64)?;
        self.memory += bytes as u64;
        Ok(())
    }

    /// Gives samples back, where fewer are held than were taken.
    pub(crate) fn give_back(&mut self, samples: usize) {
        self.samples -= samples as u64;
        self.budget.return_samples(samples as u64);
    }

    /// Takes over what another one holds.
    pub(crate) fn absorb(&mut self, mut other: Held<'q>) {
        self.samples += std::mem::take(&mut other.samples);
        self.memory += std::mem::take(&mut other.memory);
    }

    /// Takes as much again.
    pub(crate) fn doubled(&self) -> Result<Held<'q>, Exhausted> {
        let mut held = Held { budget: self.budget, samples: 0, memory: 0 };
        held.add(usize::try_from(self.samples).unwrap_or(usize::MAX))?;
        held.add_memory(usize::try_from(self.memory).unwrap_or(usize::MAX))?;
        Ok(held)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.budget.return_samples(self.samples);
        self.budget.return_memory(self.memory);
    }
}
