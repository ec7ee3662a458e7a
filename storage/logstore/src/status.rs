//! What the store says about itself, and what readers get of it.

use crate::fresh::{Fresh, ReplayState};
use crate::query::{Missing, Snapshot};
use crate::state::LostRows;
use crate::store::Inner;
use crate::{DamagedBlock, LogStoreMemory, LogStoreStatus, ReplayStatus};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use watchfire_logblock::block::Block;
use watchfire_model::{TimeNs, TimeRangeNs};

const MIB: u64 = 1 << 20;

impl Inner {
    pub(crate) fn status(&self) -> LogStoreStatus {
        let wal_bytes = self.wal.size();
        let memory = self.memory();
        let replay = self.replay_status();
        let lost = self.manifest.state().lost.clone();
        let fresh = self.fresh.lock();
        let mut status = LogStoreStatus { wal_bytes, memory, replay, lost, ..LogStoreStatus::default() };
        status.failure = fresh.check_replay().err().map(|error| error.to_string());
        for memtable in fresh.memtables() {
            status.memtable_records += memtable.records();
            status.memtable_bytes += memtable.bytes();
        }
        status.records = status.memtable_records;
        let mut spans: Vec<(TimeNs, TimeNs)> = fresh.chunks().map(|chunk| chunk.times).collect();
        for block in fresh.blocks.iter() {
            status.blocks += 1;
            status.records += block.meta.rows;
            status.block_bytes += block.meta.bytes();
            status.damaged.extend(damaged(block));
            spans.push(block.meta.times());
        }
        status.times = spans.into_iter().reduce(|all, span| (all.0.min(span.0), all.1.max(span.1)));
        status
    }

    fn memory(&self) -> LogStoreMemory {
        LogStoreMemory {
            memtables: self.fresh.lock().memory(),
            cache: self.cache.bytes(),
            tails: self.tails.bytes(),
            work: self.working_bytes.load(Ordering::Relaxed),
        }
    }

    fn replay_status(&self) -> Option<ReplayStatus> {
        let is_running = self.fresh.lock().replay != ReplayState::Done;
        let (bytes_done, bytes_total) = self.wal.replay_progress();
        is_running.then_some(ReplayStatus { bytes_done, bytes_total })
    }

    /// Brings the gauges up to date.
    pub(crate) fn measure(&self) {
        let memory = self.memory();
        let fresh = self.fresh.lock();
        self.metrics.memtable_bytes.set(memory.memtables as i64);
        self.metrics.cache_bytes.set(memory.cache as i64);
        self.metrics.tail_bytes.set(memory.tails as i64);
        self.metrics.work_bytes.set(memory.work as i64);
        self.metrics.active_queries.set(self.queries.active() as i64);
        self.metrics.query_threads.set(self.queries.threads() as i64);
        self.metrics.blocks.set(fresh.blocks.len() as i64);
        self.metrics.blocks_damaged.set(fresh.blocks.iter().filter(|block| block.is_damaged()).count() as i64);
        self.metrics.block_bytes.set(fresh.blocks.iter().map(|block| block.meta.bytes()).sum::<u64>() as i64);
    }
}

fn damaged(block: &Arc<Block>) -> Option<DamagedBlock> {
    let what = block.damage()?.to_owned();
    let meta = &block.meta;
    Some(DamagedBlock {
        key: meta.key.clone(),
        stream: meta.stream.clone(),
        rows: meta.rows,
        times: meta.times(),
        what,
    })
}

impl Inner {
    /// Everything that readers see at this moment.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let lost = self.manifest.state();
        let (done, total) = self.wal.replay_progress();
        let fresh = self.fresh.lock();
        let mut missing: Vec<Missing> = lost.lost.iter().map(of_lost).collect();
        missing.extend(of_replay(&fresh, done, total));
        Snapshot { chunks: fresh.chunks().cloned().collect(), blocks: fresh.blocks.to_vec(), missing }
    }
}

/// Records of the write-ahead log that are not there yet.
fn of_replay(fresh: &Fresh, done: u64, total: u64) -> Option<Missing> {
    let what = match (&fresh.replay, fresh.check_replay()) {
        (_, Err(error)) => error.to_string(),
        (ReplayState::Running, Ok(())) if total > 0 => {
            format!("replaying the write-ahead log, {} of {} MiB", done / MIB, total.div_ceil(MIB))
        }
        _ => return None,
    };
    Some(Missing { times: None, what })
}

fn of_lost(lost: &LostRows) -> Missing {
    let LostRows { key, stream, rows, times, what } = lost;
    let times = Some(TimeRangeNs { start: times.0, end: times.1.plus_ns(1) });
    Missing { times, what: format!("{rows} records of stream `{stream}` are lost: block {key}: {what}") }
}
