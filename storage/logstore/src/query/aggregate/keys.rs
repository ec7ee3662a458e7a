//! Which group each row of a granule belongs to.

use crate::query::values::Values;
use arrow_array::{Array, StringArray};
use foldhash::HashMap;
use smol_str::{SmolStr, format_smolstr};
use watchfire_logblock::block::ReadError;
use watchfire_logblock::query::{Granule, Texts};
use watchfire_model::{GroupKey, KeyPart, Level, STREAM_FIELD, TimeBuckets, TimeNs};

/// The groups of some rows of one granule, numbered in order of appearance.
#[derive(Debug)]
pub(super) struct RowGroups {
    /// For each of the rows, in order, the number of its group.
    pub(super) ids: Vec<u32>,
    /// By number.
    pub(super) keys: Vec<Vec<KeyPart>>,
}

/// The values of one part of the key.
#[derive(Debug, Default)]
pub(super) struct RowParts {
    ids: Vec<u32>,
    parts: Vec<KeyPart>,
}

impl RowGroups {
    pub(super) fn new(by: &[GroupKey], columns: Granule<'_>, rows: &[u32]) -> Result<RowGroups, ReadError> {
        let mut groups = RowGroups { ids: vec![0; rows.len()], keys: vec![Vec::new()] };
        for (index, key) in by.iter().enumerate() {
            let parts = RowParts::new(key, columns, rows)?;
            groups = if index == 0 { parts.into_groups() } else { groups.split(&parts) };
        }
        Ok(groups)
    }

    /// Tells rows of one group apart by one more part.
    fn split(self, parts: &RowParts) -> RowGroups {
        let mut numbers: HashMap<(u32, u32), u32> = HashMap::default();
        let mut split = RowGroups { ids: Vec::with_capacity(self.ids.len()), keys: Vec::new() };
        let mut last: Option<((u32, u32), u32)> = None;
        for pair in self.ids.iter().copied().zip(parts.ids.iter().copied()) {
            // Mostly the same as before: no need to hash.
            let id = match last {
                Some((same, id)) if same == pair => id,
                _ => *numbers.entry(pair).or_insert_with(|| {
                    let mut key = self.keys[pair.0 as usize].clone();
                    key.push(parts.parts[pair.1 as usize].clone());
                    split.keys.push(key);
                    (split.keys.len() - 1) as u32
                }),
            };
            last = Some((pair, id));
            split.ids.push(id);
        }
        split
    }
}

impl RowParts {
    fn new(key: &GroupKey, columns: Granule<'_>, rows: &[u32]) -> Result<RowParts, ReadError> {
        match key {
            GroupKey::Time(buckets) => match one_bucket(buckets, columns.stats().times) {
                Some(bucket) => Ok(RowParts::constant(KeyPart::Time(bucket), rows)),
                None => Ok(RowParts::of_times(buckets, &columns.times()?, rows)),
            },
            GroupKey::Field(name) => RowParts::of_field(&Values::read(columns, name)?, rows),
        }
    }

    pub(super) fn of_field(values: &Values, rows: &[u32]) -> Result<RowParts, ReadError> {
        match (values, values.texts()) {
            (Values::Absent, _) => Ok(RowParts::constant(KeyPart::Absent, rows)),
            (Values::Stream(stream), _) => Ok(RowParts::constant(KeyPart::Text(stream.clone()), rows)),
            (_, Some(Texts::Plain(texts))) => Ok(RowParts::of_texts(texts, rows)),
            (_, Some(Texts::Dictionary { keys, values, column })) => {
                Ok(RowParts::of_dictionary(keys, values, column, rows))
            }
            (Values::Level(_), _) => RowParts::of_levels(values, rows),
            _ => RowParts::of_values(values, rows),
        }
    }

    fn constant(part: KeyPart, rows: &[u32]) -> RowParts {
        RowParts { ids: vec![0; rows.len()], parts: vec![part] }
    }

    fn of_times(buckets: &TimeBuckets, times: &[i64], rows: &[u32]) -> RowParts {
        let mut parts = RowParts { ids: Vec::with_capacity(rows.len()), parts: Vec::new() };
        let mut numbers: HashMap<TimeNs, u32> = HashMap::default();
        // Rows stand in order of time: the bucket of one is mostly that of the one before.
        let mut last: Option<(TimeNs, TimeNs, u32)> = None;
        for row in rows {
            let time = TimeNs(times[*row as usize]);
            let id = match last {
                Some((from, to, id)) if from <= time && time <= to => id,
                _ => {
                    let bucket = buckets.bucket(time);
                    let id = *numbers.entry(bucket).or_insert_with(|| {
                        parts.parts.push(KeyPart::Time(bucket));
                        (parts.parts.len() - 1) as u32
                    });
                    last = Some((bucket.min(time), known_end(buckets, bucket, time), id));
                    id
                }
            };
            parts.ids.push(id);
        }
        parts
    }

    fn of_texts(texts: &StringArray, rows: &[u32]) -> RowParts {
        let mut parts = RowParts { ids: Vec::with_capacity(rows.len()), parts: Vec::new() };
        let mut numbers: HashMap<Option<&str>, u32> = HashMap::default();
        for row in rows {
            let row = *row as usize;
            let text = texts.is_valid(row).then(|| texts.value(row));
            let id = *numbers.entry(text).or_insert_with(|| parts.begin(text));
            parts.ids.push(id);
        }
        parts
    }

    /// `keys` of `values` are the column's.
    fn of_dictionary(keys: &[i32], values: &StringArray, column: &dyn Array, rows: &[u32]) -> RowParts {
        /// Stands for a value that was not met yet.
        const UNMET: u32 = u32::MAX;
        let mut parts = RowParts { ids: Vec::with_capacity(rows.len()), parts: Vec::new() };
        let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0);
        // The last place is that of rows without a value.
        let mut numbers = vec![UNMET; values.len() + 1];
        for row in rows {
            let row = *row as usize;
            let is_valid = nulls.is_none_or(|nulls| nulls.is_valid(row));
            let place = if is_valid { keys[row] as usize } else { values.len() };
            if numbers[place] == UNMET {
                numbers[place] = parts.begin(is_valid.then(|| values.value(place)));
            }
            parts.ids.push(numbers[place]);
        }
        parts
    }

    /// The number of a new group.
    fn begin(&mut self, text: Option<&str>) -> u32 {
        self.parts.push(text.map_or(KeyPart::Absent, |text| KeyPart::Text(text.into())));
        (self.parts.len() - 1) as u32
    }

    fn of_levels(values: &Values, rows: &[u32]) -> Result<RowParts, ReadError> {
        let mut parts = RowParts { ids: Vec::with_capacity(rows.len()), parts: Vec::new() };
        // The last place is that of records without a level.
        let mut numbers = [None; Level::NAMES.len() + 1];
        for row in rows {
            let level = values.level(*row as usize)?;
            let place = level.map_or(Level::NAMES.len(), |level| usize::from(level).min(Level::NAMES.len() - 1));
            let id = *numbers[place].get_or_insert_with(|| {
                parts.parts.push(level.map_or(KeyPart::Absent, |level| KeyPart::Text(format_smolstr!("{level}"))));
                (parts.parts.len() - 1) as u32
            });
            parts.ids.push(id);
        }
        Ok(parts)
    }

    fn of_values(values: &Values, rows: &[u32]) -> Result<RowParts, ReadError> {
        let mut parts = RowParts { ids: Vec::with_capacity(rows.len()), parts: Vec::new() };
        let mut numbers: HashMap<Option<SmolStr>, u32> = HashMap::default();
        for row in rows {
            let text = values.text(*row as usize)?;
            let next = parts.parts.len() as u32;
            let id = *numbers.entry(text.clone()).or_insert(next);
            if id == next {
                parts.parts.push(text.map_or(KeyPart::Absent, KeyPart::Text));
            }
            parts.ids.push(id);
        }
        Ok(parts)
    }

    pub(super) fn into_groups(self) -> RowGroups {
        RowGroups { ids: self.ids, keys: self.parts.into_iter().map(|part| vec![part]).collect() }
    }
}

/// The key of all records whose times are no others than these, where that is known without looking. `stream`: of all of
/// them, if it is one.
pub(super) fn constant_key(by: &[GroupKey], times: (TimeNs, TimeNs), stream: Option<&SmolStr>) -> Option<Vec<KeyPart>> {
    let part = |key: &GroupKey| match key {
        GroupKey::Time(buckets) => one_bucket(buckets, times).map(KeyPart::Time),
        GroupKey::Field(name) if name == STREAM_FIELD => stream.cloned().map(KeyPart::Text),
        GroupKey::Field(_) => None,
    };
    by.iter().map(part).collect()
}

/// The bucket that all these times lie in, if it is one.
fn one_bucket(buckets: &TimeBuckets, times: (TimeNs, TimeNs)) -> Option<TimeNs> {
    let (first, last) = (buckets.bucket(times.0), buckets.bucket(times.1));
    (first == last).then_some(first)
}

/// A time in the same bucket as `time`, the last one that is known.
fn known_end(buckets: &TimeBuckets, bucket: TimeNs, time: TimeNs) -> TimeNs {
    match buckets {
        TimeBuckets::Every { step_ns, .. } if bucket > TimeNs::MIN => bucket.plus_ns((*step_ns).max(1) - 1).max(time),
        _ => time,
    }
}
