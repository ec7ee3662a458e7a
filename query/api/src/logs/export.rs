//! `/api/watchfire/v1/logs/export`: everything that a query finds, as a file, without a limit of rows.
//!
//! The query's thread fills pieces of a bounded size and waits while the client is slow; when the client leaves, the
//! query stops.

mod csv;
mod sheet;

use self::sheet::{Format, Sheet};
use super::call::LogRequest;
use super::record::{name_list, selection};
use super::rows::{Rows, Steps, tabulate};
use super::search::order;
use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use crate::workers::{Outlet, Pieces};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName};
use smol_str::SmolStr;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use watchfire_logquery::{Outcome, RowResult};
use watchfire_logstore::{LogStore, RecordId, SearchRequest};
use watchfire_model::{
    FieldSelection, LogFilter, LogRecord, LogSource, QueryBudget, ScanOrder, ScanRequest, TimeRangeNs,
};

/// Rows of an answer that is made of all records: its memory is bounded before this is reached.
const TABLE_ROWS_MAX: usize = 100_000_000;
/// What a file that is nearly whole may take when the server stops; less than the server waits for requests.
const STOP_GRACE: Duration = Duration::from_secs(3);
/// Says in words what is known to be missing before the first row.
const PARTIAL: HeaderName = HeaderName::from_static("watchfire-partial");
/// Characters of that header.
const PARTIAL_LEN_MAX: usize = 1_000;

/// What is exported, and how.
struct Export {
    request: LogRequest,
    order: ScanOrder,
    /// In the order in which they were named; empty for all.
    columns: Vec<SmolStr>,
    fields: FieldSelection,
    format: Format,
    steps: Steps,
    /// What is known to be missing.
    partial: Vec<String>,
}

/// `GET|POST …/logs/export?query=&start=&end=&format=ndjson|csv&order=&fields=`.
pub(super) async fn export(State(api): State<Arc<Api>>, params: Params) -> Result<Response, ApiError> {
    let asked = Arc::clone(&api);
    let export = api.workers.run(None, move |budget| Export::read(&asked, &params, budget)).await??;
    let (format, partial) = (export.format, header_text(&export.partial));
    let logs = Arc::clone(&api.logs);
    let mut pieces = api.workers.stream(move |budget, outlet| export.run(&logs, budget, outlet))?;
    // One that fails at once is answered with the status of its failure.
    let first = pieces.next().await.transpose()?;
    let body = Body::from_stream(stream::iter(first.map(Ok)).chain(until_stop(pieces, &api.stopping)));
    let mut response = ([(CONTENT_TYPE, format.content_type())], body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(format.disposition()));
    if let Some(partial) = partial {
        headers.insert(PARTIAL, partial);
    }
    Ok(response)
}

fn sent(piece: Result<Bytes, ApiError>) -> io::Result<Bytes> {
    piece.map_err(|error| io::Error::other(error.to_json()))
}

/// The pieces; soon after the server begins to stop the connection is cut, so that nobody takes the file for whole.
fn until_stop(pieces: Pieces<ApiError>, stopping: &CancellationToken) -> impl Stream<Item = io::Result<Bytes>> + use<> {
    stream::unfold((pieces, stopping.clone(), None), async |(mut pieces, stopping, mut until)| {
        if until.is_none() {
            tokio::select! {
                biased;
                () = stopping.cancelled() => until = Some(Instant::now() + STOP_GRACE),
                piece = pieces.next() => return Some((sent(piece?), (pieces, stopping, until))),
            }
        }
        let piece = match tokio::time::timeout_at(until?, pieces.next()).await {
            Ok(piece) => sent(piece?),
            Err(_) => Err(io::Error::other("the server stops")),
        };
        Some((piece, (pieces, stopping, until)))
    })
}

impl Export {
    fn read(api: &Api, params: &Params, budget: &QueryBudget) -> Result<Export, ApiError> {
        let request = LogRequest::read(api, params, &["format", "order", "fields"])?;
        let format = Format::read(params.get("format"))?;
        let steps = Steps::of(&request.query);
        let names = params.get("fields");
        Ok(Export {
            order: order(params)?,
            columns: names.into_iter().flat_map(name_list).collect(),
            fields: selection(names),
            format,
            steps,
            partial: missing(&api.logs, request.range, budget)?,
            request,
        })
    }

    /// Everything, from the first row to the last.
    fn run(self, logs: &LogStore, budget: &QueryBudget, outlet: &mut Outlet<ApiError>) {
        let Export { request, order, columns, fields, format, steps, partial: known } = self;
        let mut sheet = Sheet::new(format, columns, fields, outlet);
        let written = match steps {
            Steps::None => write_records(&mut sheet, request, order, None, logs, budget),
            Steps::Rows(rows) => write_records(&mut sheet, request, order, Some(rows), logs, budget),
            Steps::Table => write_table(&mut sheet, &request, logs, budget),
        };
        match written {
            Ok(partial) => {
                let further: Vec<String> = partial.into_iter().filter(|what| !known.contains(what)).collect();
                sheet.finish(&known, &further);
            }
            Err(error) => sheet.fail(error),
        }
    }
}

/// Returns what is missing.
fn write_records(
    sheet: &mut Sheet<'_>,
    request: LogRequest,
    order: ScanOrder,
    mut rows: Option<Rows>,
    logs: &LogStore,
    budget: &QueryBudget,
) -> Result<Vec<String>, ApiError> {
    // What steps read may be more than what is asked for.
    let fields = if rows.is_some() { FieldSelection::All } else { sheet.needed() };
    let scan = ScanRequest { filter: request.query.filter, range: request.range, order, fields };
    sheet.begin_records();
    let mut visit = |arrival, record: &LogRecord| {
        let id = RecordId { time: record.time, sequence: arrival };
        let put = match &mut rows {
            None => sheet.record(id, record),
            Some(rows) if rows.is_done() => return ControlFlow::Break(()),
            Some(rows) => match rows.apply(arrival, record) {
                RowResult::Emit(record) => sheet.record(id, &record),
                RowResult::Skip | RowResult::Done => Ok(()),
            },
        };
        if put.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    Ok(logs.scan(&scan, budget, &mut visit)?.partial)
}

/// Returns what is missing.
fn write_table(
    sheet: &mut Sheet<'_>,
    request: &LogRequest,
    logs: &LogStore,
    budget: &QueryBudget,
) -> Result<Vec<String>, ApiError> {
    let Outcome { table, answer } = tabulate(&request.query, request.range, TABLE_ROWS_MAX, logs, budget)?;
    sheet.begin_table(&table.columns);
    for row in &table.rows {
        if sheet.row(&table.columns, row).is_err() {
            break;
        }
    }
    Ok(answer.partial)
}

/// What a look at the range misses.
fn missing(logs: &LogStore, range: TimeRangeNs, budget: &QueryBudget) -> Result<Vec<String>, ApiError> {
    let (order, fields) = (ScanOrder::NewestFirst, FieldSelection::Only([].into()));
    let look = SearchRequest { filter: LogFilter::All, range, limit: 1, cursor: None, order, fields };
    Ok(logs.search(&look, budget)?.partial)
}

/// As a header can hold it.
fn header_text(partial: &[String]) -> Option<HeaderValue> {
    let plain = |character: char| if character.is_ascii_graphic() { character } else { ' ' };
    let text: String = partial.join("; ").chars().map(plain).take(PARTIAL_LEN_MAX).collect();
    HeaderValue::from_str(&text).ok().filter(|value| !value.is_empty())
}
