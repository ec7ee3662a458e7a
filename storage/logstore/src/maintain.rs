//! What has to be done now and then: flush by age, retention, orphans.

use crate::state::{BLOCK_PREFIX, LogDelta};
use crate::store::Inner;
use crate::{LogStoreError, LogStoreOptions};
use std::collections::HashSet;
use std::sync::Arc;
use watchfire_model::{DurationMs, TimeNs};
use watchfire_store::sweep;

/// How far the clock may be ahead of the newest record's arrival for retention to believe it. A clock that jumps ahead
/// deletes nothing until records arrive that confirm it; a store that takes nothing in deletes this much and no more.
const CLOCK_TRUST: DurationMs = DurationMs(24 * 3600 * 1000);

impl Inner {
    pub(crate) fn maintain(&self) -> Result<(), LogStoreError> {
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

    /// Deletes the blocks whose every record is past its stream's retention.
    fn retire(&self) -> Result<(), LogStoreError> {
        let Some(received_max) = self.received_max() else { return Ok(()) };
        let now = self.clock.now().min(received_max.plus_ns(to_ns(CLOCK_TRUST)));
        let _maintenance = self.maintenance.lock();
        let state = self.manifest.state();
        let expired = |time_max: TimeNs, stream: &str| is_expired(&self.options, now, time_max, stream);
        let retired: Vec<_> =
            state.blocks.values().filter(|block| expired(block.time_max, &block.stream)).cloned().collect();
        if retired.is_empty() {
            return Ok(());
        }
        let keys: HashSet<String> = retired.iter().map(|block| block.key.clone()).collect();
        let remove = keys.iter().cloned().collect();
        self.manifest.commit(LogDelta { add: Vec::new(), remove, covered: None })?;
        {
            let mut fresh = self.fresh.lock();
            let left = fresh.blocks.iter().filter(|block| !keys.contains(&block.meta.key)).cloned().collect();
            fresh.blocks = Arc::new(left);
        }
        self.metrics.retired_blocks.inc_by(retired.len() as u64);
        // A query that still reads them begins again without. What cannot be deleted is an orphan for the next opening.
        for block in &retired {
            self.storage.delete(&block.parquet_key())?;
            self.storage.delete(&block.idx_key())?;
        }
        Ok(())
    }

    /// Deletes objects that no manifest knows: blocks whose flush failed or was cut short.
    pub(crate) fn sweep(&self) -> Result<(), LogStoreError> {
        let _maintenance = self.maintenance.lock();
        let state = self.manifest.state();
        let live: HashSet<String> =
            state.blocks.values().flat_map(|block| [block.parquet_key(), block.idx_key()]).collect();
        let swept = sweep(&*self.storage, BLOCK_PREFIX, &live)?;
        self.metrics.swept_objects.inc_by(swept);
        Ok(())
    }
}

fn is_expired(options: &LogStoreOptions, now: TimeNs, time_max: TimeNs, stream: &str) -> bool {
    let retention = to_ns(options.retention_of(stream));
    time_max < now.plus_ns(retention.saturating_neg())
}

fn to_ns(duration: DurationMs) -> i64 {
    i64::try_from(duration.0).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}
