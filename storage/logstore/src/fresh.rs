//! What readers see: memory and blocks, each record once.

use crate::flush::Frozen;
use crate::memtable::{Chunk, Memtable};
use std::sync::Arc;
use watchfire_logblock::block::Block;
use watchfire_wal::Position;

/// Locked for moments only.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    /// Takes the records that come in.
    pub(crate) active: Memtable,
    /// What the replay of the write-ahead log has read and not yet given to a flush.
    pub(crate) replayed: Memtable,
    /// Being written out. Readers see it until they see its blocks.
    pub(crate) frozen: Option<Arc<Frozen>>,
    pub(crate) blocks: Arc<Vec<Arc<Block>>>,
    /// The last flush failed; until the next one succeeds nothing waits for it.
    pub(crate) flush_failed: bool,
    pub(crate) replay: ReplayState,
}

/// How far the records of earlier openings have come.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum ReplayState {
    #[default]
    Running,
    Done,
    /// The rest of the write-ahead log cannot be read, for this reason: nothing is taken in until it can.
    Failed(ReplayFailure),
}

/// Why the write-ahead log could not be replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReplayFailure {
    /// A batch of this version.
    Newer(u8),
    Unreadable(String),
}

impl Fresh {
    /// Freezes the active memtable, if there is anything in it and nothing else is being written out. What it covers of
    /// the write-ahead log is a prefix, so the replay has to be over.
    pub(crate) fn freeze_active(&mut self, covered: Position, next_sequence: u64) -> bool {
        let may = self.frozen.is_none() && self.replay == ReplayState::Done && !self.active.is_empty();
        if may {
            let memtable = std::mem::take(&mut self.active);
            self.frozen = Some(Arc::new(Frozen { memtable, covered, next_sequence }));
        }
        may
    }

    /// Freezes what the replay has read.
    pub(crate) fn freeze_replayed(&mut self, covered: Position, next_sequence: u64) {
        let memtable = std::mem::take(&mut self.replayed);
        self.frozen = Some(Arc::new(Frozen { memtable, covered, next_sequence }));
    }

    /// Whether a full memtable cannot be emptied at the moment.
    pub(crate) fn is_blocked(&self) -> bool {
        self.frozen.is_some() || self.replay != ReplayState::Done
    }

    pub(crate) fn memtables(&self) -> impl Iterator<Item = &Memtable> {
        self.frozen.iter().map(|frozen| &frozen.memtable).chain([&self.replayed, &self.active])
    }

    pub(crate) fn chunks(&self) -> impl Iterator<Item = &Arc<Chunk>> {
        self.memtables().flat_map(Memtable::chunks)
    }

    /// Memory that all fresh records take.
    pub(crate) fn memory(&self) -> u64 {
        self.memtables().map(Memtable::bytes).sum()
    }

    /// Takes the records out that were refused after all: their part of the write-ahead log failed.
    pub(crate) fn drop_lost(&mut self, is_lost: &dyn Fn(Position) -> bool) -> u64 {
        let mut dropped = self.active.drop_lost(is_lost);
        if let Some(frozen) = &self.frozen
            && frozen.memtable.holds_lost(is_lost)
        {
            let Frozen { covered, next_sequence, .. } = **frozen;
            let mut memtable = frozen.memtable.clone();
            dropped += memtable.drop_lost(is_lost);
            self.frozen = Some(Arc::new(Frozen { memtable, covered, next_sequence }));
        }
        dropped
    }
}
