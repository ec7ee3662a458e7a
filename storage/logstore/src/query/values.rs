//! The values of one field in one granule, wherever they stand, as [`watchfire_model::LogFilter`] and aggregates see them.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt8Type};
use arrow_array::{Array as _, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use smol_str::{SmolStr, format_smolstr};
use watchfire_logblock::block::ReadError;
use watchfire_logblock::block::layout::{HOST, LEVEL, MESSAGE, REST};
use watchfire_logblock::query::{FieldValues, Granule, Rest, Texts, unexpected};
use watchfire_model::{FieldValue, HOST_FIELD, LEVEL_FIELD, MESSAGE_FIELD, STREAM_FIELD};

/// Where the values of a field stand in a granule.
#[derive(Debug)]
pub(super) enum Values {
    /// Every row has this one.
    Stream(SmolStr),
    Level(ArrayRef),
    /// The message or the host.
    Text(ArrayRef),
    /// A column of its own.
    Field(FieldValues),
    /// The column that rare fields share, and the name to look for.
    Rest(ArrayRef, SmolStr),
    /// No row has the field.
    Absent,
}

impl Values {
    pub(super) fn read(columns: Granule<'_>, name: &str) -> Result<Values, ReadError> {
        let layout = &columns.opened.layout;
        Ok(match name {
            STREAM_FIELD => Values::Stream(columns.block.meta.stream.clone()),
            LEVEL_FIELD => Values::Level(columns.column(LEVEL)?),
            MESSAGE_FIELD => Values::Text(columns.column(MESSAGE)?),
            HOST_FIELD => Values::Text(columns.column(HOST)?),
            _ => match layout.field(name) {
                Some(field) if columns.stats().fields[field].rows == 0 => Values::Absent,
                Some(field) => Values::Field(FieldValues::read(columns, &layout.fields[field])?),
                None if columns.stats().rest_rows > 0 => Values::Rest(columns.column(REST)?, name.into()),
                None => Values::Absent,
            },
        })
    }

    /// The value with its type.
    pub(super) fn value(&self, row: usize) -> Result<Option<FieldValue>, ReadError> {
        match self {
            Values::Stream(stream) => Ok(Some(FieldValue::Text(stream.clone()))),
            Values::Level(_) => Ok(self.level(row)?.map(|level| FieldValue::I64(i64::from(level)))),
            Values::Text(column) => Ok(Texts::new(column)?.get(row).map(|text| FieldValue::Text(text.into()))),
            Values::Field(values) => values.get(row),
            Values::Rest(column, name) => Ok(Rest::new(column)?.field(row, name)),
            Values::Absent => Ok(None),
        }
    }

    /// The value in its text form.
    pub(super) fn text(&self, row: usize) -> Result<Option<SmolStr>, ReadError> {
        match self {
            Values::Stream(stream) => Ok(Some(stream.clone())),
            Values::Level(_) => Ok(self.level(row)?.map(|level| format_smolstr!("{level}"))),
            other => Ok(other.value(row)?.map(|value| value.to_text())),
        }
    }

    /// The level; only of the field of that name.
    pub(super) fn level(&self, row: usize) -> Result<Option<u8>, ReadError> {
        let Values::Level(column) = self else { return Ok(None) };
        let levels = column.as_primitive_opt::<UInt8Type>().ok_or_else(|| unexpected(column))?;
        Ok(levels.is_valid(row).then(|| levels.value(row)))
    }

    /// The column, where its values are texts: mixed ones have their text forms there.
    pub(super) fn texts(&self) -> Option<Texts<'_>> {
        match self {
            Values::Text(column) => Texts::new(column).ok(),
            Values::Field(values) => Texts::new(values.column()).ok(),
            _ => None,
        }
    }

    /// The numbers of these rows, in their order.
    pub(super) fn numbers(&self, rows: &[u32]) -> Result<Numbers, ReadError> {
        if let Values::Field(values) = self {
            let column = values.column();
            if let Some(column) = column.as_primitive_opt::<Int64Type>() {
                return Ok(Numbers::of_column(column, rows, |value| value as f64));
            }
            if let Some(column) = column.as_primitive_opt::<Float64Type>() {
                return Ok(Numbers::of_column(column, rows, |value| value));
            }
        }
        let mut numbers = Numbers::default();
        if let Some(texts) = self.texts().filter(|texts| texts.dictionary_len() > 0) {
            let mut of_key: Vec<Option<Option<f64>>> = vec![None; texts.dictionary_len()];
            let parse = |row| texts.get(row).and_then(|text| text.trim().parse().ok());
            for (at, row) in (0..).zip(rows) {
                let row = *row as usize;
                let Some(key) = texts.key(row) else { continue };
                numbers.extend(at, *of_key[key].get_or_insert_with(|| parse(row)));
            }
        } else if !matches!(self, Values::Absent) {
            for (at, row) in (0..).zip(rows) {
                numbers.extend(at, self.value(*row as usize)?.and_then(|value| value.as_number()));
            }
        }
        Ok(numbers)
    }
}

/// Those values of some rows that are numbers.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Which of the rows, counted from 0, ascending.
    pub(super) places: Vec<u32>,
    pub(super) values: Vec<f64>,
}

impl Numbers {
    fn of_column<T: ArrowPrimitiveType>(
        column: &PrimitiveArray<T>,
        rows: &[u32],
        number: impl Fn(T::Native) -> f64,
    ) -> Numbers {
        let values = column.values();
        let Some(nulls) = column.nulls().filter(|nulls| nulls.null_count() > 0) else {
            let places = 0..rows.len() as u32;
            let values = rows.iter().map(|row| number(values[*row as usize]));
            return Numbers { places: places.collect(), values: values.collect() };
        };
        let mut numbers = Numbers::default();
        for (at, row) in (0..).zip(rows) {
            let row = *row as usize;
            if nulls.is_valid(row) {
                numbers.extend(at, Some(number(values[row])));
            }
        }
        numbers
    }

    fn extend(&mut self, at: u32, number: Option<f64>) {
        if let Some(number) = number {
            self.places.push(at);
            self.values.push(number);
        }
    }
}
