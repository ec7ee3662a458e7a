//! Why the log store could not do what it was asked.

use watchfire_model::Exhausted;
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
    /// Fresh records cannot be written out (full disk), and memory for further ones is used up; nothing was stored.
    #[error("fresh records take {bytes} bytes of memory and cannot be written out, the limit is {bytes_max}")]
    Backlog { bytes: u64, bytes_max: u64 },
    /// One record alone exceeds what a record of the write-ahead log may hold; the batch up to it is stored.
    #[error("a record takes {bytes} bytes, the limit is {bytes_max}")]
    RecordTooLarge { bytes: usize, bytes_max: usize },
    /// The write-ahead log holds a record of a newer Watchfire.
    #[error("the write-ahead log holds records of version {found}, this version reads up to {known}")]
    Newer { found: u8, known: u8 },
    #[error("limit {limit} is not in 1 to {max}")]
    Limit { limit: usize, max: usize },
    #[error("step must be positive, and the bucket that holds the start of the range must begin after the year 1677")]
    Step,
    #[error("the range holds {buckets} steps, at most {max} are answered: take a longer step or a shorter range")]
    TooManyBuckets { buckets: u64, max: usize },
    #[error("cannot start the thread that writes blocks")]
    Thread(#[source] std::io::Error),
    #[error("a block could not be encoded")]
    Encode(#[source] Box<dyn std::error::Error + Send + Sync>),
}
