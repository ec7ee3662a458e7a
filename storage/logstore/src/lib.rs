//! The log store: records go through a write-ahead log into memory, from there into immutable blocks, and are found
//! in both as if they lay in one place.
//!
//! Invariants
//! - A record is found from the moment [`LogStore::append`] returns, exactly once by every query, while it moves from memory
//!   into a block: readers see the memtable or the blocks made of it, never both and never neither.
//! - Its name ([`RecordId`]) never changes, not by a flush and not by a restart.
//! - What passes is what [`watchfire_model::LogFilter::matches`] says; index and statistics only spare reading.
//! - A block exists if and only if the manifest names it; blocks never change.
//! - Nothing from disk is decoded before its checksum holds. A damaged block costs its own records and is named in every
//!   answer that misses them.
//! - Memory is bounded: two memtables, one cache, one batch per tail reader's slot; a query pays from its budget.
//!
//! Every byte on disk is drawn in `FORMAT.md`.

mod store;

mod error;
mod id;
mod options;
mod request;

mod batch;
mod block;
mod codec;
mod flush;
mod maintain;
mod memtable;
mod metrics;
mod query;
mod state;
mod tail;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use error::LogStoreError;
pub use id::{RecordId, RecordIdError};
pub use options::LogStoreOptions;
pub use request::{
    Cursor, FieldSummary, Fields, FieldsRequest, Histogram, HistogramRequest, LogStoreStatus, SearchRequest,
    SearchResult, SearchStats, StoredRecord,
};
pub use store::LogStore;
pub use tail::{Tail, TailEvent};
