//! The Parquet schema of a block, and how its columns are encoded. FORMAT.md, "Columns".

use super::columns::{FIXED_NAMES, dictionary_type, field_type, time_type};
use super::layout::{ColumnKind, FieldColumn, MESSAGE, RECEIVED, REST, SEQUENCE, TIME};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::collections::HashSet;
use std::sync::Arc;

/// One page per column and granule, unless its values are very long.
const PAGE_BYTES: usize = 8 << 20;
/// A dictionary that grows beyond this is given up for plain values.
const DICTIONARY_BYTES: usize = 1 << 20;

/// The columns as any reader of Parquet sees them: fields by their names, with underscores behind what is taken.
pub(super) fn arrow_schema(fields: &[FieldColumn]) -> SchemaRef {
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
        Field::new(message, DataType::Utf8, true),
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

pub(super) fn properties(schema: &Schema, fields: &[FieldColumn], zstd_level: i32) -> WriterProperties {
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
