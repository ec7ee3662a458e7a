//! Blocks of log records: immutable pairs of a Parquet file with the columns and an index file that says which granules
//! to look at. How they are written, read, and searched.
//!
//! Invariants
//! - What passes is what [`watchfire_model::LogFilter::matches`] says; index and statistics only spare reading.
//! - A message comes back byte for byte, whether it is stored by its template and words or as it is.
//! - What is counted without reading a row is exact, or not counted.
//! - A merge copies what it can; nothing in a granule depends on the block that it stands in.
//! - Nothing from disk is decoded before its checksum holds; what does not hold is an error, never a panic.
//! - A reader takes every format that was ever written.
//!
//! Every byte on disk is drawn in `FORMAT.md` of the log store.

mod arrivals;
pub mod block;
pub mod codec;
mod error;
pub mod field;
mod id;
mod message;
mod meta;
pub mod query;
mod record;
#[cfg(test)]
mod tests;

pub use arrivals::{Arrivals, confirmed};
pub use error::WriteError;
pub use id::{RecordId, RecordIdError};
pub use meta::{BlockMeta, Logged};
pub use record::{RecordRef, ValueRef};
