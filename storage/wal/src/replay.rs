//! Opens the log, and reads what earlier sessions left behind while new records already come in.

use crate::files::{Files, Segment};
use crate::segment::Sealed;
use crate::session::{Outcome, SessionReader, Tally};
use crate::{Position, Wal, WalError, WalOptions};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use watchfire_store::{Storage, crash_point};

/// What reading the earlier sessions found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replay {
    /// Records handed out.
    pub records: u64,
    /// Payload bytes handed out.
    pub bytes: u64,
    /// Bytes at the ends of sessions that were being written when the process or the machine died. Nobody was told
    /// that they are stored.
    pub torn_bytes: u64,
    /// Records (and headers and marks of segments) that are not what was written, or that are missing between others.
    pub damaged_records: u64,
    /// Records left out because their session failed before they were durable: whoever wrote them was told so, and may
    /// have written them again.
    pub refused_records: u64,
    /// False when the visitor ended it early.
    pub complete: bool,
}

/// What earlier sessions hold at and behind a position, still to be read.
#[derive(Debug, Clone)]
pub struct Backlog {
    segments: Vec<Segment>,
    sealed: Vec<Sealed>,
    from: Position,
    end: Position,
}

impl Backlog {
    /// Bytes of the segments to read.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// First position of the new session: everything in the backlog stands before it.
    pub fn end(&self) -> Position {
        self.end
    }

    /// What is left when everything before `from` is taken care of, for instance by a replay that failed.
    #[must_use]
    pub fn behind(mut self, from: Position) -> Backlog {
        self.from = self.from.max(from);
        self.segments.retain(|segment| segment.end > self.from);
        self
    }
}

impl Wal {
    /// Opens the log under `directory` (for example `wal/logs`), hands every record at or after `from` to `visit` in
    /// order, then begins a new session: old files are never appended to.
    ///
    /// `from` is what the caller has safe elsewhere; session numbers go on after it even when no file is left. A damaged
    /// middle is skipped and counted, a torn tail counted.
    ///
    /// # Errors
    /// Storage that cannot be read, or a segment of a newer version.
    pub fn open(
        storage: Arc<dyn Storage>,
        directory: &str,
        options: WalOptions,
        from: Position,
        visit: &mut dyn FnMut(Position, &[u8]),
    ) -> Result<(Wal, Replay), WalError> {
        let (wal, backlog) = Wal::open_behind(storage, directory, options, from)?;
        let replay = wal.replay(backlog, &mut |position, payload| {
            visit(position, payload);
            ControlFlow::Continue(())
        })?;
        Ok((wal, replay))
    }

    /// Opens the log at once: lists what earlier sessions left and begins a new session. Records may be appended and
    /// committed before and while [`Wal::replay`] reads the backlog.
    ///
    /// # Errors
    /// As [`Wal::open`].
    pub fn open_behind(
        storage: Arc<dyn Storage>,
        directory: &str,
        options: WalOptions,
        from: Position,
    ) -> Result<(Wal, Backlog), WalError> {
        let files = Files::survey(&*storage, directory)?;
        let end = Position { session: files.session_max().max(from.session) + 1, index: 0 };
        let segments = files.segments.iter().filter(|segment| segment.end > from).cloned().collect();
        let backlog = Backlog { segments, sealed: files.sealed.clone(), from, end };
        let wal = Wal::new(storage, directory, options, from, end.session, files);
        wal.replay_total.store(backlog.bytes(), Ordering::Relaxed);
        wal.metrics().replay_bytes_left.set(backlog.bytes() as i64);
        crash_point("wal.open.listed");
        Ok((wal, backlog))
    }

    /// Reads the backlog in order, a few megabytes (or the largest batch) in memory at a time. `visit` may block, which
    /// holds up nothing but the replay, and ends it with [`ControlFlow::Break`]: what was not handed out stays in the
    /// log for the next opening.
    ///
    /// # Errors
    /// Storage that cannot be read. The rest of the backlog is [`Backlog::behind`] the last record handed out.
    pub fn replay(
        &self,
        mut backlog: Backlog,
        visit: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
    ) -> Result<Replay, WalError> {
        let mut replay = Replay { complete: true, ..Replay::default() };
        let sealed = &backlog.sealed;
        for segments in backlog.segments.chunk_by_mut(|a, b| a.first.session == b.first.session) {
            let session = segments.first().map_or(0, |segment| segment.first.session);
            let mut reader = SessionReader::new(session, durable_index(sealed, session), backlog.from, visit);
            let mut outcome = Ok(Outcome::Read);
            let count = segments.len();
            for (index, segment) in segments.iter_mut().enumerate() {
                let progress = &mut |bytes| self.count_replayed(bytes);
                outcome = reader.read(&*self.storage, segment, index + 1 == count, progress);
                if !matches!(outcome, Ok(Outcome::Read)) {
                    break;
                }
                self.learn(segment);
                crash_point("wal.replay.segment_read");
            }
            replay.add(reader.tally);
            self.count(reader.tally);
            if outcome? == Outcome::Stopped {
                replay.complete = false;
                return Ok(replay);
            }
        }
        self.metrics().replay_bytes_left.set(0);
        Ok(replay)
    }

    /// How many bytes of the backlog are read, and how many there were at the opening.
    pub fn replay_progress(&self) -> (u64, u64) {
        (self.replay_done.load(Ordering::Relaxed), self.replay_total.load(Ordering::Relaxed))
    }

    fn count_replayed(&self, bytes: u64) {
        let done = self.replay_done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let left = self.replay_total.load(Ordering::Relaxed).saturating_sub(done);
        self.metrics().replay_bytes_left.set(left as i64);
    }

    /// Keeps where a segment begins and ends, now that it is read.
    fn learn(&self, read: &Segment) {
        let mut state = self.state.lock();
        if let Some(segment) = state.segments.iter_mut().find(|segment| segment.key == read.key) {
            segment.first = read.first;
            segment.end = read.end;
        }
    }

    fn count(&self, tally: Tally) {
        let metrics = self.metrics();
        metrics.torn_bytes.inc_by(tally.torn_bytes);
        metrics.damaged_records.inc_by(tally.damaged_records);
        metrics.refused_records.inc_by(tally.refused_records);
    }
}

impl Replay {
    fn add(&mut self, tally: Tally) {
        self.records += tally.records;
        self.bytes += tally.bytes;
        self.torn_bytes += tally.torn_bytes;
        self.damaged_records += tally.damaged_records;
        self.refused_records += tally.refused_records;
    }
}

/// Records of the session at and behind this index were refused. Where successors disagree, rather too many records are
/// handed out than too few.
pub(crate) fn durable_index(sealed: &[Sealed], session: u64) -> u64 {
    let named = sealed.iter().filter(|sessions| sessions.contains(session));
    named.map(|sessions| sessions.durable_index).max().unwrap_or(u64::MAX)
}
