//! Which fields the matching records have, and their most frequent values.

use super::answer::{Snapshot, answer};
use super::session::{Ask, Failure, Session, Unit};
use crate::encoded::EncodedRecord;
use crate::store::Inner;
use crate::{FieldSummary, Fields, FieldsRequest, LogStoreError};
use arrow_array::Array as _;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt8Type;
use foldhash::HashMap;
use smol_str::SmolStr;
use std::collections::HashSet;
use watchfire_logblock::ValueRef;
use watchfire_logblock::block::ReadError;
use watchfire_logblock::block::layout::{ColumnKind, FieldColumn, HOST, LEVEL, REST, ValueKind};
use watchfire_logblock::query::FieldValues;
use watchfire_logblock::query::Granule;
use watchfire_logblock::query::RowSet;
use watchfire_logblock::query::{Rest, Texts, unexpected};
use watchfire_model::{HOST_FIELD, LEVEL_FIELD, Level, MESSAGE_FIELD, QueryBudget, STREAM_FIELD};

pub(crate) fn fields(inner: &Inner, request: &FieldsRequest, budget: &QueryBudget) -> Result<Fields, LogStoreError> {
    let ask = Ask { filter: &request.filter, range: request.range, budget };
    let (summaries, found) = answer(inner, ask, |session, snapshot| summarise(session, snapshot, request))?;
    let mut fields: Vec<FieldSummary> =
        summaries.into_iter().map(|(name, summary)| summary.finish(name, request.values_max)).collect();
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Fields { fields, partial: found.partial, stats: found.cost })
}

type Summaries = HashMap<SmolStr, Summary>;

/// One field so far.
#[derive(Debug, Default)]
struct Summary {
    /// By [`ValueKind::code`].
    kinds: [bool; TYPE_NAMES.len()],
    records: u64,
    values: HashMap<SmolStr, u64>,
    /// Memory of the values, about.
    bytes: u64,
}

/// Memory of a value in the table, but for its text, about.
const VALUE_BYTES: u64 = 64;

/// In the order of [`ValueKind::code`].
const TYPE_NAMES: [&str; 4] = ["bool", "i64", "f64", "string"];

impl Summary {
    fn add(&mut self, kind: ValueKind, text: &str, count: u64) {
        self.kinds[usize::from(kind.code())] = true;
        self.records += count;
        if let Some(known) = self.values.get_mut(text) {
            *known += count;
        } else {
            self.values.insert(SmolStr::new(text), count);
            self.bytes += VALUE_BYTES + text.len() as u64;
        }
    }

    /// Takes over what another thread has found.
    fn merge(&mut self, other: Summary) {
        for (seen, also) in self.kinds.iter_mut().zip(other.kinds) {
            *seen |= also;
        }
        self.records += other.records;
        if self.values.is_empty() {
            self.values = other.values;
        } else {
            for (value, count) in other.values {
                *self.values.entry(value).or_default() += count;
            }
        }
    }

    fn finish(self, name: SmolStr, values_max: usize) -> FieldSummary {
        let mut values: Vec<(SmolStr, u64)> = self.values.into_iter().collect();
        values.sort_by(|(text_a, count_a), (text_b, count_b)| count_b.cmp(count_a).then_with(|| text_a.cmp(text_b)));
        values.truncate(values_max);
        let mut types: Vec<&'static str> =
            TYPE_NAMES.iter().zip(self.kinds).filter(|(_, seen)| *seen).map(|(name, _)| *name).collect();
        types.sort_unstable();
        FieldSummary { name, types, records: self.records, values }
    }
}

fn summarise(session: &Session<'_>, snapshot: Snapshot, request: &FieldsRequest) -> Result<Summaries, Failure> {
    let units = session.units(snapshot)?;
    let parts = session.each(&units, Part::default, |part, unit| {
        match unit {
            Unit::Chunk(chunk) => session.scan(chunk, |_, record| {
                add_record(record, request, &mut part.summaries);
                Ok(())
            })?,
            Unit::Granule(planned, granule) => session
                .select(planned, *granule, |columns, rows| add_rows(columns, rows, request, &mut part.summaries))?,
        }
        part.charge(session)
    })?;
    let mut summaries = Summaries::default();
    for (name, part) in parts.into_iter().flat_map(|part| part.summaries) {
        summaries.entry(name).or_default().merge(part);
    }
    Ok(summaries)
}

/// What one thread has found.
#[derive(Debug, Default)]
struct Part {
    summaries: Summaries,
    /// What was paid for so far.
    charged: Charged,
}

#[derive(Debug, Default)]
struct Charged {
    values: u64,
    bytes: u64,
}

impl Part {
    /// The distinct values held come out of the budget.
    fn charge(&mut self, session: &Session<'_>) -> Result<(), Failure> {
        let values = self.summaries.values().map(|summary| 1 + summary.values.len() as u64).sum::<u64>();
        let bytes = self.summaries.values().map(|summary| VALUE_BYTES + summary.bytes).sum::<u64>();
        session.take(values - self.charged.values)?;
        session.hold(bytes - self.charged.bytes)?;
        self.charged = Charged { values, bytes };
        Ok(())
    }
}

/// A field of a record that bears the name of something every record has cannot be asked for.
fn is_hidden(name: &str) -> bool {
    matches!(name, HOST_FIELD | STREAM_FIELD | LEVEL_FIELD | MESSAGE_FIELD)
}

fn summary<'a>(summaries: &'a mut Summaries, name: &str) -> &'a mut Summary {
    if !summaries.contains_key(name) {
        summaries.insert(SmolStr::new(name), Summary::default());
    }
    summaries.get_mut(name).expect("it was inserted if it was not there")
}

/// Whether the request asks for the field.
fn is_wanted(request: &FieldsRequest, name: &str) -> bool {
    request.names.as_ref().is_none_or(|names| names.iter().any(|wanted| wanted == name))
}

fn add_record(record: &EncodedRecord<'_>, request: &FieldsRequest, summaries: &mut Summaries) {
    if is_wanted(request, HOST_FIELD) {
        summary(summaries, HOST_FIELD).add(ValueKind::Text, record.host, 1);
    }
    if is_wanted(request, STREAM_FIELD) {
        summary(summaries, STREAM_FIELD).add(ValueKind::Text, record.stream, 1);
    }
    if let Some(level) = record.level.filter(|_| is_wanted(request, LEVEL_FIELD)) {
        summary(summaries, LEVEL_FIELD).add(ValueKind::I64, &level.number().to_string(), 1);
    }
    let mut seen: HashSet<&str> = HashSet::new();
    for (name, value) in record.fields().filter(|(name, _)| !is_hidden(name)) {
        // Of two values under one name the first one counts, as in filters.
        if seen.insert(name) && is_wanted(request, name) {
            summary(summaries, name).add(kind_of(value), &value.to_text(), 1);
        }
    }
}

fn kind_of(value: ValueRef<'_>) -> ValueKind {
    match value {
        ValueRef::Bool(_) => ValueKind::Bool,
        ValueRef::I64(_) => ValueKind::I64,
        ValueRef::F64(_) => ValueKind::F64,
        ValueRef::Text(_) => ValueKind::Text,
    }
}

fn add_rows(
    columns: Granule<'_>,
    rows: &RowSet,
    request: &FieldsRequest,
    summaries: &mut Summaries,
) -> Result<(), ReadError> {
    let names_only = request.values_max == 0;
    if is_wanted(request, STREAM_FIELD) {
        summary(summaries, STREAM_FIELD).add(ValueKind::Text, &columns.block.meta.stream, rows.len() as u64);
    }
    if is_wanted(request, HOST_FIELD) {
        let host = columns.column(HOST)?;
        add_texts(Texts::new(&host)?, rows, summary(summaries, HOST_FIELD), |_| Ok(ValueKind::Text))?;
    }
    if is_wanted(request, LEVEL_FIELD) {
        add_levels(columns, rows, summaries)?;
    }
    for (field, stats) in columns.opened.layout.fields.iter().zip(&columns.stats().fields) {
        if stats.rows == 0 || is_hidden(&field.name) || !is_wanted(request, &field.name) {
            continue;
        }
        if names_only && field.kind != ColumnKind::Mixed && rows.len() == columns.stats().rows {
            let summary = summary(summaries, &field.name);
            summary.kinds[usize::from(kind_of_column(field).code())] = true;
            summary.records += stats.rows as u64;
            continue;
        }
        add_field(&FieldValues::read(columns, field)?, rows, &field.name, summaries)?;
    }
    add_rest(columns, rows, request, summaries)
}

fn kind_of_column(field: &FieldColumn) -> ValueKind {
    match field.kind {
        ColumnKind::Bool => ValueKind::Bool,
        ColumnKind::I64 => ValueKind::I64,
        ColumnKind::F64 => ValueKind::F64,
        ColumnKind::Text | ColumnKind::Mixed => ValueKind::Text,
    }
}

fn add_levels(columns: Granule<'_>, rows: &RowSet, summaries: &mut Summaries) -> Result<(), ReadError> {
    let column = columns.column(LEVEL)?;
    let levels = column.as_primitive_opt::<UInt8Type>().ok_or_else(|| unexpected(&column))?;
    let mut counts = [0u64; Level::NAMES.len()];
    for row in rows.iter().filter(|row| levels.is_valid(*row)) {
        counts[usize::from(levels.value(row)) % Level::NAMES.len()] += 1;
    }
    for (level, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
        summary(summaries, LEVEL_FIELD).add(ValueKind::I64, &level.to_string(), count);
    }
    Ok(())
}

fn add_field(values: &FieldValues, rows: &RowSet, name: &str, summaries: &mut Summaries) -> Result<(), ReadError> {
    let present = rows.filter(|row| values.column().is_valid(row));
    if present.is_empty() {
        return Ok(());
    }
    let summary = summary(summaries, name);
    if let Ok(texts) = Texts::new(values.column()) {
        return add_texts(texts, &present, summary, |row| values.kind(row));
    }
    for row in present.iter() {
        if let Some(value) = values.get(row)? {
            summary.add(ValueKind::of(&value), &value.to_text(), 1);
        }
    }
    Ok(())
}

/// Counts by dictionary key where there is one.
fn add_texts(
    texts: Texts<'_>,
    rows: &RowSet,
    summary: &mut Summary,
    kind: impl Fn(usize) -> Result<ValueKind, ReadError>,
) -> Result<(), ReadError> {
    let mut counts: Vec<(u64, usize)> = vec![(0, 0); texts.dictionary_len()];
    for row in rows.iter() {
        if let Some(key) = texts.key(row) {
            counts[key] = (counts[key].0 + 1, row);
            summary.kinds[usize::from(kind(row)?.code())] = true;
        } else if let Some(text) = texts.get(row) {
            summary.add(kind(row)?, text, 1);
        }
    }
    for (count, row) in counts.into_iter().filter(|(count, _)| *count > 0) {
        if let Some(text) = texts.get(row) {
            summary.add(kind(row)?, text, count);
        }
    }
    Ok(())
}

fn add_rest(
    columns: Granule<'_>,
    rows: &RowSet,
    request: &FieldsRequest,
    summaries: &mut Summaries,
) -> Result<(), ReadError> {
    if columns.stats().rest_rows == 0 {
        return Ok(());
    }
    let layout = &columns.opened.layout;
    let column = columns.column(REST)?;
    let rest = Rest::new(&column)?;
    for row in rows.iter() {
        let mut seen: HashSet<SmolStr> = HashSet::new();
        for (name, value) in rest.fields(row) {
            // A name with a column stands here only as the second one of its record.
            let counts = !is_hidden(&name) && is_wanted(request, &name) && layout.field(&name).is_none();
            if counts && seen.insert(name.clone()) {
                summary(summaries, &name).add(ValueKind::of(&value), &value.to_text(), 1);
            }
        }
    }
    Ok(())
}
