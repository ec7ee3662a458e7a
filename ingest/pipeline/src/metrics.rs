//! What the pipeline counts about itself.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Why offered records were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DropReason {
    /// The store did not keep up.
    QueueFull,
    /// The store refused them.
    Storage,
    /// They came after the end, or were still waiting when time was up.
    Stopping,
}

impl DropReason {
    /// The value of the label `reason`.
    fn word(self) -> &'static str {
        match self {
            DropReason::QueueFull => "queue_full",
            DropReason::Storage => "storage",
            DropReason::Stopping => "stopping",
        }
    }
}

/// Counters and gauges of the pipeline.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(crate) stored_records: Counter,
    pub(crate) dropped_records: Family<[(&'static str, &'static str); 1], Counter>,
    pub(crate) refused_records: Counter,
    pub(crate) undurable_records: Counter,
    pub(crate) queue_records: Gauge,
    pub(crate) queue_bytes: Gauge,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("pipeline_stored_records", "Records handed to the store", self.stored_records.clone());
        registry.register(
            "pipeline_dropped_records",
            "Records of senders without an answer that were lost, by reason",
            self.dropped_records.clone(),
        );
        registry.register(
            "pipeline_refused_records",
            "Records that were not stored, and whose sender was told so",
            self.refused_records.clone(),
        );
        registry.register(
            "pipeline_undurable_records",
            "Records of senders without an answer that are searchable, but that a crash may lose: the fsync failed",
            self.undurable_records.clone(),
        );
        registry.register("pipeline_queue_records", "Records waiting for the store", self.queue_records.clone());
        registry.register_with_unit(
            "pipeline_queue",
            "Memory taken by records waiting for the store",
            Unit::Bytes,
            self.queue_bytes.clone(),
        );
    }

    pub(crate) fn count_drop(&self, reason: DropReason, records: usize) {
        if records > 0 {
            self.dropped_records.get_or_create(&[("reason", reason.word())]).inc_by(records as u64);
        }
    }
}
