//! `/api/watchfire/v1/logs/count`: how many records there are.

use super::answer::Answer;
use super::call::{Call, LogRequest, StatsBody, ask};
use super::rows::count;
use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;

#[derive(Debug, Serialize)]
struct CountBody {
    count: u64,
    partial: Vec<String>,
    stats: StatsBody,
}

/// `GET|POST …/logs/count?query=&start=&end=`.
pub(super) async fn count_records(State(api): State<Arc<Api>>, params: Params) -> Result<Answer, ApiError> {
    ask(api, params, answer).await
}

fn answer(call: &Call<'_>) -> Result<Answer, ApiError> {
    let LogRequest { query, range } = call.request(&[])?;
    let (count, answer) = count(call, query, range)?;
    call.answer(&CountBody { count, partial: answer.partial, stats: call.stats(&answer.cost) })
}
