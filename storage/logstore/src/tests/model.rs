//! The naive store, and filters to ask both.

use crate::{FieldSummary, FieldsRequest, HistogramRequest, RecordId, StoredRecord};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use watchfire_model::{FieldPattern, FieldValue, LogFilter, LogRecord, NumberRange, TimeNs, TimeRangeNs, Wildcard};

/// All records in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Model {
    records: Vec<LogRecord>,
}

impl Model {
    pub(super) fn append(&mut self, records: Vec<LogRecord>) {
        self.records.extend(records);
    }

    fn matching<'a>(&'a self, filter: &'a LogFilter, range: TimeRangeNs) -> impl Iterator<Item = (u64, &'a LogRecord)> {
        (0u64..).zip(&self.records).filter(move |(_, record)| range.contains(record.time) && filter.matches(*record))
    }

    pub(super) fn search(&self, filter: &LogFilter, range: TimeRangeNs) -> Vec<StoredRecord> {
        let stored = |(sequence, record): (u64, &LogRecord)| StoredRecord {
            id: RecordId { time: record.time, sequence },
            record: record.clone(),
        };
        let mut found: Vec<StoredRecord> = self.matching(filter, range).map(stored).collect();
        found.sort_by_key(|record| std::cmp::Reverse(record.id));
        found
    }

    pub(super) fn fields(&self, request: &FieldsRequest) -> Vec<FieldSummary> {
        let mut seen: BTreeMap<SmolStr, (BTreeSet<&'static str>, BTreeMap<SmolStr, u64>)> = BTreeMap::new();
        for (_, record) in self.matching(&request.filter, request.range) {
            let mut add = |name: &str, kind: &'static str, text: SmolStr| {
                let (kinds, values) = seen.entry(name.into()).or_default();
                kinds.insert(kind);
                *values.entry(text).or_default() += 1;
            };
            add("host", "string", record.host.clone());
            add("stream", "string", record.stream.clone());
            if let Some(level) = record.level {
                add("level", "i64", level.number().to_string().into());
            }
            let mut names = BTreeSet::new();
            for (name, value) in &record.fields {
                if !["host", "stream", "level", "message"].contains(&name.as_str()) && names.insert(name) {
                    add(name, type_name(value), value.to_text());
                }
            }
        }
        let summary = |(name, (kinds, values)): (SmolStr, (BTreeSet<&'static str>, BTreeMap<SmolStr, u64>))| {
            let records = values.values().sum();
            let mut values: Vec<(SmolStr, u64)> = values.into_iter().collect();
            values.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            values.truncate(request.values_max);
            FieldSummary { name, types: kinds.into_iter().collect(), records, values }
        };
        seen.into_iter().map(summary).collect()
    }

    /// Start, series and total; `None` where there would be too many buckets.
    #[expect(clippy::type_complexity, reason = "the parts of a histogram that are compared")]
    pub(super) fn histogram(
        &self,
        request: &HistogramRequest,
    ) -> Option<(TimeNs, Vec<(Option<SmolStr>, Vec<u64>)>, u64)> {
        let (start, end) = (request.range.start.0, request.range.end.0);
        let start = start.checked_div_euclid(request.step_ns)?.checked_mul(request.step_ns)?;
        let span = if end > request.range.start.0 { end.checked_sub(start)? } else { 0 };
        let buckets = span.checked_add(request.step_ns - 1)? / request.step_ns;
        let buckets = usize::try_from(buckets).ok().filter(|buckets| *buckets <= HistogramRequest::BUCKETS_MAX)?;
        let mut series: BTreeMap<Option<SmolStr>, Vec<u64>> = BTreeMap::new();
        if request.by.is_none() {
            series.insert(None, vec![0; buckets]);
        }
        let mut total = 0;
        for (_, record) in self.matching(&request.filter, request.range) {
            let value = match request.by.as_deref() {
                None => None,
                Some("level") => record.level.map(|level| level.number().to_string().into()),
                Some("stream") => Some(record.stream.clone()),
                Some("host") => Some(record.host.clone()),
                Some("message") => Some(record.message.clone()),
                Some(name) => record.field(name).map(FieldValue::to_text),
            };
            let bucket = (record.time.0 - start) / request.step_ns;
            series.entry(value).or_insert_with(|| vec![0; buckets])[usize::try_from(bucket).unwrap()] += 1;
            total += 1;
        }
        let mut series: Vec<_> = series.into_iter().collect();
        series.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.iter().sum::<u64>()));
        Some((TimeNs(start), series, total))
    }
}

fn type_name(value: &FieldValue) -> &'static str {
    match value {
        FieldValue::Bool(_) => "bool",
        FieldValue::I64(_) => "i64",
        FieldValue::F64(_) => "f64",
        FieldValue::Text(_) => "string",
    }
}

fn any(text: &str) -> LogFilter {
    LogFilter::Any(FieldPattern::text(text))
}

fn any_like(pattern: &str) -> LogFilter {
    LogFilter::Any(FieldPattern::Wildcard(Wildcard::parse(pattern).unwrap()))
}

fn field(name: &str, text: &str) -> LogFilter {
    LogFilter::Field { name: name.into(), pattern: FieldPattern::text(text) }
}

fn field_like(name: &str, pattern: &str) -> LogFilter {
    LogFilter::Field { name: name.into(), pattern: FieldPattern::Wildcard(Wildcard::parse(pattern).unwrap()) }
}

fn range(name: &str, low: Bound<f64>, high: Bound<f64>) -> LogFilter {
    LogFilter::Range { name: name.into(), range: NumberRange { low, high } }
}

fn exists(name: &str) -> LogFilter {
    LogFilter::Exists { name: name.into() }
}

fn not(filter: LogFilter) -> LogFilter {
    LogFilter::Not(Box::new(filter))
}

pub(super) fn filters() -> Vec<LogFilter> {
    let mut filters = vec![LogFilter::All, LogFilter::And(Vec::new()), LogFilter::Or(Vec::new())];
    let texts = [
        "",
        "200",
        "1",
        "1.0",
        "-0",
        "NaN",
        "inf",
        "true",
        "refused",
        "Connection Refused",
        "connection-refused",
        "->",
        "order-service",
        "order",
        "node-1",
        "ÄB",
        "i\u{307}",
        "two words",
        "default",
        "audit log",
        "a a b",
        "absent",
        "5",
        "9007199254740993",
        "-9223372036854775808",
    ];
    filters.extend(texts.map(any));
    let long = "X".repeat(200);
    filters.extend([any(&long), field("took", &long), field("service", &long)]);
    filters.extend(["*", "re*", "*us*", "1*", "?", "tr?e", "*-service", "->*"].map(any_like));
    for name in ["service", "took", "took:kind", "a.b", "", "host", "message", "time", "stream", "level", "absent"] {
        filters
            .extend(["", "1", "1.0", "true", "200", "refused", "3", "node-1", "default"].map(|text| field(name, text)));
        filters.extend(["*", "1*", "*e*", "?"].map(|pattern| field_like(name, pattern)));
        filters.push(exists(name));
        filters.push(not(exists(name)));
        filters.push(range(name, Bound::Unbounded, Bound::Unbounded));
        filters.push(range(name, Bound::Included(1.0), Bound::Unbounded));
        filters.push(range(name, Bound::Excluded(-1.0), Bound::Excluded(1.0)));
        filters.push(range(name, Bound::Unbounded, Bound::Included(0.5)));
    }
    filters.push(LogFilter::And(vec![any("200"), not(field("level", "3")), exists("took")]));
    filters
        .push(LogFilter::Or(vec![field("service", "order"), range("took", Bound::Included(200.0), Bound::Unbounded)]));
    filters.push(not(LogFilter::Or(vec![any("refused"), field("stream", "default")])));
    filters.push(LogFilter::And(vec![not(LogFilter::All), any("1")]));
    filters
}

/// For records with more fields than there are columns.
pub(super) fn wide_filters() -> Vec<LogFilter> {
    let mut filters = vec![LogFilter::All, any("1098"), any("wide"), field("a", "1"), field("a", "2"), any("2")];
    for name in ["f0000", "f0999", "f1099", "g"] {
        filters.push(exists(name));
        filters.push(not(exists(name)));
        filters.push(range(name, Bound::Included(1500.0), Bound::Unbounded));
        filters.extend(["0", "1099", "2198", "999"].map(|text| field(name, text)));
        filters.push(field_like(name, "10*"));
    }
    filters
}
