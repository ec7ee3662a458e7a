//! What one log counts about itself.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;

/// Counters of one log. A process with several logs registers each under a prefix of its own, for example
/// `registry.sub_registry_with_prefix("logstore")`.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(crate) appended_records: Counter,
    pub(crate) appended_bytes: Counter,
    pub(crate) fsyncs: Counter,
    pub(crate) fsync_seconds: Counter<f64, AtomicU64>,
    pub(crate) failures: Counter,
    pub(crate) failed_records: Counter,
    pub(crate) torn_bytes: Counter,
    pub(crate) damaged_records: Counter,
    pub(crate) refused_records: Counter,
    pub(crate) replay_bytes_left: Gauge,
    pub(crate) size: Gauge,
    pub(crate) kept: Gauge,
    pub(crate) reread_records: Counter,
    pub(crate) scrubbed_bytes: Counter,
    pub(crate) scrub_damaged_segments: Counter,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("wal_appended_records", "Records appended", self.appended_records.clone());
        registry.register_with_unit("wal_appended", "Payload bytes appended", Unit::Bytes, self.appended_bytes.clone());
        registry.register("wal_fsyncs", "Times the log was made durable", self.fsyncs.clone());
        registry.register_with_unit(
            "wal_fsync",
            "Time spent making the log durable",
            Unit::Seconds,
            self.fsync_seconds.clone(),
        );
        registry.register("wal_failures", "Sessions sealed after a failed write or fsync", self.failures.clone());
        registry.register(
            "wal_failed_records",
            "Records that were not made durable because their session failed",
            self.failed_records.clone(),
        );
        registry.register_with_unit(
            "wal_torn",
            "Bytes at the ends of sessions that replay found unfinished",
            Unit::Bytes,
            self.torn_bytes.clone(),
        );
        registry.register("wal_damaged_records", "Records that replay had to skip", self.damaged_records.clone());
        registry.register(
            "wal_refused_records",
            "Records that replay left out because they had been reported as not stored",
            self.refused_records.clone(),
        );
        registry.register_with_unit(
            "wal_replay_left",
            "Bytes of earlier sessions still to be read",
            Unit::Bytes,
            self.replay_bytes_left.clone(),
        );
        registry.register_with_unit(
            "wal_kept",
            "Bytes in released segments kept for repairs",
            Unit::Bytes,
            self.kept.clone(),
        );
        registry.register("wal_reread_records", "Records read again for repairs", self.reread_records.clone());
        registry.register_with_unit(
            "wal_scrubbed",
            "Bytes read only to see whether they are what was written",
            Unit::Bytes,
            self.scrubbed_bytes.clone(),
        );
        registry.register(
            "wal_scrub_damaged_segments",
            "Times that a segment was found not to be what was written while scrubbing",
            self.scrub_damaged_segments.clone(),
        );
        registry.register_with_unit("wal_size", "Bytes in segments not yet released", Unit::Bytes, self.size.clone());
    }
}
