//! Counts the rows of a granule by their keys, for what looks at nothing else in a record.

use super::feed::numbered;
use super::keys::{RowGroups, RowParts};
use crate::query::values::Values;
use arrow_array::{Array as _, StringArray};
use std::iter::once;
use watchfire_logblock::block::ReadError;
use watchfire_logblock::query::{Granule, RowSet, Texts};
use watchfire_model::{Counting, GroupKey, KeyPart, KeyPartRef, TooManyGroups};

/// What was counted before an error stands: the whole answer has to begin anew.
pub(super) fn count_rows(
    by: &[GroupKey],
    columns: Granule<'_>,
    rows: &RowSet,
    counting: &mut Counting,
) -> Result<Option<TooManyGroups>, ReadError> {
    let rows = numbered(rows, columns.stats().rows);
    let groups = match by {
        [GroupKey::Field(name)] => {
            let values = Values::read(columns, name)?;
            if let Some(Texts::Plain(texts)) = values.texts() {
                return Ok(count_texts(texts, &rows, counting).err());
            }
            RowParts::of_field(&values, &rows)?.into_groups()
        }
        _ => RowGroups::new(by, columns, &rows)?,
    };
    let mut counts = vec![0; groups.keys.len()];
    for id in &groups.ids {
        counts[*id as usize] += 1;
    }
    let mut counted = groups.keys.iter().zip(counts);
    Ok(counted.find_map(|(key, count)| counting.count(key.iter().map(KeyPart::as_ref), count).err()))
}

/// Texts without a dictionary are mostly different: each is counted where it stands.
fn count_texts(texts: &StringArray, rows: &[u32], counting: &mut Counting) -> Result<(), TooManyGroups> {
    let mut absent = 0;
    for row in rows {
        let row = *row as usize;
        if texts.is_valid(row) {
            counting.count(once(KeyPartRef::Text(texts.value(row))), 1)?;
        } else {
            absent += 1;
        }
    }
    if absent > 0 {
        counting.count(once(KeyPartRef::Absent), absent)?;
    }
    Ok(())
}
