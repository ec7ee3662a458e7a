//! Builds a block: sorted records in, the bytes of its two objects out.

use super::columns::{ColumnBuilders, FIXED_NAMES, dictionary_type, field_type, time_type};
use super::index;
use super::layout::{ColumnKind, FieldColumn, Footer, GranuleStats, Layout, MESSAGE, RECEIVED, REST, SEQUENCE, TIME};
use super::survey::Survey;
use super::tokens::{EncodedTokens, TokenCollector};
use crate::{LogStoreError, RecordId};
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::collections::HashSet;
use std::sync::Arc;
use watchfire_model::LogRecord;

/// zstd level of fresh blocks: the fastest ratio that was measured to pay.
const ZSTD_LEVEL: i32 = 1;
/// One page per column and granule, unless its values are very long.
const PAGE_BYTES: usize = 8 << 20;
/// A dictionary that grows beyond this is given up for plain values.
const DICTIONARY_BYTES: usize = 1 << 20;
/// `PAR1` and the length of the metadata stand behind it.
const PARQUET_TAIL_LEN: usize = 8;

/// The two objects of a block.
#[derive(Debug)]
pub(crate) struct EncodedBlock {
    pub(crate) parquet: Vec<u8>,
    pub(crate) idx: Vec<u8>,
}

/// Encodes records, at least one, sorted by id, as granules of `granule_rows`.
pub(crate) fn encode_block(
    records: &[(RecordId, &LogRecord)],
    granule_rows: usize,
) -> Result<EncodedBlock, LogStoreError> {
    let survey = Survey::new(records.iter().map(|(_, record)| *record));
    let schema = arrow_schema(&survey.fields);
    let mut parquet = ParquetEncoder::new(&schema, &survey.fields)?;
    let mut columns = ColumnBuilders::new(&survey.fields, granule_rows);
    let mut tokens = TokenCollector::default();
    let mut granules: Vec<GranuleStats> = Vec::new();
    let mut targets = survey.targets();
    for (id, record) in records {
        let (of_record, rest) = targets.split_at(record.fields.len());
        targets = rest;
        columns.push(*id, record, of_record, granules.len() as u32, &mut tokens);
        if columns.is_full() {
            granules.push(parquet.write(&mut columns)?);
        }
    }
    if !columns.is_empty() {
        granules.push(parquet.write(&mut columns)?);
    }
    let tokens = tokens.encode(granules.len()).map_err(encode_error)?;
    let (parquet, metadata) = parquet.finish()?;
    let layout = Layout { fields: survey.fields, granules, footer: footer(&parquet) };
    Ok(EncodedBlock { idx: encode_idx(layout, &metadata, &parquet, &tokens), parquet })
}

fn encode_idx(mut layout: Layout, metadata: &ParquetMetaData, parquet: &[u8], tokens: &EncodedTokens) -> Vec<u8> {
    for (granule, row_group) in layout.granules.iter_mut().zip(metadata.row_groups()) {
        let checksum = |column: &parquet::file::metadata::ColumnChunkMetaData| {
            let (offset, len) = column.byte_range();
            crc32c::crc32c(&parquet[offset as usize..(offset + len) as usize])
        };
        granule.checksums = row_group.columns().iter().map(checksum).collect();
    }
    index::encode(&layout, tokens)
}

fn footer(parquet: &[u8]) -> Footer {
    let end = parquet.len() - PARQUET_TAIL_LEN;
    let tail: [u8; 4] = parquet[end..end + 4].try_into().expect("four bytes are four bytes");
    let len = u32::from_le_bytes(tail) as usize;
    let offset = end - len;
    Footer { offset: offset as u64, len, checksum: crc32c::crc32c(&parquet[offset..end]) }
}

/// Writes granules as row groups.
#[derive(Debug)]
struct ParquetEncoder {
    schema: SchemaRef,
    writer: ArrowWriter<Vec<u8>>,
}

impl ParquetEncoder {
    fn new(schema: &SchemaRef, fields: &[FieldColumn]) -> Result<ParquetEncoder, LogStoreError> {
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties(schema, fields)))
            .map_err(encode_error)?;
        Ok(ParquetEncoder { schema: Arc::clone(schema), writer })
    }

    fn write(&mut self, columns: &mut ColumnBuilders) -> Result<GranuleStats, LogStoreError> {
        let (arrays, stats) = columns.finish();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(encode_error)?;
        self.writer.write(&batch).map_err(encode_error)?;
        self.writer.flush().map_err(encode_error)?;
        Ok(stats)
    }

    fn finish(mut self) -> Result<(Vec<u8>, ParquetMetaData), LogStoreError> {
        let metadata = self.writer.finish().map_err(encode_error)?;
        Ok((std::mem::take(self.writer.inner_mut()), metadata))
    }
}

fn encode_error(error: impl std::error::Error + Send + Sync + 'static) -> LogStoreError {
    LogStoreError::Encode(Box::new(error))
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

fn properties(schema: &Schema, fields: &[FieldColumn]) -> WriterProperties {
    let path = |leaf: usize| ColumnPath::new(vec![schema.field(leaf).name().clone()]);
    let zstd = ZstdLevel::try_new(ZSTD_LEVEL).expect("zstd has this level");
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
