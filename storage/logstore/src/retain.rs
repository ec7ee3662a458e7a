//! Deletes what is past its time, and nothing because a clock jumped.

mod plan;

use crate::LogStoreError;
use crate::state::{BlockMeta, LogDelta};
use crate::store::Inner;
use crate::write::Uncommitted;
pub use plan::{RetireReason, Retiring};
use std::sync::Arc;
use watchfire_model::{DurationMs, TimeNs};
use watchfire_store::crash_point;

/// How far the clock may be ahead of the newest record for retention to believe it. A clock that jumps ahead deletes
/// nothing until records confirm it, by their arrival and by their senders' clocks; a store that takes nothing in deletes
/// this much and no more.
const CLOCK_TRUST: DurationMs = DurationMs(24 * 3600 * 1000);

impl Inner {
    /// Deletes the blocks whose time is over.
    pub(crate) fn retire(&self) -> Result<(), LogStoreError> {
        if self.retiring().is_empty() && self.forgotten().is_empty() {
            return Ok(());
        }
        self.with_reserve(|| {
            let _maintenance = self.maintenance.lock();
            let (retiring, forget) = (self.retiring(), self.forgotten());
            let remove: Vec<String> = retiring.into_iter().map(|block| block.key).collect();
            let count = remove.len() as u64;
            let delta = LogDelta { remove, forget, ..LogDelta::default() };
            self.commit_blocks(Uncommitted::new(Arc::clone(&self.storage)), delta, |_| {})?;
            crash_point("logstore.retain.committed");
            self.metrics.retired_blocks.inc_by(count);
            Ok(())
        })
    }

    /// What retention would delete now, and why.
    pub(crate) fn retiring(&self) -> Vec<Retiring> {
        let state = self.manifest.state();
        let blocks: Vec<&BlockMeta> = state.blocks.values().collect();
        plan::plan(&blocks, &self.options, self.trusted_now())
    }

    fn forgotten(&self) -> Vec<String> {
        plan::forgotten(&self.manifest.state().lost, &self.options, self.trusted_now())
    }

    /// The time, as far as the records confirm it; unknown where there are none.
    fn trusted_now(&self) -> Option<TimeNs> {
        let (received_max, time_max) = self.newest()?;
        let confirmed = |time: TimeNs| time.plus_ns(to_ns(CLOCK_TRUST));
        Some(self.clock.now().min(confirmed(received_max)).min(confirmed(time_max)))
    }

    /// The newest arrival and the newest event time in the store.
    fn newest(&self) -> Option<(TimeNs, TimeNs)> {
        let fresh = self.fresh.lock();
        let in_blocks = fresh.blocks.iter().map(|block| (block.meta.received_max, block.meta.time_max));
        let in_memory = fresh.memtables().filter_map(|memtable| Some((memtable.received_max()?, memtable.time_max()?)));
        in_blocks.chain(in_memory).reduce(|a, b| (a.0.max(b.0), a.1.max(b.1)))
    }
}

fn to_ns(duration: DurationMs) -> i64 {
    i64::try_from(duration.0).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}
