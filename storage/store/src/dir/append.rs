//! A file that grows: what the write-ahead log is written to.

use super::files::NewFile;
use super::room::Room;
use super::{io_error, storage_error};
use crate::{AppendFile, StorageError};
use std::io;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct DirAppendFile {
    pub(super) key: String,
    pub(super) file: Box<dyn NewFile>,
    pub(super) room: Arc<Room>,
    /// Set by the first error: from then on nothing is known about the file's tail.
    pub(super) failed: bool,
}

impl DirAppendFile {
    fn attempt(
        &mut self,
        action: &'static str,
        run: impl FnOnce(&mut dyn NewFile) -> io::Result<()>,
    ) -> Result<(), StorageError> {
        if self.failed {
            let source = io::Error::other("an earlier operation on this file failed");
            return Err(io_error(action, &self.key, source));
        }
        run(&mut *self.file).map_err(|error| {
            self.failed = true;
            let error = storage_error(action, &self.key, error);
            if matches!(error, StorageError::Full { .. }) {
                self.room.was_full();
            }
            error
        })
    }
}

impl AppendFile for DirAppendFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.room.was_written(bytes.len());
        self.attempt("append to", |file| file.write(bytes))
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        self.attempt("sync", |file| file.sync())
    }
}
