//! What is known of a block beyond its layout: the templates of its messages, and per granule how many rows have which
//! template, level, minute and value. Counting needs nothing else. FORMAT.md, "Statistics".

use crate::codec::{Reader, put_bytes, put_signed, put_varint};
use crate::message::{Template, TemplateWords};
use smol_str::SmolStr;
use watchfire_model::TimeNs;

/// Nanoseconds of a minute, by which times are counted.
pub const MINUTE_NS: i64 = 60 * 1_000_000_000;
/// A column with more distinct values in the block is not counted.
pub(super) const VALUES_MAX: usize = 256;
/// Nor is one with a longer value.
pub(super) const VALUE_LEN_MAX: usize = 1024;
/// A granule that spans more minutes is not counted by them.
const MINUTES_MAX: usize = 512;

/// Levels 0 to 7, and records without one.
pub const LEVELS: usize = 9;

/// The statistics of a block.
#[derive(Debug, Default)]
pub struct Summary {
    pub(crate) templates: Vec<Template>,
    pub(crate) words: TemplateWords,
    pub granules: Vec<GranuleSummary>,
    /// Columns with few distinct values.
    pub values: Vec<ValueCounts>,
}

/// What is counted in a granule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GranuleSummary {
    /// Numbers of the block's templates, in the order in which the granule's messages know them, with their rows.
    pub(crate) templates: Vec<(u32, u32)>,
    /// Rows whose message has no template.
    pub(crate) untemplated: u32,
    /// Rows of each level, the last of those without.
    pub levels: [u32; LEVELS],
    /// Minutes since 1970 with their rows, ascending; none where there are too many.
    pub minutes: Option<Vec<(i64, u32)>>,
}

/// The values of a column and how often each stands in each granule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueCounts {
    /// Parquet leaf of the column.
    pub leaf: usize,
    /// In their text form, as a search sees them.
    pub values: Vec<SmolStr>,
    /// Per granule the values that occur, by index, with their rows.
    pub granules: Vec<Vec<(u32, u32)>>,
}

impl Summary {
    /// The counted values of the column with this leaf, if it has few.
    pub fn value_counts(&self, leaf: usize) -> Option<&ValueCounts> {
        self.values.binary_search_by_key(&leaf, |counts| counts.leaf).ok().map(|at| &self.values[at])
    }

    /// Bytes in memory, about.
    pub fn memory(&self) -> usize {
        let templates: usize = self.templates.iter().map(Template::memory).sum();
        let pair = size_of::<(i64, u32)>();
        let granule = |granule: &GranuleSummary| {
            size_of::<GranuleSummary>()
                + pair * (granule.templates.len() + granule.minutes.as_ref().map_or(0, Vec::len))
        };
        let column = |column: &ValueCounts| {
            let counts: usize = column.granules.iter().map(|counts| counts.len() * pair + pair).sum();
            counts + column.values.iter().map(|value| value.len() + size_of::<SmolStr>()).sum::<usize>()
        };
        templates
            + self.words.memory()
            + self.granules.iter().map(granule).sum::<usize>()
            + self.values.iter().map(column).sum::<usize>()
    }
}

impl GranuleSummary {
    /// Counts the rows with these event times.
    pub(crate) fn count_minutes(&mut self, times: &[i64]) {
        let mut minutes: Vec<(i64, u32)> = Vec::new();
        for time in times {
            let minute = time.div_euclid(MINUTE_NS);
            match minutes.last_mut() {
                Some((last, rows)) if *last == minute => *rows += 1,
                _ => minutes.push((minute, 1)),
            }
            if minutes.len() > MINUTES_MAX {
                self.minutes = None;
                return;
            }
        }
        self.minutes = minutes.is_sorted_by_key(|(minute, _)| *minute).then_some(minutes);
    }

    /// Beginnings of the minutes and their rows, ascending, if they are counted.
    pub fn time_counts(&self) -> Option<impl Iterator<Item = (TimeNs, u32)> + '_> {
        let minutes = self.minutes.as_ref()?;
        Some(minutes.iter().map(|(minute, rows)| (TimeNs(minute.saturating_mul(MINUTE_NS)), *rows)))
    }
}

/// Encodes granules and columns; templates stand by themselves.
pub(super) fn encode(granules: &[GranuleSummary], values: &[ValueCounts]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, granules.len() as u64);
    for granule in granules {
        put_pairs(&mut out, &granule.templates);
        put_varint(&mut out, u64::from(granule.untemplated));
        granule.levels.iter().for_each(|rows| put_varint(&mut out, u64::from(*rows)));
        // One more than there are, so that 0 says that they are not counted.
        put_varint(&mut out, granule.minutes.as_ref().map_or(0, |minutes| minutes.len() as u64 + 1));
        let mut before = 0;
        for (minute, rows) in granule.minutes.iter().flatten() {
            put_signed(&mut out, minute - before);
            put_varint(&mut out, u64::from(*rows));
            before = *minute;
        }
    }
    put_varint(&mut out, values.len() as u64);
    for column in values {
        put_varint(&mut out, column.leaf as u64);
        put_varint(&mut out, column.values.len() as u64);
        column.values.iter().for_each(|value| put_bytes(&mut out, value.as_bytes()));
        column.granules.iter().for_each(|counts| put_pairs(&mut out, counts));
    }
    out
}

fn put_pairs(out: &mut Vec<u8>, pairs: &[(u32, u32)]) {
    put_varint(out, pairs.len() as u64);
    for (number, rows) in pairs {
        put_varint(out, u64::from(*number));
        put_varint(out, u64::from(*rows));
    }
}

/// Reads what [`encode`] wrote of a block whose granules have so many rows; `None` when it makes no sense.
pub(super) fn decode(bytes: &[u8], templates: Vec<Template>, rows: &[usize]) -> Option<Summary> {
    let mut reader = Reader::new(bytes);
    if reader.count()? != rows.len() {
        return None;
    }
    let mut granules = Vec::with_capacity(rows.len());
    for rows in rows {
        granules.push(read_granule(&mut reader, templates.len(), *rows)?);
    }
    let n_columns = reader.count()?;
    let mut values = Vec::with_capacity(n_columns);
    for _ in 0..n_columns {
        let leaf = usize::try_from(reader.varint()?).ok()?;
        let n_values = reader.count()?;
        let texts = (0..n_values).map(|_| reader.text().map(SmolStr::new)).collect::<Option<Vec<_>>>()?;
        let granules = rows.iter().map(|rows| read_pairs(&mut reader, n_values, *rows)).collect::<Option<Vec<_>>>()?;
        values.push(ValueCounts { leaf, values: texts, granules });
    }
    let is_sorted = values.is_sorted_by(|a, b| a.leaf < b.leaf);
    (reader.is_empty() && is_sorted).then(|| Summary {
        words: TemplateWords::new(&templates),
        templates,
        granules,
        values,
    })
}

fn read_granule(reader: &mut Reader<'_>, n_templates: usize, rows: usize) -> Option<GranuleSummary> {
    let templates = read_pairs(reader, n_templates, rows)?;
    let count = |reader: &mut Reader<'_>| u32::try_from(reader.varint()?).ok().filter(|count| *count as usize <= rows);
    let untemplated = count(reader)?;
    let mut levels = [0; LEVELS];
    for level in &mut levels {
        *level = count(reader)?;
    }
    let minutes = match reader.count()? {
        0 => None,
        more => {
            let mut minute = 0i64;
            let mut minutes = Vec::with_capacity(more - 1);
            for _ in 1..more {
                minute = minute.checked_add(reader.signed()?)?;
                minutes.push((minute, count(reader)?));
            }
            Some(minutes)
        }
    };
    let whole = templates.iter().map(|(_, rows)| *rows as usize).sum::<usize>() + untemplated as usize == rows;
    whole.then_some(GranuleSummary { templates, untemplated, levels, minutes })
}

fn read_pairs(reader: &mut Reader<'_>, numbers: usize, rows: usize) -> Option<Vec<(u32, u32)>> {
    let count = reader.count()?;
    let mut left = rows;
    let mut pairs = Vec::with_capacity(count);
    for _ in 0..count {
        let number = u32::try_from(reader.varint()?).ok().filter(|number| (*number as usize) < numbers)?;
        let rows = u32::try_from(reader.varint()?).ok()?;
        left = left.checked_sub(rows as usize)?;
        pairs.push((number, rows));
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn summary() -> impl Strategy<Value = (Vec<GranuleSummary>, Vec<ValueCounts>)> {
        let granule = prop::collection::vec(-1000i64..1000, 0..10).prop_map(|mut times| {
            for time in &mut times {
                *time *= MINUTE_NS / 7;
            }
            times.sort_unstable();
            let mut granule = GranuleSummary { untemplated: 10, ..GranuleSummary::default() };
            granule.count_minutes(&times);
            granule
        });
        (prop::collection::vec(granule, 0..5)).prop_map(|granules| {
            let counts = granules.iter().map(|_| vec![(1, 3), (0, 7)]).collect();
            let values = ValueCounts { leaf: 3, values: vec!["a".into(), "é".into()], granules: counts };
            (granules, vec![values])
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn statistics_are_read_back((granules, values) in summary()) {
            let rows = vec![10; granules.len()];
            let decoded = decode(&encode(&granules, &values), Vec::new(), &rows).unwrap();
            prop_assert_eq!((decoded.granules, decoded.values), (granules, values));
        }

        #[test]
        fn any_bytes_are_refused_or_read(bytes: Vec<u8>) {
            decode(&bytes, Vec::new(), &[5, 5]);
        }
    }

    #[test]
    fn too_many_minutes_are_not_counted() {
        let mut granule = GranuleSummary::default();
        granule.count_minutes(&(0..1000).map(|minute| minute * MINUTE_NS).collect::<Vec<_>>());
        assert_eq!(granule.minutes, None);
        granule.count_minutes(&[-1, 0, MINUTE_NS - 1]);
        assert_eq!(granule.minutes, Some(vec![(-1, 1), (0, 2)]));
    }
}
