//! The plainest way to run a query, which the real one must equal.

use super::*;
use crate::{Pipe, SortKey, StatsFunction, StatsKey, StatsResult};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use watchfire_model::{KeyPart, RecordView as _};

/// Every pipe on all rows at once, in the plainest way.
pub(super) fn naive(query: &Query, source: &List, request: &RunRequest) -> Vec<Row> {
    let expr = query.expr.to_filter(request.now).expect("a filter");
    let mut rows: Vec<Row> = source
        .found(&expr, request.range)
        .into_iter()
        .map(|(arrival, record)| Row::of_record(arrival, record))
        .collect();
    rows.sort_by_key(|row| row.rank);
    for pipe in &query.pipes {
        rows = naive_pipe(pipe, rows, request);
    }
    rows
}

fn naive_pipe(pipe: &Pipe, mut rows: Vec<Row>, request: &RunRequest) -> Vec<Row> {
    match pipe {
        Pipe::Limit(limit) => rows.truncate(*limit),
        Pipe::Offset(offset) => drop(rows.drain(..(*offset).min(rows.len()))),
        Pipe::Sort { by, limit } => {
            rows.sort_by(|a, b| by.iter().map(|key| naive_order(key, a, b)).fold(Ordering::Equal, Ordering::then));
            rows.truncate(limit.unwrap_or(usize::MAX));
        }
        Pipe::Top { limit, by } => {
            let mut groups: Vec<_> = naive_groups(rows, |row| texts_of(row, by)).into_iter().collect();
            groups.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(&b.0)));
            groups.truncate(*limit);
            let hits = |rows: &Vec<Row>| vec![("hits".into(), Some(FieldValue::I64(rows.len() as i64)))];
            return naive_rows(by, groups.iter().map(|(key, rows)| (key.clone(), hits(rows))));
        }
        Pipe::Uniq { by, limit } => {
            let groups = naive_groups(rows, |row| texts_of(row, by)).into_iter().take(limit.unwrap_or(usize::MAX));
            return naive_rows(by, groups.map(|(key, _)| (key, Vec::new())));
        }
        Pipe::Stats(stats) => {
            let mut over_ns = request.range.end.0 - request.range.start.0;
            for key in &stats.by {
                if let StatsKey::Time(bucket) = key {
                    over_ns = bucket.step_ns;
                }
            }
            let part = |row: &Row, key: &StatsKey| match key {
                StatsKey::Field(name) => row.text_of(name).map_or(KeyPart::Absent, KeyPart::Text),
                StatsKey::Time(bucket) => row
                    .event_time()
                    .map_or(KeyPart::Absent, |time| KeyPart::Time(TimeNs(time.0 - time.0 % bucket.step_ns))),
            };
            let mut groups = naive_groups(rows, |row| stats.by.iter().map(|key| part(row, key)).collect());
            if stats.by.is_empty() {
                groups.entry(Vec::new()).or_default();
            }
            let result = |result: &StatsResult, rows: &[Row]| {
                (result.name.clone(), naive_result(result, rows, request, over_ns))
            };
            let values = |rows: &Vec<Row>| stats.results.iter().map(|it| result(it, rows)).collect();
            let names: Vec<SmolStr> = stats.by.iter().map(|key| key.name().into()).collect();
            return naive_rows(&names, groups.iter().map(|(key, rows)| (key.clone(), values(rows))));
        }
        pipe => {
            let operator = crate::operator::RowOperator::of(pipe, request.now).expect("valid").expect("a pipe on rows");
            rows.retain_mut(|row| operator.apply(row));
        }
    }
    rows
}

fn naive_order(key: &SortKey, a: &Row, b: &Row) -> Ordering {
    let number = |row: &Row| row.get(&key.field).and_then(Cell::as_number);
    let text = |row: &Row| row.text_of(&key.field).filter(|text| !text.is_empty());
    let turned = |order: Ordering| if key.is_descending { order.reverse() } else { order };
    match (number(a), number(b)) {
        (Some(a), Some(b)) => turned(a.total_cmp(&b)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => match (text(a), text(b)) {
            (Some(a), Some(b)) => turned(a.cmp(&b)),
            (a, b) => b.is_some().cmp(&a.is_some()),
        },
    }
}

fn texts_of(row: &Row, by: &[SmolStr]) -> Vec<KeyPart> {
    by.iter().map(|name| row.text_of(name).map_or(KeyPart::Absent, KeyPart::Text)).collect()
}

fn naive_groups(rows: Vec<Row>, key: impl Fn(&Row) -> Vec<KeyPart>) -> BTreeMap<Vec<KeyPart>, Vec<Row>> {
    let mut groups: BTreeMap<_, Vec<Row>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups
}

type NaiveGroup = (Vec<KeyPart>, Vec<(SmolStr, Option<FieldValue>)>);

fn naive_rows(by: &[SmolStr], groups: impl Iterator<Item = NaiveGroup>) -> Vec<Row> {
    let row = |(number, (key, values)): (u64, NaiveGroup)| {
        let part = |(name, part): (&SmolStr, KeyPart)| match part {
            KeyPart::Absent => None,
            KeyPart::Text(text) => Some((name.clone(), Cell::Value(FieldValue::Text(text)))),
            KeyPart::Time(time) => Some((name.clone(), Cell::Time(time))),
        };
        let values = values.into_iter().filter_map(|(name, value)| Some((name, Cell::Value(value?))));
        let cells = by.iter().zip(key).filter_map(part).chain(values).collect();
        Row { rank: (0, number), arrival: number, cells }
    };
    (0..).zip(groups).map(row).collect()
}

fn naive_result(result: &StatsResult, rows: &[Row], request: &RunRequest, over_ns: i64) -> Option<FieldValue> {
    let only = result.only.as_ref().map(|only| only.to_filter(request.now).expect("a filter"));
    let rows: Vec<&Row> = rows.iter().filter(|row| only.as_ref().is_none_or(|only| only.matches(*row))).collect();
    let field = result.field.clone().unwrap_or_default();
    let mut texts: Vec<SmolStr> =
        rows.iter().filter_map(|row| row.text_of(&field)).filter(|text| !text.is_empty()).collect();
    texts.sort();
    let mut numbers: Vec<f64> = rows.iter().filter_map(|row| row.get(&field).and_then(Cell::as_number)).collect();
    numbers.sort_by(f64::total_cmp);
    let mut edges: Vec<_> = rows
        .iter()
        .filter_map(|row| Some(((row.event_time().unwrap_or_default(), row.arrival), row.value(&field)?)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    edges.sort_by_key(|(at, _)| *at);
    let sum = numbers.iter().fold(0.0, |sum, number| sum + number);
    let seconds = over_ns as f64 / 1e9;
    let whole = |n: usize| Some(FieldValue::I64(n as i64));
    // Whole numbers are whole in the answer.
    let number = |number: f64| {
        if number.fract() == 0.0 { FieldValue::I64(number as i64) } else { FieldValue::F64(number) }
    };
    let text = |text: &SmolStr| FieldValue::Text(text.clone());
    let words: Vec<SmolStr> =
        texts.iter().filter(|text| FieldValue::Text((*text).clone()).as_number().is_none()).cloned().collect();
    match result.function {
        StatsFunction::Count if result.field.is_none() => whole(rows.len()),
        StatsFunction::Count => whole(texts.len()),
        StatsFunction::Sum => (!numbers.is_empty()).then(|| number(sum)),
        StatsFunction::Avg => (!numbers.is_empty()).then(|| FieldValue::F64(sum / numbers.len() as f64)),
        StatsFunction::Min => numbers.first().map(|least| number(*least)).or(words.first().map(text)),
        StatsFunction::Max => numbers.last().map(|most| number(*most)).or(words.last().map(text)),
        StatsFunction::Quantile(_) => (!numbers.is_empty()).then(|| number(numbers[(numbers.len() - 1) / 2])),
        StatsFunction::CountUniq => whole(texts.iter().collect::<BTreeSet<_>>().len()),
        StatsFunction::Values(max) => {
            let values: BTreeSet<&str> = texts.iter().map(SmolStr::as_str).collect();
            Some(FieldValue::Text(values.into_iter().take(max).collect::<Vec<_>>().join(", ").into()))
        }
        StatsFunction::First => edges.first().map(|(_, value)| value.clone()),
        StatsFunction::Last => edges.last().map(|(_, value)| value.clone()),
        StatsFunction::Rate if result.field.is_none() => Some(FieldValue::F64(rows.len() as f64 / seconds)),
        StatsFunction::Rate => Some(FieldValue::F64(sum / seconds)),
    }
}
