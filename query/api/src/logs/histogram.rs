//! `/api/watchfire/v1/logs/histogram`: counts over time.

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
use watchfire_logstore::HistogramRequest;
use watchfire_model::TimeRangeNs;

/// Buckets of an answer when the request does not give a step.
const BUCKETS_DEFAULT: i64 = 60;
/// Buckets that one answer may have.
const BUCKETS_MAX: i64 = 11_000;
const SECOND_NS: i64 = 1_000_000_000;

#[derive(Debug, Serialize)]
pub(super) struct HistogramBody {
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

/// `GET|POST …/logs/histogram?query=&start=&end=&step=SECONDS&by=FIELD`.
pub(super) async fn histogram(State(api): State<Arc<Api>>, params: Params) -> Result<Json<HistogramBody>, ApiError> {
    let began = Instant::now();
    let LogRequest { filter, range } = LogRequest::read(&api, &params, &["step", "by"])?;
    let step_ns = match params.duration_ms("step")? {
        Some(step_ms) => step_ms.saturating_mul(1_000_000),
        None => default_step_ns(range),
    };
    let buckets = range.end.0.saturating_sub(range.start.0).checked_div(step_ns).unwrap_or(i64::MAX);
    if step_ns < SECOND_NS || step_ns % SECOND_NS != 0 || buckets > BUCKETS_MAX {
        let message =
            format!("`step` must be whole seconds, 1 or more, and make at most {BUCKETS_MAX} buckets of the range");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, message));
    }
    let request = HistogramRequest { filter, range, step_ns, by: params.get("by").map(Into::into) };
    let logs = Arc::clone(&api.logs);
    let result = api.workers.run(None, move |budget| logs.histogram(&request, budget)).await??;
    let series = result.series.into_iter();
    Ok(Json(HistogramBody {
        start: result.start.0.div_euclid(SECOND_NS),
        step: result.step_ns as f64 / 1e9,
        total: result.total,
        series: series.map(|(value, counts)| SeriesBody { value: value.map(Into::into), counts }).collect(),
        partial: result.partial,
        stats: StatsBody::new(&result.stats, began.elapsed()),
    }))
}

/// Whole seconds that make about [`BUCKETS_DEFAULT`] buckets.
fn default_step_ns(range: TimeRangeNs) -> i64 {
    let span = range.end.0.saturating_sub(range.start.0);
    (span / BUCKETS_DEFAULT / SECOND_NS).max(1) * SECOND_NS
}
