//! What the log store counts about itself.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Counters and gauges of the store; its write-ahead log has its own.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) appended_records: Counter,
    pub(crate) refused_records: Counter,
    pub(crate) replayed_records: Counter,
    pub(crate) malformed_batches: Counter,
    pub(crate) flushes: Counter,
    pub(crate) flush_failures: Counter,
    pub(crate) written_bytes: Counter,
    pub(crate) damaged_blocks: Counter,
    pub(crate) retired_blocks: Counter,
    pub(crate) swept_objects: Counter,
    pub(crate) tail_lost_records: Counter,
    pub(crate) memtable_bytes: Gauge,
    pub(crate) blocks: Gauge,
    pub(crate) block_bytes: Gauge,
    pub(crate) cache_bytes: Gauge,
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let counters = [
            ("appended_records", "Records taken in", &self.appended_records),
            ("refused_records", "Records refused because memory or storage is full", &self.refused_records),
            ("replayed_records", "Records found in the write-ahead log at start", &self.replayed_records),
            ("malformed_batches", "Batches of the write-ahead log that make no sense", &self.malformed_batches),
            ("flushes", "Times that fresh records were written out as blocks", &self.flushes),
            ("flush_failures", "Times that writing fresh records out failed", &self.flush_failures),
            ("damaged_blocks", "Blocks found damaged, whose records are missing from answers", &self.damaged_blocks),
            ("retired_blocks", "Blocks deleted at the end of their retention", &self.retired_blocks),
            ("swept_objects", "Objects deleted that no manifest knows", &self.swept_objects),
            ("tail_lost_records", "Records that slow readers of the live tail lost", &self.tail_lost_records),
        ];
        for (name, help, counter) in counters {
            registry.register(format!("logstore_{name}"), help, counter.clone());
        }
        registry.register("logstore_blocks", "Blocks in the store", self.blocks.clone());
        let bytes = "Bytes of blocks written";
        registry.register_with_unit("logstore_written", bytes, Unit::Bytes, self.written_bytes.clone());
        let gauges = [
            ("logstore_memtable", "Memory that fresh records take", &self.memtable_bytes),
            ("logstore_block", "Bytes of the blocks in the store", &self.block_bytes),
            ("logstore_cache", "Bytes of columns and index sections held for further queries", &self.cache_bytes),
        ];
        for (name, help, gauge) in gauges {
            registry.register_with_unit(name, help, Unit::Bytes, gauge.clone());
        }
    }
}
