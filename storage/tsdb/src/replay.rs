//! The log of earlier runs, read behind while the store is in use.
//!
//! What it holds goes to the head in order. A head that takes too much memory is flushed as far as the log has been read,
//! so a log of any size fits. Samples that come meanwhile are durable as always; they wait beside their series, where
//! queries see them, until everything written before is there.

use crate::TsdbError;
use crate::appender::Taken;
use crate::flush::Cut;
use crate::head::Scratch;
use crate::log_reader::{LogReader, Target, Wanted};
use crate::state::Flush;
use crate::status::ReplayStatus;
use crate::tsdb::Shared;
use parking_lot::{Condvar, Mutex};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use watchfire_model::TimeRange;
use watchfire_store::crash_point;
use watchfire_wal::{Backlog, Position};

/// How long a replay that failed waits before it goes on.
const RETRY: Duration = Duration::from_secs(1);

/// Whether the log is still being read; who waits for that waits here.
#[derive(Debug)]
pub(crate) struct ReplayGate {
    /// Changes only while the appender is held, so that each sample comes before or after the change.
    running: AtomicBool,
    /// Samples that wait beside their series.
    pub(crate) fresh_samples: AtomicU64,
    /// Why it does not go on at the moment.
    error: Mutex<Option<String>>,
    changed: Condvar,
    is_closing: AtomicBool,
}

impl ReplayGate {
    pub(crate) fn new() -> ReplayGate {
        ReplayGate {
            running: AtomicBool::new(true),
            fresh_samples: AtomicU64::new(0),
            error: Mutex::default(),
            changed: Condvar::new(),
            is_closing: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    /// Blocks until the log is read.
    pub(crate) fn wait(&self) -> Result<(), TsdbError> {
        let mut error = self.error.lock();
        loop {
            if !self.is_running() {
                return Ok(());
            }
            if let Some(reason) = &*error {
                return Err(TsdbError::ReplayStalled { reason: reason.clone() });
            }
            if self.is_closing.load(Ordering::Acquire) {
                return Err(TsdbError::Closing);
            }
            self.changed.wait(&mut error);
        }
    }

    /// Lets the replay end, and whoever waits for it.
    pub(crate) fn wake(&self) {
        let _error = self.error.lock();
        self.is_closing.store(true, Ordering::Release);
        self.changed.notify_all();
    }

    fn end(&self) {
        let mut error = self.error.lock();
        *error = None;
        self.running.store(false, Ordering::Release);
        self.changed.notify_all();
    }

    /// Notes why it does not go on, and waits a little. Says whether to try again.
    fn stall(&self, reason: String) -> bool {
        let mut error = self.error.lock();
        *error = Some(reason);
        self.changed.notify_all();
        if !self.is_closing.load(Ordering::Acquire) {
            self.changed.wait_for(&mut error, RETRY);
        }
        *error = None;
        !self.is_closing.load(Ordering::Acquire)
    }
}

/// Reads the backlog, in a thread where there is any.
pub(crate) fn start(shared: &Arc<Shared>, backlog: Backlog) -> Option<JoinHandle<()>> {
    if backlog.bytes() == 0 {
        shared.replay_all(backlog);
        return None;
    }
    let theirs = (Arc::clone(shared), backlog.clone());
    let thread = std::thread::Builder::new().name("tsdb-replay".to_owned());
    let spawned = thread.spawn(move || theirs.0.replay_all(theirs.1));
    if spawned.is_err() {
        // Without a thread to spare it is done before anything else.
        shared.replay_all(backlog);
    }
    spawned.ok()
}

impl Shared {
    pub(crate) fn replay_status(&self) -> Option<ReplayStatus> {
        if !self.replay.is_running() {
            return None;
        }
        let (bytes_done, bytes_total) = self.wal.replay_progress();
        Some(ReplayStatus { bytes_done, bytes_total, error: self.replay.error.lock().clone() })
    }

    fn replay_all(&self, backlog: Backlog) {
        let wanted = Wanted { flush: self.manifest.state().flush, range: TimeRange::ALL, span: self.span() };
        let target =
            Target { head: &self.head, metadata: &self.metadata, exemplars: &self.exemplars, metrics: &self.metrics };
        let mut reader = LogReader::new(target, wanted, self.deletions().to_vec());
        let mut rest = backlog;
        // Where the next record stands, at the earliest.
        let mut next = Position::START;
        loop {
            let mut failed = None;
            let replayed = self.wal.replay(rest.clone(), &mut |position, payload| {
                reader.read(position, payload);
                next = Position { index: position.index + 1, ..position };
                if reader.is_batch_full(self.options.head_bytes_max) {
                    reader.push_batch();
                }
                failed = self.flush_read(&mut reader, next).err();
                if failed.is_some() || self.check_closing().is_err() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            let error = match (failed, replayed) {
                (Some(error), _) => error,
                (None, Err(error)) => error.into(),
                (None, Ok(replay)) if replay.complete => break,
                // The store is being closed: the log stays as it is.
                (None, Ok(_)) => return,
            };
            self.metrics.failed_replays.inc();
            if !self.replay.stall(error.to_string()) {
                return;
            }
            rest = rest.behind(next);
        }
        reader.push_batch();
        self.end_replay(reader);
        crash_point("tsdb.replay.ended");
    }

    /// Flushes what has been read when it takes too much memory. What fails is tried again when more has been read,
    /// unless memory runs out.
    fn flush_read(&self, reader: &mut LogReader<'_>, next: Position) -> Result<(), TsdbError> {
        let last = reader.wanted.flush;
        // Up to the last flush only what stayed in the head then is read.
        if !self.is_memory_short() || last.is_some_and(|flush| next < flush.position) {
            return Ok(());
        }
        let is_full = self.head.bytes() >= self.options.head_bytes_max.0;
        if !is_full && self.is_too_soon(&self.flush_failed) {
            return Ok(());
        }
        reader.push_batch();
        let _guard = self.maintenance.lock();
        let until = last.map(|flush| flush.until).or_else(|| Some(self.window(self.head.times()?.0)));
        let cut = Cut::everything(until.unwrap_or(0));
        let covered = reader.epoch_start().unwrap_or(next);
        let taken = Taken { position: next, covered, idle_before: 1 };
        let flushed = self.with_reserve(|| self.flush(cut, taken, &reader.series_in_use()));
        if let Err(error) = flushed {
            self.flush_failed.store(self.now(), Ordering::Relaxed);
            self.metrics.failed_flushes.inc();
            return if is_full { Err(error) } else { Ok(()) };
        }
        reader.wanted.flush = Some(Flush { until: cut.until, ahead: cut.ahead, position: next, covered });
        reader.windows.clear();
        crash_point("tsdb.replay.flushed");
        Ok(())
    }

    /// Everything written before is in the head: what waited comes to it.
    fn end_replay(&self, reader: LogReader<'_>) {
        let mut appender = self.appender.lock();
        for (window, start) in reader.windows {
            appender.note_replayed(window, start);
        }
        let mut scratch = Scratch::default();
        let mut replaced = 0;
        for series in self.head.index.read().iter() {
            replaced += series.samples().settle_fresh(&mut scratch);
        }
        self.head.samples.fetch_sub(replaced as u64, Ordering::Relaxed);
        self.head.sample_bytes.fetch_add(scratch.grown, Ordering::Relaxed);
        self.replay.fresh_samples.store(0, Ordering::Relaxed);
        self.measure();
        // From here on this thread holds nothing of the store: whoever waited may rely on it.
        self.replay.end();
    }
}
