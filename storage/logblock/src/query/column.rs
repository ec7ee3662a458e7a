//! Conditions and values on the decoded columns of a granule.

use super::rows::RowSet;
use crate::block::ReadError;
use crate::codec::Reader;
use crate::field::read_field;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, BinaryArray, StringArray};
use arrow_schema::DataType;
use smol_str::SmolStr;
use watchfire_model::{FieldPattern, FieldValue, NumberRange};

/// Texts of a column, plain or with a dictionary.
#[derive(Debug, Clone, Copy)]
pub enum Texts<'a> {
    Plain(&'a StringArray),
    Dictionary { keys: &'a [i32], values: &'a StringArray, column: &'a dyn Array },
}

impl<'a> Texts<'a> {
    pub fn new(column: &'a ArrayRef) -> Result<Texts<'a>, ReadError> {
        if let Some(plain) = column.as_string_opt::<i32>() {
            return Ok(Texts::Plain(plain));
        }
        let dictionary = column.as_dictionary_opt::<Int32Type>().and_then(|dictionary| {
            let values = dictionary.values().as_string_opt::<i32>()?;
            Some(Texts::Dictionary { keys: dictionary.keys().values(), values, column })
        });
        dictionary.ok_or_else(|| unexpected(column))
    }

    pub fn get(self, row: usize) -> Option<&'a str> {
        match self {
            Texts::Plain(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Texts::Dictionary { keys, values, column } => {
                column.is_valid(row).then(|| values.value(keys[row] as usize))
            }
        }
    }

    /// The number of the row's text in the dictionary, where there are both.
    pub fn key(self, row: usize) -> Option<usize> {
        match self {
            Texts::Dictionary { keys, column, .. } if column.is_valid(row) => Some(keys[row] as usize),
            _ => None,
        }
    }

    /// Keys are below this.
    pub fn dictionary_len(self) -> usize {
        match self {
            Texts::Plain(_) => 0,
            Texts::Dictionary { values, .. } => values.len(),
        }
    }

    /// The rows of `within` whose text passes; a text of a dictionary is looked at once.
    pub fn filter(self, within: &RowSet, mut wanted: impl FnMut(&str) -> bool) -> RowSet {
        match self {
            Texts::Plain(texts) => within.filter(|row| texts.is_valid(row) && wanted(texts.value(row))),
            Texts::Dictionary { keys, values, column } => {
                let mut verdicts: Vec<Option<bool>> = vec![None; values.len()];
                within.filter(|row| {
                    column.is_valid(row) && {
                        let key = keys[row] as usize;
                        *verdicts[key].get_or_insert_with(|| wanted(values.value(key)))
                    }
                })
            }
        }
    }
}

/// The rows of `within` whose value in a field's column passes the pattern.
pub(super) fn filter_pattern(column: &ArrayRef, pattern: &FieldPattern, within: &RowSet) -> Result<RowSet, ReadError> {
    match column.data_type() {
        DataType::Int64 => {
            let numbers = column.as_primitive::<Int64Type>();
            Ok(filter_numbers(pattern, within, |row| {
                numbers.is_valid(row).then(|| FieldValue::I64(numbers.value(row)))
            }))
        }
        DataType::Float64 => {
            let numbers = column.as_primitive::<Float64Type>();
            Ok(filter_numbers(pattern, within, |row| {
                numbers.is_valid(row).then(|| FieldValue::F64(numbers.value(row)))
            }))
        }
        DataType::Boolean => {
            let flags = column.as_boolean();
            let (pass_true, pass_false) = (pattern.matches_value("true"), pattern.matches_value("false"));
            Ok(within.filter(|row| flags.is_valid(row) && if flags.value(row) { pass_true } else { pass_false }))
        }
        _ => {
            let texts = Texts::new(column)?;
            if let (Texts::Plain(plain), FieldPattern::Text(text)) = (texts, pattern)
                && let Some(word) = text.words().first()
                && let Some(candidates) = rows_with(plain, word)
            {
                let passes = |row: &usize| plain.is_valid(*row) && pattern.matches_value(plain.value(*row));
                return Ok(within.with(candidates.into_iter().filter(passes)));
            }
            Ok(texts.filter(within, |text| pattern.matches_value(text)))
        }
    }
}

/// The rows whose text holds the folded word, be it as part of another one; ascending. None where letters beyond ASCII
/// would have to be folded. All texts are searched as one, for the first letter alone.
fn rows_with(texts: &StringArray, word: &str) -> Option<Vec<usize>> {
    let ends = texts.value_offsets();
    let (begin, end) = (*ends.first()? as usize, *ends.last()? as usize);
    let bytes = &texts.values()[begin..end];
    let letter = *word.as_bytes().first()?;
    if !word.is_ascii() || !bytes.is_ascii() {
        return None;
    }
    let mut rows = Vec::new();
    let mut searched = 0;
    for start in memchr::memchr2_iter(letter, letter.to_ascii_uppercase(), bytes) {
        let found = bytes.get(start..start + word.len());
        if start < searched || !found.is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes())) {
            continue;
        }
        let row = ends.partition_point(|end| *end as usize <= begin + start) - 1;
        let end_of_row = ends[row + 1] as usize - begin;
        if start + word.len() <= end_of_row {
            rows.push(row);
            searched = end_of_row;
        }
    }
    Some(rows)
}

/// Compares as numbers first: printing every one would be slow.
fn filter_numbers(pattern: &FieldPattern, within: &RowSet, value: impl Fn(usize) -> Option<FieldValue>) -> RowSet {
    let wanted = match pattern {
        FieldPattern::Text(text) => match text.whole().parse::<f64>() {
            Ok(number) => Some(number),
            Err(_) => return within.filter(|_| false),
        },
        _ => None,
    };
    let may_pass = |value: &FieldValue| match (wanted, value.as_number()) {
        (Some(wanted), Some(number)) => wanted == number || wanted.is_nan() && number.is_nan(),
        _ => true,
    };
    within.filter(|row| value(row).is_some_and(|value| may_pass(&value) && pattern.matches_value(&value.to_text())))
}

/// The rows of `within` whose value in a field's column is a number in the range.
pub(super) fn filter_range(column: &ArrayRef, range: NumberRange, within: &RowSet) -> Result<RowSet, ReadError> {
    match column.data_type() {
        DataType::Int64 => {
            let numbers = column.as_primitive::<Int64Type>();
            Ok(within.filter(|row| numbers.is_valid(row) && range.contains(numbers.value(row) as f64)))
        }
        DataType::Float64 => {
            let numbers = column.as_primitive::<Float64Type>();
            Ok(within.filter(|row| numbers.is_valid(row) && range.contains(numbers.value(row))))
        }
        DataType::Boolean => Ok(within.filter(|_| false)),
        // Also values that were numbers of a mixed column: their text reads as the same number.
        _ => {
            Ok(Texts::new(column)?
                .filter(within, |text| text.trim().parse().is_ok_and(|number| range.contains(number))))
        }
    }
}

/// The rows of `within` that have a value in a field's column, the empty text left out.
pub(super) fn filter_not_empty(column: &ArrayRef, within: &RowSet) -> Result<RowSet, ReadError> {
    match column.data_type() {
        DataType::Int64 | DataType::Float64 | DataType::Boolean => Ok(within.filter(|row| column.is_valid(row))),
        _ => Ok(Texts::new(column)?.filter(within, |text| !text.is_empty())),
    }
}

/// The shared column of fields that have none of their own.
#[derive(Debug, Clone, Copy)]
pub struct Rest<'a> {
    column: &'a BinaryArray,
}

impl<'a> Rest<'a> {
    pub fn new(column: &'a ArrayRef) -> Result<Rest<'a>, ReadError> {
        column.as_binary_opt::<i32>().map(|column| Rest { column }).ok_or_else(|| unexpected(column))
    }

    /// The fields of a row, in order of arrival.
    pub fn fields(self, row: usize) -> impl Iterator<Item = (SmolStr, FieldValue)> {
        let bytes = if self.column.is_valid(row) { self.column.value(row) } else { &[] };
        let mut reader = Reader::new(bytes);
        // What was written by `put_field` and holds its checksum is read to its end.
        std::iter::from_fn(move || if reader.is_empty() { None } else { read_field(&mut reader) })
    }

    pub fn field(self, row: usize, name: &str) -> Option<FieldValue> {
        self.fields(row).find(|(field, _)| field == name).map(|(_, value)| value)
    }
}

pub fn unexpected(column: &ArrayRef) -> ReadError {
    ReadError::Damaged(format!("a column has the unexpected type {}", column.data_type()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_column_passes_as_its_values_do(
            values in prop::collection::vec(prop::option::of("[aAbé\u{212a}k1 -]{0,5}"), 1..80),
            is_ascii: bool,
            pattern in "[abk1é -]{1,3}",
            skipped in 0usize..3,
        ) {
            let cut = |value: String| if is_ascii { value.replace(|c: char| !c.is_ascii(), "") } else { value };
            let values: Vec<Option<String>> = values.into_iter().map(|value| value.map(cut)).collect();
            let column: ArrayRef = Arc::new(StringArray::from(values.clone()));
            let within = RowSet::all(values.len()).filter(|row| row % 3 != skipped);
            let pattern = FieldPattern::text(&pattern);
            let got = filter_pattern(&column, &pattern, &within).unwrap();
            let passes = |row: usize| values[row].as_ref().is_some_and(|value| pattern.matches_value(value));
            prop_assert_eq!(got, within.filter(passes), "{:?} in {:?}", pattern, values);
        }
    }
}
