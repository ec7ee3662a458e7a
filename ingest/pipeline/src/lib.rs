//! Between the log inputs and the log store: whoever waits for an answer gets it after the fsync, whoever does not is
//! taken into a bounded queue. On the way each record gets its streams.
//!
//! Invariants
//! - [`Pipeline`]'s `store` returns success only for records that are durable.
//! - What `offer` takes is durable within 250 ms of its arrival, as long as the disk keeps up.
//! - Each record offered meets one fate, and its input is told which: durable, or lost for one reason.
//! - No record is stored twice: only what the store has refused as a whole is handed to it again.
//! - A record's streams are decided once, when it arrives, by the rules then in force: [`StreamRouter`] gives it those whose
//!   filters match, as [`watchfire_model::LogFilter::matches`] says.
//! - The queue never holds more than its limits, nor do the records whose senders wait.

mod drain;
mod metrics;
mod options;
mod pipeline;
mod queue;
mod streams;
#[cfg(test)]
mod testing;

pub use metrics::Metrics;
pub use options::PipelineOptions;
pub use pipeline::Pipeline;
pub use streams::{
    STREAM_COMBINATIONS_MAX, STREAM_NAME_LEN_MAX, STREAMS_MAX, StreamName, StreamRouter, StreamRule, StreamRuleError,
    StreamRules,
};
