//! Reads records a second time, from segments that are still on disk: to rebuild what was lost elsewhere.

use crate::files::Segment;
use crate::replay::durable_index;
use crate::segment::Sealed;
use crate::session::SessionReader;
use crate::{Position, Wal, WalError};
use std::ops::ControlFlow;
use watchfire_store::StorageError;

/// What reading a range again found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reread {
    /// Records handed out.
    pub records: u64,
    /// Records of the range that are there, but not as they were written, or missing between others.
    pub damaged_records: u64,
    /// Every record of the range that was ever promised has been handed out. A whole session whose files somebody else
    /// took away is not missed.
    pub complete: bool,
}

/// What of the log bears on a range.
#[derive(Debug)]
struct Extract {
    segments: Vec<Segment>,
    /// Sessions of this opening that failed, and the newest one as far as it is durable.
    sealed: Vec<Sealed>,
    gone_until: Position,
    /// Nothing at or behind it was appended.
    end: Position,
}

impl Wal {
    /// Hands out the durable records of [from, until) again, as far as their segments are still on disk: released ones
    /// are, as [`WalOptions::keep_bytes`](crate::WalOptions) says.
    ///
    /// # Errors
    /// Storage that cannot be read. Segments that are gone only make the answer incomplete.
    pub fn reread(
        &self,
        from: Position,
        until: Position,
        visit: &mut dyn FnMut(Position, &[u8]),
    ) -> Result<Reread, WalError> {
        if from >= until {
            return Ok(Reread { complete: true, ..Reread::default() });
        }
        let mut extract = self.extract(from, until);
        let start = from.max(extract.gone_until);
        let mut reread = Reread { complete: start == from && until <= extract.end, ..Reread::default() };
        let mut until_is_reached = until.index == 0;
        let mut visit_before = |position: Position, payload: &[u8]| {
            if position >= until {
                return ControlFlow::Break(());
            }
            visit(position, payload);
            ControlFlow::Continue(())
        };
        for segments in extract.segments.chunk_by_mut(|a, b| a.first.session == b.first.session) {
            let session = segments.first().map_or(0, |segment| segment.first.session);
            let durable = durable_index(&extract.sealed, session);
            let mut reader = SessionReader::new(session, durable, start, &mut visit_before);
            for segment in segments {
                match reader.read(&*self.storage, segment, true, &mut |_| {}) {
                    Err(StorageError::NotFound { .. }) => reread.complete = false,
                    read => drop(read?),
                }
            }
            let wanted = if session == until.session { until.index.min(durable) } else { durable };
            let is_whole = wanted == u64::MAX || reader.next.index >= wanted;
            until_is_reached |= session == until.session;
            reread.complete &= is_whole && reader.tally.damaged_records == 0;
            reread.records += reader.tally.records;
            reread.damaged_records += reader.tally.damaged_records;
        }
        reread.complete &= until_is_reached || durable_index(&extract.sealed, until.session) == 0;
        self.metrics().reread_records.inc_by(reread.records);
        Ok(reread)
    }

    fn extract(&self, from: Position, until: Position) -> Extract {
        let state = self.state.lock();
        let overlaps = |segment: &&Segment| segment.end > from && segment.first < until;
        let segments = state.kept.segments.iter().chain(&state.segments).filter(overlaps).cloned().collect();
        let mut sealed = self.sealed_before.clone();
        sealed.extend(state.sealed());
        Extract { segments, sealed, gone_until: state.kept.gone_until, end: state.next_position() }
    }
}
