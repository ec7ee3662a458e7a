//! Puts whole records together again, for the few rows that are shown.

use super::column::{Rest, Texts, unexpected};
use super::eval::Granule;
use crate::block::ReadError;
use crate::block::layout::{ColumnKind, FieldColumn, HOST, LEVEL, REST, ValueKind};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampNanosecondType, UInt8Type};
use arrow_array::{Array as _, ArrayRef};
use smol_str::SmolStr;
use watchfire_model::{FieldSelection, FieldValue, HOST_FIELD, LEVEL_FIELD, Level, LogRecord, MESSAGE_FIELD, TimeNs};

/// The records at these rows, in this order; fields sorted by name.
pub fn read_records(granule: Granule<'_>, rows: &[usize]) -> Result<Vec<LogRecord>, ReadError> {
    read_selected(granule, rows, &FieldSelection::All)
}

/// What is asked for of the records at these rows, in this order; fields sorted by name. Only the columns of what is asked
/// for are read, and of a few rows only their messages are put together.
pub fn read_selected(
    granule: Granule<'_>,
    rows: &[usize],
    selection: &FieldSelection,
) -> Result<Vec<LogRecord>, ReadError> {
    let wants = |name: &str| match selection {
        FieldSelection::All => true,
        FieldSelection::Only(names) => names.contains(name),
    };
    let times = granule.times()?;
    let received = granule.received()?;
    let received = received.as_primitive_opt::<TimestampNanosecondType>().ok_or_else(|| unexpected(&received))?;
    let (host, level) = (granule.column(HOST)?, granule.column(LEVEL)?);
    let host = Texts::new(&host)?;
    let messages = if wants(MESSAGE_FIELD) { granule.messages_at(rows)? } else { Vec::new() };
    let level = level.as_primitive_opt::<UInt8Type>().ok_or_else(|| unexpected(&level))?;
    let text = |texts: Texts<'_>, row: usize| texts.get(row).map(SmolStr::new).unwrap_or_default();
    let mut messages = messages.into_iter();
    let record = |row: &usize| LogRecord {
        time: TimeNs(times[*row]),
        received: TimeNs(received.value(*row)),
        stream: granule.block.meta.stream.clone(),
        host: if wants(HOST_FIELD) { text(host, *row) } else { SmolStr::default() },
        message: messages.next().unwrap_or_default(),
        level: if level.is_valid(*row) && wants(LEVEL_FIELD) { Level::new(level.value(*row)) } else { None },
        fields: Vec::new(),
    };
    let mut records: Vec<LogRecord> = rows.iter().map(record).collect();
    for (field, stats) in granule.opened.layout.fields.iter().zip(&granule.stats().fields) {
        if stats.rows > 0 && wants(&field.name) {
            let values = FieldValues::read(granule, field)?;
            for (record, row) in records.iter_mut().zip(rows) {
                record.fields.extend(values.get(*row)?.map(|value| (field.name.clone(), value)));
            }
        }
    }
    if granule.stats().rest_rows > 0 {
        let column = granule.column(REST)?;
        let rest = Rest::new(&column)?;
        for (record, row) in records.iter_mut().zip(rows) {
            record.fields.extend(rest.fields(*row).filter(|(name, _)| wants(name)));
            sort_fields(record);
        }
    }
    Ok(records)
}

/// The order in which answers show fields. Stable: the first of two values under one name stays first.
pub fn sort_fields(record: &mut LogRecord) {
    record.fields.sort_by(|(a, _), (b, _)| a.cmp(b));
}

/// The values of a field in one granule, with their types.
#[derive(Debug)]
pub struct FieldValues {
    values: ArrayRef,
    /// Of a mixed column.
    kinds: Option<ArrayRef>,
}

impl FieldValues {
    pub fn read(granule: Granule<'_>, field: &FieldColumn) -> Result<FieldValues, ReadError> {
        let values = granule.column(field.leaf)?;
        let kinds = if field.kind == ColumnKind::Mixed { Some(granule.column(field.leaf + 1)?) } else { None };
        Ok(FieldValues { values, kinds })
    }

    pub fn get(&self, row: usize) -> Result<Option<FieldValue>, ReadError> {
        if self.values.is_null(row) {
            return Ok(None);
        }
        if let Some(numbers) = self.values.as_primitive_opt::<Int64Type>() {
            return Ok(Some(FieldValue::I64(numbers.value(row))));
        }
        if let Some(numbers) = self.values.as_primitive_opt::<Float64Type>() {
            return Ok(Some(FieldValue::F64(numbers.value(row))));
        }
        if let Some(flags) = self.values.as_boolean_opt() {
            return Ok(Some(FieldValue::Bool(flags.value(row))));
        }
        let Some(text) = Texts::new(&self.values)?.get(row) else { return Ok(None) };
        restore(text, self.kind(row)?).map(Some)
    }

    /// What the value at this row of a text or mixed column was.
    pub fn kind(&self, row: usize) -> Result<ValueKind, ReadError> {
        let Some(kinds) = &self.kinds else { return Ok(ValueKind::Text) };
        let codes = kinds.as_primitive_opt::<UInt8Type>().ok_or_else(|| unexpected(kinds))?;
        ValueKind::from_code(codes.value(row)).ok_or_else(|| ReadError::Damaged("a value has no known type".to_owned()))
    }

    pub fn column(&self) -> &ArrayRef {
        &self.values
    }
}

/// The value that was printed as `text`.
fn restore(text: &str, kind: ValueKind) -> Result<FieldValue, ReadError> {
    let value = match kind {
        ValueKind::Bool => text.parse().ok().map(FieldValue::Bool),
        ValueKind::I64 => text.parse().ok().map(FieldValue::I64),
        ValueKind::F64 => text.parse().ok().map(FieldValue::F64),
        ValueKind::Text => Some(FieldValue::Text(SmolStr::new(text))),
    };
    value.ok_or_else(|| ReadError::Damaged(format!("`{text}` is not of the type that it is said to be")))
}
