//! Builds the Arrow columns of one granule, and notes tokens and statistics on the way.

use super::granule_tokens::GranuleTokens;
use super::layout::{ColumnKind, FieldColumn, FieldStats, GranuleStats, ValueKind};
use super::survey::TO_REST;
use super::token::{TokenColumn, may_be_prose, place_key, prose_tokens, value_tokens, word_token};
use crate::field::{put_field_ref, text_form};
use crate::message::{EncodedMessages, MessageBuilder, TemplateSet};
use crate::{RecordId, RecordRef, ValueRef};
use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, StringDictionaryBuilder,
    TimestampNanosecondBuilder, UInt8Builder, UInt64Builder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, ArrowPrimitiveType};
use arrow_schema::{DataType, TimeUnit};
use std::fmt;
use std::io;
use std::sync::Arc;
use watchfire_model::{Level, TimeNs};

/// A granule with this much text ends early, so that one granule always fits into memory.
pub const GRANULE_TEXT_BYTES: usize = 16 << 20;
/// Bit of [`GranuleStats::levels`] for records without a level.
const LEVEL_NONE_BIT: u16 = 1 << 8;
/// Names of the columns that every block has, in the order of their leaves.
pub(super) const FIXED_NAMES: [&str; super::layout::FIXED_COLUMNS] =
    ["time", "received", "sequence", "host", "message", "level", "rest"];

/// The type of event and arrival times.
pub(super) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

/// The type of texts with few distinct values.
pub(super) fn dictionary_type() -> DataType {
    DataType::Dictionary(Box::new(Int32Type::DATA_TYPE), Box::new(DataType::Utf8))
}

/// The granule that is being built: its columns, its messages and its tokens.
#[derive(Debug)]
pub(super) struct ColumnBuilders {
    time: TimestampNanosecondBuilder,
    received: TimestampNanosecondBuilder,
    sequence: UInt64Builder,
    host: DictionaryTexts,
    /// Of messages without a template.
    message: StringBuilder,
    messages: MessageBuilder,
    level: UInt8Builder,
    rest: BinaryBuilder,
    fields: Vec<FieldBuilder>,
    tokens: GranuleTokens,
    places: Places,
    stats: GranuleStats,
    text_bytes: usize,
    rows_max: usize,
    scratch: Scratch,
}

/// A granule that is ready to be written.
#[derive(Debug)]
pub(super) struct BuiltGranule {
    /// Leaf by leaf.
    pub(super) columns: Vec<ArrayRef>,
    pub(super) times: Vec<i64>,
    /// But for the checksums.
    pub(super) stats: GranuleStats,
    pub(super) messages: EncodedMessages,
    pub(super) filter: Vec<u8>,
}

/// Keys of the places where tokens stand.
#[derive(Debug)]
struct Places {
    message: u64,
    host: u64,
    rest: u64,
}

/// Buffers that are filled again and again.
#[derive(Debug, Default)]
struct Scratch {
    token: Vec<u8>,
    text: String,
    rest: Vec<u8>,
}

#[derive(Debug)]
struct FieldBuilder {
    /// Of its tokens.
    place: u64,
    values: Values,
    /// Rows so far, absent ones included.
    rows: usize,
}

#[derive(Debug)]
enum Values {
    I64(Int64Builder),
    F64(Float64Builder),
    Bool(BooleanBuilder),
    Text(Texts),
    Mixed(Texts, UInt8Builder),
}

#[derive(Debug)]
enum Texts {
    Plain(StringBuilder),
    Dictionary(DictionaryTexts),
}

/// Texts with few distinct values; knows which of them are new.
#[derive(Default)]
struct DictionaryTexts {
    builder: StringDictionaryBuilder<Int32Type>,
    distinct: i32,
}

impl ColumnBuilders {
    pub(super) fn new(fields: &[FieldColumn], rows_max: usize, zstd_level: i32) -> ColumnBuilders {
        let time = || TimestampNanosecondBuilder::with_capacity(rows_max).with_data_type(time_type());
        ColumnBuilders {
            time: time(),
            received: time(),
            sequence: UInt64Builder::with_capacity(rows_max),
            host: DictionaryTexts::default(),
            message: StringBuilder::new(),
            messages: MessageBuilder::new(zstd_level),
            level: UInt8Builder::with_capacity(rows_max),
            rest: BinaryBuilder::new(),
            fields: fields.iter().map(FieldBuilder::new).collect(),
            tokens: GranuleTokens::default(),
            places: Places {
                message: place_key(TokenColumn::MESSAGE, ""),
                host: place_key(TokenColumn::HOST, ""),
                rest: place_key(TokenColumn::REST, ""),
            },
            stats: empty_stats(fields.len()),
            text_bytes: 0,
            rows_max,
            scratch: Scratch::default(),
        }
    }

    /// Whether the granule has as many rows, or as much text, as a granule may have.
    pub(super) fn is_full(&self) -> bool {
        self.stats.rows >= self.rows_max || self.text_bytes >= GRANULE_TEXT_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.stats.rows == 0
    }

    /// Bytes held, about.
    pub(super) fn memory(&self) -> u64 {
        let columns = FIXED_NAMES.len() + self.fields.len();
        let rows = self.stats.rows * columns * size_of::<u64>();
        (self.text_bytes + rows + self.messages.memory() + self.tokens.memory()) as u64
    }

    /// Adds a record; `targets` says for each of its fields where it goes.
    pub(super) fn push(&mut self, id: RecordId, record: RecordRef<'_>, targets: &[u32], templates: &mut TemplateSet) {
        let tokens = &mut self.tokens;
        let row = self.stats.rows;
        self.time.append_value(id.time.0);
        self.received.append_value(record.received.0);
        self.sequence.append_value(id.sequence);
        self.level.append_option(record.level.map(Level::number));
        self.stats.levels |= record.level.map_or(LEVEL_NONE_BIT, |level| 1 << level.number());
        self.stats.times = (self.stats.times.0.min(id.time), self.stats.times.1.max(id.time));
        self.text_bytes += record.message.len() + record.host.len();
        let places = &self.places;
        if self.host.push(record.host) {
            value_tokens(record.host, &mut self.scratch.token, &mut |token| tokens.add(places.host, token));
        }
        if self.messages.push(record.message, templates) {
            self.message.append_null();
        } else {
            self.message.append_value(record.message);
            prose_tokens(record.message, &mut self.scratch.token, &mut |token| tokens.add(places.message, token));
        }
        self.scratch.rest.clear();
        for ((name, value), target) in record.fields.iter().zip(targets) {
            let column = *target as usize;
            // A name that stands twice in a record keeps its first value in the column.
            if *target == TO_REST || self.fields[column].rows > row {
                let before = self.scratch.rest.len();
                put_field_ref(&mut self.scratch.rest, name, *value);
                self.text_bytes += self.scratch.rest.len() - before;
                value_tokens(&value.to_text(), &mut self.scratch.token, &mut |token| tokens.add(places.rest, token));
                continue;
            }
            let stats = &mut self.stats.fields[column];
            stats.rows += 1;
            match value {
                ValueRef::Text(text) => self.text_bytes += text.len(),
                ValueRef::I64(number) => stats.add_number(*number as f64),
                ValueRef::F64(number) => stats.add_number(*number),
                ValueRef::Bool(_) => {}
            }
            let field = &mut self.fields[column];
            if field.push(row, *value, &mut self.scratch.text) {
                let text = if let ValueRef::Text(text) = value { *text } else { &self.scratch.text };
                if may_be_prose(text) || !tokens.add_ascii(field.place, text) {
                    value_tokens(text, &mut self.scratch.token, &mut |token| tokens.add(field.place, token));
                }
            }
        }
        if self.scratch.rest.is_empty() {
            self.rest.append_null();
        } else {
            self.rest.append_value(&self.scratch.rest);
            self.stats.rest_rows += 1;
        }
        self.stats.rows += 1;
    }

    /// The granule; begins the next one.
    pub(super) fn finish(&mut self, templates: &TemplateSet) -> io::Result<BuiltGranule> {
        let rows = self.stats.rows;
        let time = self.time.finish();
        let times = time.values().to_vec();
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(time),
            Arc::new(self.received.finish()),
            Arc::new(self.sequence.finish()),
            self.host.finish(),
            Arc::new(self.message.finish()),
            Arc::new(self.level.finish()),
            Arc::new(self.rest.finish()),
        ];
        for field in &mut self.fields {
            field.finish(rows, &mut columns);
        }
        let (tokens, token, place) = (&mut self.tokens, &mut self.scratch.token, self.places.message);
        let messages = self.messages.finish(templates, |word| {
            if !tokens.add_ascii(place, word) {
                word_token(word, token, &mut |token| tokens.add(place, token));
            }
        })?;
        self.text_bytes = 0;
        let next = empty_stats(self.fields.len());
        let stats = std::mem::replace(&mut self.stats, next);
        Ok(BuiltGranule { columns, times, stats, messages, filter: self.tokens.finish() })
    }
}

fn empty_stats(fields: usize) -> GranuleStats {
    GranuleStats {
        rows: 0,
        times: (TimeNs::MAX, TimeNs::MIN),
        levels: 0,
        rest_rows: 0,
        fields: vec![FieldStats::EMPTY; fields],
        checksums: Vec::new(),
        messages: None,
    }
}

impl FieldBuilder {
    fn new(field: &FieldColumn) -> FieldBuilder {
        let texts = || {
            if field.dictionary {
                Texts::Dictionary(DictionaryTexts::default())
            } else {
                Texts::Plain(StringBuilder::new())
            }
        };
        let values = match field.kind {
            ColumnKind::I64 => Values::I64(Int64Builder::new()),
            ColumnKind::F64 => Values::F64(Float64Builder::new()),
            ColumnKind::Bool => Values::Bool(BooleanBuilder::new()),
            ColumnKind::Text => Values::Text(texts()),
            ColumnKind::Mixed => Values::Mixed(texts(), UInt8Builder::new()),
        };
        FieldBuilder { place: place_key(TokenColumn::field(0), &field.name), values, rows: 0 }
    }

    /// Appends the value at `row`; whether its tokens are to be noted: it may be the first of its kind here, and is no
    /// number with a fraction, which are found by the smallest and the largest of them. `text` then holds the text form
    /// of what is no text.
    fn push(&mut self, row: usize, value: ValueRef<'_>, text: &mut String) -> bool {
        self.pad(row);
        self.rows = row + 1;
        let print = |text: &mut String| {
            text.clear();
            text_form(value, text);
        };
        match (&mut self.values, value) {
            (Values::I64(builder), ValueRef::I64(number)) => {
                builder.append_value(number);
                print(text);
                true
            }
            (Values::F64(builder), ValueRef::F64(number)) => {
                builder.append_value(number);
                false
            }
            (Values::Bool(builder), ValueRef::Bool(flag)) => {
                builder.append_value(flag);
                print(text);
                true
            }
            (Values::Text(texts), ValueRef::Text(value)) => texts.push(value),
            (Values::Mixed(texts, kinds), _) => {
                kinds.append_value(ValueKind::of_ref(value).code());
                if let ValueRef::Text(value) = value {
                    return texts.push(value);
                }
                print(text);
                texts.push(text)
            }
            (builder, value) => panic!("the survey has seen {value:?} for the column {builder:?}"),
        }
    }

    /// Appends absent values up to `row`.
    fn pad(&mut self, row: usize) {
        let absent = row - self.rows;
        if absent == 0 {
            return;
        }
        match &mut self.values {
            Values::I64(builder) => builder.append_nulls(absent),
            Values::F64(builder) => builder.append_nulls(absent),
            Values::Bool(builder) => builder.append_nulls(absent),
            Values::Text(texts) => texts.pad(absent),
            Values::Mixed(texts, kinds) => {
                texts.pad(absent);
                kinds.append_nulls(absent);
            }
        }
        self.rows = row;
    }

    fn finish(&mut self, rows: usize, columns: &mut Vec<ArrayRef>) {
        self.pad(rows);
        self.rows = 0;
        match &mut self.values {
            Values::I64(builder) => columns.push(Arc::new(builder.finish())),
            Values::F64(builder) => columns.push(Arc::new(builder.finish())),
            Values::Bool(builder) => columns.push(Arc::new(builder.finish())),
            Values::Text(texts) => columns.push(texts.finish()),
            Values::Mixed(texts, kinds) => {
                columns.push(texts.finish());
                columns.push(Arc::new(kinds.finish()));
            }
        }
    }
}

impl Texts {
    /// Whether the value may be the first of its kind here.
    fn push(&mut self, value: &str) -> bool {
        match self {
            Texts::Plain(builder) => {
                builder.append_value(value);
                true
            }
            Texts::Dictionary(texts) => texts.push(value),
        }
    }

    fn pad(&mut self, absent: usize) {
        match self {
            Texts::Plain(builder) => builder.append_nulls(absent),
            Texts::Dictionary(texts) => texts.builder.append_nulls(absent),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Texts::Plain(builder) => Arc::new(builder.finish()),
            Texts::Dictionary(texts) => texts.finish(),
        }
    }
}

impl fmt::Debug for DictionaryTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DictionaryTexts").field("distinct", &self.distinct).finish_non_exhaustive()
    }
}

impl DictionaryTexts {
    /// Whether the value is the first of its kind here.
    fn push(&mut self, value: &str) -> bool {
        let key = self.builder.append(value).expect("a granule has fewer values than a key can count");
        let is_new = key == self.distinct;
        self.distinct += i32::from(is_new);
        is_new
    }

    fn finish(&mut self) -> ArrayRef {
        self.distinct = 0;
        Arc::new(self.builder.finish())
    }
}

/// The Arrow type of a field's values.
pub(super) fn field_type(field: &FieldColumn) -> DataType {
    match field.kind {
        ColumnKind::I64 => DataType::Int64,
        ColumnKind::F64 => DataType::Float64,
        ColumnKind::Bool => DataType::Boolean,
        ColumnKind::Text | ColumnKind::Mixed if field.dictionary => dictionary_type(),
        ColumnKind::Text | ColumnKind::Mixed => DataType::Utf8,
    }
}
