//! Threads that help a query, and the work that is spread over them.

use crate::EvalError;
use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Lends threads to queries. Whoever runs the engine says which and how many.
pub trait Helpers: Send + Sync + Debug {
    /// Calls `work` on this thread and, at the same time, on as many others as are free; returns when every call has
    /// returned.
    fn share(&self, work: &(dyn Fn() + Sync));
}

/// No help: everything is done on the query's own thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Helpers for Alone {
    fn share(&self, work: &(dyn Fn() + Sync)) {
        work();
    }
}

/// Starts threads for as long as a piece of work takes, at most so many at once for all queries together. They inherit
/// the priority of the query's own thread.
#[derive(Debug)]
pub struct ScopedHelpers {
    free: AtomicUsize,
}

impl ScopedHelpers {
    /// `others`: threads beside those of the queries themselves.
    pub fn new(others: usize) -> ScopedHelpers {
        ScopedHelpers { free: AtomicUsize::new(others) }
    }

    /// Takes all that are free.
    fn take(&self) -> Lent<'_> {
        Lent { helpers: self, count: self.free.swap(0, Ordering::AcqRel) }
    }
}

impl Helpers for ScopedHelpers {
    fn share(&self, work: &(dyn Fn() + Sync)) {
        let lent = self.take();
        std::thread::scope(|scope| {
            for _ in 0..lent.count {
                // A system that is out of threads leaves the work to those that run.
                let _ = std::thread::Builder::new().name("query-helper".to_owned()).spawn_scoped(scope, work);
            }
            work();
        });
    }
}

/// Threads that are given back when this is dropped, a panic included.
struct Lent<'h> {
    helpers: &'h ScopedHelpers,
    count: usize,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.helpers.free.fetch_add(self.count, Ordering::AcqRel);
    }
}

/// Items that are worked on at a time: enough to outweigh the lock, few enough to be spread evenly.
const CHUNK_LEN_MAX: usize = 32;
/// Chunks that every query is cut into at least, where it has the items.
const CHUNKS_MIN: usize = 16;

/// Calls `work` for each chunk of `count` items, on all threads that `helpers` lends; answers in the order of the items,
/// whoever worked on them. `state` is made once per thread.
///
/// # Errors
/// That of the first chunk that has one: what comes behind it may not have been worked on.
pub(super) fn in_order<S, R: Send>(
    helpers: &dyn Helpers,
    count: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, std::ops::Range<usize>) -> Result<R, EvalError> + Sync,
) -> Result<Vec<R>, EvalError> {
    let chunk_len = (count / CHUNKS_MIN).clamp(1, CHUNK_LEN_MAX);
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<R, EvalError>)>> = Mutex::new(Vec::with_capacity(count.div_ceil(chunk_len)));
    helpers.share(&|| {
        let mut state = state();
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            let from = chunk.saturating_mul(chunk_len);
            if from >= count {
                return;
            }
            let outcome = work(&mut state, from..(from + chunk_len).min(count));
            if outcome.is_err() {
                // Chunks before this one are taken already and will be finished.
                next.store(count, Ordering::Relaxed);
            }
            done.lock().unwrap_or_else(PoisonError::into_inner).push((chunk, outcome));
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(chunk, _)| *chunk);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(helpers: &dyn Helpers, count: usize, fails_at: Option<usize>) {
        let outcome = in_order(
            helpers,
            count,
            || (),
            |(), range| match fails_at.filter(|at| range.contains(at)) {
                Some(at) => Err(EvalError::Execution(at.to_string())),
                None => Ok(range.collect::<Vec<_>>()),
            },
        );
        match fails_at {
            Some(at) => assert_eq!(outcome.unwrap_err(), EvalError::Execution(at.to_string())),
            None => assert_eq!(outcome.unwrap().concat(), (0..count).collect::<Vec<_>>()),
        }
    }

    #[test]
    fn answers_come_in_the_order_of_the_items_whoever_works() {
        let scoped = ScopedHelpers::new(3);
        for helpers in [&Alone as &dyn Helpers, &scoped] {
            for count in [0, 1, 2, 31, 1000, 4097] {
                check(helpers, count, None);
            }
            check(helpers, 1000, Some(0));
            check(helpers, 1000, Some(577));
        }
        assert_eq!(scoped.free.load(Ordering::Relaxed), 3);
    }
}
