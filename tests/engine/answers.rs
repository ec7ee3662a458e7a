//! Every kind of answer, compared with a plain scan.

use crate::random::Random;
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use watchfire_logstore::{FieldsRequest, HistogramRequest, SearchRequest};
use watchfire_model::{
    FieldSelection, FieldValue, LogFilter, LogRecord, LogSource, QueryBudget, ScanOrder, ScanRequest, TimeNs,
    TimeRangeNs,
};

/// What is asked of the store in every way.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) filter: &'a LogFilter,
    pub(crate) range: TimeRangeNs,
}

/// A record with its place in the order of arrival.
pub(crate) type Found<'a> = (u64, &'a LogRecord);

/// Records that pass and lie in the range, in order of time and arrival.
pub(crate) fn wanted(records: &[LogRecord], range: TimeRangeNs, passes: impl Fn(&LogRecord) -> bool) -> Vec<Found<'_>> {
    let mut wanted: Vec<Found<'_>> =
        (0..).zip(records).filter(|(_, record)| range.contains(record.time) && passes(record)).collect();
    wanted.sort_by_key(|(arrival, record)| (record.time, *arrival));
    wanted
}

/// What differs, if anything does.
pub(crate) fn check(
    world: &World,
    question: &Question<'_>,
    wanted: &[Found<'_>],
    random: &mut Random,
) -> Result<(), String> {
    search(world, question, wanted, random)?;
    scan(world, question, wanted, random)?;
    histogram(world, question, wanted, random)?;
    fields(world, question, wanted, random)
}

/// All pages of a search in either order.
fn search(world: &World, question: &Question<'_>, wanted: &[Found<'_>], random: &mut Random) -> Result<(), String> {
    let order = if random.one_in(2) { ScanOrder::NewestFirst } else { ScanOrder::OldestFirst };
    let mut request = SearchRequest {
        filter: question.filter.clone(),
        range: question.range,
        limit: [1, 7, 100, 5000][random.within(0..4) as usize].max(wanted.len() / 20 + 1),
        cursor: None,
        order,
        fields: FieldSelection::All,
    };
    let mut found = Vec::new();
    loop {
        let page = world.store().search(&request, &QueryBudget::unlimited()).map_err(|error| format!("{error:?}"))?;
        whole("search", &page.partial)?;
        found.extend(page.records.into_iter().map(|stored| stored.record));
        let Some(cursor) = page.next_cursor else { break };
        request.cursor = Some(cursor);
    }
    let records = ordered(wanted, order);
    same(&format!("search, {order:?}, pages of {}", request.limit), &found, &records)
}

fn ordered(wanted: &[Found<'_>], order: ScanOrder) -> Vec<LogRecord> {
    let mut records: Vec<LogRecord> = wanted.iter().map(|(_, record)| (*record).clone()).collect();
    if order == ScanOrder::NewestFirst {
        records.reverse();
    }
    records
}

/// A scan in any order, of some fields only.
fn scan(world: &World, question: &Question<'_>, wanted: &[Found<'_>], random: &mut Random) -> Result<(), String> {
    let order = [ScanOrder::NewestFirst, ScanOrder::OldestFirst, ScanOrder::Any][random.within(0..3) as usize];
    let some: BTreeSet<_> = ["message", "number", "took", "level"].into_iter().map(Into::into).collect();
    let fields = if random.one_in(2) { FieldSelection::All } else { FieldSelection::Only(some) };
    let request = ScanRequest { filter: question.filter.clone(), range: question.range, order, fields: fields.clone() };
    let mut found = Vec::new();
    let answer = world.store().scan(&request, &QueryBudget::unlimited(), &mut |_, record| {
        found.push(record.clone());
        ControlFlow::Continue(())
    });
    whole("scan", &answer.map_err(|error| format!("{error:?}"))?.partial)?;
    let by_number = |record: &LogRecord| format!("{:?}", record.field("number"));
    let mut records = ordered(wanted, order);
    if order == ScanOrder::Any {
        found.sort_by_key(by_number);
        records.sort_by_key(by_number);
    }
    if let FieldSelection::Only(names) = &fields {
        for record in records.iter_mut().chain(&mut found) {
            keep(record, names);
        }
    }
    same(&format!("scan, {order:?}, {fields:?}"), &found, &records)
}

/// Leaves the selected parts; what else an answer holds is not asked about.
fn keep(record: &mut LogRecord, names: &BTreeSet<smol_str::SmolStr>) {
    record.host = smol_str::SmolStr::default();
    record.fields.retain(|(name, _)| names.contains(name));
}

fn histogram(world: &World, question: &Question<'_>, wanted: &[Found<'_>], random: &mut Random) -> Result<(), String> {
    let start = TimeNs(crate::messages::START_S * 1_000_000_000);
    let step_ns =
        [60, 3600, 86_400, 7][random.within(0..4) as usize] * 1_000_000_000 * i64::from(!random.one_in(5)).max(1);
    let range = TimeRangeNs {
        start: question.range.start.max(start.plus_ns(-100_000_000_000)),
        end: question
            .range
            .end
            .min(start.plus_ns(step_ns.saturating_mul(9000)).min(start.plus_ns(400_000_000_000_000))),
    };
    let by = [None, Some("service"), Some("took"), Some("level"), Some("host"), Some("stream"), Some("user.id")];
    let by = by[random.within(0..by.len() as u64) as usize];
    let request = HistogramRequest { filter: question.filter.clone(), range, step_ns, by: by.map(Into::into) };
    let answer = match world.store().histogram(&request, &QueryBudget::unlimited()) {
        Ok(answer) => answer,
        Err(error) if range.start >= range.end => return Err(format!("an empty range: {error:?}")),
        Err(error) => return Err(format!("{error:?} for {request:?}")),
    };
    whole("histogram", &answer.partial)?;
    let inside: Vec<&LogRecord> =
        wanted.iter().map(|(_, record)| *record).filter(|record| range.contains(record.time)).collect();
    if answer.total != inside.len() as u64 {
        return Err(format!("histogram by {by:?}: total {}, not {}", answer.total, inside.len()));
    }
    let mut cells: BTreeMap<(Option<String>, usize), u64> = BTreeMap::new();
    for record in &inside {
        let value = by.and_then(|name| text_of(record, name));
        let bucket = (record.time.0 - answer.start.0).div_euclid(step_ns) as usize;
        *cells.entry((value, bucket)).or_default() += 1;
    }
    let values: BTreeSet<&Option<String>> = cells.keys().map(|(value, _)| value).collect();
    if values.len() > HistogramRequest::VALUES_MAX {
        return Ok(());
    }
    let mut shown: BTreeMap<(Option<String>, usize), u64> = BTreeMap::new();
    for (value, counts) in &answer.series {
        for (bucket, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            shown.insert((value.as_ref().map(ToString::to_string), bucket), *count);
        }
    }
    if shown == cells { Ok(()) } else { Err(format!("histogram by {by:?}, step {step_ns}: {shown:?}, not {cells:?}")) }
}

/// A field's value as text.
fn text_of(record: &LogRecord, name: &str) -> Option<String> {
    match name {
        "host" => Some(record.host.to_string()),
        "stream" => Some(record.stream.to_string()),
        "level" => record.level.map(|level| level.number().to_string()),
        _ => record.field(name).map(|value| value.to_text().to_string()),
    }
}

fn fields(world: &World, question: &Question<'_>, wanted: &[Found<'_>], random: &mut Random) -> Result<(), String> {
    let names = random.one_in(3).then(|| vec!["took".into(), "host".into(), "service".into()]);
    let request = FieldsRequest {
        filter: question.filter.clone(),
        range: question.range,
        values_max: [0, 3, 100_000][random.within(0..3) as usize],
        names: names.clone(),
    };
    let answer = world.store().fields(&request, &QueryBudget::unlimited()).map_err(|error| format!("{error:?}"))?;
    whole("fields", &answer.partial)?;
    let mut all: BTreeMap<String, (BTreeSet<&str>, BTreeMap<String, u64>)> = BTreeMap::new();
    for (_, record) in wanted {
        let mut head = vec![("host", "string"), ("stream", "string")];
        head.extend(record.level.map(|_| ("level", "i64")));
        let own = record.fields.iter().map(|(name, value)| (name.as_str(), type_of(value)));
        for (name, kind) in head.into_iter().chain(own) {
            if names.as_ref().is_some_and(|names| names.iter().all(|wanted| wanted != name)) {
                continue;
            }
            let (kinds, values) = all.entry(name.to_owned()).or_default();
            kinds.insert(kind);
            *values.entry(text_of(record, name).expect("the record has it")).or_default() += 1;
        }
    }
    let shown: Vec<_> = answer
        .fields
        .iter()
        .map(|field| {
            let values: Vec<(String, u64)> = field.values.iter().map(|(text, n)| (text.to_string(), *n)).collect();
            (field.name.to_string(), field.types.clone(), field.records, values)
        })
        .collect();
    let plain: Vec<_> = all
        .into_iter()
        .map(|(name, (kinds, values))| {
            let records = values.values().sum::<u64>();
            let mut values: Vec<(String, u64)> = values.into_iter().collect();
            values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            values.truncate(request.values_max);
            (name, kinds.into_iter().collect::<Vec<_>>(), records, values)
        })
        .collect();
    let differing = shown.iter().zip(&plain).find(|(shown, plain)| shown != plain);
    match differing {
        Some((shown, plain)) => Err(format!("fields: {shown:?}, not {plain:?}")),
        None if shown.len() != plain.len() => Err(format!("fields: {} names, not {}", shown.len(), plain.len())),
        None => Ok(()),
    }
}

fn type_of(value: &FieldValue) -> &'static str {
    match value {
        FieldValue::Bool(_) => "bool",
        FieldValue::I64(_) => "i64",
        FieldValue::F64(_) => "f64",
        FieldValue::Text(_) => "string",
    }
}

pub(crate) fn whole(what: &str, partial: &[String]) -> Result<(), String> {
    if partial.is_empty() { Ok(()) } else { Err(format!("{what}: {partial:?} is missing")) }
}

fn same(what: &str, found: &[LogRecord], wanted: &[LogRecord]) -> Result<(), String> {
    if let Some(at) = (0..found.len().max(wanted.len())).find(|at| found.get(*at) != wanted.get(*at)) {
        return Err(format!(
            "{what}: {} records, not {}; at {at} {:?}, not {:?}",
            found.len(),
            wanted.len(),
            found.get(at),
            wanted.get(at)
        ));
    }
    Ok(())
}
