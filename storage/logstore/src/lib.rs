//! The log store: records go through a write-ahead log into memory, from there into immutable blocks, and are found
//! in both as if they lay in one place.
//!
//! Invariants
//! - A record is found from the moment [`LogStore::append`] returns, exactly once by every query, while it moves from memory
//!   into a block and from there into a merged one: readers see one or the other, never both and never neither.
//! - A record whose [`LogStore::commit`] fails is gone: it leaves memory and never gets into a block.
//! - Its name ([`RecordId`]) never changes, not by a flush, not by a merge and not by a restart.
//! - What passes is what [`watchfire_model::LogFilter::matches`] says; index and statistics only spare reading.
//! - A block exists if and only if the manifest names it; blocks never change. Its objects stay as long as somebody reads
//!   them.
//! - Nothing from disk is decoded before its checksum holds. A damaged block costs its own records, and is named in every
//!   answer that misses them; what cannot be mended is counted for good.
//! - Nothing is deleted because a clock jumped.
//! - Memory is bounded: two memtables, one cache, one batch per tail reader's slot, one flush, one merge or repair; a query
//!   pays from its budget.
//! - Queries share a bounded number of threads of lower priority in turns: a long one does not keep a short one waiting, and
//!   none keeps records from coming in.
//! - A block holds records of one set of streams (`stream`, names joined by commas) and goes when all of them let it go. How
//!   many different sets there are is bounded by whoever routes records; a flush makes at least one block for each.
//!
//! Every byte on disk is drawn in `FORMAT.md`.

mod store;

mod error;
mod options;
mod request;

mod append;
mod batch;
mod compact;
mod encoded;
mod flush;
mod fresh;
mod key;
mod maintain;
mod memtable;
mod metrics;
mod pin;
mod query;
mod remembered;
mod repair;
mod replay;
mod retain;
mod scrub;
mod state;
mod status;
mod tail;
mod worker;
mod write;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use error::LogStoreError;
pub use options::LogStoreOptions;
pub use pin::Pinned;
pub use repair::RepairReport;
pub use request::{
    Cursor, DamagedBlock, FieldSummary, Fields, FieldsRequest, Histogram, HistogramRequest, LogStoreMemory,
    LogStoreStatus, ReplayStatus, SearchRequest, SearchResult, SearchStats, StoredRecord,
};
pub use retain::{Retention, RetireReason, Retiring};
pub use scrub::ScrubReport;
pub use state::LostRows;
pub use store::LogStore;
pub use tail::{Tail, TailEvent};
pub use watchfire_logblock::{RecordId, RecordIdError};
