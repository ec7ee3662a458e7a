//! From a snapshot of the store to an answer: tries again without the blocks that cannot be read, and names them.

use super::session::{Ask, Failure, Session};
use crate::LogStoreError;
use crate::memtable::Chunk;
use crate::store::Inner;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use watchfire_logblock::block::Block;
use watchfire_logblock::query::overlaps;
use watchfire_model::{LogAnswer, LogCost, TimeRangeNs};

/// Everything in the store at one moment, each record once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) chunks: Vec<Arc<Chunk>>,
    pub(crate) blocks: Vec<Arc<Block>>,
    /// What it does not hold, though it should.
    pub(crate) missing: Vec<Missing>,
}

/// Records that no answer holds.
#[derive(Debug, Clone)]
pub(crate) struct Missing {
    /// When they were, if that is known.
    pub(crate) times: Option<TimeRangeNs>,
    pub(crate) what: String,
}

/// Tries until the answer holds everything that can be read; what cannot is named in it.
pub(crate) fn answer<T>(
    inner: &Inner,
    ask: Ask<'_>,
    mut attempt: impl FnMut(&Session<'_>, Snapshot) -> Result<T, Failure>,
) -> Result<(T, LogAnswer), LogStoreError> {
    let Ask { range, budget, .. } = ask;
    let mut excluded: HashSet<String> = HashSet::new();
    let mut bytes_read = 0;
    loop {
        let mut snapshot = inner.snapshot();
        let mut partial: BTreeSet<String> = snapshot.missing.drain(..).filter_map(|it| it.told_in(range)).collect();
        snapshot.chunks.retain(|chunk| overlaps(range, chunk.times));
        snapshot.blocks.retain(|block| overlaps(range, (block.meta.time_min, block.meta.time_max)));
        snapshot.blocks.retain(|block| {
            let readable = !block.is_damaged() && !excluded.contains(&block.meta.key);
            if !readable {
                partial.insert(block.meta.key.clone());
            }
            readable
        });
        let session = Session::new(inner, ask);
        let result = attempt(&session, snapshot);
        bytes_read += session.reads.bytes();
        budget.note_bytes(session.reads.bytes());
        match result {
            Ok(value) => {
                let (cost, mut left_out) = session.finish();
                partial.append(&mut left_out);
                let cost = LogCost { bytes_read, ..cost };
                inner.metrics.count_query(&cost);
                return Ok((value, LogAnswer { partial: partial.into_iter().collect(), cost }));
            }
            Err(Failure::Query(error)) => {
                inner.metrics.failed_queries.inc();
                return Err(error);
            }
            Err(Failure::Block { block, error }) => {
                session.give_up();
                if session.set_aside(&block, &error)? {
                    excluded.insert(block.meta.key.clone());
                }
            }
        }
    }
}

impl Missing {
    /// Its words, if it may concern the range.
    fn told_in(self, range: TimeRangeNs) -> Option<String> {
        let concerns = self.times.is_none_or(|times| times.start < range.end && range.start < times.end);
        concerns.then_some(self.what)
    }
}
