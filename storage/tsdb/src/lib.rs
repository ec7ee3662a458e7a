//! The metric store: samples go to a write-ahead log and the head, and every two hours from the head to a block.
//!
//! Invariants
//! - Samples come back bit for bit, NaN payloads included; of one series and time the one written last.
//! - A sample is in the head from `append` until the block that holds it can be read; `commit` returns when it would
//!   survive a power cut.
//! - A block is part of the store if and only if the manifest names it. It never changes, and its object exists as long
//!   as a query uses it.
//! - Where two sources hold a sample of one time, the later written counts: blocks in the manifest's order, then the head.
//! - Nothing is deleted for its age because of one reading of the clock, or because of one sender's.
//!
//! Every byte on disk is drawn in `FORMAT.md`.

mod appender;
mod block;
mod codec;
mod error;
mod flush;
mod head;
mod index;
mod maintain;
mod merge;
mod metadata;
mod metrics;
mod open;
mod options;
mod record;
mod select;
mod state;
mod status;
mod tsdb;

#[cfg(test)]
mod tests;

pub use error::TsdbError;
pub use options::{SERIES_MAX, TsdbOptions};
pub use status::{Appended, BlockStatus, Cardinality, TsdbStatus};
pub use tsdb::{SeriesId, Tsdb};
