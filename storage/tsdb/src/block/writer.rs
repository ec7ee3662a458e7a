//! Writes a block page by page: of its samples only the page at hand is in memory.

use super::{BLOCK_PREFIX, MAGIC, PAGE_BYTES, VERSION, sections};
use crate::codec::{Unit, put_varint};
use crate::index::Pair;
use smol_str::SmolStr;
use std::sync::Arc;
use ulid::Ulid;
use watchfire_store::{AppendFile, Storage, StorageError};

/// Bytes that are handed to the file at once.
const WRITE_BYTES: usize = 1 << 20;

/// Tries to find a free key; blocks of one millisecond and one number differ in the try.
const KEY_TRIES: u128 = 1000;

/// Collects series in order of their labels. Dropped before it is finished it deletes what it has written.
#[derive(Debug)]
pub(crate) struct BlockWriter {
    storage: Arc<dyn Storage>,
    key: String,
    file: Box<dyn AppendFile>,
    is_finished: bool,
    /// Waits to be handed to the file.
    buffer: Vec<u8>,
    /// Bytes so far, those in `buffer` among them.
    bytes: u64,
    /// The page that is being filled.
    page: Vec<u8>,
    pub(super) series: SeriesTable,
    min_time: i64,
    max_time: i64,
    samples: u64,
}

/// What the index of the block will say, with labels as places in the sorted texts.
#[derive(Debug, Default)]
pub(super) struct SeriesTable {
    /// Labels of all series, one after the other.
    pub(super) pairs: Vec<Pair>,
    pub(super) entries: Vec<SeriesEntry>,
    /// Length and checksum of the pages that are closed.
    pub(super) pages: Vec<(u32, u32)>,
}

#[derive(Debug)]
pub(super) struct SeriesEntry {
    /// Where its labels end in `pairs`.
    pub(super) pairs_end: usize,
    pub(super) page: usize,
    /// Bytes of the series' units.
    pub(super) len: usize,
}

/// A finished block.
#[derive(Debug)]
pub(crate) struct WrittenBlock {
    pub(crate) key: String,
    pub(crate) bytes: u64,
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
    pub(crate) series: u64,
    pub(crate) samples: u64,
}

impl BlockWriter {
    /// Creates the object under a key made of the time (Unix milliseconds) and a number that no manifest transaction
    /// before used.
    ///
    /// # Errors
    /// The object cannot be created; whether an empty one is left is not known, and opening sweeps it.
    pub(crate) fn create(storage: Arc<dyn Storage>, time: i64, number: u64) -> Result<BlockWriter, StorageError> {
        let time = u64::try_from(time).unwrap_or(0);
        let number = u128::from(number) * KEY_TRIES;
        let key = |number| format!("{BLOCK_PREFIX}{}.block", Ulid::from_parts(time, number));
        for try_number in number..number + KEY_TRIES {
            match storage.append(&key(try_number)) {
                Ok(file) => return Ok(BlockWriter::begin(storage, key(try_number), file)),
                Err(StorageError::Exists { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StorageError::Exists { key: key(number) })
    }

    fn begin(storage: Arc<dyn Storage>, key: String, file: Box<dyn AppendFile>) -> BlockWriter {
        let mut buffer = Vec::with_capacity(WRITE_BYTES + PAGE_BYTES);
        buffer.extend_from_slice(&MAGIC);
        buffer.extend_from_slice(&VERSION.to_le_bytes());
        buffer.extend_from_slice(&crc32c::crc32c(&buffer).to_le_bytes());
        BlockWriter {
            storage,
            key,
            file,
            is_finished: false,
            bytes: buffer.len() as u64,
            buffer,
            page: Vec::new(),
            series: SeriesTable::default(),
            min_time: i64::MAX,
            max_time: i64::MIN,
            samples: 0,
        }
    }

    /// Adds a series that comes after all before; one without units is left out. Units are in order of time and do not
    /// overlap.
    pub(crate) fn add<'u>(
        &mut self,
        labels: &[Pair],
        units: impl Iterator<Item = &'u Unit>,
    ) -> Result<(), StorageError> {
        let start = self.page.len();
        for unit in units {
            put_varint(&mut self.page, unit.bytes().len() as u64);
            self.page.extend_from_slice(unit.bytes());
            self.min_time = self.min_time.min(unit.first);
            self.max_time = self.max_time.max(unit.last);
            self.samples += unit.len() as u64;
        }
        let len = self.page.len() - start;
        if len == 0 {
            return Ok(());
        }
        self.series.pairs.extend_from_slice(labels);
        let pairs_end = self.series.pairs.len();
        self.series.entries.push(SeriesEntry { pairs_end, page: self.series.pages.len(), len });
        if self.page.len() >= PAGE_BYTES {
            self.end_page()?;
        }
        Ok(())
    }

    /// Writes the index and makes the block durable; `texts` are sorted, and the labels' symbols count them. None where
    /// nothing was added: there is no object then.
    pub(crate) fn finish(mut self, texts: &[SmolStr]) -> Result<Option<WrittenBlock>, StorageError> {
        if self.series.entries.is_empty() {
            return Ok(None);
        }
        if !self.page.is_empty() {
            self.end_page()?;
        }
        let mut footer = Vec::new();
        for number in [self.min_time as u64, self.max_time as u64, self.samples, self.bytes] {
            footer.extend_from_slice(&number.to_le_bytes());
        }
        for section in sections::encode(&self.series, texts) {
            footer.extend_from_slice(&(section.len() as u64).to_le_bytes());
            footer.extend_from_slice(&crc32c::crc32c(&section).to_le_bytes());
            self.write(&section)?;
        }
        footer.extend_from_slice(&crc32c::crc32c(&footer).to_le_bytes());
        self.write(&footer)?;
        self.write_through()?;
        self.file.sync()?;
        self.is_finished = true;
        Ok(Some(WrittenBlock {
            key: self.key.clone(),
            bytes: self.bytes,
            min_time: self.min_time,
            max_time: self.max_time,
            series: self.series.entries.len() as u64,
            samples: self.samples,
        }))
    }

    fn end_page(&mut self) -> Result<(), StorageError> {
        let page = std::mem::take(&mut self.page);
        self.series.pages.push((page.len() as u32, crc32c::crc32c(&page)));
        self.write(&page)?;
        self.page = page;
        self.page.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= WRITE_BYTES { self.write_through() } else { Ok(()) }
    }

    fn write_through(&mut self) -> Result<(), StorageError> {
        self.file.append(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl Drop for BlockWriter {
    /// What cannot be deleted is swept when the store opens: no manifest names it.
    fn drop(&mut self) {
        if !self.is_finished {
            drop(self.storage.delete(&self.key));
        }
    }
}
