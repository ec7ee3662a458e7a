//! Why the catalog could not do what it was asked.

use watchfire_store::StorageError;

/// Why a document could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("a name has 1 to {max} characters, no control characters and no white space around it")]
    Name { max: usize },
    #[error("the document takes {bytes} bytes, at most {max} are kept")]
    TooLarge { bytes: usize, max: usize },
    #[error("{max} of these are kept already: delete one first")]
    TooMany { max: usize },
    #[error("everything that is saved, with its history, would take more than {max} bytes: delete some of it first")]
    Full { max: usize },
    /// Somebody else was faster.
    #[error("{}", conflict(*found))]
    Conflict { found: Option<u64> },
    #[error("there is nothing of the name `{name}`")]
    NotFound { name: String },
    #[error("the disk is nearly full: nothing is saved until there is room")]
    DiskFull,
    #[error("the document is not what was expected of it: {0}")]
    Json(#[source] serde_json::Error),
    #[error("cannot use the catalog")]
    Storage(#[from] StorageError),
}

fn conflict(found: Option<u64>) -> String {
    match found {
        Some(version) => format!("it was changed meanwhile, its version is {version} now: read it again"),
        None => "it was deleted meanwhile".to_owned(),
    }
}
