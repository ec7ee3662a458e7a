//! `/api/watchfire/v1/logs/fields`: which fields the matching records have, and their most frequent values.

use super::answer::Answer;
use super::call::{Call, LogRequest, StatsBody, ask};
use super::record::name_list;
use super::rows::found_by;
use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;
use watchfire_logstore::{FieldSummary, FieldsRequest};

const VALUES_DEFAULT: usize = 10;
const VALUES_MAX: usize = 1_000;

#[derive(Debug, Serialize)]
struct FieldsBody {
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

/// `GET|POST …/logs/fields?query=&start=&end=&values=&names=a,b`: of the records that the query finds, whatever its
/// further steps make of them.
pub(super) async fn fields(State(api): State<Arc<Api>>, params: Params) -> Result<Answer, ApiError> {
    ask(api, params, answer).await
}

fn answer(call: &Call<'_>) -> Result<Answer, ApiError> {
    let LogRequest { query, range } = call.request(&["values", "names"])?;
    let values_max = call.params.number("values")?.unwrap_or(VALUES_DEFAULT);
    if values_max > VALUES_MAX {
        return Err(ApiError::parameter(format!("`values` is {values_max}, it must be 0 to {VALUES_MAX}")));
    }
    let names = call.params.get("names").map(|names| name_list(names).collect());
    let request = FieldsRequest { filter: found_by(query), range, values_max, names };
    let result = call.api.logs.fields(&request, call.budget)?;
    call.answer(&FieldsBody {
        fields: result.fields.into_iter().map(FieldBody::from).collect(),
        partial: result.partial,
        stats: call.stats(&result.stats),
    })
}
