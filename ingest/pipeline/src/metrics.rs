//! What the pipeline counts about itself.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::Arc;
use watchfire_model::{Fate, Ledger};

/// Counters and gauges of the pipeline.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(crate) stored_records: Counter,
    pub(crate) dropped_records: Family<[(&'static str, &'static str); 1], Counter>,
    pub(crate) refused_records: Counter,
    pub(crate) undurable_records: Counter,
    pub(crate) queue_records: Gauge,
    pub(crate) queue_bytes: Gauge,
    pub(crate) storing_bytes: Gauge,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("pipeline_stored_records", "Records that became durable", self.stored_records.clone());
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
            "Records of senders without an answer that did not become durable the first time, and were stored again",
            self.undurable_records.clone(),
        );
        registry.register("pipeline_queue_records", "Records waiting for the store", self.queue_records.clone());
        registry.register_with_unit(
            "pipeline_queue",
            "Memory taken by records waiting for the store",
            Unit::Bytes,
            self.queue_bytes.clone(),
        );
        registry.register_with_unit(
            "pipeline_storing",
            "Memory taken by records whose senders wait for an answer",
            Unit::Bytes,
            self.storing_bytes.clone(),
        );
    }

    /// Counts records that were offered.
    pub(crate) fn count(&self, fate: Fate, records: u64) {
        match fate {
            _ if records == 0 => {}
            Fate::Stored => drop(self.stored_records.inc_by(records)),
            fate => drop(self.dropped_records.get_or_create(&[("reason", fate.label())]).inc_by(records)),
        }
    }
}

/// The ledger's totals: no metric for each container, their number has no bound that a scraper would like.
#[derive(Debug)]
pub(crate) struct LedgerMetrics(pub(crate) Arc<Ledger>);

impl Collector for LedgerMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = self.0.totals();
        let mut gauge = |name, help, value: f64| {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
        };
        gauge("pipeline_containers", "Containers whose losses are counted apart", status.known as f64)?;
        gauge("pipeline_shared_losses", "Losses shared among containers by estimate", status.total.shared_losses)?;
        gauge("pipeline_unshared_losses", "Losses that are no container's share", status.unshared_losses)?;
        let name = "pipeline_forgotten_containers";
        let help = "Containers that had to make room for others in the ledger";
        ConstCounter::new(status.forgotten).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
    }
}
