//! Deletes what is past its time, and nothing because a clock jumped.

mod plan;

use crate::state::LogDelta;
use crate::store::Inner;
use crate::write::Uncommitted;
use crate::{LogStoreError, LogStoreOptions};
pub use plan::{RetireReason, Retiring};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::Arc;
use watchfire_logblock::BlockMeta;
use watchfire_logblock::{Arrivals, confirmed};
use watchfire_model::{ByteSize, DurationMs, TimeNs, stream_names};
use watchfire_store::crash_point;

/// How long records are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// By their event time, where their stream has no setting of its own.
    pub age: DurationMs,
    pub stream_ages: BTreeMap<SmolStr, DurationMs>,
    /// Bytes that the blocks of all streams may take on disk; the oldest go first.
    pub bytes_max: Option<ByteSize>,
    pub stream_bytes_max: BTreeMap<SmolStr, ByteSize>,
}

impl Retention {
    pub fn of(options: &LogStoreOptions) -> Retention {
        Retention {
            age: options.retention,
            stream_ages: options.stream_retention.clone(),
            bytes_max: options.bytes_max,
            stream_bytes_max: options.stream_bytes_max.clone(),
        }
    }

    /// How long records of these streams ([`stream_names`]) are kept: as the one of them that keeps longest wants it.
    pub fn age_of(&self, streams: &str) -> DurationMs {
        let age = |name| self.stream_ages.get(name).copied().unwrap_or(self.age);
        stream_names(streams).map(age).max().unwrap_or(self.age)
    }

    /// Whether records of these streams that are no newer than `time_max` are past their age.
    fn is_over(&self, now: TimeNs, time_max: TimeNs, streams: &str) -> bool {
        time_max < now.plus_ns(to_ns(self.age_of(streams)).saturating_neg())
    }
}

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
        plan::plan(&blocks, &self.retention.lock(), self.trusted_now())
    }

    fn forgotten(&self) -> Vec<String> {
        plan::forgotten(&self.manifest.state().lost, &self.retention.lock(), self.trusted_now())
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
