//! Segments that nobody needs for a restart any more: kept a while for repairs, then deleted.

use super::{State, Wal, WalError};
use crate::Position;
use crate::files::Segment;
use std::collections::VecDeque;
use watchfire_store::crash_point;

/// The most released segments that are kept, however small they are.
const KEPT_SEGMENTS_MAX: usize = 256;

/// The first record of all: nothing was ever before it.
const FIRST: Position = Position { session: 1, index: 0 };

/// Released segments that are still on disk.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Oldest first.
    pub(crate) segments: VecDeque<Segment>,
    /// Records before this position may be gone.
    pub(crate) gone_until: Position,
}

impl Kept {
    /// Nothing is released yet; `segments` are on disk, and session `next_session` begins.
    pub(super) fn new(segments: &[Segment], next_session: u64) -> Kept {
        let next = Position { session: next_session, index: 0 };
        let oldest = segments.first().map_or(next, |segment| segment.first);
        let gone_until = if oldest == FIRST { Position::START } else { oldest };
        Kept { segments: VecDeque::new(), gone_until }
    }

    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }
}

impl Wal {
    /// Gives up segments all of whose records are before `covered`: they are deleted, or kept as
    /// [`WalOptions::keep_bytes`](crate::WalOptions) says. The segment being written stays. Called again with the same
    /// position it makes room when the disk has become full.
    pub fn release(&self, covered: Position) -> Result<(), WalError> {
        {
            let mut state = self.state.lock();
            let session = state.session;
            let active =
                state.segments.last().filter(|last| last.first.session == session).map(|last| last.key.clone());
            let is_released = |segment: &mut Segment| segment.end <= covered && Some(&segment.key) != active.as_ref();
            let released: Vec<Segment> = state.segments.extract_if(.., is_released).collect();
            state.kept.segments.extend(released);
            self.measure(&state);
        }
        self.delete_kept(if self.storage.has_room() { self.options.keep_bytes } else { 0 })
    }

    /// Bytes in segments not yet released, with what is still buffered.
    pub fn size(&self) -> u64 {
        self.state.lock().size()
    }

    /// Deletes the segments that are kept for repairs only while the disk is nearly full. Call it now and then: on such a
    /// disk nothing is flushed, so nobody calls [`Wal::release`].
    pub fn make_room(&self) -> Result<(), WalError> {
        if self.storage.has_room() { Ok(()) } else { self.give_up_kept() }
    }

    /// Deletes all segments that are kept for repairs only.
    pub(super) fn give_up_kept(&self) -> Result<(), WalError> {
        self.delete_kept(0)
    }

    /// Deletes the oldest kept segments until at most `bytes_max` are left.
    fn delete_kept(&self, bytes_max: u64) -> Result<(), WalError> {
        loop {
            let key = {
                let state = self.state.lock();
                let kept = &state.kept;
                // An empty file takes a name and an inode.
                let segments_max = if bytes_max == 0 { 0 } else { KEPT_SEGMENTS_MAX };
                let is_too_much = kept.bytes() > bytes_max || kept.segments.len() > segments_max;
                let Some(oldest) = kept.segments.front().filter(|_| is_too_much) else { return Ok(()) };
                oldest.key.clone()
            };
            self.storage.delete(&key)?;
            crash_point("wal.release.deleted");
            let mut state = self.state.lock();
            // Another thread may have taken it out meanwhile.
            if state.kept.segments.front().is_some_and(|oldest| oldest.key == key) {
                let gone = state.kept.segments.pop_front().expect("it was looked at just now");
                state.kept.gone_until = state.kept.gone_until.max(gone.end);
            }
            self.measure(&state);
        }
    }

    pub(super) fn measure(&self, state: &State) {
        self.metrics.size.set(state.size() as i64);
        self.metrics.kept.set(state.kept.bytes() as i64);
    }
}

impl State {
    fn size(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum::<u64>() + self.batch.bytes.len() as u64
    }
}
