//! Reads the segments of one session in order, and says what of them is not what was written.

use crate::Position;
use crate::files::{Segment, decode_front};
use crate::pieces::Pieces;
use crate::segment::{Records, Step, Walk};
use std::ops::ControlFlow;
use watchfire_store::{Storage, StorageError};

/// What became of the records that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// Records handed out, and the bytes of their payloads.
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    /// Bytes that nobody was promised.
    pub(crate) torn_bytes: u64,
    /// Damaged or missing.
    pub(crate) damaged_records: u64,
    /// Left out: their session failed before they were durable, and whoever wrote them was told so.
    pub(crate) refused_records: u64,
}

pub(crate) type Visit<'a> = dyn FnMut(Position, &[u8]) -> ControlFlow<()> + 'a;

/// Whether reading is to go on behind a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Read,
    /// The visitor has had enough.
    Stopped,
}

pub(crate) struct SessionReader<'a> {
    /// Records before it are not handed out, nor missed.
    from: Position,
    /// Records of the session at and behind this index were refused.
    durable_index: u64,
    /// Position of the next record, as far as what was read tells.
    pub(crate) next: Position,
    /// Something before could not be read: `next` may be too small.
    uncertain: bool,
    visit: &'a mut Visit<'a>,
    pub(crate) tally: Tally,
}

impl<'a> SessionReader<'a> {
    /// `durable_index` is `u64::MAX` for a session that nobody sealed.
    pub(crate) fn new(session: u64, durable_index: u64, from: Position, visit: &'a mut Visit<'a>) -> SessionReader<'a> {
        let next = Position { session, index: 0 };
        SessionReader { from, durable_index, next, uncertain: false, visit, tally: Tally::default() }
    }

    /// Reads one segment and corrects what its record says about its positions. `progress` learns of every byte.
    pub(crate) fn read(
        &mut self,
        storage: &dyn Storage,
        segment: &mut Segment,
        is_last: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Outcome, StorageError> {
        let mut pieces = Pieces::open(storage, &segment.key, segment.bytes)?;
        let Some(front) = decode_front(&segment.key, pieces.piece())? else {
            self.lose(segment.bytes, is_last);
            segment.first = self.next;
            segment.end = self.next;
            progress(segment.bytes);
            return Ok(Outcome::Read);
        };
        let header =
            front.header.filter(|header| header.first.session == self.next.session && header.first >= self.next);
        if let Some(header) = header {
            self.go_to(header.first);
        }
        segment.first = self.next;
        let outcome = {
            let mut walk = Walk::new(header);
            pieces.consume(front.len);
            let mut reported = 0;
            loop {
                let mut records = Records::new(pieces.piece(), pieces.behind(), walk);
                let outcome = self.take(&mut records, is_last);
                let (left, walk_on) = records.stop();
                walk = walk_on;
                pieces.consume(pieces.piece().len() - left);
                progress(pieces.done() - reported);
                reported = pieces.done();
                if outcome == Outcome::Stopped || pieces.behind() == 0 {
                    break outcome;
                }
                pieces.read_on()?;
            }
        };
        if header.is_none() && self.next > segment.first {
            self.tally.damaged_records += 1;
        }
        if outcome == Outcome::Read {
            let is_known = segment.end.index != u64::MAX;
            segment.end = if is_known { segment.end.max(self.next) } else { self.next };
        }
        Ok(outcome)
    }

    fn take(&mut self, records: &mut Records<'_>, is_last: bool) -> Outcome {
        for step in records {
            match step {
                Step::Record(payload) => {
                    if self.hand_out(payload).is_break() {
                        return Outcome::Stopped;
                    }
                }
                Step::Damaged => self.miss_record(),
                Step::DamagedMark => self.tally.damaged_records += 1,
                Step::Mark { index } => self.go_to(Position { index, ..self.next }),
                Step::Skipped => self.uncertain = true,
                Step::Lost { bytes } => self.lose(bytes, is_last),
            }
        }
        Outcome::Read
    }

    fn hand_out(&mut self, payload: &[u8]) -> ControlFlow<()> {
        let position = self.next;
        self.next.index = self.next.index.saturating_add(1);
        if position < self.from {
            return ControlFlow::Continue(());
        }
        if position.index >= self.durable_index {
            self.tally.refused_records += 1;
            return ControlFlow::Continue(());
        }
        self.tally.records += 1;
        self.tally.bytes += payload.len() as u64;
        (self.visit)(position, payload)
    }

    fn miss_record(&mut self) {
        if self.next.index < self.durable_index {
            self.tally.damaged_records += 1;
        }
        self.next.index = self.next.index.saturating_add(1);
    }

    /// Nothing can be told apart up to the segment's end: torn at the end of a session, else damage that the next header
    /// puts a number to.
    fn lose(&mut self, bytes: u64, is_last: bool) {
        if is_last {
            self.tally.torn_bytes += bytes;
        } else {
            self.uncertain = true;
        }
    }

    /// A header or mark says which record comes next, and thereby how many before it could not be read. Those before
    /// `from` are not counted, nor those that were refused: nobody needs them.
    fn go_to(&mut self, next: Position) {
        let expected = self.next.max(self.from);
        let needed = next.index.min(self.durable_index);
        if next > expected {
            self.tally.damaged_records += needed.saturating_sub(expected.index);
        } else if self.uncertain {
            // Only a mark was hit.
            self.tally.damaged_records += 1;
        }
        self.next = self.next.max(next);
        self.uncertain = false;
    }
}
