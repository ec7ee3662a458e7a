//! What one query reads and holds, on all its threads.

use std::sync::atomic::{AtomicU64, Ordering};
use watchfire_model::{Exhausted, QueryBudget};

/// Bytes of a time and a value, as the budget counts them.
const SAMPLE_BYTES: u64 = 16;

/// Takes from the query's budget and remembers the peaks.
#[derive(Debug)]
pub(crate) struct Meter<'b> {
    budget: &'b QueryBudget,
    samples: AtomicU64,
    /// Bytes beside those of the samples.
    memory: AtomicU64,
    samples_peak: AtomicU64,
    bytes_peak: AtomicU64,
    series: AtomicU64,
    /// Samples that came out of the source.
    stored: AtomicU64,
    /// Samples that steps looked at: one that ten windows see counts ten times, as upstream counts.
    seen: AtomicU64,
    /// The same by step, where that is asked for.
    seen_by_step: Vec<AtomicU64>,
}

impl<'b> Meter<'b> {
    /// `n_steps`: of how many steps samples are to be counted; 0: of none.
    pub(crate) fn new(budget: &'b QueryBudget, n_steps: usize) -> Meter<'b> {
        Meter {
            budget,
            samples: AtomicU64::new(0),
            memory: AtomicU64::new(0),
            samples_peak: AtomicU64::new(0),
            bytes_peak: AtomicU64::new(0),
            series: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            seen: AtomicU64::new(0),
            seen_by_step: (0..n_steps).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// What sources take from.
    pub(crate) fn budget(&self) -> &'b QueryBudget {
        self.budget
    }

    /// Fails when the query was cancelled.
    pub(crate) fn check(&self) -> Result<(), Exhausted> {
        self.budget.check()
    }

    /// As [`QueryBudget::take_samples`].
    pub(crate) fn take_samples(&self, n: u64) -> Result<(), Exhausted> {
        let taken = self.budget.take_samples(n);
        if taken != Err(Exhausted::Cancelled) {
            self.note_samples(n);
        }
        taken
    }

    /// Notes samples that a source has taken from the budget.
    pub(crate) fn note_samples(&self, n: u64) {
        let samples = self.samples.fetch_add(n, Ordering::Relaxed) + n;
        self.samples_peak.fetch_max(samples, Ordering::Relaxed);
        self.note_peak(samples, self.memory.load(Ordering::Relaxed));
    }

    pub(crate) fn return_samples(&self, n: u64) {
        self.samples.fetch_sub(n, Ordering::Relaxed);
        self.budget.return_samples(n);
    }

    pub(crate) fn take_memory(&self, bytes: u64) -> Result<(), Exhausted> {
        self.budget.take_memory(bytes)?;
        let memory = self.memory.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.note_peak(self.samples.load(Ordering::Relaxed), memory);
        Ok(())
    }

    pub(crate) fn return_memory(&self, bytes: u64) {
        self.memory.fetch_sub(bytes, Ordering::Relaxed);
        self.budget.return_memory(bytes);
    }

    fn note_peak(&self, samples: u64, memory: u64) {
        self.bytes_peak.fetch_max(samples.saturating_mul(SAMPLE_BYTES).saturating_add(memory), Ordering::Relaxed);
    }

    /// Notes series that were read, and how many samples they had.
    pub(crate) fn note_read(&self, n_series: usize, n_samples: usize) {
        self.series.fetch_add(n_series as u64, Ordering::Relaxed);
        self.stored.fetch_add(n_samples as u64, Ordering::Relaxed);
    }

    pub(crate) fn counts_steps(&self) -> bool {
        !self.seen_by_step.is_empty()
    }

    /// Notes samples that one step looked at; steps are only told apart where that is asked for.
    pub(crate) fn note_seen_at(&self, step: usize, n_samples: u64) {
        if let Some(seen) = self.seen_by_step.get(step) {
            seen.fetch_add(n_samples, Ordering::Relaxed);
        }
    }

    /// Notes samples that all steps together looked at.
    pub(crate) fn note_seen(&self, n_samples: u64) {
        self.seen.fetch_add(n_samples, Ordering::Relaxed);
    }

    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    pub(crate) fn seen_by_step(&self) -> Vec<u64> {
        self.seen_by_step.iter().map(|seen| seen.load(Ordering::Relaxed)).collect()
    }

    pub(crate) fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    pub(crate) fn series(&self) -> u64 {
        self.series.load(Ordering::Relaxed)
    }

    pub(crate) fn samples_peak(&self) -> u64 {
        self.samples_peak.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes_peak(&self) -> u64 {
        self.bytes_peak.load(Ordering::Relaxed)
    }
}
