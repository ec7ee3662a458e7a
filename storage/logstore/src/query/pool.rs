//! The threads that queries share.
//!
//! A query is cut into steps (mostly: one granule), which as many runners work through as there are threads. While others
//! wait, a runner goes back to the end of the queue after some milliseconds: so many queries at once all get on. The
//! threads have a lower priority than those that take records in.

use crate::LogStoreError;
use rayon_core::{ThreadPool, ThreadPoolBuilder};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Threads, if there are so many cores: each one may hold the columns of a granule.
const THREADS_MAX: usize = 8;
/// How long a runner goes on while others wait.
const SLICE: Duration = Duration::from_millis(4);
/// Added to the threads' nice value: beside threads of the normal priority they get about a third of a core.
const NICENESS: i32 = 5;

/// Whether there is more to do after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    More,
    Done,
}

/// A bounded number of threads.
pub(crate) struct QueryPool {
    threads: ThreadPool,
    /// Queries that have steps on them now.
    active: AtomicUsize,
}

impl QueryPool {
    pub(crate) fn new() -> Result<QueryPool, LogStoreError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = ThreadPoolBuilder::new()
            .num_threads(cores.min(THREADS_MAX))
            .thread_name(|index| format!("logstore-query-{index}"))
            // Where the system does not allow it the queries have the priority of everybody else.
            .start_handler(|_| _ = rustix::process::nice(NICENESS))
            .build()
            .map_err(|error| LogStoreError::Thread(std::io::Error::other(error)))?;
        Ok(QueryPool { threads, active: AtomicUsize::new(0) })
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Queries at work now.
    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// Lets so many runners, known to `step` by their numbers, make steps until each has said that there are no more.
    pub(crate) fn run(&self, runners: usize, step: &(dyn Fn(usize) -> Step + Sync)) {
        let (sender, returned) = mpsc::channel::<(usize, Step)>();
        let _active = Active::new(&self.active);
        self.threads.in_place_scope(|scope| {
            let begin = |runner: usize| {
                let turn = Turn { runner, step: Step::Done, sender: sender.clone() };
                scope.spawn(move |_| turn.take(|| self.slice(runner, step)));
            };
            (0..runners).for_each(begin);
            let mut left = runners;
            while left > 0 {
                match returned.recv() {
                    Ok((runner, Step::More)) => begin(runner),
                    Ok((_, Step::Done)) | Err(_) => left -= 1,
                }
            }
        });
    }

    fn slice(&self, runner: usize, step: &(dyn Fn(usize) -> Step + Sync)) -> Step {
        let began = Instant::now();
        loop {
            if step(runner) == Step::Done {
                return Step::Done;
            }
            if self.active() > 1 && began.elapsed() >= SLICE {
                return Step::More;
            }
        }
    }
}

impl fmt::Debug for QueryPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryPool").field("threads", &self.threads()).field("active", &self.active()).finish()
    }
}

/// A runner's turn; tells how it ended even when the step panics.
#[derive(Debug)]
struct Turn {
    runner: usize,
    step: Step,
    sender: mpsc::Sender<(usize, Step)>,
}

impl Turn {
    fn take(mut self, slice: impl FnOnce() -> Step) {
        self.step = slice();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // The receiver outlives all turns.
        let _ = self.sender.send((self.runner, self.step));
    }
}

/// Counts a query while it lives.
#[derive(Debug)]
struct Active<'a>(&'a AtomicUsize);

impl<'a> Active<'a> {
    fn new(count: &'a AtomicUsize) -> Active<'a> {
        count.fetch_add(1, Ordering::Relaxed);
        Active(count)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn every_step_is_made_once() {
        let pool = QueryPool::new().unwrap();
        let (next, sum) = (AtomicU64::new(0), AtomicU64::new(0));
        pool.run(3, &|_| {
            let item = next.fetch_add(1, Ordering::Relaxed);
            if item >= 1000 {
                return Step::Done;
            }
            sum.fetch_add(item, Ordering::Relaxed);
            Step::More
        });
        assert_eq!((sum.load(Ordering::Relaxed), pool.active()), (999 * 1000 / 2, 0));
    }

    /// A short query ends while a long one, which has all the threads, goes on.
    #[test]
    fn a_long_query_does_not_keep_a_short_one_waiting() {
        let pool = QueryPool::new().unwrap();
        let (begun, short_done) = (AtomicU64::new(0), AtomicU64::new(0));
        let is_set = |flag: &AtomicU64| flag.load(Ordering::SeqCst) > 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                pool.run(pool.threads(), &|_| {
                    begun.store(1, Ordering::SeqCst);
                    std::thread::yield_now();
                    if is_set(&short_done) { Step::Done } else { Step::More }
                });
            });
            while !is_set(&begun) {
                std::thread::yield_now();
            }
            pool.run(pool.threads(), &|_| Step::Done);
            short_done.store(1, Ordering::SeqCst);
        });
        assert_eq!(pool.active(), 0);
    }
}
