//! The bounded pool that queries run on, away from the sockets.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use watchfire_model::QueryBudget;

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
}

impl Default for QueryLimits {
    fn default() -> QueryLimits {
        QueryLimits { concurrency: 20, queue_max: 200, timeout: Duration::from_mins(2), samples_max: 50_000_000 }
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

/// Runs blocking queries, so many at a time.
#[derive(Debug)]
pub struct Workers {
    limits: QueryLimits,
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

/// Cancels a query whose client has gone: axum drops the handler's future then, and this guard with it.
struct CancelOnDrop(Arc<QueryBudget>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Workers {
    pub fn new(limits: QueryLimits) -> Workers {
        Workers {
            limits,
            running: Arc::new(Semaphore::new(limits.concurrency)),
            admitted: Arc::new(Semaphore::new(limits.queue_max)),
        }
    }

    /// Runs `query` with a budget of its own, for at most `timeout` (and never beyond the limit).
    pub async fn run<T: Send + 'static>(
        &self,
        timeout: Option<Duration>,
        query: impl FnOnce(&QueryBudget) -> T + Send + 'static,
    ) -> Result<T, WorkerError> {
        let timeout = timeout.unwrap_or(self.limits.timeout).min(self.limits.timeout);
        let _admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| WorkerError::Busy)?;
        let budget = Arc::new(QueryBudget::new(self.limits.samples_max));
        let _guard = CancelOnDrop(Arc::clone(&budget));
        let work = async {
            let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| WorkerError::Busy)?;
            let answer = tokio::task::spawn_blocking(move || {
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

    fn limits(concurrency: usize, queue_max: usize, timeout: Duration) -> QueryLimits {
        QueryLimits { concurrency, queue_max, timeout, samples_max: 10 }
    }

    #[tokio::test]
    async fn answers_come_back_and_panics_are_contained() {
        let workers = Workers::new(limits(1, 1, Duration::from_secs(10)));
        assert_eq!(workers.run(None, |_| 42).await, Ok(42));
        assert_eq!(workers.run(None, |_| -> u8 { panic!("a defect") }).await, Err(WorkerError::Panicked));
        assert_eq!(workers.run(None, |_| 43).await, Ok(43));
    }

    #[tokio::test]
    async fn a_query_past_its_time_is_cancelled() {
        let workers = Workers::new(limits(1, 1, Duration::from_secs(10)));
        let timeout = Duration::from_millis(20);
        let spin = |budget: &QueryBudget| while budget.check().is_ok() {};
        assert_eq!(workers.run(Some(timeout), spin).await, Err(WorkerError::TimedOut(timeout)));
        assert_eq!(workers.run(None, |_| 1).await, Ok(1), "its place is free again");
    }

    #[tokio::test]
    async fn beyond_the_queue_queries_are_refused() {
        let workers = Workers::new(limits(1, 0, Duration::from_secs(10)));
        assert_eq!(workers.run(None, |_| 1).await, Err(WorkerError::Busy));
    }
}
