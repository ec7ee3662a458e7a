//! `/api/watchfire/v1/logs/fields`: which fields the matching records have, and their most frequent values.

use super::request::{LogRequest, StatsBody};
use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;
use watchfire_logstore::{FieldSummary, FieldsRequest};

const VALUES_DEFAULT: usize = 10;
const VALUES_MAX: usize = 1_000;

#[derive(Debug, Serialize)]
pub(super) struct FieldsBody {
    fields: Vec<FieldBody>,
    partial: Vec<String>,
    stats: StatsBody,
}

#[derive(Debug, Serialize)]
struct FieldBody {
    name: String,
    /// Of `bool`, `f64`, `i64`, `string`: every type that occurs.
    types: Vec<&'static str>,
    /// Matching records that have the field.
    records: u64,
    /// The most frequent first.
    values: Vec<ValueBody>,
}

#[derive(Debug, Serialize)]
struct ValueBody {
    value: String,
    records: u64,
}

impl From<FieldSummary> for FieldBody {
    fn from(field: FieldSummary) -> FieldBody {
        let values = field.values.into_iter();
        FieldBody {
            name: field.name.to_string(),
            types: field.types,
            records: field.records,
            values: values.map(|(value, records)| ValueBody { value: value.to_string(), records }).collect(),
        }
    }
}

/// `GET|POST …/logs/fields?query=&start=&end=&values=`.
pub(super) async fn fields(State(api): State<Arc<Api>>, params: Params) -> Result<Json<FieldsBody>, ApiError> {
    let began = Instant::now();
    let LogRequest { filter, range } = LogRequest::read(&api, &params, &["values"])?;
    let values_max = params.number("values")?.unwrap_or(VALUES_DEFAULT);
    if values_max > VALUES_MAX {
        let message = format!("`values` is {values_max}, it must be 0 to {VALUES_MAX}");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, message));
    }
    let logs = Arc::clone(&api.logs);
    let request = FieldsRequest { filter, range, values_max, names: None };
    let result = api.workers.run(None, move |budget| logs.fields(&request, budget)).await??;
    Ok(Json(FieldsBody {
        fields: result.fields.into_iter().map(FieldBody::from).collect(),
        partial: result.partial,
        stats: StatsBody::new(&result.stats, began.elapsed()),
    }))
}
