//! Work that comes due with time: flushes, retention.

use crate::TsdbError;
use crate::state::TsdbDelta;
use crate::tsdb::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Windows with blocks that it takes to believe that the time of the newest of them has come: with the usual two hours,
/// data of half a day. A clock that jumps ahead for less deletes nothing.
const CONFIRMING_WINDOWS: u64 = 6;

impl Shared {
    pub(crate) fn maintain(&self) -> Result<(), TsdbError> {
        let Some(_guard) = self.maintenance.try_lock() else {
            // Another thread is at it.
            return Ok(());
        };
        let flushed = self.flush_if_due();
        let retained = self.apply_retention();
        self.measure();
        flushed.map(drop).and(retained)
    }

    /// Takes blocks out of the store that lie wholly before the retention.
    fn apply_retention(&self) -> Result<(), TsdbError> {
        let Some(oldest) = self.oldest_kept() else { return Ok(()) };
        let (gone, kept): (Vec<_>, Vec<_>) =
            self.blocks().iter().cloned().partition(|block| block.meta.max_time < oldest);
        if gone.is_empty() {
            return Ok(());
        }
        let remove = gone.iter().map(|block| block.meta.key.clone()).collect();
        self.manifest.commit(TsdbDelta { remove, ..TsdbDelta::default() })?;
        *self.blocks.write() = Arc::new(kept);
        for block in &gone {
            block.set_removed();
        }
        self.metrics.retention_deleted_blocks.inc_by(gone.len() as u64);
        self.confirm_time();
        Ok(())
    }

    /// Finds the newest time that enough windows within one retention before it agree on.
    pub(crate) fn confirm_time(&self) {
        let blocks = self.blocks();
        let mut ends: Vec<i64> =
            blocks.iter().filter(|block| !block.meta.stray).map(|block| block.meta.max_time).collect();
        ends.sort_unstable();
        ends.dedup_by_key(|end| self.window(*end));
        let retention = i64::try_from(self.options.retention.0).unwrap_or(i64::MAX);
        let wanted = CONFIRMING_WINDOWS.min(self.options.retention.0 / self.span() as u64).max(1) as usize;
        let agrees = |&index: &usize| {
            let start = ends[index].saturating_sub(retention);
            index + 1 - ends.partition_point(|end| *end < start) >= wanted
        };
        let confirmed = (0..ends.len()).rev().find(agrees).map_or(i64::MIN, |index| ends[index]);
        self.confirmed_time.store(confirmed, Ordering::Relaxed);
    }

    pub(crate) fn measure(&self) {
        let blocks = self.blocks();
        self.metrics.head_series.set(self.head.index.read().len() as i64);
        self.metrics.head_samples.set(self.head.samples.load(Ordering::Relaxed) as i64);
        self.metrics.blocks.set(blocks.len() as i64);
        self.metrics.block_bytes.set(blocks.iter().map(|block| block.meta.bytes as i64).sum());
    }
}
