//! What has to be done now and then: flush by age, retention, orphans.

use crate::LogStoreError;
use crate::state::BLOCK_PREFIX;
use crate::store::Inner;
use std::collections::HashSet;
use watchfire_logblock::block::Block;
use watchfire_model::{DurationMs, TimeNs};
use watchfire_store::{crash_point, sweep};

impl Inner {
    pub(crate) fn maintain(&self) -> Result<(), LogStoreError> {
        if !self.storage.has_room() {
            // Room is made before it is needed.
            self.retire()?;
            self.wal.make_room()?;
        }
        if self.flush_is_due() {
            self.flush()?;
        }
        self.retire()?;
        self.measure();
        Ok(())
    }

    fn flush_is_due(&self) -> bool {
        let now = self.clock.now();
        let fresh = self.fresh.lock();
        let is_old = |since: TimeNs| now >= since.plus_ns(to_ns(self.options.flush_age));
        fresh.flush_failed
            || fresh.active.bytes() >= self.options.memtable_bytes_max.0
            || fresh.active.since().is_some_and(is_old)
    }

    /// Deletes objects that no manifest knows: blocks whose transaction never came, and those whose readers had not let
    /// go when the process ended. Only while nobody writes blocks. What fails is left to the next opening.
    pub(crate) fn sweep(&self) {
        let state = self.manifest.state();
        let live: HashSet<String> =
            state.blocks.values().flat_map(|block| [block.parquet_key(), block.idx_key()]).collect();
        match sweep(&*self.storage, BLOCK_PREFIX, &live) {
            Ok(swept) => self.metrics.swept_objects.inc_by(swept),
            Err(_) => self.metrics.sweep_failures.inc(),
        };
        crash_point("logstore.open.swept");
    }

    /// Sets a damaged block aside, and lets the mending begin.
    pub(crate) fn set_damaged(&self, block: &Block, what: &str) {
        if block.set_damaged(what) {
            self.metrics.damaged_blocks.inc();
            self.measure();
            self.changed.notify_all();
        }
    }
}

fn to_ns(duration: DurationMs) -> i64 {
    i64::try_from(duration.0).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}
