//! The columns of a block that is made of other blocks.

use super::layout::{FieldColumn, REST, ValueKind};
use super::scan::BlockScan;
use super::survey::{FieldUse, KindSet, TO_REST, choose};
use super::{ReadError, guarded};
use crate::query::Rest;
use foldhash::HashMap;
use smol_str::SmolStr;
use watchfire_model::LogRecord;

/// Columns for all records of some blocks, and where their fields go.
#[derive(Debug)]
pub struct Union {
    /// Sorted by name.
    pub fields: Vec<FieldColumn>,
    by_name: HashMap<SmolStr, u32>,
    targets: Vec<u32>,
}

/// A field over all blocks.
#[derive(Debug, Default)]
struct Seen {
    records: u64,
    kinds: KindSet,
    /// Of the records, those in blocks where a dictionary paid.
    in_dictionaries: u64,
}

impl Union {
    /// Looks at the layouts, and at the shared columns of fields that have none of their own. What cannot be read of a
    /// shared column goes, with its block and granule, to `skip`, which says whether to go on without that granule.
    pub fn new(
        scans: &[BlockScan],
        mut skip: impl FnMut(usize, usize, ReadError) -> Result<(), ReadError>,
    ) -> Result<Union, (usize, ReadError)> {
        let mut seen: HashMap<SmolStr, Seen> = HashMap::default();
        for (index, scan) in scans.iter().enumerate() {
            let layout = &scan.opened.layout;
            for (number, field) in layout.fields.iter().enumerate() {
                let rows: u64 = layout.granules.iter().map(|granule| granule.fields[number].rows as u64).sum();
                let seen = seen.entry(field.name.clone()).or_default();
                seen.records += rows;
                seen.kinds.unite(KindSet::of_column(field.kind));
                seen.in_dictionaries += if field.dictionary { rows } else { 0 };
            }
            for granule in (0..layout.granules.len()).filter(|granule| layout.granules[*granule].rest_rows > 0) {
                if let Err(error) = look_at_rest(scan, granule, &mut seen) {
                    skip(index, granule, error).map_err(|error| (index, error))?;
                }
            }
        }
        let uses: Vec<FieldUse> = seen
            .into_iter()
            .map(|(name, seen)| {
                let dictionary = seen.in_dictionaries * 2 > seen.records;
                FieldUse { name, records: seen.records, kinds: seen.kinds, dictionary }
            })
            .collect();
        let (fields, _) = choose(&uses);
        let by_name = (0u32..).zip(&fields).map(|(column, field)| (field.name.clone(), column)).collect();
        Ok(Union { fields, by_name, targets: Vec::new() })
    }

    /// Index of the column of the field with this name.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).map(|column| *column as usize)
    }

    /// For each field of the record the index of its column, or [`TO_REST`].
    pub fn targets(&mut self, record: &LogRecord) -> &[u32] {
        self.targets.clear();
        let column = |name: &SmolStr| self.by_name.get(name).copied().unwrap_or(TO_REST);
        self.targets.extend(record.fields.iter().map(|(name, _)| column(name)));
        &self.targets
    }
}

fn look_at_rest(scan: &BlockScan, granule: usize, seen: &mut HashMap<SmolStr, Seen>) -> Result<(), ReadError> {
    guarded(|| {
        let granule = scan.granule(granule, None);
        let column = granule.column(REST)?;
        let rest = Rest::new(&column)?;
        for (name, value) in (0..granule.stats().rows).flat_map(|row| rest.fields(row)) {
            let seen = seen.entry(name).or_default();
            seen.records += 1;
            seen.kinds.insert(ValueKind::of(&value));
        }
        Ok(())
    })
}
