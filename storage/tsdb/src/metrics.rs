//! Figures that the store keeps of itself.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters and gauges, without the prefix that all of the store's share.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) appended_samples: Counter,
    pub(crate) duplicate_samples: Counter,
    pub(crate) out_of_order_samples: Counter,
    pub(crate) too_old_samples: Counter,
    pub(crate) too_far_ahead_samples: Counter,
    pub(crate) invalid_histograms: Counter,
    pub(crate) unknown_series_samples: Counter,
    pub(crate) appended_exemplars: Counter,
    pub(crate) refused_exemplars: Counter,
    pub(crate) exemplars: Gauge,
    pub(crate) refused_series: Counter,
    pub(crate) refused_samples: Counter,
    pub(crate) unsynced_waits: Counter,
    pub(crate) created_series: Counter,
    pub(crate) dropped_series: Counter,
    pub(crate) deleted_series: Counter,
    pub(crate) head_series: Gauge,
    pub(crate) head_samples: Gauge,
    pub(crate) head_bytes: Gauge,
    pub(crate) blocks: Gauge,
    pub(crate) block_bytes: Gauge,
    pub(crate) damaged_blocks: Gauge,
    pub(crate) damaged_reads: Counter,
    pub(crate) flushes: Counter,
    pub(crate) failed_flushes: Counter,
    pub(crate) compactions: Counter,
    pub(crate) failed_compactions: Counter,
    pub(crate) merged_blocks: Counter,
    pub(crate) released_reserves: Counter,
    pub(crate) retention_deleted_blocks: Counter,
    pub(crate) retention_rewritten_blocks: Counter,
    pub(crate) scrubbed_bytes: Counter,
    pub(crate) rebuilt_blocks: Counter,
    pub(crate) salvaged_blocks: Counter,
    pub(crate) lost_samples: Counter,
    pub(crate) failed_set_asides: Counter,
    pub(crate) failed_replays: Counter,
    pub(crate) failed_metadata_writes: Counter,
    pub(crate) replayed_records: Counter,
    pub(crate) replay_damaged_records: Counter,
    pub(crate) replay_orphan_samples: Counter,
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let counters = [
            ("appended_samples", "Samples stored, also those that replaced another.", &self.appended_samples),
            (
                "duplicate_samples",
                "Samples at the time of their series' newest, which they replaced.",
                &self.duplicate_samples,
            ),
            (
                "out_of_order_samples",
                "Samples stored that were older than their series' newest.",
                &self.out_of_order_samples,
            ),
            ("too_old_samples", "Samples refused because they were older than the retention.", &self.too_old_samples),
            (
                "too_far_ahead_samples",
                "Samples refused because they lay too far ahead of the clock.",
                &self.too_far_ahead_samples,
            ),
            (
                "invalid_histograms",
                "Histograms refused: unknown schema, too many or unordered buckets.",
                &self.invalid_histograms,
            ),
            (
                "unknown_series_samples",
                "Samples not taken because the head had dropped their series.",
                &self.unknown_series_samples,
            ),
            ("appended_exemplars", "Exemplars stored.", &self.appended_exemplars),
            (
                "refused_exemplars",
                "Exemplars refused: too old, too far ahead of the clock, or with labels that are too long.",
                &self.refused_exemplars,
            ),
            ("refused_series", "Registrations refused, mostly because of the limit of series.", &self.refused_series),
            (
                "refused_samples",
                "Samples refused for want of disk, memory, or of a log to write to.",
                &self.refused_samples,
            ),
            (
                "unsynced_waits",
                "Appends that waited because too much of the log was not durable yet.",
                &self.unsynced_waits,
            ),
            ("created_series", "Series added to the head.", &self.created_series),
            ("dropped_series", "Idle series removed from the head.", &self.dropped_series),
            ("deleted_series", "Series of which samples were deleted on request.", &self.deleted_series),
            (
                "damaged_reads",
                "Reads that found a part of a block damaged and went on without it.",
                &self.damaged_reads,
            ),
            ("flushes", "Flushes of the head to blocks.", &self.flushes),
            ("failed_flushes", "Flushes that failed and are tried again.", &self.failed_flushes),
            ("compactions", "Steps of compaction: merges and splits.", &self.compactions),
            ("failed_compactions", "Steps of compaction that failed and are tried again.", &self.failed_compactions),
            ("merged_blocks", "Blocks that were merged into others.", &self.merged_blocks),
            ("released_reserves", "Times that work used the disk space kept back for it.", &self.released_reserves),
            (
                "retention_deleted_blocks",
                "Blocks deleted because of their age or of the store's size.",
                &self.retention_deleted_blocks,
            ),
            (
                "retention_rewritten_blocks",
                "Blocks written anew without the series of retention rules.",
                &self.retention_rewritten_blocks,
            ),
            ("scrubbed_bytes", "Bytes of blocks read only to compare checksums.", &self.scrubbed_bytes),
            ("rebuilt_blocks", "Damaged blocks written anew from the log.", &self.rebuilt_blocks),
            ("salvaged_blocks", "Damaged blocks of which the readable part was kept.", &self.salvaged_blocks),
            ("lost_samples", "Samples that damage took for good.", &self.lost_samples),
            ("failed_set_asides", "Damaged blocks of which no copy could be kept.", &self.failed_set_asides),
            ("failed_replays", "Times that reading the log at the start had to wait.", &self.failed_replays),
            (
                "failed_metadata_writes",
                "Descriptions of metrics that could not be logged.",
                &self.failed_metadata_writes,
            ),
            ("replayed_records", "Records of the log read at the start.", &self.replayed_records),
            (
                "replay_damaged_records",
                "Records of the log that could not be decoded at the start.",
                &self.replay_damaged_records,
            ),
            ("replay_orphan_samples", "Samples of the log whose series was not defined.", &self.replay_orphan_samples),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        let gauges = [
            ("exemplars", "Exemplars that are kept.", &self.exemplars),
            ("head_series", "Series in the head.", &self.head_series),
            ("head_samples", "Samples in the head that are in no block yet.", &self.head_samples),
            ("head_bytes", "Memory that the head takes.", &self.head_bytes),
            ("blocks", "Blocks of the store.", &self.blocks),
            ("damaged_blocks", "Blocks of which a part cannot be read.", &self.damaged_blocks),
            ("block_bytes", "Bytes of all blocks.", &self.block_bytes),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
    }
}
