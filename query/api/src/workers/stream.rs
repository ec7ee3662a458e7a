//! Queries whose answer leaves piece by piece while they run: no row limit, bounded memory. The thread waits while the
//! client is slow, and stops when it has left.

use super::{CancelOnDrop, WorkerError, Workers};
use bytes::Bytes;
use prometheus_client::metrics::counter::Counter;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use watchfire_model::QueryBudget;

/// Pieces that wait between the thread and the socket.
const PIECES_MAX: usize = 4;
/// What a client may let the thread wait in all: its query holds blocks that could be deleted, and memory.
const GRACE: Duration = Duration::from_mins(2);
/// For so many bytes that the client has taken, the thread may wait a second more.
const PACE: u64 = 16 << 10;

/// Where a query's thread puts its answer.
#[derive(Debug)]
pub(crate) struct Outlet<E> {
    pieces: mpsc::Sender<Result<Bytes, E>>,
    /// Bytes put so far.
    bytes: u64,
    /// How long the client has let the thread wait.
    waited: Duration,
    runtime: Handle,
    interrupted: Counter,
    is_interrupted: bool,
}

/// Nobody takes the answer any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interrupted;

/// The other end: the pieces as they come. Dropping it cancels the query.
#[derive(Debug)]
pub(crate) struct Pieces<E> {
    pieces: mpsc::Receiver<Result<Bytes, E>>,
    _guard: CancelOnDrop,
}

impl Workers {
    /// Runs `query` on a thread of its own for as long as its client takes what it puts out: there is no time-out. Beside
    /// the places of [`Workers::run`] there are [`super::QueryLimits::exports_max`] for these.
    ///
    /// # Errors
    /// [`WorkerError::Busy`] when all of those are taken.
    pub(crate) fn stream<E: Send + 'static>(
        &self,
        query: impl FnOnce(&QueryBudget, &mut Outlet<E>) + Send + 'static,
    ) -> Result<Pieces<E>, WorkerError> {
        let place = Arc::clone(&self.exporting).try_acquire_owned().map_err(|_| WorkerError::Busy)?;
        self.metrics.exports.inc();
        let budget = self.budget();
        let guard = CancelOnDrop(Arc::clone(&budget));
        let (sender, receiver) = mpsc::channel(PIECES_MAX);
        let interrupted = self.metrics.interrupted.clone();
        let runtime = Handle::current();
        let (bytes, waited) = (0, Duration::ZERO);
        let mut outlet = Outlet { pieces: sender, bytes, waited, runtime, interrupted, is_interrupted: false };
        self.runtime().spawn_blocking(move || {
            query(&budget, &mut outlet);
            outlet.end(&budget);
            drop(place); // held by the work itself, as in `run`
        });
        Ok(Pieces { pieces: receiver, _guard: guard })
    }
}

impl<E: Send + 'static> Outlet<E> {
    /// Hands a piece on; waits while the client is slow.
    ///
    /// # Errors
    /// The client has left, or is slower than [`PACE`] beyond the [`GRACE`].
    pub(crate) fn put(&mut self, piece: Result<Bytes, E>) -> Result<(), Interrupted> {
        let len = piece.as_ref().map_or(0, Bytes::len);
        let sent = match self.pieces.try_send(piece) {
            Ok(()) => true,
            Err(TrySendError::Closed(_)) => false,
            Err(TrySendError::Full(piece)) => {
                let began = Instant::now();
                let left = allowance(self.bytes).saturating_sub(self.waited);
                let sent = self.runtime.block_on(async { tokio::time::timeout(left, self.pieces.send(piece)).await });
                self.waited += began.elapsed();
                sent.is_ok_and(|sent| sent.is_ok())
            }
        };
        if sent {
            self.bytes += len as u64;
            return Ok(());
        }
        self.interrupt();
        Err(Interrupted)
    }

    /// A query that was called off between two pieces counts like one that was at a piece.
    fn end(&mut self, budget: &QueryBudget) {
        if budget.check().is_err() && self.pieces.is_closed() {
            self.interrupt();
        }
    }

    fn interrupt(&mut self) {
        if !std::mem::replace(&mut self.is_interrupted, true) {
            self.interrupted.inc();
        }
    }
}

/// How long the thread may wait for a client that was given so many bytes.
fn allowance(bytes: u64) -> Duration {
    GRACE + Duration::from_millis(bytes.saturating_mul(1000) / PACE)
}

impl<E> Pieces<E> {
    /// The next piece, `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, E>> {
        self.pieces.recv().await
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{limits, workers};
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    type Outcome = Result<Bytes, &'static str>;

    fn some_workers() -> Workers {
        workers(limits(1, 1, Duration::from_secs(10)))
    }

    /// Waits for what another thread does, at most ten seconds.
    async fn until(what: impl Fn() -> bool) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while !what() {
            assert!(tokio::time::Instant::now() < deadline, "it does not happen");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn pieces_come_in_order_and_end() {
        let workers = some_workers();
        let mut pieces = workers
            .stream(|_, outlet| {
                for number in 0..100_u8 {
                    outlet.put(Ok(Bytes::copy_from_slice(&[number]))).unwrap();
                }
                outlet.put(Err("broken")).unwrap();
            })
            .unwrap();
        for number in 0..100_u8 {
            assert_eq!(pieces.next().await, Some(Outcome::Ok(Bytes::copy_from_slice(&[number]))));
        }
        assert_eq!(pieces.next().await, Some(Err("broken")));
        assert_eq!(pieces.next().await, None);
        assert_eq!(workers.metrics.interrupted.get(), 0);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_thread_waits_for_a_slow_client_and_stops_without_one() {
        let workers = some_workers();
        let put = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&put);
        let mut pieces = workers
            .stream(move |_, outlet: &mut Outlet<&'static str>| {
                while outlet.put(Ok(Bytes::from_static(b"x"))).is_ok() {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            })
            .unwrap();
        until(|| put.load(Ordering::SeqCst) == PIECES_MAX).await;
        assert!(workers.stream(|_, _: &mut Outlet<()>| ()).is_err(), "its place is taken");
        for taken in 1..=10 {
            assert!(pieces.next().await.is_some());
            until(|| put.load(Ordering::SeqCst) == PIECES_MAX + taken).await;
        }
        drop(pieces);
        until(|| workers.metrics.interrupted.get() == 1).await;
        until(|| workers.exporting.available_permits() == 1).await;
        assert!(put.load(Ordering::SeqCst) <= PIECES_MAX + 11);
    }

    #[test]
    fn a_client_has_to_keep_a_pace() {
        assert_eq!(allowance(0), GRACE);
        assert_eq!(allowance(PACE * 60), GRACE + Duration::from_mins(1));
        assert!(allowance(u64::MAX) > GRACE);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_query_between_two_pieces_is_called_off() {
        let workers = some_workers();
        let pieces = workers.stream(|budget, _: &mut Outlet<()>| while budget.check().is_ok() {}).unwrap();
        drop(pieces);
        until(|| workers.metrics.interrupted.get() == 1).await;
    }
}
