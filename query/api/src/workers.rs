//! The bounded pool that queries run on, away from the sockets.

mod stream;

pub(crate) use stream::{Interrupted, Outlet, Pieces};

use crate::refusal::{Refusal, Refusals};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use watchfire_model::{MemoryPool, QueryBudget};

/// What queries may take together and each.
#[derive(Debug, Clone, Copy)]
pub struct QueryLimits {
    /// Queries that run at once; further ones wait within their own time-out.
    pub concurrency: usize,
    /// Queries that run or wait; beyond that they are refused at once.
    pub queue_max: usize,
    pub timeout: Duration,
    /// Samples, or log records, that one query may hold.
    pub samples_max: u64,
    /// Bytes that one query may hold of the memory that all of them share.
    pub memory_max: u64,
    /// Exports that run at once, beside the queries; further ones are refused.
    pub exports_max: usize,
}

impl Default for QueryLimits {
    fn default() -> QueryLimits {
        QueryLimits {
            concurrency: 20,
            queue_max: 200,
            timeout: Duration::from_mins(2),
            samples_max: 50_000_000,
            memory_max: 512 << 20,
            exports_max: 8,
        }
    }
}

/// Why a query was not run to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    #[error("too many queries at once, try again in a moment")]
    Busy,
    #[error("query timed out after {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("the query stopped on an internal error, which the log shows")]
    Panicked,
}

impl WorkerError {
    /// Why the query was refused, if it was.
    pub(crate) fn refusal(self) -> Option<Refusal> {
        match self {
            WorkerError::Busy => Some(Refusal::busy),
            WorkerError::TimedOut(_) | WorkerError::Panicked => None,
        }
    }
}

/// What the pool counts.
#[derive(Debug, Default)]
struct Metrics {
    queries: Counter,
    seconds: Counter<f64, AtomicU64>,
    refusals: Refusals,
    timed_out: Counter,
    panicked: Counter,
    exports: Counter,
    interrupted: Counter,
}

/// Runs blocking queries, so many at a time.
#[derive(Debug)]
pub struct Workers {
    limits: QueryLimits,
    /// What all queries may hold together.
    memory: Arc<MemoryPool>,
    metrics: Metrics,
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    exporting: Arc<Semaphore>,
    /// Whose threads queries run on; the caller's if none.
    runtime: Option<Handle>,
}

/// Cancels a query whose client has gone: axum drops the handler's future then, and this guard with it.
#[derive(Debug)]
struct CancelOnDrop(Arc<QueryBudget>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Workers {
    pub fn new(limits: QueryLimits, memory: Arc<MemoryPool>) -> Workers {
        Workers {
            limits,
            memory,
            metrics: Metrics::default(),
            running: Arc::new(Semaphore::new(limits.concurrency)),
            admitted: Arc::new(Semaphore::new(limits.queue_max)),
            exporting: Arc::new(Semaphore::new(limits.exports_max)),
            runtime: None,
        }
    }

    /// Runs queries on the blocking threads of another runtime, which may be of a lower priority than those that take data
    /// in.
    #[must_use]
    pub fn on(self, runtime: Handle) -> Workers {
        Workers { runtime: Some(runtime), ..self }
    }

    pub fn register_metrics(&self, registry: &mut Registry) {
        let Metrics { queries, seconds, refusals, timed_out, panicked, exports, interrupted } = &self.metrics;
        registry.register("api_queries", "Queries run to an answer or an error", queries.clone());
        registry.register_with_unit(
            "api_query",
            "Time from a query's arrival to its answer",
            Unit::Seconds,
            seconds.clone(),
        );
        refusals.register(registry);
        registry.register("api_timed_out_queries", "Queries that were stopped at their time-out", timed_out.clone());
        registry.register("api_panicked_queries", "Queries that stopped on a defect", panicked.clone());
        registry.register("api_exports", "Exports begun", exports.clone());
        let help = "Exports stopped because their client had left or took nothing for too long";
        registry.register("api_interrupted_exports", help, interrupted.clone());
    }

    /// Exports that were stopped.
    #[cfg(test)]
    pub(crate) fn interrupted_exports(&self) -> u64 {
        self.metrics.interrupted.get()
    }

    /// What middleware counts refused queries in.
    pub(crate) fn refusals(&self) -> &Refusals {
        &self.metrics.refusals
    }

    /// Runs `query` with a budget of its own, for at most `timeout` (and never beyond the limit).
    pub async fn run<T: Send + 'static>(
        &self,
        timeout: Option<Duration>,
        query: impl FnOnce(&QueryBudget) -> T + Send + 'static,
    ) -> Result<T, WorkerError> {
        let began = Instant::now();
        let answer = self.run_within(timeout.unwrap_or(self.limits.timeout).min(self.limits.timeout), query).await;
        match &answer {
            Ok(_) => self.metrics.queries.inc(),
            Err(WorkerError::Busy) => 0, // counted with all refusals
            Err(WorkerError::TimedOut(_)) => self.metrics.timed_out.inc(),
            Err(WorkerError::Panicked) => self.metrics.panicked.inc(),
        };
        self.metrics.seconds.inc_by(began.elapsed().as_secs_f64());
        answer
    }

    fn runtime(&self) -> Handle {
        self.runtime.clone().unwrap_or_else(Handle::current)
    }

    /// What one query may spend.
    fn budget(&self) -> Arc<QueryBudget> {
        Arc::new(QueryBudget::new(self.limits.samples_max).with_memory(&self.memory, self.limits.memory_max))
    }

    async fn run_within<T: Send + 'static>(
        &self,
        timeout: Duration,
        query: impl FnOnce(&QueryBudget) -> T + Send + 'static,
    ) -> Result<T, WorkerError> {
        let _admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| WorkerError::Busy)?;
        let budget = self.budget();
        let _guard = CancelOnDrop(Arc::clone(&budget));
        let work = async {
            let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| WorkerError::Busy)?;
            let answer = self.runtime().spawn_blocking(move || {
                let answer = query(&budget);
                drop(running); // held by the work itself: a cancelled query keeps its place until it has stopped
                answer
            });
            answer.await.map_err(|_| WorkerError::Panicked)
        };
        tokio::time::timeout(timeout, work).await.unwrap_or(Err(WorkerError::TimedOut(timeout)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn limits(concurrency: usize, queue_max: usize, timeout: Duration) -> QueryLimits {
        QueryLimits { concurrency, queue_max, timeout, samples_max: 10, memory_max: 100, exports_max: 1 }
    }

    pub(super) fn workers(limits: QueryLimits) -> Workers {
        Workers::new(limits, MemoryPool::new("queries", watchfire_model::ByteSize(150)))
    }

    #[tokio::test]
    async fn memory_is_bounded_per_query_and_given_back() {
        let workers = workers(limits(2, 2, Duration::from_secs(10)));
        let take = |bytes| move |budget: &QueryBudget| budget.take_memory(bytes).is_ok();
        for _ in 0..3 {
            assert_eq!(workers.run(None, take(100)).await, Ok(true));
            assert_eq!(workers.run(None, take(101)).await, Ok(false));
        }
        assert_eq!(workers.memory.used(), 0);
    }

    #[tokio::test]
    async fn answers_come_back_and_panics_are_contained() {
        let workers = workers(limits(1, 1, Duration::from_secs(10)));
        assert_eq!(workers.run(None, |_| 42).await, Ok(42));
        assert_eq!(workers.run(None, |_| -> u8 { panic!("a defect") }).await, Err(WorkerError::Panicked));
        assert_eq!(workers.run(None, |_| 43).await, Ok(43));
    }

    #[tokio::test]
    async fn a_query_past_its_time_is_cancelled() {
        let workers = workers(limits(1, 1, Duration::from_secs(10)));
        let timeout = Duration::from_millis(20);
        let spin = |budget: &QueryBudget| while budget.check().is_ok() {};
        assert_eq!(workers.run(Some(timeout), spin).await, Err(WorkerError::TimedOut(timeout)));
        assert_eq!(workers.run(None, |_| 1).await, Ok(1), "its place is free again");
    }

    #[test]
    fn queries_run_on_the_threads_that_they_are_given() {
        let named = tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("queries").build();
        let (named, callers) = (named.unwrap(), tokio::runtime::Builder::new_current_thread().enable_all().build());
        let workers = workers(limits(1, 1, Duration::from_secs(10))).on(named.handle().clone());
        let name = callers.unwrap().block_on(workers.run(None, |_| std::thread::current().name().map(str::to_owned)));
        assert_eq!(name.unwrap().as_deref(), Some("queries"));
    }

    #[tokio::test]
    async fn beyond_the_queue_queries_are_refused() {
        let workers = workers(limits(1, 0, Duration::from_secs(10)));
        assert_eq!(workers.run(None, |_| 1).await, Err(WorkerError::Busy));
    }
}
