//! Between the log inputs and the log store: whoever waits for an answer gets it after the fsync, whoever does not is
//! taken into a bounded queue.
//!
//! Invariants
//! - [`Pipeline`]'s `store` returns success only for records that are durable.
//! - What `offer` takes is durable within 250 ms of its arrival, as long as the disk keeps up; what it cannot take, and
//!   what the store could not keep, is counted by reason.
//! - The queue never holds more than its limits.

mod metrics;
mod options;
mod pipeline;
mod queue;
#[cfg(test)]
mod testing;

pub use metrics::Metrics;
pub use options::PipelineOptions;
pub use pipeline::Pipeline;
