//! What the tests of sockets need: a sink that remembers, a clock, and waiting with a deadline.

use crate::Now;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use watchfire_model::{LogRecord, RecordSink, Refused, TimeNs};

/// Keeps all records; refuses as often as it is told to.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub records: Mutex<Vec<LogRecord>>,
    /// Calls of `store` that are still to be refused.
    pub n_refusals: AtomicUsize,
    /// Records that `offer` still takes.
    pub room: Option<AtomicUsize>,
}

impl RecordSink for Recorder {
    fn offer(&self, mut records: Vec<LogRecord>) -> usize {
        let n = records.len();
        if let Some(room) = &self.room {
            let taken = room.load(Relaxed).min(n);
            room.fetch_sub(taken, Relaxed);
            records.truncate(taken);
        }
        let n_taken = records.len();
        self.records.lock().extend(records);
        n - n_taken
    }

    fn store(&self, records: Vec<LogRecord>) -> Result<(), Refused> {
        if self.n_refusals.fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1)).is_ok() {
            return Err(Refused::Busy);
        }
        self.records.lock().extend(records);
        Ok(())
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
