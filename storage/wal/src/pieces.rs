//! A file read piece by piece, so that no more of it is in memory than its largest batch.

use watchfire_store::{Storage, StorageError};

/// What is read at a time, in bytes.
const PIECE_BYTES: usize = 4 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Pieces<'a> {
    storage: &'a dyn Storage,
    key: &'a str,
    /// Bytes of the file; less than the caller said where it ends before.
    size: u64,
    /// Where the next piece begins.
    offset: u64,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are done with.
    consumed: usize,
}

impl<'a> Pieces<'a> {
    /// Opens the first `size` bytes of an object and reads the first piece.
    pub(crate) fn open(storage: &'a dyn Storage, key: &'a str, size: u64) -> Result<Pieces<'a>, StorageError> {
        let mut pieces = Pieces { storage, key, size, offset: 0, buffer: Vec::new(), consumed: 0 };
        pieces.read_on()?;
        Ok(pieces)
    }

    /// The piece at hand.
    pub(crate) fn piece(&self) -> &[u8] {
        &self.buffer[self.consumed..]
    }

    /// Bytes of the file behind the piece at hand.
    pub(crate) fn behind(&self) -> u64 {
        self.size - self.offset
    }

    /// Bytes of the file before the piece at hand.
    pub(crate) fn done(&self) -> u64 {
        self.offset - self.piece().len() as u64
    }

    /// Is done with the front of the piece.
    pub(crate) fn consume(&mut self, len: usize) {
        self.consumed += len;
    }

    /// Adds the next piece behind what is left: as much again when that is much, so that a batch of any size is looked
    /// at a few times only.
    pub(crate) fn read_on(&mut self) -> Result<(), StorageError> {
        self.buffer.drain(..self.consumed);
        self.consumed = 0;
        let behind = usize::try_from(self.behind()).unwrap_or(usize::MAX);
        let wanted = PIECE_BYTES.max(self.buffer.len()).min(behind);
        let bytes = self.storage.read_range(self.key, self.offset, wanted)?;
        self.buffer.extend_from_slice(&bytes);
        self.offset += bytes.len() as u64;
        if bytes.len() < wanted {
            self.size = self.offset;
        }
        Ok(())
    }
}
