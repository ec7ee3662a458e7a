//! Why the log store could not do what it was asked.

use watchfire_logblock::WriteError;
use watchfire_model::{Exhausted, TooManyGroups};
use watchfire_store::StorageError;
use watchfire_wal::WalError;

/// Why records could not be stored or a query could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum LogStoreError {
    #[error("cannot use the write-ahead log of the log store")]
    Wal(#[from] WalError),
    #[error("cannot use the objects of the log store")]
    Storage(#[from] StorageError),
    /// The query was called off or would hold too much.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    #[error(transparent)]
    TooManyGroups(#[from] TooManyGroups),
    /// Fresh records cannot be written out (full disk), and memory for further ones is used up; nothing was stored.
    #[error("fresh records take {bytes} bytes of memory and cannot be written out, the limit is {bytes_max}")]
    Backlog { bytes: u64, bytes_max: u64 },
    /// The disk is nearly full; nothing was stored. What is there can be read, and there is room again once retention or
    /// somebody else has made it.
    #[error("the disk is nearly full: no records are taken in until there is room")]
    DiskFull,
    /// What was to be taken in at once exceeds a record of the write-ahead log; nothing was stored.
    #[error("a batch of records takes {bytes} bytes, the limit is {bytes_max}")]
    RecordTooLarge { bytes: usize, bytes_max: usize },
    /// The write-ahead log holds a record of a newer Watchfire; nothing is taken in.
    #[error("the write-ahead log holds records of version {found}, this version reads up to {known}")]
    Newer { found: u8, known: u8 },
    /// Records of earlier openings cannot be read; nothing is taken in.
    #[error("the write-ahead log cannot be replayed: {what}")]
    Replay { what: String },
    #[error("limit {limit} is not in 1 to {max}")]
    Limit { limit: usize, max: usize },
    #[error("step must be positive, and the bucket that holds the start of the range must begin after the year 1677")]
    Step,
    #[error("the range holds {buckets} steps, at most {max} are answered: take a longer step or a shorter range")]
    TooManyBuckets { buckets: u64, max: usize },
    #[error("cannot start a thread of the log store")]
    Thread(#[source] std::io::Error),
    /// A block could not be read by the store's own work.
    #[error("cannot read block `{key}`: {what}")]
    Read { key: String, what: String },
    #[error("a block could not be encoded")]
    Encode(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<WriteError> for LogStoreError {
    fn from(error: WriteError) -> LogStoreError {
        match error {
            WriteError::Storage(error) => LogStoreError::Storage(error),
            WriteError::Encode(error) => LogStoreError::Encode(error),
        }
    }
}
