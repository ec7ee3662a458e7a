//! The plainest way to run a query, which the real one must equal.

use super::*;
use crate::{Pipe, SortKey, StatsFunction, StatsResult};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

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
            let mut groups: Vec<_> = naive_groups(by, rows).into_iter().collect();
            groups.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(&b.0)));
            groups.truncate(*limit);
            let hits = |rows: &Vec<Row>| vec![("hits".into(), Some(FieldValue::I64(rows.len() as i64)))];
            return naive_rows(by, groups.iter().map(|(key, rows)| (key.clone(), hits(rows))));
        }
        Pipe::Uniq { by, limit } => {
            let groups = naive_groups(by, rows).into_iter().take(limit.unwrap_or(usize::MAX));
            return naive_rows(by, groups.map(|(key, _)| (key, Vec::new())));
        }
        Pipe::Stats(stats) => {
            let names: Vec<SmolStr> = stats.by.iter().map(|key| key.name().into()).collect();
            let mut groups = naive_groups(&names, rows);
            if names.is_empty() {
                groups.entry(Vec::new()).or_default();
            }
            let values = |rows: &[Row]| {
                stats.results.iter().map(|result| (result.name.clone(), naive_result(result, rows, request))).collect()
            };
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

fn naive_groups(by: &[SmolStr], rows: Vec<Row>) -> BTreeMap<Vec<Option<SmolStr>>, Vec<Row>> {
    let mut groups: BTreeMap<_, Vec<Row>> = BTreeMap::new();
    for row in rows {
        groups.entry(by.iter().map(|name| row.text_of(name)).collect()).or_default().push(row);
    }
    groups
}

type NaiveGroup = (Vec<Option<SmolStr>>, Vec<(SmolStr, Option<FieldValue>)>);

fn naive_rows(by: &[SmolStr], groups: impl Iterator<Item = NaiveGroup>) -> Vec<Row> {
    let row = |(number, (key, values)): (u64, NaiveGroup)| {
        let keys = by.iter().cloned().zip(key.into_iter().map(|text| text.map(FieldValue::Text)));
        let cells = keys.chain(values).filter_map(|(name, value)| value.map(|value| (name, Cell::Value(value))));
        Row { rank: (0, number), arrival: number, cells: cells.collect() }
    };
    (0..).zip(groups).map(row).collect()
}

fn naive_result(result: &StatsResult, rows: &[Row], request: &RunRequest) -> Option<FieldValue> {
    let only = result.only.as_ref().map(|only| only.to_filter(request.now).expect("a filter"));
    let rows: Vec<&Row> = rows.iter().filter(|row| only.as_ref().is_none_or(|only| only.matches(*row))).collect();
    let field = result.field.clone().unwrap_or_default();
    let texts: Vec<SmolStr> =
        rows.iter().filter_map(|row| row.text_of(&field)).filter(|text| !text.is_empty()).collect();
    let mut numbers: Vec<f64> = rows.iter().filter_map(|row| row.get(&field).and_then(Cell::as_number)).collect();
    numbers.sort_by(f64::total_cmp);
    let whole = |n: usize| Some(FieldValue::I64(n as i64));
    // Numbers are whole in these tests.
    let number = |number: f64| FieldValue::I64(number as i64);
    match result.function {
        StatsFunction::Count if result.field.is_none() => whole(rows.len()),
        StatsFunction::Count => whole(texts.len()),
        StatsFunction::Sum => (!numbers.is_empty()).then(|| number(numbers.iter().sum())),
        StatsFunction::Quantile(_) => (!numbers.is_empty()).then(|| number(numbers[(numbers.len() - 1) / 2])),
        StatsFunction::CountUniq => whole(texts.iter().collect::<BTreeSet<_>>().len()),
        other => panic!("{other:?} is not generated"),
    }
}
