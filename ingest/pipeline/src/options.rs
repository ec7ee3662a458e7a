//! What an operator may set about the pipeline.

use serde::{Deserialize, Serialize};
use watchfire_model::{ByteSize, DurationMs};

/// Settings of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PipelineOptions {
    /// Memory that records from inputs without answers (UDP) may take while they wait for the store. Default 64MiB:
    /// about a second of the fastest senders.
    pub queue_bytes_max: ByteSize,
    /// Memory that records may take whose senders wait for an answer (HTTP, TCP); further ones are told to come again.
    /// Default 64MiB. Records of one request are taken whatever their size while no others are at work.
    pub storing_bytes_max: ByteSize,
    /// How many of the records without answers may wait. Default 262,144.
    pub queue_records_max: u64,
    /// How long records without answers wait for a store that refuses them. Default 10s, then they are dropped.
    pub patience: DurationMs,
    /// The longest that such a record waits before it is being made durable. Default 200ms, which leaves 50 ms of the
    /// promised 250 ms to the disk.
    pub commit_interval: DurationMs,
}

impl Default for PipelineOptions {
    fn default() -> PipelineOptions {
        PipelineOptions {
            queue_bytes_max: ByteSize::from_mib(64),
            storing_bytes_max: ByteSize::from_mib(64),
            queue_records_max: 262_144,
            patience: DurationMs::from_secs(10),
            commit_interval: DurationMs(200),
        }
    }
}
