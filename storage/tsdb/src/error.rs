//! Why the metric store refuses or fails.

use watchfire_store::StorageError;
use watchfire_wal::WalError;

/// Why a series or sample could not be stored, or the store not be opened.
#[derive(Debug, thiserror::Error)]
pub enum TsdbError {
    #[error("the head holds {max} series, its limit: raise it, or drop labels whose values keep changing")]
    SeriesLimit { max: u64 },
    /// Such a definition could not be written into one record of the log.
    #[error("the label set takes {len} bytes, the limit is {max}")]
    LabelsTooLong { len: usize, max: usize },
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Wal(#[from] WalError),
}
