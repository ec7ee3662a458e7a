//! `/api/watchfire/v1/logs/context`: what was logged before and after one record, by the same container at first.

use super::answer::Answer;
use super::call::{Call, StatsBody, ask};
use super::record::RecordBody;
use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use smol_str::SmolStr;
use std::sync::Arc;
use watchfire_logstore::{Cursor, RecordId, SearchRequest, StoredRecord};
use watchfire_model::{
    FieldPattern, FieldSelection, FieldValue, HOST_FIELD, LEVEL_FIELD, LogAnswer, LogFilter, LogRecord, MESSAGE_FIELD,
    STREAM_FIELD, ScanOrder, TimeRangeNs, stream_names,
};

/// Records on each side when the request does not say how many.
const COUNT_DEFAULT: usize = 10;
/// Records on each side.
const COUNT_MAX: usize = 1_000;
/// Counted records are looked for so far before and after: a container that fell silent is not looked for in years.
const SPAN_NS: i64 = 24 * 3_600_000_000_000;
/// The longest time that can be asked for, each way.
const SECONDS_MAX: f64 = 86_400.0;
/// Records looked at by one search.
const PAGE_RECORDS: usize = 1_000;
/// What tells a container from others, the first that a record has.
const CONTAINER_FIELDS: [&str; 6] =
    ["container_id", "kubernetes.pod_name", "k8s.pod.name", "pod_name", "container_name", "container"];

#[derive(Debug, Serialize)]
struct ContextBody<'a> {
    /// What all these records have in common.
    same: Vec<SharedBody>,
    /// In order of time.
    before: Vec<RecordBody<'a>>,
    record: RecordBody<'a>,
    /// In order of time.
    after: Vec<RecordBody<'a>>,
    partial: Vec<String>,
    stats: StatsBody,
}

#[derive(Debug, Serialize)]
struct SharedBody {
    field: SmolStr,
    value: SmolStr,
}

/// How much is asked for on one side.
#[derive(Debug, Clone, Copy)]
struct Side {
    order: ScanOrder,
    range: TimeRangeNs,
    count: usize,
    /// By time, so that a bound on the count is a loss.
    is_timed: bool,
}

/// `GET|POST …/logs/context?id=&before=&after=&seconds=&same=container|host|stream|FIELD|any`.
pub(super) async fn context(State(api): State<Arc<Api>>, params: Params) -> Result<Answer, ApiError> {
    ask(api, params, answer).await
}

fn answer(call: &Call<'_>) -> Result<Answer, ApiError> {
    call.params.only(&["id", "before", "after", "seconds", "same"])?;
    let id = call.params.get("id").ok_or_else(|| ApiError::parameter("`id` of the record in the middle is missing"))?;
    let id: RecordId = id.parse().map_err(|error| ApiError::parameter(format!("{error}")))?;
    let [before, after] = sides(call.params, id)?;
    let mut answer = LogAnswer::default();
    let gone = || ApiError::new(StatusCode::NOT_FOUND, format!("there is no record `{id}` any more"));
    let middle = find(call, id, &mut answer)?.ok_or_else(gone)?;
    let shared = shared(&middle, call.params.get("same").unwrap_or("container"))?;
    let mut before = neighbours(call, id, before, &shared, &mut answer)?;
    before.reverse();
    let after = neighbours(call, id, after, &shared, &mut answer)?;
    let body = |stored| -> RecordBody<'_> {
        let StoredRecord { id, record }: &StoredRecord = stored;
        RecordBody { id: *id, record, fields: &FieldSelection::All }
    };
    answer.partial.sort();
    answer.partial.dedup();
    call.answer(&ContextBody {
        same: shared.into_iter().map(|(field, value)| SharedBody { field, value }).collect(),
        before: before.iter().map(body).collect(),
        record: RecordBody { id, record: &middle, fields: &FieldSelection::All },
        after: after.iter().map(body).collect(),
        partial: answer.partial,
        stats: call.stats(&answer.cost),
    })
}

/// What is asked for before and after.
fn sides(params: &Params, id: RecordId) -> Result<[Side; 2], ApiError> {
    let count = |name: &str| match params.number(name)?.unwrap_or(COUNT_DEFAULT) {
        count if count > COUNT_MAX => {
            Err(ApiError::parameter(format!("`{name}` is {count}, it must be 0 to {COUNT_MAX}")))
        }
        count => Ok(count),
    };
    let sides = |span_ns: i64, [before, after]: [usize; 2], is_timed| {
        let range = |start, end| TimeRangeNs { start, end };
        let earlier = range(id.time.plus_ns(-span_ns), id.time.plus_ns(1));
        let later = range(id.time, id.time.plus_ns(span_ns).plus_ns(1));
        [
            Side { order: ScanOrder::NewestFirst, range: earlier, count: before, is_timed },
            Side { order: ScanOrder::OldestFirst, range: later, count: after, is_timed },
        ]
    };
    let Some(seconds) = params.get("seconds") else {
        return Ok(sides(SPAN_NS, [count("before")?, count("after")?], false));
    };
    if params.get("before").is_some() || params.get("after").is_some() {
        return Err(ApiError::parameter("give either `seconds` or `before` and `after`"));
    }
    let is_span = |seconds: &f64| (0.0..=SECONDS_MAX).contains(seconds);
    let Some(seconds) = seconds.parse().ok().filter(is_span) else {
        return Err(ApiError::parameter(format!("`seconds` is `{seconds}`, it must be 0 to {SECONDS_MAX}")));
    };
    Ok(sides((seconds * 1e9) as i64, [COUNT_MAX; 2], true))
}

/// The record itself.
fn find(call: &Call<'_>, id: RecordId, answer: &mut LogAnswer) -> Result<Option<LogRecord>, ApiError> {
    let request = SearchRequest {
        filter: LogFilter::All,
        range: TimeRangeNs { start: id.time, end: id.time.plus_ns(1) },
        limit: 1,
        cursor: id.sequence.checked_sub(1).map(|sequence| Cursor(RecordId { sequence, ..id })),
        order: ScanOrder::OldestFirst,
        fields: FieldSelection::All,
    };
    let found = call.api.logs.search(&request, call.budget)?;
    answer.cost.add(&found.stats);
    answer.partial.extend(found.partial);
    Ok(found.records.into_iter().find(|stored| stored.id == id).map(|stored| stored.record))
}

/// The records next to one, the nearest first.
fn neighbours(
    call: &Call<'_>,
    id: RecordId,
    side: Side,
    shared: &[(SmolStr, SmolStr)],
    answer: &mut LogAnswer,
) -> Result<Vec<StoredRecord>, ApiError> {
    let mut records = Vec::new();
    let mut cursor = Some(Cursor(id));
    while records.len() < side.count && cursor.is_some() {
        let request = SearchRequest {
            filter: LogFilter::And(shared.iter().flat_map(|(field, value)| conditions(field, value)).collect()),
            range: side.range,
            limit: (side.count - records.len()).min(PAGE_RECORDS),
            cursor,
            order: side.order,
            fields: FieldSelection::All,
        };
        let found = call.api.logs.search(&request, call.budget)?;
        answer.cost.add(&found.stats);
        answer.partial.extend(found.partial);
        // A search disregards case and may find a phrase within a longer text.
        let is_same = |stored: &StoredRecord| {
            shared.iter().all(|(field, value)| text_of(&stored.record, field).as_ref() == Some(value))
        };
        records.extend(found.records.into_iter().filter(is_same));
        cursor = found.next_cursor;
    }
    if side.is_timed && cursor.is_some() {
        answer.partial.push(format!("only the nearest {COUNT_MAX} records on each side are here"));
    }
    Ok(records)
}

/// What the neighbours must have in common with the record.
fn shared(record: &LogRecord, same: &str) -> Result<Vec<(SmolStr, SmolStr)>, ApiError> {
    let of = |field: &str| text_of(record, field).map(|value| (SmolStr::from(field), value));
    match same {
        "any" => Ok(Vec::new()),
        "container" => {
            let named = CONTAINER_FIELDS.into_iter().filter_map(of).find(|(_, value)| !value.is_empty());
            // Containers of equal names on different hosts are different.
            Ok(named.into_iter().chain(of(HOST_FIELD)).collect())
        }
        field => {
            let missing = || ApiError::parameter(format!("the record has no field `{field}` for `same`"));
            Ok(vec![of(field).ok_or_else(missing)?])
        }
    }
}

/// Every record with the value passes, and hardly any other.
fn conditions(field: &SmolStr, value: &SmolStr) -> Vec<LogFilter> {
    let condition = |value: &str| LogFilter::Field { name: field.clone(), pattern: FieldPattern::text(value) };
    match field.as_str() {
        STREAM_FIELD => stream_names(value).map(condition).collect(),
        _ => vec![condition(value)],
    }
}

fn text_of(record: &LogRecord, field: &str) -> Option<SmolStr> {
    match field {
        HOST_FIELD => Some(record.host.clone()),
        STREAM_FIELD => Some(record.stream.clone()),
        MESSAGE_FIELD => Some(record.message.clone()),
        LEVEL_FIELD => record.level.map(|level| smol_str::format_smolstr!("{}", level.number())),
        _ => record.field(field).map(FieldValue::to_text),
    }
}
