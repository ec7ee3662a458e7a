//! What one query may spend, shared by every thread that works for it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts what a query has read and says when to stop: over its limit, or called off.
#[derive(Debug)]
pub struct QueryBudget {
    samples_max: u64,
    samples: AtomicU64,
    bytes: AtomicU64,
    stopped: AtomicBool,
}

/// Why a query has to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Exhausted {
    /// The client left, the time-out passed or the server shuts down; the one who cancelled knows which.
    #[error("query was canceled")]
    Cancelled,
    /// Prometheus' wording: `promql/engine.go`, `ErrTooManySamples`.
    #[error("query processing would load too many samples into memory in query execution")]
    Samples { max: u64 },
}

impl QueryBudget {
    /// `samples_max`: samples (or log records) a query may hold at once.
    pub fn new(samples_max: u64) -> QueryBudget {
        QueryBudget {
            samples_max,
            samples: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    /// For work of our own that no client waits for, and for tests.
    pub fn unlimited() -> QueryBudget {
        QueryBudget::new(u64::MAX)
    }

    /// Takes `n` samples from the budget; fails once more than the limit is taken or the query is cancelled.
    pub fn take_samples(&self, n: u64) -> Result<(), Exhausted> {
        self.check()?;
        let taken = self.samples.fetch_add(n, Ordering::Relaxed).saturating_add(n);
        if taken > self.samples_max { Err(Exhausted::Samples { max: self.samples_max }) } else { Ok(()) }
    }

    /// Gives samples back that are no longer held.
    pub fn return_samples(&self, n: u64) {
        self.samples.fetch_sub(n, Ordering::Relaxed);
    }

    /// Notes bytes read from storage, for the cost line of the answer.
    pub fn note_bytes(&self, n: u64) {
        self.bytes.fetch_add(n, Ordering::Relaxed);
    }

    /// Fails when the query was cancelled. Long loops ask this at least every few milliseconds.
    pub fn check(&self) -> Result<(), Exhausted> {
        if self.stopped.load(Ordering::Relaxed) { Err(Exhausted::Cancelled) } else { Ok(()) }
    }

    pub fn cancel(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub fn samples(&self) -> u64 {
        self.samples.load(Ordering::Relaxed)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_stops_at_its_limit_and_when_cancelled() {
        let budget = QueryBudget::new(10);
        assert_eq!(budget.take_samples(10), Ok(()));
        assert_eq!(budget.take_samples(1), Err(Exhausted::Samples { max: 10 }));
        budget.return_samples(11);
        assert_eq!(budget.take_samples(1), Ok(()));
        budget.cancel();
        assert_eq!(budget.check(), Err(Exhausted::Cancelled));
    }
}
