//! What one query may spend, shared by every thread that works for it.

use crate::{MemoryHold, MemoryPool, OutOfMemory};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A time and a value, in bytes. What is held beside them (labels, whole records) is taken as memory by whoever holds it.
const SAMPLE_BYTES: u64 = 16;

/// Counts what a query has read and says when to stop: over its limit, or called off.
#[derive(Debug)]
pub struct QueryBudget {
    samples_max: u64,
    samples: AtomicU64,
    bytes: AtomicU64,
    stopped: AtomicBool,
    memory: Option<Mutex<Memory>>,
}

/// What the query holds of the memory that all queries share.
#[derive(Debug)]
struct Memory {
    hold: MemoryHold,
    max: u64,
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
    /// It alone would hold more than one query may.
    #[error("query processing would take more than {} of memory: narrow the time range or the selection", crate::ByteSize(*max))]
    Memory { max: u64 },
    /// All queries together hold what they may.
    #[error(transparent)]
    SharedMemory(#[from] OutOfMemory),
}

impl QueryBudget {
    /// `samples_max`: samples (or log records) a query may hold at once.
    pub fn new(samples_max: u64) -> QueryBudget {
        QueryBudget {
            samples_max,
            samples: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            memory: None,
        }
    }

    /// Lets the query hold `max` bytes of what `pool` has left; without this its memory is not bounded.
    #[must_use]
    pub fn with_memory(self, pool: &Arc<MemoryPool>, max: u64) -> QueryBudget {
        let memory = pool.take(0).ok().map(|hold| Mutex::new(Memory { hold, max }));
        QueryBudget { memory, ..self }
    }

    /// For work of our own that no client waits for, and for tests.
    pub fn unlimited() -> QueryBudget {
        QueryBudget::new(u64::MAX)
    }

    /// Takes `n` samples from the budget, and memory for them; fails once more than either limit is taken or the query is
    /// cancelled. Unless it is cancelled the samples are counted even so, and want to be returned.
    pub fn take_samples(&self, n: u64) -> Result<(), Exhausted> {
        self.check()?;
        let taken = self.samples.fetch_add(n, Ordering::Relaxed).saturating_add(n);
        if taken > self.samples_max {
            return Err(Exhausted::Samples { max: self.samples_max });
        }
        self.take_memory(n.saturating_mul(SAMPLE_BYTES))
    }

    /// Gives samples back that are no longer held.
    pub fn return_samples(&self, n: u64) {
        self.samples.fetch_sub(n, Ordering::Relaxed);
        self.return_memory(n.saturating_mul(SAMPLE_BYTES));
    }

    /// Notes that the query is about to hold `bytes` more, until [`QueryBudget::return_memory`] or its end.
    pub fn take_memory(&self, bytes: u64) -> Result<(), Exhausted> {
        self.check()?;
        let Some(memory) = &self.memory else { return Ok(()) };
        let Memory { hold, max } = &mut *memory.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = hold.bytes().saturating_add(bytes);
        if wanted > *max {
            return Err(Exhausted::Memory { max: *max });
        }
        Ok(hold.resize(wanted)?)
    }

    /// Notes that the query holds `bytes` less.
    pub fn return_memory(&self, bytes: u64) {
        let Some(memory) = &self.memory else { return };
        let Memory { hold, .. } = &mut *memory.lock().unwrap_or_else(PoisonError::into_inner);
        let left = hold.bytes().saturating_sub(bytes);
        hold.resize(left).expect("less than before always fits");
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

    #[test]
    fn memory_is_bounded_for_one_and_for_all() {
        let pool = MemoryPool::new("queries", crate::ByteSize(100));
        let first = QueryBudget::unlimited().with_memory(&pool, 70);
        let second = QueryBudget::unlimited().with_memory(&pool, 70);
        first.take_memory(70).unwrap();
        assert_eq!(first.take_memory(1), Err(Exhausted::Memory { max: 70 }));
        assert!(matches!(second.take_memory(31), Err(Exhausted::SharedMemory(_))));
        assert_eq!(second.take_samples(5), Err(Exhausted::Memory { max: 70 }));
        second.return_samples(5);
        first.return_memory(1);
        second.take_memory(31).unwrap();
        drop(first);
        assert_eq!(pool.used(), 31);
        drop(second);
        assert_eq!(pool.used(), 0);
        QueryBudget::unlimited().take_memory(u64::MAX).unwrap();
    }
}
