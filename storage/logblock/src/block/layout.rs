//! Which columns a block has, and what is known of each granule without reading it. FORMAT.md, "Layout".

use crate::ValueRef;
use crate::codec::{Reader, put_bytes, put_varint};
use smol_str::SmolStr;
use watchfire_model::{FieldValue, TimeNs};

/// Rows of a granule, what is read and skipped as one: fewer in the last one of a block, and where values are very long.
/// A granule is one Parquet row group.
pub const GRANULE_ROWS: usize = 8192;

/// Fields that get a column of their own, the most frequent ones; the others share the column `rest`.
pub const FIELD_COLUMNS_MAX: usize = 1000;

/// Parquet leaves that every block begins with, in this order.
pub const TIME: usize = 0;
pub const RECEIVED: usize = 1;
pub const SEQUENCE: usize = 2;
pub const HOST: usize = 3;
pub const MESSAGE: usize = 4;
pub const LEVEL: usize = 5;
pub const REST: usize = 6;
pub const FIXED_COLUMNS: usize = 7;

/// The index version from which on messages are stored by their templates.
pub(super) const VERSION_OF_TEMPLATES: u32 = 3;

/// How the values of a field are stored in one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    I64,
    F64,
    Bool,
    Text,
    /// Values of several types, in their text form; a second column of [`ValueKind`]s restores them.
    Mixed,
}

/// What a value of a mixed column was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    Bool,
    I64,
    F64,
    Text,
}

/// A field with a column of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldColumn {
    pub name: SmolStr,
    pub kind: ColumnKind,
    /// Few distinct values: stored and read with a dictionary.
    pub dictionary: bool,
    /// Its Parquet leaf; the kinds of a mixed column are the next one.
    pub leaf: usize,
}

/// What is known of a granule.
#[derive(Debug, Clone, PartialEq)]
pub struct GranuleStats {
    pub rows: usize,
    /// Earliest and latest event time.
    pub times: (TimeNs, TimeNs),
    /// Bit n: records of level n; bit 8: records without a level.
    pub levels: u16,
    /// Records with fields in the shared column.
    pub rest_rows: usize,
    /// One per field column.
    pub fields: Vec<FieldStats>,
    /// CRC-32C of each leaf's bytes.
    pub checksums: Vec<u32>,
    /// Where the messages with templates lie; none before version 3, whose messages all stand in their column.
    pub messages: Option<MessageBytes>,
}

/// Place of a granule's messages in the file of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageBytes {
    pub offset: u64,
    pub len: usize,
    pub checksum: u32,
}

/// What is known of a field in one granule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FieldStats {
    /// Records that have the field.
    pub rows: usize,
    /// Smallest and largest number of an `I64` or `F64` column, as floats; NaN left out. Empty (low above high) where
    /// there is none.
    pub numbers: (f64, f64),
}

/// The layout of a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Sorted by name.
    pub fields: Vec<FieldColumn>,
    pub granules: Vec<GranuleStats>,
    /// Where the Parquet footer (its metadata alone) lies, and its CRC-32C.
    pub footer: Footer,
}

/// Place of the Parquet metadata in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Footer {
    pub offset: u64,
    pub len: usize,
    pub checksum: u32,
}

impl FieldStats {
    pub const EMPTY: FieldStats = FieldStats { rows: 0, numbers: (f64::INFINITY, f64::NEG_INFINITY) };

    pub fn add_number(&mut self, number: f64) {
        // `min` and `max` pass over NaN.
        self.numbers = (self.numbers.0.min(number), self.numbers.1.max(number));
    }
}

impl ColumnKind {
    fn code(self) -> u8 {
        match self {
            ColumnKind::I64 => 0,
            ColumnKind::F64 => 1,
            ColumnKind::Bool => 2,
            ColumnKind::Text => 3,
            ColumnKind::Mixed => 4,
        }
    }

    fn from_code(code: u8) -> Option<ColumnKind> {
        [ColumnKind::I64, ColumnKind::F64, ColumnKind::Bool, ColumnKind::Text, ColumnKind::Mixed]
            .into_iter()
            .find(|kind| kind.code() == code)
    }

    pub fn is_number(self) -> bool {
        matches!(self, ColumnKind::I64 | ColumnKind::F64)
    }

    pub fn is_text(self) -> bool {
        matches!(self, ColumnKind::Text | ColumnKind::Mixed)
    }

    pub fn leaves(self) -> usize {
        if self == ColumnKind::Mixed { 2 } else { 1 }
    }
}

impl ValueKind {
    pub fn of(value: &FieldValue) -> ValueKind {
        match value {
            FieldValue::Bool(_) => ValueKind::Bool,
            FieldValue::I64(_) => ValueKind::I64,
            FieldValue::F64(_) => ValueKind::F64,
            FieldValue::Text(_) => ValueKind::Text,
        }
    }

    pub fn of_ref(value: ValueRef<'_>) -> ValueKind {
        match value {
            ValueRef::Bool(_) => ValueKind::Bool,
            ValueRef::I64(_) => ValueKind::I64,
            ValueRef::F64(_) => ValueKind::F64,
            ValueRef::Text(_) => ValueKind::Text,
        }
    }

    pub fn code(self) -> u8 {
        match self {
            ValueKind::Bool => 0,
            ValueKind::I64 => 1,
            ValueKind::F64 => 2,
            ValueKind::Text => 3,
        }
    }

    pub fn from_code(code: u8) -> Option<ValueKind> {
        [ValueKind::Bool, ValueKind::I64, ValueKind::F64, ValueKind::Text].into_iter().find(|kind| kind.code() == code)
    }
}

impl Layout {
    /// Parquet leaves of the block.
    pub fn leaves(&self) -> usize {
        self.fields.last().map_or(FIXED_COLUMNS, |last| last.leaf + last.kind.leaves())
    }

    /// Index of the column of this field, if it has one of its own.
    pub fn field(&self, name: &str) -> Option<usize> {
        self.fields.binary_search_by(|field| field.name.as_str().cmp(name)).ok()
    }

    /// Whether some record has fields without a column.
    pub fn has_rest(&self) -> bool {
        self.granules.iter().any(|granule| granule.rest_rows > 0)
    }

    /// Bytes in memory, about.
    pub fn memory(&self) -> usize {
        let per_granule = self.fields.len() * size_of::<FieldStats>() + self.leaves() * size_of::<u32>();
        self.granules.len() * (size_of::<GranuleStats>() + per_granule) + self.fields.len() * size_of::<FieldColumn>()
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&self.footer.offset.to_le_bytes());
        put_varint(&mut out, self.footer.len as u64);
        out.extend_from_slice(&self.footer.checksum.to_le_bytes());
        put_varint(&mut out, self.fields.len() as u64);
        for field in &self.fields {
            put_bytes(&mut out, field.name.as_bytes());
            out.push(field.kind.code());
            out.push(u8::from(field.dictionary));
        }
        put_varint(&mut out, self.granules.len() as u64);
        for granule in &self.granules {
            self.encode_granule(granule, &mut out);
        }
        out
    }

    fn encode_granule(&self, granule: &GranuleStats, out: &mut Vec<u8>) {
        put_varint(out, granule.rows as u64);
        out.extend_from_slice(&granule.times.0.0.to_le_bytes());
        out.extend_from_slice(&granule.times.1.0.to_le_bytes());
        out.extend_from_slice(&granule.levels.to_le_bytes());
        put_varint(out, granule.rest_rows as u64);
        for (field, stats) in self.fields.iter().zip(&granule.fields) {
            put_varint(out, stats.rows as u64);
            if field.kind.is_number() && stats.rows > 0 {
                out.extend_from_slice(&stats.numbers.0.to_le_bytes());
                out.extend_from_slice(&stats.numbers.1.to_le_bytes());
            }
        }
        for checksum in &granule.checksums {
            out.extend_from_slice(&checksum.to_le_bytes());
        }
        if let Some(messages) = granule.messages {
            out.extend_from_slice(&messages.offset.to_le_bytes());
            put_varint(out, messages.len as u64);
            out.extend_from_slice(&messages.checksum.to_le_bytes());
        }
    }

    /// Reads what [`Layout::encode`] wrote, or a version before it; `None` when it makes no sense.
    pub fn decode(bytes: &[u8], version: u32) -> Option<Layout> {
        let mut reader = Reader::new(bytes);
        let footer =
            Footer { offset: reader.u64()?, len: usize::try_from(reader.varint()?).ok()?, checksum: reader.u32()? };
        let n_fields = reader.count()?;
        let mut fields = Vec::with_capacity(n_fields);
        let mut leaf = FIXED_COLUMNS;
        for _ in 0..n_fields {
            let name = SmolStr::new(reader.text()?);
            let kind = ColumnKind::from_code(reader.u8()?)?;
            fields.push(FieldColumn { name, kind, dictionary: reader.u8()? == 1, leaf });
            leaf += kind.leaves();
        }
        let n_granules = reader.count()?;
        let mut granules = Vec::with_capacity(n_granules);
        for _ in 0..n_granules {
            granules.push(read_granule(&mut reader, &fields, leaf, version)?);
        }
        reader.is_empty().then_some(Layout { fields, granules, footer })
    }
}

fn read_granule(reader: &mut Reader<'_>, fields: &[FieldColumn], leaves: usize, version: u32) -> Option<GranuleStats> {
    let rows = usize::try_from(reader.varint()?).ok().filter(|rows| *rows <= GRANULE_ROWS)?;
    let times = (TimeNs(reader.i64()?), TimeNs(reader.i64()?));
    let levels = u16::from(reader.u8()?) | u16::from(reader.u8()?) << 8;
    let rest_rows = usize::try_from(reader.varint()?).ok()?;
    let mut stats = Vec::with_capacity(fields.len());
    for field in fields {
        let mut one = FieldStats { rows: usize::try_from(reader.varint()?).ok()?, ..FieldStats::EMPTY };
        if field.kind.is_number() && one.rows > 0 {
            one.numbers = (reader.f64()?, reader.f64()?);
        }
        stats.push(one);
    }
    let checksums = (0..leaves).map(|_| reader.u32()).collect::<Option<Vec<u32>>>()?;
    let messages = if version < VERSION_OF_TEMPLATES {
        None
    } else {
        let (offset, len) = (reader.u64()?, usize::try_from(reader.varint()?).ok()?);
        Some(MessageBytes { offset, len, checksum: reader.u32()? })
    };
    Some(GranuleStats { rows, times, levels, rest_rows, fields: stats, checksums, messages })
}
