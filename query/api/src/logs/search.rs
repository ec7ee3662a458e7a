//! `/api/watchfire/v1/logs/search`: records, newest first.

use super::request::{LogRequest, StatsBody};
use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use crate::time_text::rfc3339_ns;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::sync::Arc;
use std::time::Instant;
use watchfire_logstore::{SearchRequest, StoredRecord};
use watchfire_model::{FieldValue, LogRecord};

/// Records in an answer when the request does not say how many.
const LIMIT_DEFAULT: usize = 100;
/// Records in one answer; the cursor leads on.
const LIMIT_MAX: usize = 10_000;

#[derive(Debug, Serialize)]
pub(super) struct SearchBody {
    records: Vec<RecordBody>,
    /// Give it back as `cursor` for the records after these; `null` where there are none.
    next_cursor: Option<String>,
    /// What could not be read, in words; empty when the answer is complete.
    partial: Vec<String>,
    stats: StatsBody,
}

/// A record as every call of ours prints it.
#[derive(Debug, Serialize)]
pub(super) struct RecordBody {
    id: String,
    time: String,
    received: String,
    stream: String,
    host: String,
    level: Option<u8>,
    message: String,
    fields: FieldsBody,
}

/// Fields in their order of arrival.
#[derive(Debug)]
struct FieldsBody(LogRecord);

impl Serialize for FieldsBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.fields.len()))?;
        for (name, value) in &self.0.fields {
            match value {
                // JSON has no such numbers.
                FieldValue::F64(number) if !number.is_finite() => map.serialize_entry(name, &number.to_string())?,
                value => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

impl From<StoredRecord> for RecordBody {
    fn from(stored: StoredRecord) -> RecordBody {
        let record = stored.record;
        RecordBody {
            id: stored.id.to_string(),
            time: rfc3339_ns(record.time),
            received: rfc3339_ns(record.received),
            stream: record.stream.to_string(),
            host: record.host.to_string(),
            level: record.level.map(watchfire_model::Level::number),
            message: record.message.to_string(),
            fields: FieldsBody(record),
        }
    }
}

/// `GET|POST …/logs/search?query=&start=&end=&limit=&cursor=`.
pub(super) async fn search(State(api): State<Arc<Api>>, params: Params) -> Result<Json<SearchBody>, ApiError> {
    let began = Instant::now();
    let LogRequest { filter, range } = LogRequest::read(&api, &params, &["limit", "cursor"])?;
    let limit = params.number("limit")?.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let message = format!("`limit` is {limit}, it must be 1 to {LIMIT_MAX}: page on with `cursor`");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, message));
    }
    let bad_cursor = |_| ApiError::new(StatusCode::BAD_REQUEST, "`cursor` is not one that a search has answered");
    let cursor = params.get("cursor").map(str::parse).transpose().map_err(bad_cursor)?;
    let logs = Arc::clone(&api.logs);
    let request = SearchRequest {
        filter,
        range,
        limit,
        cursor,
        order: watchfire_model::ScanOrder::NewestFirst,
        fields: watchfire_model::FieldSelection::All,
    };
    let result = api.workers.run(None, move |budget| logs.search(&request, budget)).await??;
    Ok(Json(SearchBody {
        records: result.records.into_iter().map(RecordBody::from).collect(),
        next_cursor: result.next_cursor.map(|cursor| cursor.to_string()),
        partial: result.partial,
        stats: StatsBody::new(&result.stats, began.elapsed()),
    }))
}
