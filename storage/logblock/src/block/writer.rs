//! Writes a block: records in, in order of their ids; columns go to the disk granule by granule, so that only one
//! granule and the tokens of the block are in memory. FORMAT.md, "Columns" and "Index".

use super::columns::{ColumnBuilders, FIXED_NAMES, dictionary_type, field_type, time_type};
use super::index;
use super::layout::{ColumnKind, FieldColumn, Footer, GranuleStats, Layout, MESSAGE, RECEIVED, REST, SEQUENCE, TIME};
use super::tokens::TokenCollector;
use crate::{RecordId, WriteError};
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use watchfire_model::LogRecord;
use watchfire_store::AppendFile;

/// One page per column and granule, unless its values are very long.
const PAGE_BYTES: usize = 8 << 20;
/// A dictionary that grows beyond this is given up for plain values.
const DICTIONARY_BYTES: usize = 1 << 20;
/// The length of the metadata and `PAR1` stand behind it.
pub(super) const PARQUET_TAIL_LEN: usize = 8;

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
    tokens: TokenCollector,
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
        let columns = ColumnBuilders::new(&fields, shape.granule_rows);
        let layout = Layout { fields, granules: Vec::new(), footer: Footer::default() };
        Ok(BlockWriter { columns, tokens: TokenCollector::default(), layout, parquet })
    }

    /// Adds a record behind all others; `targets` says for each of its fields which column it goes to. Whether a granule
    /// has ended with it.
    pub fn push(&mut self, id: RecordId, record: &LogRecord, targets: &[u32]) -> Result<bool, WriteError> {
        self.columns.push(id, record, targets, self.layout.granules.len() as u32, &mut self.tokens);
        let is_full = self.columns.is_full();
        if is_full {
            self.end_granule()?;
        }
        Ok(is_full)
    }

    /// Memory that the tokens take, which grows with the block.
    pub fn tokens_memory(&self) -> u64 {
        self.tokens.memory()
    }

    /// Memory held in all, about.
    pub fn memory(&self) -> u64 {
        self.tokens.memory() + self.columns.memory() + self.parquet.memory()
    }

    /// Makes the columns durable and encodes the index.
    pub fn finish(mut self) -> Result<Finished, WriteError> {
        if !self.columns.is_empty() {
            self.end_granule()?;
        }
        let BlockWriter { tokens, mut layout, parquet, .. } = self;
        let tokens = tokens.encode(layout.granules.len()).map_err(encode_error)?;
        let end = parquet.finish()?;
        layout.footer = end.footer;
        Ok(Finished { parquet_bytes: end.file_len, idx: index::encode(&layout, &tokens, &end.metadata) })
    }

    fn end_granule(&mut self) -> Result<(), WriteError> {
        let granule = self.parquet.write(&mut self.columns)?;
        self.layout.granules.push(granule);
        Ok(())
    }
}

/// Writes granules as row groups to a file.
#[derive(Debug)]
struct ParquetStream {
    schema: SchemaRef,
    writer: ArrowWriter<Buffer>,
    file: Box<dyn AppendFile>,
    /// Bytes that the file has.
    written: u64,
}

impl ParquetStream {
    fn new(file: Box<dyn AppendFile>, fields: &[FieldColumn], zstd_level: i32) -> Result<ParquetStream, WriteError> {
        let schema = arrow_schema(fields);
        let properties = properties(&schema, fields, zstd_level);
        let writer = ArrowWriter::try_new(Buffer::default(), Arc::clone(&schema), Some(properties));
        Ok(ParquetStream { schema, writer: writer.map_err(encode_error)?, file, written: 0 })
    }

    fn write(&mut self, columns: &mut ColumnBuilders) -> Result<GranuleStats, WriteError> {
        let (arrays, mut stats) = columns.finish();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(encode_error)?;
        self.writer.write(&batch).map_err(encode_error)?;
        self.writer.flush().map_err(encode_error)?;
        self.writer.sync().map_err(encode_error)?;
        let bytes = std::mem::take(&mut self.writer.inner_mut().0);
        let group = self.writer.flushed_row_groups().last().ok_or_else(|| encode_error(NoRowGroup))?;
        let checksum = |column: &parquet::file::metadata::ColumnChunkMetaData| {
            let (offset, len) = column.byte_range();
            let start = (offset - self.written) as usize;
            crc32c::crc32c(&bytes[start..start + len as usize])
        };
        stats.checksums = group.columns().iter().map(checksum).collect();
        self.append(&bytes)?;
        self.writer.inner_mut().0 = emptied(bytes);
        Ok(stats)
    }

    /// Makes the file whole and durable.
    fn finish(mut self) -> Result<End, WriteError> {
        self.writer.finish().map_err(encode_error)?;
        let bytes = std::mem::take(&mut self.writer.inner_mut().0);
        let end = bytes.len() - PARQUET_TAIL_LEN;
        let tail: [u8; 4] = bytes[end..end + 4].try_into().expect("four bytes are four bytes");
        let len = u32::from_le_bytes(tail) as usize;
        let footer =
            Footer { offset: self.written + (end - len) as u64, len, checksum: crc32c::crc32c(&bytes[end - len..end]) };
        self.append(&bytes)?;
        self.file.sync()?;
        Ok(End { footer, metadata: bytes[end - len..end].to_vec(), file_len: self.written })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.file.append(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn memory(&self) -> u64 {
        (self.writer.memory_size() + self.writer.inner().0.capacity()) as u64
    }
}

/// How the file ends.
#[derive(Debug)]
struct End {
    footer: Footer,
    metadata: Vec<u8>,
    file_len: u64,
}

/// What the encoder has written and the file does not have yet.
#[derive(Debug, Default)]
struct Buffer(Vec<u8>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn emptied(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.clear();
    bytes
}

/// The encoder was given a granule and has written none.
#[derive(Debug, thiserror::Error)]
#[error("a granule was not written")]
struct NoRowGroup;

fn encode_error(error: impl std::error::Error + Send + Sync + 'static) -> WriteError {
    WriteError::Encode(Box::new(error))
}

/// The columns as any reader of Parquet sees them: fields by their names, with underscores behind what is taken.
fn arrow_schema(fields: &[FieldColumn]) -> SchemaRef {
    let mut taken: HashSet<String> = FIXED_NAMES.iter().map(|name| (*name).to_owned()).collect();
    let mut free_name = |wanted: &str| {
        let mut name = if wanted.is_empty() { "_".to_owned() } else { wanted.to_owned() };
        while !taken.insert(name.clone()) {
            name.push('_');
        }
        name
    };
    let [time, received, sequence, host, message, level, rest] = FIXED_NAMES;
    let mut columns = vec![
        Field::new(time, time_type(), false),
        Field::new(received, time_type(), false),
        Field::new(sequence, DataType::UInt64, false),
        Field::new(host, dictionary_type(), false),
        Field::new(message, DataType::Utf8, false),
        Field::new(level, DataType::UInt8, true),
        Field::new(rest, DataType::Binary, true),
    ];
    for field in fields {
        columns.push(Field::new(free_name(&field.name), field_type(field), true));
        if field.kind == ColumnKind::Mixed {
            columns.push(Field::new(free_name(&format!("{}.kind", field.name)), DataType::UInt8, true));
        }
    }
    Arc::new(Schema::new(columns))
}

fn properties(schema: &Schema, fields: &[FieldColumn], zstd_level: i32) -> WriterProperties {
    let path = |leaf: usize| ColumnPath::new(vec![schema.field(leaf).name().clone()]);
    let zstd = ZstdLevel::try_new(zstd_level).expect("levels are constants in the range that zstd has");
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(zstd))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(None)
        .set_data_page_row_count_limit(usize::MAX)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_column_statistics_enabled(path(TIME), EnabledStatistics::Chunk);
    let mut plain = vec![
        (TIME, Encoding::DELTA_BINARY_PACKED),
        (RECEIVED, Encoding::DELTA_BINARY_PACKED),
        (SEQUENCE, Encoding::DELTA_BINARY_PACKED),
        (MESSAGE, Encoding::DELTA_LENGTH_BYTE_ARRAY),
        (REST, Encoding::DELTA_LENGTH_BYTE_ARRAY),
    ];
    for field in fields.iter().filter(|field| !field.dictionary) {
        match field.kind {
            ColumnKind::I64 => plain.push((field.leaf, Encoding::DELTA_BINARY_PACKED)),
            ColumnKind::F64 => plain.push((field.leaf, Encoding::PLAIN)),
            ColumnKind::Text | ColumnKind::Mixed => plain.push((field.leaf, Encoding::DELTA_LENGTH_BYTE_ARRAY)),
            ColumnKind::Bool => {}
        }
    }
    for (leaf, encoding) in plain {
        properties =
            properties.set_column_dictionary_enabled(path(leaf), false).set_column_encoding(path(leaf), encoding);
    }
    properties.build()
}
