//! Self-metrics of all GELF inputs, read from their counters when somebody asks.

use crate::counters::InputCounters;
use crate::fault::FaultReason;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

/// The counters of the inputs that run, as metrics with the label `input` (`gelf-udp`, `gelf-tcp`, `gelf-http`).
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    inputs: Vec<Arc<InputCounters>>,
}

/// Name, help and value of a metric without further labels.
type Plain = (&'static str, &'static str, fn(&InputCounters) -> u64);

const COUNTERS: [Plain; 15] = [
    ("gelf_received", "Datagrams, frames or requests taken from the network", InputCounters::received),
    ("gelf_received_bytes", "Bytes taken from the network", InputCounters::received_bytes),
    ("gelf_messages", "Messages, read or lost: stored, refused, dropped or still waiting", |input| {
        input.messages().received
    }),
    ("gelf_records", "Records that became durable", InputCounters::records),
    ("gelf_dropped_messages", "Messages lost on the way", |input| input.messages().dropped),
    ("gelf_chunks", "Chunks of larger messages", |input| input.chunks().chunks),
    ("gelf_complete_messages", "Chunked messages that became whole", |input| input.chunks().complete_messages),
    ("gelf_expired_messages", "Chunked messages given up after their time", |input| input.chunks().expired_messages),
    ("gelf_expired_chunks", "Chunks of messages given up after their time", |input| input.chunks().expired_chunks),
    ("gelf_missing_chunks", "Chunks that given up messages lacked", |input| input.chunks().missing_chunks),
    ("gelf_evicted_messages", "Chunked messages dropped for newer ones", |input| input.chunks().evicted_messages),
    ("gelf_duplicate_chunks", "Chunks that arrived twice", |input| input.chunks().duplicate_chunks),
    ("gelf_conflicting_chunks", "Chunks of equal number that differ", |input| input.chunks().conflicting_chunks),
    ("gelf_late_chunks", "Chunks after their message was given up", |input| input.chunks().late_chunks),
    ("gelf_truncated_datagrams", "Datagrams cut by the kernel", |input| input.faults(FaultReason::TruncatedDatagram)),
];

const GAUGES: [Plain; 4] = [
    ("gelf_waiting_messages", "Chunked messages that wait for chunks", |input| {
        u64::try_from(input.chunks().waiting_messages).unwrap_or(0)
    }),
    ("gelf_unsettled_messages", "Messages on their way to the store", |input| input.messages().waiting),
    ("gelf_connections", "Open connections", InputCounters::connections),
    ("gelf_receive_buffer_bytes", "Receive buffer that the kernel gives to a socket", InputCounters::receive_buffer),
];

impl Metrics {
    pub fn new(inputs: impl IntoIterator<Item = Arc<InputCounters>>) -> Metrics {
        Metrics { inputs: inputs.into_iter().collect() }
    }

    /// Adds the metrics to a registry; call it once for all inputs.
    pub fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
    }

    /// One family of faults: what was lost, or what was repaired.
    fn encode_faults(&self, encoder: &mut DescriptorEncoder<'_>, family: &FaultFamily) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(family.name, family.help, None, MetricType::Counter)?;
        for input in &self.inputs {
            for reason in FaultReason::ALL.iter().filter(|reason| reason.is_loss() == family.is_loss) {
                let labels = [("input", input.kind()), ("reason", reason.label())];
                ConstCounter::new(input.faults(*reason)).encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

struct FaultFamily {
    name: &'static str,
    help: &'static str,
    is_loss: bool,
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, help, value) in COUNTERS {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for input in &self.inputs {
                ConstCounter::new(value(input)).encode(metric.encode_family(&[("input", input.kind())])?)?;
            }
        }
        for (name, help, value) in GAUGES {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for input in &self.inputs {
                ConstGauge::new(value(input)).encode(metric.encode_family(&[("input", input.kind())])?)?;
            }
        }
        let losses = FaultFamily { name: "gelf_losses", help: "What was lost or refused", is_loss: true };
        self.encode_faults(&mut encoder, &losses)?;
        let repairs = FaultFamily { name: "gelf_repairs", help: "Oddities of what was kept", is_loss: false };
        self.encode_faults(&mut encoder, &repairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_input_and_reason() {
        let counters = Arc::new(InputCounters::new("gelf-udp", String::new()));
        counters.add_faults(FaultReason::InvalidJson, 3);
        let mut registry = Registry::with_prefix("watchfire");
        Metrics::new([counters]).register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("writing to text does not fail");
        assert!(text.contains("watchfire_gelf_losses_total{input=\"gelf-udp\",reason=\"invalid_json\"} 3\n"), "{text}");
        assert!(text.contains("watchfire_gelf_expired_chunks_total{input=\"gelf-udp\"} 0\n"), "{text}");
        assert!(text.contains("watchfire_gelf_waiting_messages{input=\"gelf-udp\"} 0\n"), "{text}");
    }
}
