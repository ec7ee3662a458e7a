//! The metric store: samples, floats and native histograms, go to a write-ahead log and the head, and every two hours from
//! the head to a block.
//!
//! Invariants
//! - Samples come back bit for bit, NaN payloads included; of one series and time the one written last.
//! - A sample is in the head from `append` until the block that holds it can be read; `commit` returns when it would
//!   survive a power cut.
//! - A block is part of the store if and only if the manifest names it. It never changes, and its object exists as long
//!   as a query uses it.
//! - Where two sources hold a sample of one time, the later written counts: blocks in the manifest's order, then the head.
//! - What was deleted does not come back: not by replay, repair, merge or restart. What is written later is not concerned.
//! - Of exemplars the newest are kept, whatever the order in which they come.
//! - Every block, page and index is checked before it is used; what is damaged is left out and named, never guessed.
//! - Memory of the head, of the log's unsynced part and of all work in the background has a limit; what goes over is
//!   refused and counted.
//! - Nothing is deleted for its age because of one reading of the clock, or because of one sender's.
//!
//! Every byte on disk is drawn in `FORMAT.md`.

mod append;
mod append_exemplars;
mod appender;
mod block;
mod codec;
mod compact;
mod deletion;
mod error;
mod exemplars;
mod failures;
mod flush;
mod head;
mod incoming;
mod index;
mod inspect;
mod log_reader;
mod maintain;
mod merge;
mod metadata;
mod metrics;
mod open;
mod options;
mod pin;
mod record;
mod repair;
mod replay;
mod retention;
mod scrub;
mod select;
mod state;
mod status;
mod tsdb;

#[cfg(test)]
mod tests;

pub use error::TsdbError;
pub use options::{RetentionRule, SERIES_MAX, TsdbOptions};
pub use pin::Pinned;
pub use status::{
    Appended, BlockStatus, Cardinality, DamagedBlock, ExemplarsAppended, LostSamples, RepairReport, ReplayStatus,
    RetentionReason, RetentionStep, ScrubReport, ScrubStatus, TsdbStatus,
};
pub use tsdb::{SeriesId, Tsdb};
