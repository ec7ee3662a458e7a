//! What the store says of itself.

use crate::block::Block;
use crate::index::Texts;
use crate::status::{BlockStatus, Cardinality, DamagedBlock, LostSamples, ReplayStatus, TsdbStatus};
use crate::tsdb::Shared;
use std::cmp::Reverse;
use std::sync::atomic::Ordering;
use watchfire_model::{METRIC_NAME, TimeRange, Timestamp};

impl Shared {
    pub(crate) fn status(&self) -> TsdbStatus {
        let blocks = self.blocks();
        let head = self.head.times();
        let oldest = blocks.iter().map(|block| block.meta.min_time).chain(head.map(|(min, _)| min)).min();
        let newest = blocks.iter().map(|block| block.meta.max_time).chain(head.map(|(_, max)| max)).max();
        let mut block_status: Vec<BlockStatus> = blocks.iter().map(|block| block_status(block)).collect();
        block_status.sort_by_key(|block| block.min_time);
        let damage: Vec<DamagedBlock> = blocks.iter().filter_map(|block| damaged_block(block)).collect();
        TsdbStatus {
            series: self.head.index.read().len() as u64,
            head_samples: self.head.samples.load(Ordering::Relaxed),
            head_bytes: self.head.bytes(),
            head_min_time: head.map(|(min, _)| Timestamp(min)),
            head_max_time: head.map(|(_, max)| Timestamp(max)),
            min_time: oldest.map(Timestamp),
            max_time: newest.map(Timestamp),
            wal_bytes: self.wal.size(),
            blocks: block_status,
            damaged_blocks: damage.iter().map(|block| block.key.clone()).collect(),
            damage,
            lost: self.lost_samples(),
            replay: self.replay_status(),
            scrub: self.scrub_status(),
            last_failure: self.failures.last(),
        }
    }

    /// What answers over `range` lack, in words.
    pub(crate) fn missing(&self, range: TimeRange) -> Vec<String> {
        let mut missing = Vec::new();
        if let Some(replay) = self.replay_status() {
            let ReplayStatus { bytes_done, bytes_total, .. } = replay;
            missing.push(format!(
                "samples of before the restart are still being read: {} of {} MiB",
                bytes_done >> 20,
                bytes_total.div_ceil(1 << 20)
            ));
        }
        let blocks = self.blocks();
        let damaged = blocks.iter().filter(|block| block.meta.range().overlaps(range)).filter_map(|b| damaged_block(b));
        missing.extend(damaged.map(|block| format!("metric block {} is damaged: {}", block.key, block.reason)));
        let within = |lost: &LostSamples| TimeRange { start: lost.min_time, end: lost.max_time }.overlaps(range);
        let lost = self.lost_samples().into_iter().filter(within);
        missing.extend(lost.map(|lost| {
            format!("{} samples of {} series were lost with metric block {}", lost.samples, lost.series, lost.block)
        }));
        missing
    }

    pub(crate) fn cardinality(&self, limit: usize) -> Cardinality {
        let index = self.head.index.read();
        let text = |symbol| index.symbols.text(symbol).to_string();
        let mut found = Cardinality::default();
        for (name, values) in index.postings.names() {
            found.label_pairs += values.len() as u64;
            found.values_by_label.push((text(name), values.len() as u64));
            let is_metric = index.symbols.text(name) == METRIC_NAME;
            let mut by_value: Vec<_> = values.iter().map(|(value, posting)| (value, posting.len())).collect();
            by_value.sort_unstable_by_key(|(_, series)| Reverse(*series));
            for (value, series) in by_value.into_iter().take(limit) {
                found.series_by_pair.push((format!("{}={}", text(name), text(value)), series));
                if is_metric {
                    found.series_by_metric.push((text(value), series));
                }
            }
        }
        for list in [&mut found.series_by_metric, &mut found.values_by_label, &mut found.series_by_pair] {
            list.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            list.truncate(limit);
        }
        found
    }
}

fn block_status(block: &Block) -> BlockStatus {
    BlockStatus {
        key: block.meta.key.clone(),
        min_time: Timestamp(block.meta.min_time),
        max_time: Timestamp(block.meta.max_time),
        series: block.meta.series,
        samples: block.meta.samples,
        bytes: block.meta.bytes,
    }
}

pub(crate) fn damaged_block(block: &Block) -> Option<DamagedBlock> {
    Some(DamagedBlock {
        key: block.meta.key.clone(),
        reason: block.damage()?,
        min_time: Timestamp(block.meta.min_time),
        max_time: Timestamp(block.meta.max_time),
        series: block.meta.series,
        samples: block.meta.samples,
    })
}
