//! Reads blocks: nothing is decoded before its checksum holds, and nothing that decoding does brings the process down.

use super::BlockCache;
use super::cache::{Item, Key, Part};
use super::index::{CONTENTS_LEN, Contents, Span, TokenIndex, decode_layout};
use super::layout::Layout;
use crate::state::BlockMeta;
use arrow_array::{Array as _, ArrayRef};
use bytes::{Buf, Bytes};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::reader::{ChunkReader, Length};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use watchfire_model::Exhausted;
use watchfire_store::{Storage, StorageError};

/// A block that the manifest knows.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) meta: BlockMeta,
    storage: Arc<dyn Storage>,
    cache: Arc<BlockCache>,
    number: u64,
    /// Found damaged: no query looks at it again.
    damaged: AtomicBool,
}

/// What is known of an opened block.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) layout: Layout,
    contents: Contents,
    parquet: ArrowReaderMetadata,
}

/// Counts what one query reads.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    bytes: AtomicU64,
}

/// Why a block could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// Deleted, or about to be.
    #[error("it does not exist")]
    Missing,
    #[error("it is damaged: {0}")]
    Damaged(String),
    #[error(transparent)]
    Storage(StorageError),
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

impl Block {
    pub(crate) fn new(meta: BlockMeta, storage: Arc<dyn Storage>, cache: Arc<BlockCache>) -> Block {
        let number = cache.number_block();
        Block { meta, storage, cache, number, damaged: AtomicBool::new(false) }
    }

    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Takes the block out of further queries; whether this was news.
    pub(crate) fn set_damaged(&self) -> bool {
        !self.damaged.swap(true, Ordering::Relaxed)
    }

    /// Layout and Parquet metadata.
    pub(crate) fn open(&self, reads: &Reads) -> Result<Arc<Opened>, ReadError> {
        let key = Key { block: self.number, part: Part::Opened };
        if let Some(Item::Opened(opened)) = self.cache.get(key) {
            return Ok(opened);
        }
        let opened = Arc::new(guarded(|| self.read_opened(reads))?);
        self.cache.insert(key, Item::Opened(Arc::clone(&opened)));
        Ok(opened)
    }

    /// The token index.
    pub(crate) fn tokens(&self, opened: &Opened, reads: &Reads) -> Result<Arc<TokenIndex>, ReadError> {
        let key = Key { block: self.number, part: Part::Tokens };
        if let Some(Item::Tokens(tokens)) = self.cache.get(key) {
            return Ok(tokens);
        }
        let idx_key = self.meta.idx_key();
        let bytes = self.read(&idx_key, opened.contents.tokens(), reads)?;
        let granules = opened.layout.granules.len();
        let tokens = guarded(|| Ok(Arc::new(TokenIndex::decode(&idx_key, &opened.contents, granules, &bytes)?)))?;
        self.cache.insert(key, Item::Tokens(Arc::clone(&tokens)));
        Ok(tokens)
    }

    /// One column of one granule.
    pub(crate) fn column(
        &self,
        opened: &Opened,
        granule: usize,
        leaf: usize,
        reads: &Reads,
    ) -> Result<ArrayRef, ReadError> {
        let part = Part::Column { granule: granule as u32, leaf: leaf as u32 };
        let key = Key { block: self.number, part };
        if let Some(Item::Column(column)) = self.cache.get(key) {
            return Ok(column);
        }
        let column = guarded(|| self.read_column(opened, granule, leaf, reads))?;
        self.cache.insert(key, Item::Column(Arc::clone(&column)));
        Ok(column)
    }

    fn read_opened(&self, reads: &Reads) -> Result<Opened, ReadError> {
        let idx_key = self.meta.idx_key();
        let head = self.read(&idx_key, Span { offset: 0, len: CONTENTS_LEN }, reads)?;
        let contents = Contents::decode(&idx_key, &head)?;
        let layout = decode_layout(&idx_key, &self.read(&idx_key, contents.layout(), reads)?)?;
        let footer = layout.footer;
        let bytes = self.read(&self.meta.parquet_key(), Span { offset: footer.offset, len: footer.len }, reads)?;
        check_crc(&bytes, footer.checksum, "footer")?;
        let metadata = ParquetMetaDataReader::decode_metadata(&bytes)?;
        let fits = metadata.num_row_groups() == layout.granules.len()
            && metadata.row_groups().iter().all(|group| group.num_columns() == layout.leaves());
        if !fits {
            return Err(ReadError::Damaged("index and columns are not of one block".to_owned()));
        }
        let parquet = ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new())?;
        Ok(Opened { layout, contents, parquet })
    }

    fn read_column(&self, opened: &Opened, granule: usize, leaf: usize, reads: &Reads) -> Result<ArrayRef, ReadError> {
        let stats = &opened.layout.granules[granule];
        let (offset, len) = opened.parquet.metadata().row_group(granule).column(leaf).byte_range();
        let bytes = self.read(&self.meta.parquet_key(), Span { offset, len: len as usize }, reads)?;
        check_crc(&bytes, stats.checksums[leaf], "column")?;
        let mask = ProjectionMask::leaves(opened.parquet.parquet_schema(), [leaf]);
        let mut batches =
            ParquetRecordBatchReaderBuilder::new_with_metadata(ColumnBytes { offset, bytes }, opened.parquet.clone())
                .with_row_groups(vec![granule])
                .with_projection(mask)
                .with_batch_size(stats.rows)
                .build()?;
        let column = batches.next().transpose().map_err(ParquetError::from)?.map(|batch| Arc::clone(batch.column(0)));
        column
            .filter(|column| column.len() == stats.rows)
            .ok_or_else(|| ReadError::Damaged("a column has too few rows".to_owned()))
    }

    /// Bytes of one of the block's objects, exactly so many.
    fn read(&self, key: &str, span: Span, reads: &Reads) -> Result<Bytes, ReadError> {
        if span.len as u64 > self.meta.bytes() {
            return Err(ReadError::Damaged("a section is longer than the file".to_owned()));
        }
        let bytes = self.storage.read_range(key, span.offset, span.len)?;
        reads.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if bytes.len() < span.len {
            return Err(ReadError::Damaged("it ends early".to_owned()));
        }
        Ok(bytes)
    }
}

impl Opened {
    /// Bytes in memory, about.
    pub(crate) fn memory(&self) -> usize {
        self.layout.memory() + self.parquet.metadata().memory_size()
    }
}

impl Reads {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Runs code of libraries over bytes from disk. Their checksums held, so a panic is a bug; it costs this block, not the
/// process.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    // What the closure borrows is only read, or thrown away with the block.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(ReadError::Damaged("reading it panicked".to_owned())))
}

fn check_crc(bytes: &[u8], checksum: u32, what: &str) -> Result<(), ReadError> {
    if crc32c::crc32c(bytes) == checksum {
        return Ok(());
    }
    Err(ReadError::Damaged(format!("the checksum of a {what} does not match")))
}

impl From<StorageError> for ReadError {
    fn from(error: StorageError) -> ReadError {
        match error {
            StorageError::NotFound { .. } => ReadError::Missing,
            StorageError::Damaged { what, .. } => ReadError::Damaged(what),
            other => ReadError::Storage(other),
        }
    }
}

impl From<ParquetError> for ReadError {
    fn from(error: ParquetError) -> ReadError {
        ReadError::Damaged(error.to_string())
    }
}

impl From<std::io::Error> for ReadError {
    fn from(error: std::io::Error) -> ReadError {
        ReadError::Damaged(error.to_string())
    }
}

/// The part of a Parquet file that was read.
#[derive(Debug, Clone)]
struct ColumnBytes {
    offset: u64,
    bytes: Bytes,
}

impl Length for ColumnBytes {
    fn len(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

impl ChunkReader for ColumnBytes {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let len = self.len().saturating_sub(start) as usize;
        Ok(self.get_bytes(start, len)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let from = start.checked_sub(self.offset).and_then(|from| usize::try_from(from).ok());
        let range = from.and_then(|from| Some(from..from.checked_add(length)?));
        match range {
            Some(range) if range.end <= self.bytes.len() => Ok(self.bytes.slice(range)),
            _ => Err(ParquetError::EOF("a page lies outside its column".to_owned())),
        }
    }
}
