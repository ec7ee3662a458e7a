//! What receiving counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

type Label = [(&'static str, &'static str); 1];

/// Counters of all requests.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub(crate) requests: Family<Label, Counter>,
    pub(crate) received_bytes: Counter,
    pub(crate) message_bytes: Counter,
    pub(crate) samples: Counter,
    pub(crate) refused_samples: Family<Label, Counter>,
    pub(crate) histograms: Counter,
    pub(crate) exemplars: Counter,
    pub(crate) refused_exemplars: Family<Label, Counter>,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        let mut register = |name: &str, help: &str, counter: &Counter| registry.register(name, help, counter.clone());
        register("push_received_bytes", "Bytes of remote write bodies as sent", &self.received_bytes);
        register("push_message_bytes", "Bytes of remote write messages after decompression", &self.message_bytes);
        register("push_samples", "Samples of remote write that became durable", &self.samples);
        register("push_histograms", "Native histograms of remote write that became durable", &self.histograms);
        register("push_exemplars", "Exemplars of remote write that became durable", &self.exemplars);
        registry.register("push_requests", "Remote write requests by their answer's status", self.requests.clone());
        registry.register(
            "push_refused_samples",
            "Samples of remote write that were not stored, by reason; their senders were told so",
            self.refused_samples.clone(),
        );
        registry.register(
            "push_refused_exemplars",
            "Exemplars of remote write that were not stored, by reason",
            self.refused_exemplars.clone(),
        );
    }

    pub(crate) fn count_request(&self, status: u16) {
        let code = match status {
            204 => "204",
            400 => "400",
            413 => "413",
            415 => "415",
            _ => "503",
        };
        self.requests.get_or_create(&[("code", code)]).inc();
    }

    pub(crate) fn count_refused(&self, reason: &'static str, samples: u64) {
        if samples > 0 {
            self.refused_samples.get_or_create(&[("reason", reason)]).inc_by(samples);
        }
    }

    pub(crate) fn count_refused_exemplars(&self, reason: &'static str, exemplars: usize) {
        if exemplars > 0 {
            self.refused_exemplars.get_or_create(&[("reason", reason)]).inc_by(exemplars as u64);
        }
    }
}
