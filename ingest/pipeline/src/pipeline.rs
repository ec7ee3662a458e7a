//! The sink that inputs write to.

use crate::drain::Drain;
use crate::metrics::LedgerMetrics;
use crate::queue::{NotTaken, Queue, record_bytes};
use crate::{Metrics, PipelineOptions};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;
use std::{io, thread};
use watchfire_logstore::{LogStore, LogStoreError};
use watchfire_model::{Fate, Ledger, LogRecord, Receipt, RecordSink, Refused};

/// Takes records from inputs into a log store. Dropping it ends its thread once the queue is drained;
/// [`Pipeline::stop`] also waits for that.
#[derive(Debug)]
pub struct Pipeline {
    shared: Arc<Shared>,
    drain: Mutex<Option<JoinHandle<()>>>,
}

/// What all threads that bring records use.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Arc<LogStore>,
    pub(crate) queue: Queue,
    pub(crate) options: PipelineOptions,
    pub(crate) metrics: Metrics,
    ledger: Arc<Ledger>,
    is_stopping: AtomicBool,
    /// The store has refused the last batch of the queue because the disk is full.
    is_disk_full: AtomicBool,
    /// Memory of the records whose senders wait.
    storing: AtomicU64,
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
            options: options.clone(),
            metrics: Metrics::default(),
            ledger: Arc::default(),
            is_stopping: AtomicBool::new(false),
            is_disk_full: AtomicBool::new(false),
            storing: AtomicU64::new(0),
            last_error: Mutex::default(),
        });
        let drain = Drain::new(Arc::clone(&shared));
        let drain = thread::Builder::new().name("pipeline".to_owned()).spawn(move || drain.run())?;
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
                for batch in &lost {
                    batch.settle(Fate::Stopping);
                    self.shared.metrics.count(Fate::Stopping, batch.size.records);
                }
                lost.iter().map(|batch| batch.records.len()).sum()
            }
        }
    }

    /// Why the store last refused records or could not make them durable; none once it works again.
    pub fn last_error(&self) -> Option<String> {
        self.shared.last_error.lock().clone()
    }

    pub fn register_metrics(&self, registry: &mut Registry) {
        self.shared.metrics.register(registry);
        registry.register_collector(Box::new(LedgerMetrics(Arc::clone(&self.shared.ledger))));
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl RecordSink for Pipeline {
    fn offer(&self, records: Vec<LogRecord>, receipt: Arc<dyn Receipt>) {
        let n_records = records.len();
        let pushed = self.shared.queue.push(records, &receipt, Instant::now());
        self.shared.measure();
        if let Err(NotTaken { first, fate }) = pushed {
            let is_disk_full = fate == Fate::PipelineFull && self.shared.is_disk_full.load(Ordering::Relaxed);
            let fate = if is_disk_full { Fate::DiskFull } else { fate };
            self.shared.metrics.count(fate, (n_records - first) as u64);
            receipt.settle(first..n_records, fate);
        }
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
        let Some(_held) = self.shared.hold(records.iter().map(record_bytes).sum()) else {
            return refuse(Refused::Busy);
        };
        let stored = self.shared.store.append(records).and_then(|position| self.shared.store.commit(position));
        self.shared.remember(stored.as_ref().err());
        match stored {
            Ok(()) => {
                self.shared.metrics.stored_records.inc_by(count);
                Ok(())
            }
            Err(error) if is_disk_full(&error) => refuse(Refused::DiskFull(words(&error))),
            Err(error) => refuse(Refused::Storage(words(&error))),
        }
    }

    fn ledger(&self) -> &Arc<Ledger> {
        &self.shared.ledger
    }
}

/// Memory of records in the hands of the store; given back when dropped.
struct Held<'a> {
    shared: &'a Shared,
    bytes: u64,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let before = self.shared.storing.fetch_sub(self.bytes, Ordering::Relaxed);
        self.shared.metrics.storing_bytes.set((before - self.bytes) as i64);
    }
}

impl Shared {
    /// Takes memory for records whose sender waits; one request is always let in.
    fn hold(&self, bytes: u64) -> Option<Held<'_>> {
        let fits = |held: u64| (held == 0 || held + bytes <= self.options.storing_bytes_max.0).then_some(held + bytes);
        let before = self.storing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        self.metrics.storing_bytes.set((before + bytes) as i64);
        Some(Held { shared: self, bytes })
    }

    fn close(&self) {
        self.is_stopping.store(true, Ordering::Release);
        self.queue.close();
    }

    pub(crate) fn remember(&self, error: Option<&LogStoreError>) {
        *self.last_error.lock() = error.map(|error| words(error));
    }

    /// The store has taken a batch of the queue, or refused it.
    pub(crate) fn note(&self, appended: Result<(), &LogStoreError>) {
        self.is_disk_full.store(appended.is_err_and(is_disk_full), Ordering::Relaxed);
        if let Err(error) = appended {
            self.remember(Some(error));
        }
    }

    pub(crate) fn measure(&self) {
        let held = self.queue.held();
        self.metrics.queue_records.set(held.records as i64);
        self.metrics.queue_bytes.set(held.bytes as i64);
    }
}

/// Whether the store has refused for want of room on the disk.
pub(crate) fn is_disk_full(error: &LogStoreError) -> bool {
    matches!(error, LogStoreError::DiskFull)
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
