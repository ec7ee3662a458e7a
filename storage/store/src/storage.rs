//! The object store: immutable objects under slash-separated keys, and append-only files for the write-ahead log.

use bytes::Bytes;
use std::io;

/// Reads and writes objects. Two real implementations: a directory, and memory that fails on request.
///
/// Keys are relative paths of `[A-Za-z0-9._-]` parts joined by `/`, none of them `.` or `..`.
pub trait Storage: Send + Sync + std::fmt::Debug {
    /// Creates an object if the key is free; all of it or nothing, durable on return.
    ///
    /// # Errors
    /// [`StorageError::Exists`] when the key is taken; the object there is unchanged. After [`StorageError::Io`] the
    /// object may exist all the same: whoever needs to know reads it back. An answer of that reading is final; where
    /// nobody can tell before a restart, reading fails too.
    fn create(&self, key: &str, bytes: &[u8]) -> Result<(), StorageError>;

    /// Creates an empty file to append to, if the key is free. The file's name is durable on return.
    fn append(&self, key: &str) -> Result<Box<dyn AppendFile>, StorageError>;

    /// The whole object.
    fn read(&self, key: &str) -> Result<Bytes, StorageError>;

    /// `len` bytes from `offset`; fewer only where the object ends.
    fn read_range(&self, key: &str, offset: u64, len: usize) -> Result<Bytes, StorageError>;

    /// The object's length in bytes.
    fn size(&self, key: &str) -> Result<u64, StorageError>;

    /// Every object whose key starts with `prefix` (which ends at a `/` or is empty), sorted by key.
    fn list(&self, prefix: &str) -> Result<Vec<Object>, StorageError>;

    /// Removes an object; a key that does not exist is no error. A power cut may bring the object back, whole, above all
    /// after an error: nothing may depend on its absence.
    fn delete(&self, key: &str) -> Result<(), StorageError>;

    /// What the medium has for processes like this one, and has left.
    fn space(&self) -> Result<Space, StorageError>;

    /// Whether data from outside may be taken in: false from the moment that the medium is nearly full until there is
    /// room again. What makes room (flush, compaction, retention) goes on all the same.
    fn has_room(&self) -> bool;

    /// Gives the space that is kept back for work that makes room to it, once; false when there is none left.
    fn release_reserve(&self) -> bool;
}

/// A file that only grows. Dropping it does not make anything durable.
pub trait AppendFile: Send + std::fmt::Debug {
    /// Adds bytes at the end. After an error the file's tail is undefined: seal it and open another.
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError>;

    /// Makes everything appended so far durable.
    ///
    /// # Errors
    /// After a failure the kernel may have dropped the dirty pages: never call it again on this file.
    fn sync(&mut self) -> Result<(), StorageError>;
}

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub key: String,
    /// Bytes.
    pub size: u64,
}

/// Bytes of the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub total: u64,
    /// What this process may still use.
    pub available: u64,
}

/// Why an object could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("`{key}` does not exist")]
    NotFound { key: String },
    #[error("`{key}` exists already")]
    Exists { key: String },
    #[error("no space left for `{key}`")]
    Full { key: String },
    #[error("`{key}` is not a key: parts of letters, digits, `.`, `_` and `-`, joined by `/`")]
    InvalidKey { key: String },
    /// Another process has the directory.
    #[error("another Watchfire{} uses `{path}`: stop it, or name another directory", process(*pid))]
    Locked { path: String, pid: Option<u32> },
    #[error("cannot {action} `{key}`")]
    Io { action: &'static str, key: String, source: io::Error },
    /// The object is there, but its bytes are not what was written.
    #[error("`{key}` is damaged: {what}")]
    Damaged { key: String, what: String },
    /// Written by a newer Watchfire.
    #[error(
        "`{key}` has format version {found}, this version reads up to {known}: start the newer Watchfire that wrote it"
    )]
    Newer { key: String, found: u32, known: u32 },
}

/// The holder of a lock as the error's text names it.
fn process(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}
