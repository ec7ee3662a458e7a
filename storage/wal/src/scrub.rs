//! Reads closed segments only to see whether they still are what was written.

use crate::files::Segment;
use crate::replay::durable_index;
use crate::segment::{Front, FrontError, Records, Sealed, Step, Walk};
use crate::session::SessionReader;
use crate::{Position, Wal, WalError};
use std::ops::ControlFlow;
use watchfire_store::StorageError;

/// What one segment turned out to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verified {
    /// Records whose checksums hold.
    pub records: u64,
    /// Records, headers and marks that are not what was written, or missing between others.
    pub damaged: u64,
    /// Bytes at the end that nothing follows: in a session's last segment they were being written when it ended, in any
    /// other they are damage.
    pub torn_bytes: u64,
    /// The version of a segment that a newer Watchfire wrote: nothing of it was looked at.
    pub newer: Option<u32>,
}

/// Checks the bytes of a whole segment, without knowing anything about the others.
pub fn verify_segment(segment: &[u8]) -> Verified {
    let mut verified = Verified::default();
    let front = match Front::decode(segment) {
        Ok(front) => front,
        Err(FrontError::Newer(version)) => return Verified { newer: Some(version), ..verified },
        Err(FrontError::Torn) => return Verified { torn_bytes: segment.len() as u64, ..verified },
    };
    verified.damaged += u64::from(front.header.is_none());
    let mut next = front.header.map(|header| header.first.index);
    let mut uncertain = false;
    for step in Records::new(&segment[front.len..], 0, Walk::new(front.header)) {
        match step {
            Step::Record(_) => {
                verified.records += 1;
                next = next.map(|next| next.saturating_add(1));
            }
            Step::Damaged => {
                verified.damaged += 1;
                next = next.map(|next| next.saturating_add(1));
            }
            Step::DamagedMark => verified.damaged += 1,
            Step::Skipped => uncertain = true,
            Step::Mark { index } => {
                let missing = next.map_or(0, |next| index.saturating_sub(next));
                verified.damaged += missing.max(u64::from(uncertain));
                uncertain = false;
                next = Some(index);
            }
            Step::Lost { bytes } => verified.torn_bytes += bytes,
        }
    }
    verified
}

/// A segment that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedSegment {
    pub key: String,
    /// Records, headers and marks that do not check or are missing.
    pub damaged: u64,
    /// Whether a restart would need it: if not, it is only kept for repairs.
    pub is_needed: bool,
}

/// What a part of a round over the log found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scrub {
    pub segments: u64,
    pub bytes: u64,
    /// Records whose checksums hold.
    pub records: u64,
    pub damaged: Vec<DamagedSegment>,
    /// The last segment was reached: the next call begins a new round.
    pub round_complete: bool,
}

impl Wal {
    /// Reads closed segments, going on behind the one that the last call read, until about `bytes_max` bytes (and at
    /// least one segment) are checked. The segment being written is left alone, as are those that a replay has yet to
    /// read.
    ///
    /// # Errors
    /// Storage that cannot be read; the next call goes on behind that segment.
    pub fn scrub(&self, bytes_max: u64) -> Result<Scrub, WalError> {
        let mut scrub = Scrub::default();
        loop {
            let Some(candidate) = self.next_to_scrub() else {
                scrub.round_complete = true;
                return Ok(scrub);
            };
            let (records, damaged) = match self.check_segment(&candidate) {
                Err(StorageError::NotFound { .. }) if self.is_released(&candidate.segment) => continue,
                Err(StorageError::NotFound { .. }) => (0, 1),
                checked => checked?,
            };
            let Candidate { segment, is_needed, .. } = candidate;
            self.metrics().scrubbed_bytes.inc_by(segment.bytes);
            scrub.segments += 1;
            scrub.bytes += segment.bytes;
            scrub.records += records;
            if damaged > 0 {
                self.metrics().scrub_damaged_segments.inc();
                scrub.damaged.push(DamagedSegment { key: segment.key, damaged, is_needed });
            }
            if scrub.bytes >= bytes_max {
                return Ok(scrub);
            }
        }
    }

    /// The closed segment behind the last one scrubbed. None ends a round.
    fn next_to_scrub(&self) -> Option<Candidate> {
        let mut state = self.state.lock();
        let session = state.session;
        let active = state.segments.last().filter(|last| last.first.session == session).map(|last| last.key.clone());
        let after = state.scrubbed.take();
        let kept = state.kept.segments.iter().map(|segment| (segment, false));
        let segments = kept.chain(state.segments.iter().map(|segment| (segment, true)));
        let mut rest = segments.skip_while(|(segment, _)| Some(&segment.key) <= after.as_ref());
        let is_closed = |segment: &Segment| segment.end.index != u64::MAX && Some(&segment.key) != active.as_ref();
        let (segment, is_needed) = rest.find(|(segment, _)| is_closed(segment))?;
        let is_last = rest.next().is_none_or(|(next, _)| next.first.session != segment.first.session);
        let sealed: Vec<Sealed> = self.sealed_before.iter().copied().chain(state.sealed()).collect();
        let durable_index = durable_index(&sealed, segment.first.session);
        let candidate = Candidate { segment: segment.clone(), is_needed, is_last, durable_index };
        state.scrubbed = Some(candidate.segment.key.clone());
        Some(candidate)
    }

    /// Whether the segment is gone because it was given up.
    fn is_released(&self, segment: &Segment) -> bool {
        let state = self.state.lock();
        !state.kept.segments.iter().chain(&state.segments).any(|listed| listed.key == segment.key)
    }

    /// Records that check, and how much does not.
    fn check_segment(&self, candidate: &Candidate) -> Result<(u64, u64), StorageError> {
        let mut segment = candidate.segment.clone();
        let (first, end) = (segment.first, segment.end);
        let mut records = 0;
        let mut visit = |_: Position, _: &[u8]| {
            records += 1;
            ControlFlow::Continue(())
        };
        let mut reader = SessionReader::new(first.session, candidate.durable_index, first, &mut visit);
        reader.read(&*self.storage, &mut segment, true, &mut |_| {})?;
        let missing = end.index.min(candidate.durable_index).saturating_sub(reader.next.index);
        let mut damaged = reader.tally.damaged_records + missing;
        if damaged == 0 && !candidate.is_last {
            // No session goes on behind an unfinished segment: what does not check here is the last mark.
            let size = self.storage.size(&segment.key)?;
            damaged += u64::from(reader.tally.torn_bytes > 0 || size != segment.bytes);
        }
        Ok((records, damaged))
    }
}

/// A closed segment.
#[derive(Debug)]
struct Candidate {
    segment: Segment,
    is_needed: bool,
    /// Of its session: its end may be what a failure left.
    is_last: bool,
    /// Records at and behind this index were refused.
    durable_index: u64,
}
