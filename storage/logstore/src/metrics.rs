//! What the log store counts about itself.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use watchfire_model::LogCost;

/// Counters and gauges of the store; its write-ahead log has its own.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) appended_records: Counter,
    pub(crate) refused_records: Counter,
    pub(crate) disk_full_records: Counter,
    pub(crate) dropped_records: Counter,
    pub(crate) replayed_records: Counter,
    pub(crate) malformed_batches: Counter,
    pub(crate) flushes: Counter,
    pub(crate) flush_failures: Counter,
    pub(crate) release_failures: Counter,
    pub(crate) written_bytes: Counter,
    pub(crate) compactions: Counter,
    pub(crate) compaction_failures: Counter,
    pub(crate) compacted_bytes: Counter,
    pub(crate) copied_granules: Counter,
    pub(crate) rewritten_records: Counter,
    pub(crate) compaction_written_bytes: Counter,
    pub(crate) damaged_blocks: Counter,
    pub(crate) repaired_blocks: Counter,
    pub(crate) repair_failures: Counter,
    pub(crate) lost_records: Counter,
    pub(crate) damaged_segments: Counter,
    pub(crate) damaged_manifests: Counter,
    pub(crate) scrub_rounds: Counter,
    pub(crate) scrub_failures: Counter,
    pub(crate) scrubbed_objects: Counter,
    pub(crate) scrubbed_bytes: Counter,
    pub(crate) retired_blocks: Counter,
    pub(crate) swept_objects: Counter,
    pub(crate) sweep_failures: Counter,
    pub(crate) tail_lost_records: Counter,
    pub(crate) queries: Counter,
    pub(crate) failed_queries: Counter,
    query_granules: Counter,
    query_pruned_granules: Counter,
    query_summed_granules: Counter,
    query_read_granules: Counter,
    query_false_granules: Counter,
    query_records: Counter,
    query_bytes: Counter,
    query_seconds: Family<Stage, Counter<f64, AtomicU64>>,
    pub(crate) active_queries: Gauge,
    pub(crate) query_threads: Gauge,
    pub(crate) memtable_bytes: Gauge,
    pub(crate) tail_bytes: Gauge,
    pub(crate) work_bytes: Gauge,
    pub(crate) blocks: Gauge,
    pub(crate) blocks_damaged: Gauge,
    pub(crate) block_bytes: Gauge,
    pub(crate) cache_bytes: Gauge,
}

/// Part of the work that a query is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stage {
    stage: &'static str,
}

impl Metrics {
    /// Counts an answer and what it cost.
    pub(crate) fn count_query(&self, cost: &LogCost) {
        self.queries.inc();
        self.query_granules.inc_by(cost.granules);
        self.query_pruned_granules.inc_by(cost.granules_pruned);
        self.query_summed_granules.inc_by(cost.granules_summed);
        self.query_read_granules.inc_by(cost.granules_read);
        self.query_false_granules.inc_by(cost.granules_false);
        self.query_records.inc_by(cost.records_scanned);
        self.query_bytes.inc_by(cost.bytes_read);
        let stages = [("planning", cost.planning), ("filtering", cost.filtering), ("collecting", cost.collecting)];
        for (stage, time) in stages {
            self.query_seconds.get_or_create(&Stage { stage }).inc_by(time.as_secs_f64());
        }
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        let counters = [
            ("appended_records", "Records taken in", &self.appended_records),
            ("refused_records", "Records refused because memory or storage is full", &self.refused_records),
            (
                "disk_full_records",
                "Of the refused records, those for which the disk was too full",
                &self.disk_full_records,
            ),
            ("dropped_records", "Records refused after the write-ahead log failed", &self.dropped_records),
            ("replayed_records", "Records found in the write-ahead log at start", &self.replayed_records),
            ("malformed_batches", "Batches of the write-ahead log that make no sense", &self.malformed_batches),
            ("flushes", "Times that fresh records were written out as blocks", &self.flushes),
            ("flush_failures", "Times that writing fresh records out failed", &self.flush_failures),
            (
                "release_failures",
                "Times that segments of the write-ahead log could not be deleted",
                &self.release_failures,
            ),
            ("compactions", "Times that small blocks were merged", &self.compactions),
            ("copied_granules", "Granules that merges have taken over as they are", &self.copied_granules),
            ("rewritten_records", "Records that merges have written anew", &self.rewritten_records),
            ("compaction_failures", "Times that merging blocks failed", &self.compaction_failures),
            ("damaged_blocks", "Times that a block was found damaged", &self.damaged_blocks),
            ("repaired_blocks", "Damaged blocks that others were made of", &self.repaired_blocks),
            ("repair_failures", "Times that mending a damaged block failed", &self.repair_failures),
            ("lost_records", "Records that damage has cost for good", &self.lost_records),
            ("damaged_segments", "Segments of the write-ahead log that a scrub found damaged", &self.damaged_segments),
            ("damaged_manifests", "Manifest objects of which a scrub found a copy damaged", &self.damaged_manifests),
            ("scrub_rounds", "Times that everything has been read through", &self.scrub_rounds),
            ("scrub_failures", "Times that something could not be read through", &self.scrub_failures),
            ("scrubbed_objects", "Files read through to find damage", &self.scrubbed_objects),
            ("retired_blocks", "Blocks deleted at the end of their retention", &self.retired_blocks),
            ("swept_objects", "Objects deleted that no manifest knows", &self.swept_objects),
            ("sweep_failures", "Times that deleting unknown objects failed", &self.sweep_failures),
            ("queries", "Queries answered", &self.queries),
            ("failed_queries", "Queries that were called off or ran into a limit", &self.failed_queries),
            ("query_granules", "Granules in the time ranges of queries", &self.query_granules),
            ("query_pruned_granules", "Of these, ruled out without a look", &self.query_pruned_granules),
            ("query_summed_granules", "Of these, answered from statistics", &self.query_summed_granules),
            ("query_read_granules", "Of these, looked at", &self.query_read_granules),
            ("query_false_granules", "Of those looked at, without a record that passes", &self.query_false_granules),
            ("query_records", "Records that filters were evaluated on", &self.query_records),
            ("tail_lost_records", "Records that slow readers of the live tail lost", &self.tail_lost_records),
        ];
        for (name, help, counter) in counters {
            registry.register(format!("logstore_{name}"), help, counter.clone());
        }
        registry.register("logstore_blocks", "Blocks in the store", self.blocks.clone());
        let active = "Queries that the query threads work on";
        registry.register("logstore_queries_active", active, self.active_queries.clone());
        registry.register("logstore_query_threads", "Threads that queries share", self.query_threads.clone());
        let damaged = "Blocks that are set aside: their records are missing from answers";
        registry.register("logstore_blocks_damaged", damaged, self.blocks_damaged.clone());
        let bytes = [
            ("logstore_written", "Bytes of blocks written", &self.written_bytes),
            ("logstore_compacted", "Bytes of blocks merged", &self.compacted_bytes),
            ("logstore_compaction_written", "Bytes of merged blocks written", &self.compaction_written_bytes),
            ("logstore_query_read", "Bytes that queries read from storage", &self.query_bytes),
            ("logstore_scrubbed", "Bytes read through to find damage", &self.scrubbed_bytes),
        ];
        for (name, help, counter) in bytes {
            registry.register_with_unit(name, help, Unit::Bytes, counter.clone());
        }
        let seconds = "Thread time of queries by stage";
        registry.register_with_unit("logstore_query", seconds, Unit::Seconds, self.query_seconds.clone());
        let gauges = [
            ("logstore_memtable", "Memory that fresh records take", &self.memtable_bytes),
            ("logstore_tail", "Memory that batches take that wait for readers of the live tail", &self.tail_bytes),
            ("logstore_work", "Memory that flushes, merges and repairs take", &self.work_bytes),
            ("logstore_block", "Bytes of the blocks in the store", &self.block_bytes),
            ("logstore_cache", "Bytes of columns and index sections held for further queries", &self.cache_bytes),
        ];
        for (name, help, gauge) in gauges {
            registry.register_with_unit(name, help, Unit::Bytes, gauge.clone());
        }
    }
}
