//! `/api/watchfire/v1/logs/explain`: what a query means and how it is run.

use super::answer::Answer;
use super::call::{Call, ask};
use super::saved::read_query;
use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;
use watchfire_logquery::Stage;

#[derive(Debug, Serialize)]
struct ExplainBody {
    /// Printed in full.
    query: String,
    stages: Vec<Stage>,
}

/// `GET|POST …/logs/explain?query=&start=&end=`.
pub(super) async fn explain(State(api): State<Arc<Api>>, params: Params) -> Result<Answer, ApiError> {
    ask(api, params, answer).await
}

fn answer(call: &Call<'_>) -> Result<Answer, ApiError> {
    // A range changes nothing about it, but callers send the same parameters to every call.
    let query = read_query(call.api, call.params, &["start", "end"])?.query;
    call.answer(&ExplainBody { query: query.to_string(), stages: watchfire_logquery::explain(&query) })
}
