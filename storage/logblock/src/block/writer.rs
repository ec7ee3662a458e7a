//! Writes a block: records in, in order of their ids; columns go to the disk granule by granule, so that only one
//! granule and what is known of all of them are in memory. FORMAT.md, "Columns" and "Index".

use super::columns::ColumnBuilders;
use super::digest::Digest;
use super::index;
use super::layout::{FieldColumn, Footer, Layout};
use super::parquet_stream::{CopiedGranule, ParquetStream, encode_error};
use super::summary::Summary;
use crate::message::PairSet;
use crate::{RecordId, RecordRef, WriteError};
use watchfire_model::LogRecord;
use watchfire_store::AppendFile;

/// How a block is written.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub granule_rows: usize,
    /// `1..=22`.
    pub zstd_level: i32,
}

/// A block that is being written.
#[derive(Debug)]
pub struct BlockWriter {
    columns: ColumnBuilders,
    digest: Digest,
    layout: Layout,
    parquet: ParquetStream,
}

/// What is left to do once the columns are on disk.
#[derive(Debug)]
pub struct Finished {
    pub parquet_bytes: u64,
    /// The index object.
    pub idx: Vec<u8>,
}

impl BlockWriter {
    /// Begins a block with these field columns, sorted by name.
    pub fn new(file: Box<dyn AppendFile>, fields: Vec<FieldColumn>, shape: Shape) -> Result<BlockWriter, WriteError> {
        let parquet = ParquetStream::new(file, &fields, shape.zstd_level)?;
        let columns = ColumnBuilders::new(&fields, shape.granule_rows, shape.zstd_level);
        let digest = Digest::new(&fields);
        let layout = Layout { fields, granules: Vec::new(), footer: Footer::default() };
        Ok(BlockWriter { columns, digest, layout, parquet })
    }

    /// Adds a record behind all others; `targets` says for each of its fields which column it goes to. Whether a granule
    /// has ended with it.
    pub fn push(&mut self, id: RecordId, record: &LogRecord, targets: &[u32]) -> Result<bool, WriteError> {
        let fields = RecordRef::fields_of(record);
        self.push_ref(id, RecordRef::new(record, &fields), targets)
    }

    /// As [`BlockWriter::push`].
    pub fn push_ref(&mut self, id: RecordId, record: RecordRef<'_>, targets: &[u32]) -> Result<bool, WriteError> {
        self.columns.push(id, record, targets, &mut self.digest.templates);
        let is_full = self.columns.is_full();
        if is_full {
            self.end_granule()?;
        }
        Ok(is_full)
    }

    /// Memory that the index to be takes, which grows with the block.
    pub fn tokens_memory(&self) -> u64 {
        self.digest.memory() as u64
    }

    /// Memory held in all, about.
    pub fn memory(&self) -> u64 {
        self.tokens_memory() + self.columns.memory() + self.parquet.memory()
    }

    /// Makes the columns durable and encodes the index.
    pub fn finish(mut self) -> Result<Finished, WriteError> {
        self.close_granule()?;
        let BlockWriter { digest, mut layout, parquet, .. } = self;
        let end = parquet.finish()?;
        layout.footer = end.footer;
        let idx = index::encode(&layout, &digest.encode(), &end.metadata).map_err(encode_error)?;
        Ok(Finished { parquet_bytes: end.file_len, idx })
    }

    fn end_granule(&mut self) -> Result<(), WriteError> {
        let granule = self.columns.finish(&self.digest.templates).map_err(encode_error)?;
        self.layout.granules.push(self.parquet.write(&granule)?);
        let messages = &granule.messages;
        self.digest.add(&granule.columns, &granule.times, &messages.templates, &granule.filter, &messages.pairs);
        Ok(())
    }

    /// Takes over a granule of another block as it is there. False when that cannot be: it has too many templates.
    pub(super) fn copy_granule(
        &mut self,
        granule: CopiedGranule,
        summary: &Summary,
        index: usize,
        filter: (&[u8], &PairSet),
        source_of: impl Fn(usize) -> Option<usize>,
    ) -> Result<bool, WriteError> {
        if self.digest.adopt(summary, index, filter, source_of).is_none() {
            return Ok(false);
        }
        self.layout.granules.push(self.parquet.copy(granule)?);
        Ok(true)
    }

    /// Ends the granule that was begun, if one was.
    pub(super) fn close_granule(&mut self) -> Result<(), WriteError> {
        if self.columns.is_empty() { Ok(()) } else { self.end_granule() }
    }
}
