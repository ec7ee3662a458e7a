//! Why a block could not be written.

use watchfire_store::StorageError;

/// Why a block could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("a block could not be encoded")]
    Encode(#[source] Box<dyn std::error::Error + Send + Sync>),
}
