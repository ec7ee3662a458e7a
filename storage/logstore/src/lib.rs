//! The log store: records go through a write-ahead log into memory, from there into immutable blocks, and are found
//! in both as if they lay in one place.

mod error;
mod id;
mod options;
mod request;
mod store;
mod tail;

pub use error::LogStoreError;
pub use id::{RecordId, RecordIdError};
pub use options::LogStoreOptions;
pub use request::{
    Cursor, FieldSummary, Fields, FieldsRequest, Histogram, HistogramRequest, LogStoreStatus, SearchRequest,
    SearchResult, SearchStats, StoredRecord,
};
pub use store::LogStore;
pub use tail::{Tail, TailEvent};
