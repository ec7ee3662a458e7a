//! Evaluates a plan on the columns of one granule.

use super::column::{Rest, Texts, filter_not_empty, filter_pattern, filter_range, unexpected};
use super::plan::{Known, Place, Plan};
use super::records::FieldValues;
use super::rows::RowSet;
use crate::block::layout::{GranuleStats, HOST, LEVEL, MESSAGE, RECEIVED, REST, SEQUENCE, TIME};
use crate::block::{Block, Opened, ReadError, Reads};
use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampNanosecondType, UInt8Type, UInt64Type};
use arrow_array::{Array as _, ArrayRef};
use watchfire_model::{FieldPattern, FieldValue, QueryBudget, TimeNs, TimeRangeNs};

/// A granule and the means to read it.
#[derive(Debug, Clone, Copy)]
pub struct Granule<'a> {
    pub block: &'a Block,
    pub opened: &'a Opened,
    pub index: usize,
    pub reads: &'a Reads,
    /// All its columns, where somebody has read them already.
    pub held: Option<&'a [ArrayRef]>,
    /// Asked between the parts of a filter.
    pub budget: Option<&'a QueryBudget>,
}

impl<'a> Granule<'a> {
    pub fn stats(self) -> &'a GranuleStats {
        &self.opened.layout.granules[self.index]
    }

    pub fn column(self, leaf: usize) -> Result<ArrayRef, ReadError> {
        match self.held {
            Some(columns) => Ok(ArrayRef::clone(&columns[leaf])),
            None => self.block.column(self.opened, self.index, leaf, self.reads),
        }
    }

    /// Event times in nanoseconds.
    pub fn times(self) -> Result<Vec<i64>, ReadError> {
        let column = self.column(TIME)?;
        let times = column.as_primitive_opt::<TimestampNanosecondType>().ok_or_else(|| unexpected(&column))?;
        Ok(times.values().to_vec())
    }

    /// Arrival times in nanoseconds.
    pub fn received(self) -> Result<ArrayRef, ReadError> {
        self.column(RECEIVED)
    }

    pub fn sequences(self) -> Result<Vec<u64>, ReadError> {
        let column = self.column(SEQUENCE)?;
        let sequences = column.as_primitive_opt::<UInt64Type>().ok_or_else(|| unexpected(&column))?;
        Ok(sequences.values().to_vec())
    }

    /// The rows whose time lies in the range and that pass the plan.
    pub fn select(self, plan: &Plan, range: TimeRangeNs) -> Result<RowSet, ReadError> {
        let stats = self.stats();
        let mut rows = RowSet::all(stats.rows);
        if !covers(range, stats) {
            let times = self.times()?;
            rows = rows.filter(|row| range.start.0 <= times[row] && times[row] < range.end.0);
        }
        self.filter(plan, &rows)
    }

    /// The rows of `within` that pass.
    fn filter(self, plan: &Plan, within: &RowSet) -> Result<RowSet, ReadError> {
        if within.is_empty() {
            return Ok(within.clone());
        }
        self.budget.map_or(Ok(()), QueryBudget::check)?;
        match plan {
            Plan::Constant(true) => Ok(within.clone()),
            Plan::Constant(false) => Ok(within.filter(|_| false)),
            Plan::And(parts) => parts.iter().try_fold(within.clone(), |rows, part| self.filter(part, &rows)),
            Plan::Or(parts) => any(parts.iter(), within, |part, rows| self.filter(part, rows)),
            Plan::Not(part) => {
                let mut rows = within.clone();
                rows.subtract(&self.filter(part, within)?);
                Ok(rows)
            }
            Plan::Pattern { places, pattern, known } => {
                let here = places.iter().filter(|(_, granules)| granules.contains(self.index));
                any(here, within, |(place, _), rows| self.filter_place(place, pattern, known, rows))
            }
            Plan::Levels(wanted) => {
                let column = self.column(LEVEL)?;
                let levels = column.as_primitive_opt::<UInt8Type>().ok_or_else(|| unexpected(&column))?;
                Ok(within.filter(|row| levels.is_valid(row) && wanted >> levels.value(row) & 1 == 1))
            }
            Plan::Range { place, range } => match place {
                Place::Field(field) => filter_range(&self.field_column(*field)?, *range, within),
                Place::Rest(name) => self.filter_rest(name.as_deref(), within, |value| {
                    value.as_number().is_some_and(|number| range.contains(number))
                }),
                Place::Message | Place::Host => Ok(within.filter(|_| false)),
            },
            Plan::Time(range) => {
                let times = self.times()?;
                Ok(within.filter(|row| range.contains(TimeNs(times[row]))))
            }
            Plan::Test { place, test } => match place {
                Place::Message | Place::Host => {
                    let column = self.column(if *place == Place::Message { MESSAGE } else { HOST })?;
                    let passes = |text: &str| test.passes(&FieldValue::Text(text.into()));
                    Ok(Texts::new(&column)?.filter(within, passes))
                }
                Place::Field(field) => {
                    let values = FieldValues::read(self, &self.opened.layout.fields[*field])?;
                    let mut rows = Vec::new();
                    for row in within.iter() {
                        if values.get(row)?.is_some_and(|value| test.passes(&value)) {
                            rows.push(row);
                        }
                    }
                    Ok(within.filter(|row| rows.binary_search(&row).is_ok()))
                }
                Place::Rest(name) => self.filter_rest(name.as_deref(), within, |value| test.passes(value)),
            },
            Plan::NotEmpty(place) => match place {
                Place::Message => self.filter_not_empty_messages(within),
                Place::Host => filter_not_empty(&self.column(HOST)?, within),
                Place::Field(field) => filter_not_empty(&self.field_column(*field)?, within),
                Place::Rest(name) => self.filter_rest(name.as_deref(), within, |value| !value.to_text().is_empty()),
            },
        }
    }

    fn filter_place(
        self,
        place: &Place,
        pattern: &FieldPattern,
        known: &Known,
        within: &RowSet,
    ) -> Result<RowSet, ReadError> {
        match place {
            Place::Message => self.filter_messages(pattern, known, within),
            Place::Host => filter_pattern(&self.column(HOST)?, pattern, within),
            Place::Field(field) => filter_pattern(&self.field_column(*field)?, pattern, within),
            Place::Rest(name) => {
                self.filter_rest(name.as_deref(), within, |value| pattern.matches_value(&value.to_text()))
            }
        }
    }

    /// With a name its first value has to pass, without one any value of the row.
    fn filter_rest(
        self,
        name: Option<&str>,
        within: &RowSet,
        wanted: impl Fn(&FieldValue) -> bool,
    ) -> Result<RowSet, ReadError> {
        if self.stats().rest_rows == 0 {
            return Ok(within.filter(|_| false));
        }
        let column = self.column(REST)?;
        let rest = Rest::new(&column)?;
        Ok(within.filter(|row| match name {
            Some(name) => rest.field(row, name).is_some_and(|value| wanted(&value)),
            None => rest.fields(row).any(|(_, value)| wanted(&value)),
        }))
    }

    fn field_column(self, field: usize) -> Result<ArrayRef, ReadError> {
        self.column(self.opened.layout.fields[field].leaf)
    }
}

/// The rows that some part passes; a row is looked at until one does.
fn any<P>(
    parts: impl Iterator<Item = P>,
    within: &RowSet,
    filter: impl Fn(P, &RowSet) -> Result<RowSet, ReadError>,
) -> Result<RowSet, ReadError> {
    let mut left = within.clone();
    let mut passed = within.filter(|_| false);
    for part in parts {
        if left.is_empty() {
            break;
        }
        let rows = filter(part, &left)?;
        left.subtract(&rows);
        passed.unite(&rows);
    }
    Ok(passed)
}

/// Whether every time of the granule lies in the range.
pub fn covers(range: TimeRangeNs, stats: &GranuleStats) -> bool {
    range.contains(stats.times.0) && range.contains(stats.times.1)
}

/// Whether some time from `times.0` to `times.1`, both inclusive, may lie in the range.
pub fn overlaps(range: TimeRangeNs, times: (TimeNs, TimeNs)) -> bool {
    times.0 < range.end && range.start <= times.1
}
