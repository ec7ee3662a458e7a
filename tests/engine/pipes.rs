//! Whole queries with pipes: over a store they answer what they answer over a plain list.

use crate::messages::pick;
use crate::random::Random;
use crate::world::World;
use std::cmp::Reverse;
use std::ops::ControlFlow;
use std::sync::Arc;
use watchfire_logquery::{Cell, RunRequest, Table, parse_at, run};
use watchfire_model::{
    AggregateRequest, FieldValue, Groups, LogAnswer, LogFilter, LogRecord, LogSource, LogSourceError, QueryBudget,
    ScanOrder, ScanRequest, TimeNs, TimeRangeNs,
};

/// What `now` means; nothing asks for it.
const NOW: TimeNs = TimeNs(0);
const ROWS_MAX: usize = 1_000_000;
const FIELDS: [&str; 9] = ["service", "took", "user.id", "took_ms", "level", "host", "stream", "message", "number"];
const FUNCTIONS: [&str; 13] = [
    "count()",
    "count(took)",
    "sum(took)",
    "avg(took_ms)",
    "min(took)",
    "max(service)",
    "median(took)",
    "p95(number)",
    "quantile(0.25, took)",
    "count_uniq(user.id)",
    "values(service)",
    "first(message)",
    "last(took)",
];

/// Records in order of arrival, as plain as can be.
struct List<'a>(&'a [LogRecord]);

impl List<'_> {
    fn found(&self, filter: &LogFilter, range: TimeRangeNs) -> Vec<(u64, &LogRecord)> {
        (0..).zip(self.0).filter(|(_, record)| range.contains(record.time) && filter.matches(*record)).collect()
    }
}

impl LogSource for List<'_> {
    fn scan(
        &self,
        request: &ScanRequest,
        _budget: &QueryBudget,
        visit: &mut dyn FnMut(u64, &LogRecord) -> ControlFlow<()>,
    ) -> Result<LogAnswer, LogSourceError> {
        let mut found = self.found(&request.filter, request.range);
        match request.order {
            ScanOrder::NewestFirst => found.sort_by_key(|(arrival, record)| Reverse((record.time, *arrival))),
            ScanOrder::OldestFirst | ScanOrder::Any => found.sort_by_key(|(arrival, record)| (record.time, *arrival)),
        }
        for (arrival, record) in found {
            if visit(arrival, record).is_break() {
                break;
            }
        }
        Ok(LogAnswer::default())
    }

    fn aggregate(
        &self,
        request: &AggregateRequest,
        _budget: &QueryBudget,
    ) -> Result<(Groups, LogAnswer), LogSourceError> {
        let mut groups = Groups::new(Arc::new(request.spec.clone()));
        for (arrival, record) in self.found(&request.filter, request.range) {
            groups.add(arrival, record)?;
        }
        Ok((groups, LogAnswer::default()))
    }
}

/// One to three pipes.
fn pipes(random: &mut Random) -> String {
    let count = random.within(1..4);
    let pipes: Vec<String> = (0..count).map(|_| pipe(random)).collect();
    format!(" | {}", pipes.join(" | "))
}

fn pipe(random: &mut Random) -> String {
    let field = pick(random, &FIELDS);
    let other = pick(random, &FIELDS);
    match random.within(0..18) {
        0..=4 => stats(random),
        5 => format!("top {} by ({field})", random.within(1..9)),
        6 => format!("uniq by ({field}, {other})"),
        7 => format!("sort by ({field} desc, {other}) limit {}", random.within(1..50)),
        8 => format!("sort by ({field})"),
        9 => format!("limit {}", random.within(1..50)),
        10 => format!("offset {}", random.within(1..20)),
        11 => format!("fields _time, {field}, {other}, number"),
        12 => format!("filter {field}:* NOT error"),
        13 => "collapse_nums at message".to_owned(),
        14 => "math took * 2 + number as twice".to_owned(),
        15 => "extract_regexp \"(?P<digits>[0-9]+)\" from message".to_owned(),
        16 => "format \"<host>/<service>\" as place".to_owned(),
        _ => format!("rename {field} as renamed"),
    }
}

fn stats(random: &mut Random) -> String {
    let key = |random: &mut Random| match random.within(0..5) {
        0 => "_time:1h".to_owned(),
        1 => "_time:1d tz \"Europe/Berlin\"".to_owned(),
        _ => pick(random, &FIELDS).to_owned(),
    };
    let keys: Vec<String> = (0..random.within(0..3)).map(|_| key(random)).collect();
    let by = if keys.is_empty() { String::new() } else { format!("by ({}) ", keys.join(", ")) };
    let functions: Vec<String> =
        (0..random.within(1..4)).map(|n| format!("{} as f{n}", pick(random, &FUNCTIONS))).collect();
    format!("stats {by}{}", functions.join(", "))
}

/// What differs, if anything does; queries that are refused have to be refused for both.
pub(crate) fn check(world: &World, search: &str, range: TimeRangeNs, random: &mut Random) -> Result<bool, String> {
    let text = format!("{search}{}", pipes(random));
    let Ok(query) = parse_at(&text, NOW) else { return Ok(false) };
    let request = RunRequest { rows_max: ROWS_MAX, ..RunRequest::new(range, NOW) };
    let budget = QueryBudget::unlimited();
    let stored = run(&query, &request, world.store(), &budget);
    let plain = run(&query, &request, &List(&world.records), &budget);
    match (stored, plain) {
        (Ok(stored), Ok(plain)) => {
            crate::answers::whole(&text, &stored.answer.partial)?;
            difference(&stored.table, &plain.table).map_or(Ok(true), |what| Err(format!("`{text}`: {what}")))
        }
        (Err(_), Err(_)) => Ok(false),
        (stored, plain) => Err(format!("`{text}`: {:?} and {:?}", stored.err(), plain.err())),
    }
}

fn difference(found: &Table, wanted: &Table) -> Option<String> {
    if found.columns != wanted.columns {
        return Some(format!("columns {:?}, not {:?}", found.columns, wanted.columns));
    }
    let (found, wanted) = (&found.rows, &wanted.rows);
    let is_other = |at: &usize| match (found.get(*at), wanted.get(*at)) {
        (Some(found), Some(wanted)) => {
            !found.iter().zip(wanted).all(|(found, wanted)| is_same(found.as_ref(), wanted.as_ref()))
        }
        _ => true,
    };
    let at = (0..found.len().max(wanted.len())).find(is_other)?;
    Some(format!("{} rows, not {}; row {at}: {:?}, not {:?}", found.len(), wanted.len(), found.get(at), wanted.get(at)))
}

/// Equal but for the order in which numbers were added up.
fn is_same(found: Option<&Cell>, wanted: Option<&Cell>) -> bool {
    let number = |cell: Option<&Cell>| match cell {
        Some(Cell::Value(value @ (FieldValue::F64(_) | FieldValue::I64(_)))) => value.as_number(),
        _ => None,
    };
    match (number(found), number(wanted)) {
        (Some(found), Some(wanted)) => {
            found == wanted
                || found.is_nan() && wanted.is_nan()
                || (found - wanted).abs() <= 1e-9 * found.abs().max(wanted.abs())
        }
        _ => found == wanted,
    }
}
