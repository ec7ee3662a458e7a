//! What the tests of sockets need: a sink that remembers, a clock, and waiting with a deadline.

use crate::Now;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use watchfire_model::{Fate, Ledger, LogRecord, Receipt, RecordSink, Refused, TimeNs};

/// Keeps all records; refuses as often as it is told to.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub records: Mutex<Vec<LogRecord>>,
    /// Why calls of `store` are still to be refused, the next one last.
    pub refusals: Mutex<Vec<Refused>>,
    /// Records that `offer` still takes.
    pub room: Option<AtomicUsize>,
    pub ledger: Arc<Ledger>,
}

impl RecordSink for Recorder {
    fn offer(&self, mut records: Vec<LogRecord>, receipt: Arc<dyn Receipt>) {
        let n = records.len();
        if let Some(room) = &self.room {
            let taken = room.load(Relaxed).min(n);
            room.fetch_sub(taken, Relaxed);
            records.truncate(taken);
        }
        let n_taken = records.len();
        self.records.lock().extend(records);
        receipt.settle(0..n_taken, Fate::Stored);
        receipt.settle(n_taken..n, Fate::PipelineFull);
    }

    fn store(&self, records: Vec<LogRecord>) -> Result<(), Refused> {
        if let Some(refused) = self.refusals.lock().pop() {
            return Err(refused);
        }
        self.records.lock().extend(records);
        Ok(())
    }

    fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }
}

/// A clock that stands at midnight of 2026-11-19 and moves on with the machine's steady one.
pub(crate) fn clock() -> Now {
    let start = Instant::now();
    Arc::new(move || TimeNs(1_795_046_400_000_000_000 + start.elapsed().as_nanos() as i64))
}

/// Waits until the condition holds, at most ten seconds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long until {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
