//! `/api/watchfire/v1/logs/histogram`: counts over time.

use super::answer::Answer;
use super::call::{Call, LogRequest, StatsBody, ask};
use super::rows::found_by;
use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;
use watchfire_logstore::HistogramRequest;
use watchfire_model::TimeRangeNs;

/// Buckets of an answer when the request does not give a step.
const BUCKETS_DEFAULT: i64 = 60;
/// Buckets that one answer may have.
const BUCKETS_MAX: i64 = 11_000;
const SECOND_NS: i64 = 1_000_000_000;

#[derive(Debug, Serialize)]
struct HistogramBody {
    /// Unix seconds at which the first bucket begins, a multiple of `step`.
    start: i64,
    /// Seconds.
    step: f64,
    total: u64,
    series: Vec<SeriesBody>,
    partial: Vec<String>,
    stats: StatsBody,
}

#[derive(Debug, Serialize)]
struct SeriesBody {
    /// The value of the field given as `by`; `null` for records without it, and where there is no `by`.
    value: Option<String>,
    counts: Vec<u64>,
}

/// `GET|POST …/logs/histogram?query=&start=&end=&step=SECONDS&by=FIELD`: of the records that the query finds, whatever
/// its further steps make of them.
pub(super) async fn histogram(State(api): State<Arc<Api>>, params: Params) -> Result<Answer, ApiError> {
    ask(api, params, answer).await
}

fn answer(call: &Call<'_>) -> Result<Answer, ApiError> {
    let LogRequest { query, range } = call.request(&["step", "by"])?;
    let step_ns = match call.params.duration_ms("step")? {
        Some(step_ms) => step_ms.saturating_mul(1_000_000),
        None => default_step_ns(range),
    };
    let buckets = range.end.0.saturating_sub(range.start.0).checked_div(step_ns).unwrap_or(i64::MAX);
    if step_ns < SECOND_NS || step_ns % SECOND_NS != 0 || buckets > BUCKETS_MAX {
        let message =
            format!("`step` must be whole seconds, 1 or more, and make at most {BUCKETS_MAX} buckets of the range");
        return Err(ApiError::parameter(message));
    }
    let by = call.params.get("by").map(Into::into);
    let request = HistogramRequest { filter: found_by(query), range, step_ns, by };
    let result = call.api.logs.histogram(&request, call.budget)?;
    let series = result.series.into_iter();
    call.answer(&HistogramBody {
        start: result.start.0.div_euclid(SECOND_NS),
        step: result.step_ns as f64 / 1e9,
        total: result.total,
        series: series.map(|(value, counts)| SeriesBody { value: value.map(Into::into), counts }).collect(),
        partial: result.partial,
        stats: call.stats(&result.stats),
    })
}

/// Whole seconds that make about [`BUCKETS_DEFAULT`] buckets.
fn default_step_ns(range: TimeRangeNs) -> i64 {
    let span = range.end.0.saturating_sub(range.start.0);
    (span / BUCKETS_DEFAULT / SECOND_NS).max(1) * SECOND_NS
}
