//! Looks at all records of a block to be, and decides which columns it gets.

use super::layout::{ColumnKind, FIELD_COLUMNS_MAX, FIXED_COLUMNS, FieldColumn, ValueKind};
use crate::{RecordRef, ValueRef};
use foldhash::fast::RandomState;
use foldhash::{HashMap, HashSet};
use smol_str::SmolStr;
use std::hash::BuildHasher;
use watchfire_model::LogRecord;

/// Values looked at to decide whether a dictionary pays.
const SAMPLE_VALUES: u64 = 4096;
/// It does when a value stands there this many times on average.
const DICTIONARY_REPEATS: u64 = 4;

/// The columns of a block, and where each field of each record goes.
#[derive(Debug)]
pub struct Survey {
    /// Sorted by name.
    pub fields: Vec<FieldColumn>,
    /// For every field of every record, in order: the index of its column.
    targets: Vec<u32>,
}

/// A survey under way: records one after the other.
#[derive(Debug, Default)]
pub struct SurveyBuilder {
    seen: Vec<Seen>,
    by_name: HashMap<SmolStr, u32>,
    /// Indices of `seen` until the end.
    targets: Vec<u32>,
    /// Which field stood at the same place of the last record: mostly the same one.
    hints: Vec<u32>,
    hasher: RandomState,
}

/// No column of its own.
pub(super) const TO_REST: u32 = u32::MAX;

/// What is known of a field when its column is chosen.
#[derive(Debug)]
pub(super) struct FieldUse {
    pub name: SmolStr,
    pub records: u64,
    pub kinds: KindSet,
    /// Whether a dictionary pays.
    pub dictionary: bool,
}

/// The types that the values of a field have: bit [`ValueKind::code`] for each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct KindSet(u8);

#[derive(Debug)]
struct Seen {
    name: SmolStr,
    records: u64,
    kinds: KindSet,
    sampled: u64,
    distinct: HashSet<u64>,
}

impl Survey {
    pub fn new<'a>(records: impl Iterator<Item = &'a LogRecord>) -> Survey {
        let mut survey = Survey::begin();
        for record in records {
            survey.look_at(record.fields.iter().map(|(name, value)| (name.as_str(), ValueRef::of(value))));
        }
        survey.finish()
    }

    /// For records that come one by one.
    pub fn begin() -> SurveyBuilder {
        SurveyBuilder::default()
    }

    /// For every field of every record, in order, the index of its column, or [`TO_REST`].
    pub fn targets(&self) -> &[u32] {
        &self.targets
    }
}

impl SurveyBuilder {
    /// Looks at the next record.
    pub fn look(&mut self, record: RecordRef<'_>) {
        self.look_at(record.fields.iter().copied());
    }

    fn look_at<'a>(&mut self, fields: impl Iterator<Item = (&'a str, ValueRef<'a>)>) {
        for (at, (name, value)) in fields.enumerate() {
            if at == self.hints.len() {
                self.hints.push(0);
            }
            let hint = &mut self.hints[at];
            if self.seen.get(*hint as usize).is_none_or(|seen| seen.name != name) {
                let next = self.seen.len() as u32;
                *hint = self.by_name.get(name).copied().unwrap_or(next);
                if *hint == next {
                    let name = SmolStr::new(name);
                    self.by_name.insert(name.clone(), next);
                    self.seen.push(Seen::new(name));
                }
            }
            self.seen[*hint as usize].look(value, &self.hasher);
            self.targets.push(*hint);
        }
    }

    /// Chooses the columns.
    pub fn finish(self) -> Survey {
        let uses: Vec<FieldUse> = self.seen.into_iter().map(Seen::into_use).collect();
        let (fields, column_of) = choose(&uses);
        let targets = self.targets.into_iter().map(|target| column_of[target as usize]).collect();
        Survey { fields, targets }
    }
}

impl Seen {
    fn new(name: SmolStr) -> Seen {
        let distinct = HashSet::default();
        Seen { name, records: 0, kinds: KindSet::default(), sampled: 0, distinct }
    }

    fn look(&mut self, value: ValueRef<'_>, hasher: &RandomState) {
        self.records += 1;
        self.kinds.insert(ValueKind::of_ref(value));
        if self.sampled >= SAMPLE_VALUES {
            return;
        }
        self.sampled += 1;
        self.distinct.insert(match value {
            ValueRef::Bool(value) => u64::from(value),
            ValueRef::I64(value) => value as u64,
            ValueRef::F64(value) => value.to_bits(),
            ValueRef::Text(value) => hasher.hash_one(value),
        });
    }

    fn into_use(self) -> FieldUse {
        let dictionary = self.distinct.len() as u64 * DICTIONARY_REPEATS <= self.sampled;
        FieldUse { name: self.name, records: self.records, kinds: self.kinds, dictionary }
    }
}

impl KindSet {
    /// The types that a column of this kind may hold.
    pub(super) fn of_column(kind: ColumnKind) -> KindSet {
        let mut set = KindSet::default();
        match kind {
            ColumnKind::Bool => set.insert(ValueKind::Bool),
            ColumnKind::I64 => set.insert(ValueKind::I64),
            ColumnKind::F64 => set.insert(ValueKind::F64),
            ColumnKind::Text => set.insert(ValueKind::Text),
            ColumnKind::Mixed => {
                for kind in [ValueKind::Bool, ValueKind::I64, ValueKind::F64, ValueKind::Text] {
                    set.insert(kind);
                }
            }
        }
        set
    }

    pub(super) fn insert(&mut self, kind: ValueKind) {
        self.0 |= 1 << kind.code();
    }

    pub(super) fn unite(&mut self, other: KindSet) {
        self.0 |= other.0;
    }

    fn column(self) -> ColumnKind {
        let only = |kind| self == KindSet::of_column(kind);
        [ColumnKind::Bool, ColumnKind::I64, ColumnKind::F64, ColumnKind::Text]
            .into_iter()
            .find(|kind| only(*kind))
            .unwrap_or(ColumnKind::Mixed)
    }
}

/// The columns by name, and for every field used the index of its column, or [`TO_REST`].
pub(super) fn choose(seen: &[FieldUse]) -> (Vec<FieldColumn>, Vec<u32>) {
    let mut order: Vec<usize> = (0..seen.len()).collect();
    if order.len() > FIELD_COLUMNS_MAX {
        order.sort_by(|a, b| seen[*b].records.cmp(&seen[*a].records).then_with(|| seen[*a].name.cmp(&seen[*b].name)));
        order.truncate(FIELD_COLUMNS_MAX);
    }
    order.sort_by(|a, b| seen[*a].name.cmp(&seen[*b].name));
    let mut column_of = vec![TO_REST; seen.len()];
    let mut fields = Vec::with_capacity(order.len());
    let mut leaf = FIXED_COLUMNS;
    for (column, index) in order.into_iter().enumerate() {
        let seen = &seen[index];
        let field =
            FieldColumn { name: seen.name.clone(), kind: seen.kinds.column(), dictionary: seen.dictionary, leaf };
        leaf += field.kind.leaves();
        column_of[index] = column as u32;
        fields.push(field);
    }
    (fields, column_of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchfire_model::{FieldValue, TimeNs};

    fn record(time: i64, message: &str) -> LogRecord {
        LogRecord {
            time: TimeNs(time),
            received: TimeNs(time),
            stream: LogRecord::DEFAULT_STREAM.into(),
            host: "node-1".into(),
            message: message.into(),
            level: None,
            fields: Vec::new(),
        }
    }

    fn with_fields(fields: &[(&str, FieldValue)]) -> LogRecord {
        let fields = fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
        LogRecord { fields, ..record(0, "m") }
    }

    #[test]
    fn a_column_has_the_type_of_all_its_values() {
        let records = [
            with_fields(&[("b", FieldValue::I64(1)), ("a", FieldValue::Bool(true))]),
            with_fields(&[("a", FieldValue::Bool(false)), ("b", FieldValue::Text("1".into()))]),
        ];
        let survey = Survey::new(records.iter());
        let got: Vec<_> = survey.fields.iter().map(|field| (field.name.as_str(), field.kind, field.leaf)).collect();
        assert_eq!(got, [("a", ColumnKind::Bool, FIXED_COLUMNS), ("b", ColumnKind::Mixed, FIXED_COLUMNS + 1)]);
        assert_eq!(survey.targets(), [1, 0, 0, 1]);
    }

    #[test]
    fn the_rarest_of_too_many_fields_get_no_column() {
        let names: Vec<String> = (0..FIELD_COLUMNS_MAX + 2).map(|n| format!("f{n:05}")).collect();
        let mut records: Vec<LogRecord> = names.iter().map(|name| with_fields(&[(name, FieldValue::I64(1))])).collect();
        records.extend(names[2..].iter().map(|name| with_fields(&[(name, FieldValue::I64(1))])));
        let survey = Survey::new(records.iter());
        assert_eq!(survey.fields.len(), FIELD_COLUMNS_MAX);
        assert_eq!(survey.targets()[..3], [TO_REST, TO_REST, 0]);
    }
}
