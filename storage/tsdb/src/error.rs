//! Why the metric store refuses or fails.

use watchfire_store::StorageError;

/// Why a series or sample could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum TsdbError {
    #[error("the store holds {max} series, its limit: raise `storage.series_max` or drop labels that vary")]
    SeriesLimit { max: u64 },
    /// A label set whose definition would not fit into one record of the log.
    #[error("the label set takes {len} bytes, the limit is {max}")]
    LabelsTooLong { len: usize, max: usize },
    #[error(transparent)]
    Storage(#[from] StorageError),
}
