//! Work that comes due with time, and what all such work shares.

use crate::TsdbError;
use crate::block::Block;
use crate::deletion::Deletion;
use crate::failures::Work;
use crate::flush::RETRY_MS;
use crate::state::TsdbDelta;
use crate::tsdb::Shared;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use watchfire_store::crash_point;

impl Shared {
    pub(crate) fn maintain(&self) -> Result<(), TsdbError> {
        let Some(_guard) = self.maintenance.try_lock() else {
            // Another thread is at it.
            return Ok(());
        };
        // On a nearly full disk nothing is flushed, so nobody else asks the log for what it only keeps for repairs.
        let made_room = self.wal.make_room();
        let flushed = self.flush_if_due();
        let retained = self.with_reserve(|| self.apply_retention());
        self.failures.note(Work::Retention, &retained);
        let compacted = self.compact_if_due();
        self.measure();
        flushed.map(drop).and(retained).and(compacted).and(made_room.map_err(TsdbError::from))
    }

    /// One transaction: the manifest, then the blocks that queries see. Blocks that are taken out live on for whoever
    /// reads them.
    pub(crate) fn transact(&self, delta: TsdbDelta) -> Result<(), TsdbError> {
        let added: Vec<String> =
            delta.add.iter().map(|block| block.key.clone()).chain(self.new_exemplars(&delta)).collect();
        let mut unlisted = self.unlisted.lock();
        let state = self.manifest.commit(delta).inspect_err(|_| {
            // The transaction may be on disk all the same, until the next one succeeds.
            unlisted.extend(added);
        })?;
        crash_point("tsdb.manifest.written");
        unlisted.drain(..).for_each(|key| drop(self.storage.delete(&key)));
        drop(unlisted);
        let before = self.blocks();
        let mut known: HashMap<&str, &Arc<Block>> = before.iter().map(|block| (&*block.meta.key, block)).collect();
        let now = state.blocks.iter().map(|meta| match known.remove(&*meta.key) {
            Some(block) if block.meta == *meta => Arc::clone(block),
            Some(block) => Arc::new(block.with_meta(meta.clone())),
            None => Arc::new(Block::new(meta.clone(), Arc::clone(&self.storage))),
        });
        let now: Vec<Arc<Block>> = now.collect();
        let deletions = Deletion::all(&state).expect("what is written was read as matchers before");
        *self.deletions.write() = Arc::new(deletions);
        *self.blocks.write() = Arc::new(now);
        self.hold_exemplars(state.exemplars.as_ref());
        for removed in known.values() {
            removed.set_removed();
        }
        Ok(())
    }

    /// Carries out work that makes room: should the disk be full, once more with the space kept back for that.
    pub(crate) fn with_reserve<T>(&self, work: impl Fn() -> Result<T, TsdbError>) -> Result<T, TsdbError> {
        match work() {
            Err(error) if error.is_full() && self.storage.release_reserve() => {
                self.metrics.released_reserves.inc();
                work()
            }
            done => done,
        }
    }

    /// Whether the last failure is so recent that trying again would only keep the machine busy.
    pub(crate) fn is_too_soon(&self, failed: &AtomicI64) -> bool {
        let (failed, now) = (failed.load(Ordering::Relaxed), self.now());
        failed <= now && now < failed.saturating_add(RETRY_MS)
    }

    pub(crate) fn measure(&self) {
        let blocks = self.blocks();
        self.head.measure_index();
        self.metrics.head_series.set(self.head.index.read().len() as i64);
        self.metrics.head_samples.set(self.head.samples.load(Ordering::Relaxed) as i64);
        self.metrics.head_bytes.set(i64::try_from(self.head.bytes()).unwrap_or(i64::MAX));
        self.metrics.blocks.set(blocks.len() as i64);
        self.metrics.block_bytes.set(blocks.iter().map(|block| block.meta.bytes as i64).sum());
        self.metrics.damaged_blocks.set(blocks.iter().filter(|block| block.is_damaged()).count() as i64);
    }
}
