//! Writes granules to a file of columns: a row group each, and behind it the messages that have templates.
//! FORMAT.md, "Columns".

use super::columns::BuiltGranule;
use super::layout::{FieldColumn, Footer, GranuleStats, MessageBytes};
use super::reader::ColumnBytes;
use super::schema::{arrow_schema, properties};
use crate::WriteError;
use arrow_array::{ArrayRef, new_null_array};
use arrow_schema::SchemaRef;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::writer::SerializedFileWriter;
use std::fmt;
use std::io;
use std::sync::Arc;
use watchfire_store::AppendFile;

/// The length of the metadata and `PAR1` stand behind it.
pub(super) const PARQUET_TAIL_LEN: usize = 8;

/// The file of the columns while it is written.
pub(super) struct ParquetStream {
    schema: SchemaRef,
    writer: SerializedFileWriter<Buffer>,
    factory: ArrowRowGroupWriterFactory,
    granules: usize,
    file: Box<dyn AppendFile>,
    /// Bytes that the file has.
    written: u64,
}

/// A granule of another file, to be copied as it is.
#[derive(Debug)]
pub(super) struct CopiedGranule {
    /// What is known of it, but for where things lie.
    pub(super) stats: GranuleStats,
    /// Leaf by leaf; none where the other file has no such column.
    pub(super) columns: Vec<Option<CopiedColumn>>,
    pub(super) messages: Bytes,
}

/// A column of it.
#[derive(Debug)]
pub(super) struct CopiedColumn {
    pub(super) metadata: ColumnChunkMetaData,
    pub(super) bytes: Bytes,
}

impl ParquetStream {
    pub(super) fn new(
        file: Box<dyn AppendFile>,
        fields: &[FieldColumn],
        zstd_level: i32,
    ) -> Result<ParquetStream, WriteError> {
        let schema = arrow_schema(fields);
        let properties = properties(&schema, fields, zstd_level);
        let (writer, factory) = ArrowWriter::try_new(Buffer::default(), Arc::clone(&schema), Some(properties))
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(encode_error)?;
        Ok(ParquetStream { schema, writer, factory, granules: 0, file, written: 0 })
    }

    /// Writes a granule that was built; what is known of it.
    pub(super) fn write(&mut self, granule: &BuiltGranule) -> Result<GranuleStats, WriteError> {
        let columns = granule.columns.iter().map(Source::Array).collect();
        self.write_group(columns, &granule.messages.bytes, granule.stats.clone())
    }

    /// Writes a granule of another file as it is there; what is known of it.
    pub(super) fn copy(&mut self, granule: CopiedGranule) -> Result<GranuleStats, WriteError> {
        let CopiedGranule { stats, columns, messages } = granule;
        let source =
            |column: Option<CopiedColumn>| column.map_or(Source::Absent, |column| Source::Copy(Box::new(column)));
        self.write_group(columns.into_iter().map(source).collect(), &messages, stats)
    }

    fn write_group(
        &mut self,
        columns: Vec<Source<'_>>,
        messages: &[u8],
        mut stats: GranuleStats,
    ) -> Result<GranuleStats, WriteError> {
        let begin = self.written;
        let encoders = self.factory.create_column_writers(self.granules).map_err(encode_error)?;
        let mut group = self.writer.next_row_group().map_err(encode_error)?;
        for ((mut encoder, field), column) in encoders.into_iter().zip(self.schema.fields()).zip(columns) {
            let array = match column {
                Source::Array(array) => Arc::clone(array),
                Source::Absent => new_null_array(field.data_type(), stats.rows),
                Source::Copy(column) => {
                    let CopiedColumn { metadata, bytes } = *column;
                    let (offset, len) = metadata.byte_range();
                    let close = ColumnCloseResult {
                        bytes_written: len,
                        rows_written: stats.rows as u64,
                        metadata,
                        bloom_filter: None,
                        column_index: None,
                        offset_index: None,
                    };
                    group.append_column(&ColumnBytes { offset, bytes }, close).map_err(encode_error)?;
                    continue;
                }
            };
            for leaf in compute_leaves(field, &array).map_err(encode_error)? {
                encoder.write(&leaf).map_err(encode_error)?;
            }
            let chunk = encoder.close().map_err(encode_error)?;
            chunk.append_to_row_group(&mut group).map_err(encode_error)?;
        }
        group.close().map_err(encode_error)?;
        self.granules += 1;
        let offset = self.writer.bytes_written() as u64;
        self.writer.write_all(messages).map_err(encode_error)?;
        stats.messages = Some(MessageBytes { offset, len: messages.len(), checksum: crc32c::crc32c(messages) });
        self.writer.flush().map_err(encode_error)?;
        let bytes = std::mem::take(&mut self.writer.inner_mut().0);
        let group = self.writer.flushed_row_groups().last().ok_or_else(|| encode_error(NoRowGroup))?;
        let checksum = |column: &ColumnChunkMetaData| {
            let (offset, len) = column.byte_range();
            let start = (offset - begin) as usize;
            crc32c::crc32c(&bytes[start..start + len as usize])
        };
        stats.checksums = group.columns().iter().map(checksum).collect();
        self.append(&bytes)?;
        self.writer.inner_mut().0 = emptied(bytes);
        Ok(stats)
    }

    /// Makes the file whole and durable.
    pub(super) fn finish(mut self) -> Result<End, WriteError> {
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

    pub(super) fn memory(&self) -> u64 {
        self.writer.inner().0.capacity() as u64
    }
}

impl fmt::Debug for ParquetStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetStream")
            .field("granules", &self.granules)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

/// Where a column comes from.
#[derive(Debug)]
enum Source<'a> {
    Array(&'a ArrayRef),
    Copy(Box<CopiedColumn>),
    Absent,
}

/// How the file ends.
#[derive(Debug)]
pub(super) struct End {
    pub(super) footer: Footer,
    pub(super) metadata: Vec<u8>,
    pub(super) file_len: u64,
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

pub(super) fn encode_error(error: impl std::error::Error + Send + Sync + 'static) -> WriteError {
    WriteError::Encode(Box::new(error))
}
