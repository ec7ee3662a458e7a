//! Why the metric store refuses or fails.

use watchfire_model::{ByteSize, MatcherError};
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
    /// Nothing is stored, and it is tried again with the next samples: what makes room goes on.
    #[error("the disk is nearly full: no samples are taken until there is room")]
    DiskFull,
    #[error("the head holds {max} of memory, its limit: raise it, or send fewer series")]
    HeadFull { max: ByteSize },
    /// As many samples have come meanwhile as are held beside it.
    #[error("the log is still being read, and {max} samples wait for that already")]
    Replaying { max: u64 },
    #[error("the log of earlier runs cannot be read: {reason}")]
    ReplayStalled { reason: String },
    /// Those that are there are kept until no block holds what they delete.
    #[error("{max} deletions wait to be carried out, their limit: clean the tombstones first")]
    TombstoneLimit { max: usize },
    /// Of a deletion: its expressions must be as small as those of a query.
    #[error(transparent)]
    Matcher(#[from] MatcherError),
    /// The store is being closed.
    #[error("the store is being closed")]
    Closing,
    /// Left alone until it is repaired.
    #[error("block `{key}` is damaged: {reason}")]
    DamagedBlock { key: String, reason: String },
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Wal(#[from] WalError),
}

impl TsdbError {
    /// Whether there was no space left on the disk.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            TsdbError::Storage(error) => matches!(error, StorageError::Full { .. }),
            TsdbError::Wal(WalError::Sealed { source, .. } | WalError::Storage(source)) => {
                matches!(**source, StorageError::Full { .. })
            }
            _ => false,
        }
    }
}
