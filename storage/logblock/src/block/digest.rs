//! What a block that is being written collects beside its columns: templates, statistics, filters of granules. All of it
//! goes into the index.

use super::filters::FilterSection;
use super::layout::{FIXED_COLUMNS, FieldColumn, HOST};
use super::summary::{self, GranuleSummary, LEVELS, Summary, VALUE_LEN_MAX, VALUES_MAX, ValueCounts};
use crate::message::{PairSet, TemplateSet};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, UInt8Type};
use arrow_array::{Array as _, ArrayRef};
use foldhash::HashMap;
use smol_str::SmolStr;

/// Templates, statistics and filters of the granules so far.
#[derive(Debug)]
pub(super) struct Digest {
    pub(super) templates: TemplateSet,
    granules: Vec<GranuleSummary>,
    filters: FilterSection,
    values: Vec<ValueCollector>,
}

/// The sections of the index that this makes.
#[derive(Debug)]
pub(super) struct EncodedDigest {
    pub(super) templates: Vec<u8>,
    pub(super) statistics: Vec<u8>,
    pub(super) filters: Vec<u8>,
}

impl Digest {
    pub(super) fn new(fields: &[FieldColumn]) -> Digest {
        let mut leaves = vec![HOST];
        leaves.extend(fields.iter().filter(|field| field.dictionary && field.kind.is_text()).map(|field| field.leaf));
        Digest {
            templates: TemplateSet::default(),
            granules: Vec::new(),
            filters: FilterSection::default(),
            values: leaves.into_iter().map(ValueCollector::new).collect(),
        }
    }

    /// Takes account of a granule with these columns and messages.
    pub(super) fn add(
        &mut self,
        columns: &[ArrayRef],
        times: &[i64],
        messages: &[(u32, u32)],
        filter: &[u8],
        pairs: &PairSet,
    ) {
        let rows = times.len();
        let templated: u32 = messages.iter().map(|(_, rows)| rows).sum();
        let mut granule = GranuleSummary {
            templates: messages.to_vec(),
            untemplated: rows as u32 - templated,
            levels: count_levels(&columns[super::layout::LEVEL]),
            minutes: None,
        };
        granule.count_minutes(times);
        self.granules.push(granule);
        self.filters.push(filter, pairs);
        self.values.iter_mut().for_each(|collector| collector.add(columns));
        self.values.retain(|collector| !collector.is_over);
    }

    /// Takes over a granule of another block, whose columns and messages are copied as they are; `source_of` says which
    /// column of that block goes to a leaf of this one. None when its templates are too many.
    pub(super) fn adopt(
        &mut self,
        other: &Summary,
        granule: usize,
        filter: (&[u8], &PairSet),
        source_of: impl Fn(usize) -> Option<usize>,
    ) -> Option<()> {
        let from = &other.granules[granule];
        let number = |(number, rows): &(u32, u32)| {
            let template = other.templates.get(*number as usize)?;
            Some((self.templates.adopt(template, *rows as usize)?, *rows))
        };
        let templates = from.templates.iter().map(number).collect::<Option<Vec<_>>>()?;
        self.granules.push(GranuleSummary { templates, ..from.clone() });
        self.filters.push(filter.0, filter.1);
        for collector in &mut self.values {
            match source_of(collector.leaf).map(|leaf| other.value_counts(leaf)) {
                Some(Some(counts)) => collector.adopt(counts, granule),
                // The other block has too many values.
                Some(None) => collector.is_over = true,
                None => collector.granules.push(Vec::new()),
            }
        }
        self.values.retain(|collector| !collector.is_over);
        Some(())
    }

    /// Bytes held, about.
    pub(super) fn memory(&self) -> usize {
        let granules: usize = self.granules.iter().map(|granule| granule.templates.len() * 8 + 256).sum();
        let values: usize = self.values.iter().map(ValueCollector::memory).sum();
        self.templates.memory() + granules + self.filters.memory() + values
    }

    pub(super) fn encode(self) -> EncodedDigest {
        let values: Vec<ValueCounts> = self.values.into_iter().map(ValueCollector::finish).collect();
        EncodedDigest {
            templates: self.templates.encode(),
            statistics: summary::encode(&self.granules, &values),
            filters: self.filters.finish(),
        }
    }
}

fn count_levels(column: &ArrayRef) -> [u32; LEVELS] {
    let mut levels = [0; LEVELS];
    let column = column.as_primitive::<UInt8Type>();
    for row in 0..column.len() {
        let level = if column.is_valid(row) { usize::from(column.value(row) & 7) } else { LEVELS - 1 };
        levels[level] += 1;
    }
    levels
}

/// Counts the values of one column of texts with a dictionary.
#[derive(Debug)]
struct ValueCollector {
    leaf: usize,
    values: Vec<SmolStr>,
    indices: HashMap<SmolStr, u32>,
    granules: Vec<Vec<(u32, u32)>>,
    /// It has more values than are counted.
    is_over: bool,
}

impl ValueCollector {
    fn new(leaf: usize) -> ValueCollector {
        debug_assert!(leaf == HOST || leaf >= FIXED_COLUMNS, "no other column has a dictionary");
        ValueCollector { leaf, values: Vec::new(), indices: HashMap::default(), granules: Vec::new(), is_over: false }
    }

    fn index(&mut self, value: &str) -> Option<u32> {
        if let Some(index) = self.indices.get(value) {
            return Some(*index);
        }
        if self.values.len() == VALUES_MAX || value.len() > VALUE_LEN_MAX {
            self.is_over = true;
            return None;
        }
        let (index, value) = (self.values.len() as u32, SmolStr::new(value));
        self.values.push(value.clone());
        self.indices.insert(value, index);
        Some(index)
    }

    fn add(&mut self, columns: &[ArrayRef]) {
        let column = columns[self.leaf].as_dictionary::<Int32Type>();
        let texts = column.values().as_string::<i32>();
        let mut rows_of = vec![0u32; texts.len()];
        for row in (0..column.len()).filter(|row| column.is_valid(*row)) {
            rows_of[column.keys().value(row) as usize] += 1;
        }
        let mut counts = Vec::with_capacity(texts.len());
        for (key, rows) in rows_of.into_iter().enumerate().filter(|(_, rows)| *rows > 0) {
            let Some(index) = self.index(texts.value(key)) else { return };
            counts.push((index, rows));
        }
        self.granules.push(counts);
    }

    fn adopt(&mut self, source: &ValueCounts, granule: usize) {
        let mut counts = Vec::new();
        for (value, rows) in &source.granules[granule] {
            let Some(index) = self.index(&source.values[*value as usize]) else { return };
            counts.push((index, *rows));
        }
        self.granules.push(counts);
    }

    fn memory(&self) -> usize {
        self.granules.iter().map(|counts| counts.capacity() * 8 + 24).sum::<usize>() + self.values.len() * 128
    }

    fn finish(self) -> ValueCounts {
        ValueCounts { leaf: self.leaf, values: self.values, granules: self.granules }
    }
}
