//! The sessions that failed: how far each got, and why those of this opening ended.

use crate::Position;
use crate::segment::{SEALED_MAX, Sealed};
use std::collections::VecDeque;
use std::sync::Arc;
use watchfire_store::StorageError;

/// Of how many failed sessions (or runs of them) it is remembered how far they got.
const FAILED_MAX: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct FailedSessions {
    /// Ascending.
    runs: VecDeque<FailedRun>,
    /// Of earlier openings, as files on disk name them. The file that names them may not be durable: it is said again.
    before: Vec<Sealed>,
}

/// Sessions that failed one after the other.
#[derive(Debug)]
pub(super) struct FailedRun {
    pub(super) sealed: Sealed,
    /// Why the last of them did.
    pub(super) cause: Arc<StorageError>,
}

impl FailedSessions {
    pub(super) fn new(before: Vec<Sealed>) -> FailedSessions {
        FailedSessions { runs: VecDeque::new(), before }
    }

    pub(super) fn push(&mut self, session: u64, durable_index: u64, cause: Arc<StorageError>) {
        let last = self.runs.back_mut().filter(|last| last.sealed.last_session + 1 == session);
        if let Some(last) = last.filter(|last| last.sealed.durable_index == 0 && durable_index == 0) {
            // A disk that stays full fails session after session: they are one entry.
            last.sealed.last_session = session;
            last.cause = cause;
            return;
        }
        let sealed = Sealed { first_session: session, last_session: session, durable_index };
        self.runs.push_back(FailedRun { sealed, cause });
        if self.runs.len() > FAILED_MAX {
            self.runs.pop_front();
        }
    }

    /// The first failed run that ends with the session or later.
    pub(super) fn at_or_after(&self, session: u64) -> Option<&FailedRun> {
        let index = self.runs.partition_point(|run| run.sealed.last_session < session);
        self.runs.get(index)
    }

    /// Whether the record's session failed before the record was durable.
    pub(super) fn is_lost(&self, position: Position) -> bool {
        let run = self.at_or_after(position.session).filter(|run| run.sealed.contains(position.session));
        run.is_some_and(|run| position.index >= run.sealed.durable_index)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Sealed> {
        self.runs.iter().map(|run| run.sealed)
    }

    /// The newest, for the segments of the session that follows. Only the last two can be unnamed so far: a session that
    /// made anything durable has made its own list durable.
    pub(super) fn names(&self) -> Vec<Sealed> {
        let old = (self.before.len() + self.runs.len()).saturating_sub(SEALED_MAX);
        self.before.iter().copied().chain(self.iter()).skip(old).collect()
    }
}
