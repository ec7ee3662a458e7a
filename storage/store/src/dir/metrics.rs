//! What a directory counts about itself.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Counters of one directory. The gauges are as of the last look at the medium.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(super) full_writes: Counter,
    pub(super) failed_directory_syncs: Counter,
    pub(super) doubtful_objects: Counter,
    pub(super) has_room: Gauge,
    pub(super) total: Gauge,
    pub(super) available: Gauge,
    pub(super) reserve: Gauge,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("store_full_writes", "Writes that found the medium full", self.full_writes.clone());
        registry.register(
            "store_failed_directory_syncs",
            "Times that a directory could not be made durable",
            self.failed_directory_syncs.clone(),
        );
        registry.register(
            "store_doubtful_objects",
            "Objects of which a restart has to tell whether they were created",
            self.doubtful_objects.clone(),
        );
        registry.register("store_has_room", "Whether data from outside is taken in", self.has_room.clone());
        registry.register_with_unit(
            "store_medium",
            "What the medium has for processes like this one",
            Unit::Bytes,
            self.total.clone(),
        );
        registry.register_with_unit(
            "store_available",
            "What of the medium is free",
            Unit::Bytes,
            self.available.clone(),
        );
        registry.register_with_unit(
            "store_reserve",
            "What is kept back for the work that makes room",
            Unit::Bytes,
            self.reserve.clone(),
        );
    }
}
