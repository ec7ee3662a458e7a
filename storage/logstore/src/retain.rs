//! Deletes what is past its time, and nothing because a clock jumped.

mod plan;

use crate::LogStoreError;
use crate::state::LogDelta;
use crate::store::Inner;
use crate::write::Uncommitted;
pub use plan::{RetireReason, Retiring};
use std::sync::Arc;
use watchfire_logblock::BlockMeta;
use watchfire_logblock::{Arrivals, confirmed};
use watchfire_model::{DurationMs, TimeNs};
use watchfire_store::crash_point;

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

    /// The time, as far as the arrivals of records confirm it: a clock that jumps ahead, or starts somewhere else, deletes
    /// nothing before records have come in for hours. Without any nothing is old.
    fn trusted_now(&self) -> Option<TimeNs> {
        let fresh = self.fresh.lock();
        let mut all: Vec<Arrivals> = fresh.blocks.iter().map(|block| block.meta.arrivals()).collect();
        all.extend(fresh.memtables().map(|memtable| memtable.arrivals().clone()));
        drop(fresh);
        Some(self.clock.now().min(confirmed(all.iter())?))
    }
}

fn to_ns(duration: DurationMs) -> i64 {
    i64::try_from(duration.0).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}
