//! The sink that inputs write to.

use crate::metrics::DropReason;
use crate::queue::{BatchSize, Next, Queue};
use crate::{Metrics, PipelineOptions};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, thread};
use watchfire_logstore::{LogStore, LogStoreError};
use watchfire_model::{LogRecord, RecordSink, Refused};

/// Takes records from inputs into a log store. Dropping it ends its thread once the queue is drained;
/// [`Pipeline::stop`] also waits for that.
#[derive(Debug)]
pub struct Pipeline {
    shared: Arc<Shared>,
    drain: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    store: Arc<LogStore>,
    queue: Queue,
    commit_interval: Duration,
    is_stopping: AtomicBool,
    metrics: Metrics,
    /// In words, of the last attempt to store or commit; absent when that went well.
    last_error: Mutex<Option<String>>,
}

impl Pipeline {
    /// Starts the thread that drains the queue.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(store: Arc<LogStore>, options: &PipelineOptions) -> io::Result<Pipeline> {
        let shared = Arc::new(Shared {
            store,
            queue: Queue::new(options),
            commit_interval: options.commit_interval.as_duration(),
            is_stopping: AtomicBool::new(false),
            metrics: Metrics::default(),
            last_error: Mutex::default(),
        });
        let drained = Arc::clone(&shared);
        let drain = thread::Builder::new().name("pipeline".to_owned()).spawn(move || drained.drain())?;
        Ok(Pipeline { shared, drain: Mutex::new(Some(drain)) })
    }

    /// Takes nothing more, stores and commits what waits, and returns how many records were still waiting at the
    /// deadline and are lost. A second call returns at once.
    pub fn stop(&self, deadline: Instant) -> usize {
        self.shared.close();
        let Some(drain) = self.drain.lock().take() else { return 0 };
        match self.shared.queue.wait_drained(deadline) {
            Ok(()) => {
                drain.join().expect("the draining thread does not panic");
                0
            }
            // The thread may hang in the store: it ends by itself after that.
            Err(lost) => {
                self.shared.metrics.count_drop(DropReason::Stopping, lost);
                lost
            }
        }
    }

    /// Why the store last refused records or could not make them durable; none once it works again.
    pub fn last_error(&self) -> Option<String> {
        self.shared.last_error.lock().clone()
    }

    pub fn register_metrics(&self, registry: &mut Registry) {
        self.shared.metrics.register(registry);
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl RecordSink for Pipeline {
    fn offer(&self, records: Vec<LogRecord>) -> usize {
        if records.is_empty() {
            return 0;
        }
        let pushed = self.shared.queue.push(records, Instant::now());
        self.shared.measure();
        pushed.map_or_else(
            |not_taken| {
                self.shared.metrics.count_drop(not_taken.reason, not_taken.records);
                not_taken.records
            },
            |()| 0,
        )
    }

    fn store(&self, records: Vec<LogRecord>) -> Result<(), Refused> {
        let count = records.len() as u64;
        let refuse = |refused| {
            self.shared.metrics.refused_records.inc_by(count);
            Err(refused)
        };
        if self.shared.is_stopping.load(Ordering::Acquire) {
            return refuse(Refused::Stopping);
        }
        if records.is_empty() {
            return Ok(());
        }
        let stored = self.shared.store.append(records).and_then(|position| self.shared.store.commit(position));
        self.shared.remember(stored.as_ref().err());
        match stored {
            Ok(()) => {
                self.shared.metrics.stored_records.inc_by(count);
                Ok(())
            }
            Err(error) => refuse(Refused::Storage(words(&error))),
        }
    }
}

impl Shared {
    /// Moves what waits into the store, and makes it durable in time. Runs until the queue ends.
    fn drain(&self) {
        let mut uncommitted = None;
        loop {
            let due = uncommitted.as_ref().map(|(_, waiting): &(_, Waiting)| waiting.since + self.commit_interval);
            let next = self.queue.next(due);
            let is_end = matches!(next, Next::End);
            if let Next::Store(batch) = next {
                let appended = self.store.append(batch.records);
                self.account(batch.size, appended.as_ref().err());
                if let Ok(position) = appended {
                    let waiting = uncommitted.map_or(Waiting::since(batch.arrived), |(_, waiting)| waiting);
                    uncommitted = Some((position, waiting.with(batch.size.records)));
                }
            }
            let is_due = |waiting: &Waiting| is_end || waiting.since.elapsed() >= self.commit_interval;
            if let Some((position, waiting)) = uncommitted.take_if(|(_, waiting)| is_due(waiting)) {
                let committed = self.store.commit(position);
                if committed.is_err() {
                    self.metrics.undurable_records.inc_by(waiting.records);
                }
                self.remember(committed.err().as_ref());
            }
            if is_end {
                break;
            }
        }
        self.queue.set_drained();
    }

    /// The store has taken a batch of the queue, or refused it.
    fn account(&self, size: BatchSize, error: Option<&LogStoreError>) {
        self.queue.free(size);
        self.measure();
        if error.is_some() {
            self.metrics.count_drop(DropReason::Storage, size.records as usize);
            self.remember(error);
        } else {
            self.metrics.stored_records.inc_by(size.records);
        }
    }

    fn close(&self) {
        self.is_stopping.store(true, Ordering::Release);
        self.queue.close();
    }

    fn remember(&self, error: Option<&LogStoreError>) {
        *self.last_error.lock() = error.map(|error| words(error));
    }

    fn measure(&self) {
        let held = self.queue.held();
        self.metrics.queue_records.set(held.records as i64);
        self.metrics.queue_bytes.set(held.bytes as i64);
    }
}

/// Records in the store that no commit has covered.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// When the first of them came.
    since: Instant,
    records: u64,
}

impl Waiting {
    fn since(since: Instant) -> Waiting {
        Waiting { since, records: 0 }
    }

    fn with(self, records: u64) -> Waiting {
        Waiting { records: self.records + records, ..self }
    }
}

/// An error with its causes on one line.
fn words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        words.push_str(": ");
        words.push_str(&source.to_string());
        cause = source.source();
    }
    words
}

#[cfg(test)]
mod tests;
