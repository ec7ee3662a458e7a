//! Reads blocks: nothing is decoded before its checksum holds, and nothing that decoding does brings the process down.

use super::BlockCache;
use super::assemble::put_messages;
use super::cache::{Item, Key, Part};
use super::index::{CONTENTS_LEN, Contents, Span, TokenIndex, decode_digest, decode_layout, decode_metadata};
use super::layout::{Footer, Layout, MESSAGE, MessageBytes};
use super::pages;
use super::summary::Summary;
use crate::BlockMeta;
use crate::message::Messages;
use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef};
use bytes::{Buf, Bytes};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::reader::{ChunkReader, Length};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use watchfire_model::Exhausted;
use watchfire_store::{Storage, StorageError, crash_point};

/// A block of the store. Its objects exist as long as somebody holds the block.
#[derive(Debug)]
pub struct Block {
    pub meta: BlockMeta,
    storage: Arc<dyn Storage>,
    cache: Arc<BlockCache>,
    number: u64,
    /// What was found damaged: no query looks at the block again.
    damage: OnceLock<String>,
    /// Whether its mending was tried.
    repair_begun: AtomicBool,
    /// Whether the manifest has let the block go.
    removed: AtomicBool,
}

/// What is known of an opened block.
#[derive(Debug)]
pub struct Opened {
    pub layout: Layout,
    pub(super) contents: Contents,
    pub(super) parquet: ArrowReaderMetadata,
    /// For those who read the block through, past the cache.
    summary: OnceLock<Arc<Summary>>,
}

/// Counts what one query reads.
#[derive(Debug, Default)]
pub struct Reads {
    bytes: AtomicU64,
    /// What is read is read once, by nobody's request: it does not go into the cache.
    passing: bool,
}

/// Why a block could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
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
    pub fn new(meta: BlockMeta, storage: Arc<dyn Storage>, cache: Arc<BlockCache>) -> Block {
        let number = cache.number_block();
        let flag = || AtomicBool::new(false);
        Block { meta, storage, cache, number, damage: OnceLock::new(), repair_begun: flag(), removed: flag() }
    }

    pub fn is_damaged(&self) -> bool {
        self.damage.get().is_some()
    }

    /// What is damaged, if something is.
    pub fn damage(&self) -> Option<&str> {
        self.damage.get().map(String::as_str)
    }

    /// Takes the block out of further queries; whether this was news.
    pub fn set_damaged(&self, what: &str) -> bool {
        self.damage.set(what.to_owned()).is_ok()
    }

    /// True when it is called for the first time.
    pub fn begin_repair(&self) -> bool {
        !self.repair_begun.swap(true, Ordering::Relaxed)
    }

    /// Lets the objects be deleted once nobody reads them any more.
    pub fn set_removed(&self) {
        self.removed.store(true, Ordering::Relaxed);
    }

    /// Layout and Parquet metadata.
    pub fn open(&self, reads: &Reads) -> Result<Arc<Opened>, ReadError> {
        let key = Key { block: self.number, part: Part::Opened };
        if let Some(Item::Opened(opened)) = self.cache.get(key) {
            return Ok(opened);
        }
        let opened = Arc::new(guarded(|| self.read_opened(reads))?);
        self.keep(key, Item::Opened(Arc::clone(&opened)), reads);
        Ok(opened)
    }

    /// The token index.
    pub fn tokens(&self, opened: &Opened, reads: &Reads) -> Result<Arc<TokenIndex>, ReadError> {
        let key = Key { block: self.number, part: Part::Tokens };
        if let Some(Item::Tokens(tokens)) = self.cache.get(key) {
            return Ok(tokens);
        }
        let idx_key = self.meta.idx_key();
        let bytes = self.read(&idx_key, opened.contents.tokens(), reads)?;
        let granules = opened.layout.granules.len();
        let tokens = guarded(|| Ok(Arc::new(TokenIndex::decode(&idx_key, &opened.contents, granules, &bytes)?)))?;
        self.keep(key, Item::Tokens(Arc::clone(&tokens)), reads);
        Ok(tokens)
    }

    /// Templates and statistics; none in blocks of an index version before 3.
    pub fn summary(&self, opened: &Opened, reads: &Reads) -> Result<Option<Arc<Summary>>, ReadError> {
        let Some(span) = opened.contents.digest() else { return Ok(None) };
        if let Some(summary) = opened.summary.get() {
            return Ok(Some(Arc::clone(summary)));
        }
        let key = Key { block: self.number, part: Part::Summary };
        if let Some(Item::Summary(summary)) = self.cache.get(key) {
            return Ok(Some(summary));
        }
        let idx_key = self.meta.idx_key();
        let bytes = self.read(&idx_key, span, reads)?;
        let summary = guarded(|| Ok(Arc::new(decode_digest(&idx_key, &opened.contents, &opened.layout, &bytes)?)))?;
        if reads.passing {
            return Ok(Some(Arc::clone(opened.summary.get_or_init(|| summary))));
        }
        self.keep(key, Item::Summary(Arc::clone(&summary)), reads);
        Ok(Some(summary))
    }

    /// The messages of a granule that have templates; none in blocks of an index version before 3.
    pub(crate) fn messages(
        &self,
        opened: &Opened,
        granule: usize,
        reads: &Reads,
    ) -> Result<Option<Arc<Messages>>, ReadError> {
        let stats = &opened.layout.granules[granule];
        let Some(place) = stats.messages else { return Ok(None) };
        let key = Key { block: self.number, part: Part::Messages { granule: granule as u32 } };
        if let Some(Item::Messages(messages)) = self.cache.get(key) {
            return Ok(Some(messages));
        }
        let bytes = self.read_messages(place, reads)?;
        let messages = guarded(|| {
            let messages = Messages::decode(&bytes, stats.rows);
            messages.map(Arc::new).ok_or_else(|| ReadError::Damaged("messages make no sense".to_owned()))
        })?;
        self.keep(key, Item::Messages(Arc::clone(&messages)), reads);
        Ok(Some(messages))
    }

    /// The stored messages of a granule, verified.
    pub(super) fn read_messages(&self, place: MessageBytes, reads: &Reads) -> Result<Bytes, ReadError> {
        let span = Span { offset: place.offset, len: place.len };
        let bytes = self.read(&self.meta.parquet_key(), span, reads)?;
        check_crc(&bytes, place.checksum, "granule's messages")?;
        Ok(bytes)
    }

    /// One column of one granule. Messages are put together from their templates.
    pub fn column(&self, opened: &Opened, granule: usize, leaf: usize, reads: &Reads) -> Result<ArrayRef, ReadError> {
        let part = Part::Column { granule: granule as u32, leaf: leaf as u32 };
        let key = Key { block: self.number, part };
        if let Some(Item::Column(column)) = self.cache.get(key) {
            return Ok(column);
        }
        let column = guarded(|| match leaf {
            MESSAGE => self.read_message_column(opened, granule, reads),
            _ => self.read_column(opened, granule, leaf, reads),
        })?;
        self.keep(key, Item::Column(Arc::clone(&column)), reads);
        Ok(column)
    }

    fn read_message_column(&self, opened: &Opened, granule: usize, reads: &Reads) -> Result<ArrayRef, ReadError> {
        let column = self.read_column(opened, granule, MESSAGE, reads)?;
        let (Some(messages), Some(summary)) = (self.messages(opened, granule, reads)?, self.summary(opened, reads)?)
        else {
            return Ok(column);
        };
        let texts = column.as_string_opt::<i32>().ok_or_else(|| crate::query::unexpected(&column))?;
        Ok(Arc::new(put_messages(&messages, &summary, granule, texts)?))
    }

    /// The message column as it is stored: of rows without a template.
    pub(crate) fn untemplated(&self, opened: &Opened, granule: usize, reads: &Reads) -> Result<ArrayRef, ReadError> {
        guarded(|| self.read_column(opened, granule, MESSAGE, reads))
    }

    /// The stored bytes of a column, verified.
    pub(super) fn read_column_bytes(
        &self,
        opened: &Opened,
        granule: usize,
        leaf: usize,
        reads: &Reads,
    ) -> Result<Bytes, ReadError> {
        let (offset, len) = opened.parquet.metadata().row_group(granule).column(leaf).byte_range();
        let bytes = self.read(&self.meta.parquet_key(), Span { offset, len: len as usize }, reads)?;
        check_crc(&bytes, opened.layout.granules[granule].checksums[leaf], "column")?;
        Ok(bytes)
    }

    fn keep(&self, key: Key, item: Item, reads: &Reads) {
        if !reads.passing {
            self.cache.insert(key, item);
        }
    }

    pub(super) fn read_opened(&self, reads: &Reads) -> Result<Opened, ReadError> {
        let contents = self.read_contents(reads)?;
        let layout = self.read_layout(&contents, reads)?;
        let metadata = self.read_metadata(&contents, layout.footer, reads)?;
        let metadata = ParquetMetaDataReader::decode_metadata(&metadata)?;
        let groups = metadata.row_groups();
        let fits = groups.len() == layout.granules.len()
            && groups.iter().zip(&layout.granules).all(|(group, granule)| {
                group.num_columns() == layout.leaves() && group.num_rows() == granule.rows as i64
            })
            && layout.granules.iter().map(|granule| granule.rows as u64).sum::<u64>() == self.meta.rows;
        if !fits {
            return Err(ReadError::Damaged("index and columns are not of one block".to_owned()));
        }
        let parquet = ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new())?;
        Ok(Opened { layout, contents, parquet, summary: OnceLock::new() })
    }

    /// From its first place, or else from its second.
    fn read_contents(&self, reads: &Reads) -> Result<Contents, ReadError> {
        let key = self.meta.idx_key();
        let read = |span| Ok(Contents::decode(&key, &self.read(&key, span, reads)?)?);
        let first = read(Span { offset: 0, len: CONTENTS_LEN });
        first.or_else(|error| read(Contents::copy_in(self.meta.idx_bytes)).map_err(|_: ReadError| error))
    }

    /// From its first place, or else from its second.
    fn read_layout(&self, contents: &Contents, reads: &Reads) -> Result<Layout, ReadError> {
        let key = self.meta.idx_key();
        let read = |span| Ok(decode_layout(&key, &self.read(&key, span, reads)?)?);
        read(contents.layout()).or_else(|error: ReadError| match contents.layout_copy_in(self.meta.idx_bytes) {
            Some(copy) => read(copy).map_err(|_: ReadError| error),
            None => Err(error),
        })
    }

    /// The metadata of the columns: from the Parquet file, or else from its copy in the index.
    fn read_metadata(&self, contents: &Contents, footer: Footer, reads: &Reads) -> Result<Bytes, ReadError> {
        let read = || {
            let span = Span { offset: footer.offset, len: footer.len };
            let bytes = self.read(&self.meta.parquet_key(), span, reads)?;
            check_crc(&bytes, footer.checksum, "footer")?;
            Ok(bytes)
        };
        read().or_else(|error: ReadError| match contents.metadata() {
            Some(copy) => self.read_metadata_copy(copy, reads).map_err(|_| error),
            None => Err(error),
        })
    }

    pub(super) fn read_metadata_copy(&self, copy: Span, reads: &Reads) -> Result<Bytes, ReadError> {
        let key = self.meta.idx_key();
        Ok(Bytes::copy_from_slice(decode_metadata(&key, &self.read(&key, copy, reads)?)?))
    }

    fn read_column(&self, opened: &Opened, granule: usize, leaf: usize, reads: &Reads) -> Result<ArrayRef, ReadError> {
        let stats = &opened.layout.granules[granule];
        let (offset, _) = opened.parquet.metadata().row_group(granule).column(leaf).byte_range();
        let bytes = self.read_column_bytes(opened, granule, leaf, reads)?;
        let schema = opened.parquet.schema();
        let is_optional = opened.parquet.parquet_schema().column(leaf).max_def_level() > 0;
        if let Some(column) = pages::decode(&bytes, stats.rows, schema.field(leaf).data_type(), is_optional) {
            return Ok(column);
        }
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

    /// Bytes that an object has.
    pub(super) fn object_len(&self, key: &str) -> Result<u64, ReadError> {
        Ok(self.storage.size(key)?)
    }

    /// Bytes of one of the block's objects, exactly so many.
    pub(super) fn read(&self, key: &str, span: Span, reads: &Reads) -> Result<Bytes, ReadError> {
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

impl Drop for Block {
    /// Deletes the objects of a removed block. What stays because of an error is swept when the store opens.
    fn drop(&mut self) {
        if self.removed.load(Ordering::Relaxed) {
            drop(self.storage.delete(&self.meta.parquet_key()));
            crash_point("logstore.remove.columns_deleted");
            drop(self.storage.delete(&self.meta.idx_key()));
        }
    }
}

impl Opened {
    /// Bytes in memory, about.
    pub fn memory(&self) -> usize {
        self.layout.memory() + self.parquet.metadata().memory_size()
    }
}

impl Reads {
    /// For reading that nobody asked for.
    pub fn passing() -> Reads {
        Reads { passing: true, ..Reads::default() }
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Runs code of libraries over bytes from disk. Their checksums held, so a panic is a bug; it costs this block, not the
/// process.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    // What the closure borrows is only read, or thrown away with the block.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(ReadError::Damaged("reading it panicked".to_owned())))
}

pub(super) fn check_crc(bytes: &[u8], checksum: u32, what: &str) -> Result<(), ReadError> {
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
pub(super) struct ColumnBytes {
    pub(super) offset: u64,
    pub(super) bytes: Bytes,
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
