//! `/api/watchfire/v1/logs/search`: records, a page at a time.

use super::answer::Answer;
use super::call::{Call, LogRequest, StatsBody, ask};
use super::record::{RecordBody, selection};
use super::rows::Rows;
use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use axum::extract::State;
use serde::Serialize;
use smol_str::SmolStr;
use std::sync::Arc;
use watchfire_logquery::RowResult;
use watchfire_logstore::{Cursor, SearchRequest, SearchResult, StoredRecord};
use watchfire_model::{FieldSelection, FieldValue, LogAnswer, LogRecord, ScanOrder};

/// Records in an answer when the request does not say how many.
const LIMIT_DEFAULT: usize = 100;
/// Records in one answer; the cursor leads on.
const LIMIT_MAX: usize = SearchRequest::LIMIT_MAX;

#[derive(Debug, Serialize)]
struct SearchBody<'a> {
    records: Vec<RecordBody<'a>>,
    /// Give it back as `cursor` for the records after these; `null` where there are none.
    next_cursor: Option<String>,
    /// What could not be read, in words; empty when the answer is complete.
    partial: Vec<String>,
    stats: StatsBody,
}

/// The records of one answer.
struct Page {
    records: Vec<StoredRecord>,
    next_cursor: Option<Cursor>,
    answer: LogAnswer,
}

/// `GET|POST …/logs/search?query=&start=&end=&limit=&cursor=&order=&fields=`.
pub(super) async fn search(State(api): State<Arc<Api>>, params: Params) -> Result<Answer, ApiError> {
    ask(api, params, answer).await
}

fn answer(call: &Call<'_>) -> Result<Answer, ApiError> {
    let LogRequest { query, range } = call.request(&["limit", "cursor", "order", "fields"])?;
    let limit = call.params.number("limit")?.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let message = format!("`limit` is {limit}, it must be 1 to {LIMIT_MAX}: page on with `cursor`");
        return Err(ApiError::parameter(message));
    }
    let bad_cursor = |_| ApiError::parameter("`cursor` is not one that a search has answered");
    let cursor = call.params.get("cursor").map(str::parse).transpose().map_err(bad_cursor)?;
    let fields = selection(call.params.get("fields"));
    let order = order(call.params)?;
    let rows = Rows::of(&query)?;
    // What steps read may be more than what is asked for.
    let read = if rows.is_some() { FieldSelection::All } else { fields.clone() };
    let request = SearchRequest { filter: query.filter, range, limit, cursor, order, fields: read };
    let page = match rows {
        None => whole_page(call, &request)?,
        Some(rows) => stepped_page(call, request, rows)?,
    };
    let records = page.records.iter();
    call.answer(&SearchBody {
        records: records.map(|stored| RecordBody { id: stored.id, record: &stored.record, fields: &fields }).collect(),
        next_cursor: page.next_cursor.map(|cursor| cursor.to_string()),
        partial: page.answer.partial,
        stats: call.stats(&page.answer.cost),
    })
}

fn whole_page(call: &Call<'_>, request: &SearchRequest) -> Result<Page, ApiError> {
    let SearchResult { records, next_cursor, partial, stats } = call.api.logs.search(request, call.budget)?;
    Ok(Page { records, next_cursor, answer: LogAnswer { partial, cost: stats } })
}

/// Steps may leave records out, so that one page takes several searches.
fn stepped_page(call: &Call<'_>, mut request: SearchRequest, mut rows: Rows) -> Result<Page, ApiError> {
    if rows.counts() && request.cursor.is_some() {
        return Err(ApiError::parameter(
            "a query with limit or offset has one page: raise `limit` instead of paging on",
        ));
    }
    let limit = std::mem::replace(&mut request.limit, LIMIT_DEFAULT);
    let mut page = Page { records: Vec::new(), next_cursor: None, answer: LogAnswer::default() };
    loop {
        // The more were left out so far, the more are looked at next.
        request.limit = (request.limit * 4).max(limit).min(LIMIT_MAX);
        let found = whole_page(call, &request)?;
        page.answer.cost.add(&found.answer.cost);
        page.answer.partial = found.answer.partial;
        let mut left = found.records.into_iter();
        while let Some(StoredRecord { id, record }) = left.next() {
            if let RowResult::Emit(record) = rows.apply(id.sequence, &record) {
                call.budget.take_memory(memory(&record))?;
                page.records.push(StoredRecord { id, record });
            }
            if rows.is_done() {
                return Ok(page);
            }
            if page.records.len() == limit {
                let is_end = left.len() == 0 && found.next_cursor.is_none();
                if rows.counts() && !is_end {
                    page.answer.partial.push(format!("only the first {limit} of them are here: raise `limit`"));
                } else if !is_end {
                    page.next_cursor = Some(Cursor(id));
                }
                return Ok(page);
            }
        }
        request.cursor = found.next_cursor;
        if request.cursor.is_none() {
            return Ok(page);
        }
    }
}

/// Bytes that a record takes, about.
fn memory(record: &LogRecord) -> u64 {
    let of_field = |(name, value): &(SmolStr, FieldValue)| {
        let text = if let FieldValue::Text(text) = value { text.len() } else { 0 };
        size_of::<(SmolStr, FieldValue)>() + name.len() + text
    };
    let fields: usize = record.fields.iter().map(of_field).sum();
    (size_of::<StoredRecord>() + record.message.len() + record.host.len() + record.stream.len() + fields) as u64
}

/// Reads `order`; the newest first unless it says otherwise.
pub(super) fn order(params: &Params) -> Result<ScanOrder, ApiError> {
    match params.get("order") {
        None | Some("newest") => Ok(ScanOrder::NewestFirst),
        Some("oldest") => Ok(ScanOrder::OldestFirst),
        Some(other) => Err(ApiError::parameter(format!("`order` is `{other}`, it must be newest or oldest"))),
    }
}
