//! `/api/v1/query` and `/api/v1/query_range`.

use super::envelope::QueryAnswer;
use super::labels::TRUNCATED;
use super::missing::Watched;
use super::stats::{StatsKind, Timing};
use super::syntax::expression;
use crate::Api;
use crate::error::PromError;
use crate::params::{ParamError, Params};
use axum::extract::State;
use std::sync::Arc;
use std::time::{Duration, Instant};
use watchfire_model::{DurationMs, QueryBudget, Timestamp};
use watchfire_promql::{Engine, EvalError, Expr, QueryOutput, Value, ValueType};

/// Steps that one series of an answer may have (upstream's limit).
const POINTS_MAX: i64 = 11_000;

/// When an expression is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    At(Timestamp),
    /// Both ends inclusive.
    Range {
        start: Timestamp,
        end: Timestamp,
        step_ms: i64,
    },
}

/// What both calls take beside the times.
#[derive(Debug)]
struct Asked {
    times: Times,
    /// Series or samples of the answer.
    limit: Option<usize>,
    timeout: Option<Duration>,
    engine: Engine,
    stats: StatsKind,
}

/// `GET|POST /api/v1/query`: evaluates a PromQL expression at one time, now unless `time` says otherwise.
pub(super) async fn instant(State(api): State<Arc<Api>>, params: Params) -> Result<QueryAnswer, PromError> {
    let limit = params.limit("limit")?;
    let times = Times::At(params.time("time")?.unwrap_or_else(|| api.clock.now().to_ms()));
    evaluate(&api, Asked::read(&api, &params, times, limit)?, params).await
}

/// `GET|POST /api/v1/query_range`: evaluates a PromQL expression at evenly spaced steps, both ends inclusive.
pub(super) async fn range(State(api): State<Arc<Api>>, params: Params) -> Result<QueryAnswer, PromError> {
    let limit = params.limit("limit")?;
    let times = Times::range(&params)?;
    evaluate(&api, Asked::read(&api, &params, times, limit)?, params).await
}

async fn evaluate(api: &Api, asked: Asked, params: Params) -> Result<QueryAnswer, PromError> {
    let series = api.source();
    let (timeout, arrived) = (asked.timeout, Instant::now());
    let work = move |budget: &QueryBudget| {
        let queued = arrived.elapsed();
        let Asked { times, limit, engine, stats, .. } = asked;
        let series = Watched::new(&*series);
        let expr = times.check(expression(&params)?)?;
        let mut output = times.evaluate(&engine, &series, &expr, budget)?;
        output.annotations.warnings.extend(series.missing());
        truncate(&mut output, limit);
        let timing = Timing { queued, total: arrived.elapsed() };
        let stats = stats.of(&output.stats, times, timing);
        QueryAnswer::write(&output, stats.as_ref(), budget)
            .map_err(|exhausted| PromError::from(EvalError::Exhausted(exhausted)))
    };
    api.workers.run(timeout, work).await?
}

impl Asked {
    fn read(api: &Api, params: &Params, times: Times, limit: Option<usize>) -> Result<Asked, PromError> {
        let timeout = params.duration_ms("timeout")?;
        let timeout = timeout.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
        let stats = StatsKind::read(params);
        let lookback = params.duration_ms("lookback_delta").map_err(|error| match error {
            ParamError::Invalid { reason, .. } => {
                ParamError::Other(format!("error parsing lookback delta duration: {reason}"))
            }
            error => error,
        })?;
        let mut engine = Engine::clone(&api.engine);
        // 0 and less stand for the default, as upstream.
        if let Some(lookback) = lookback.and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms > 0) {
            engine = engine.with_lookback(DurationMs(lookback));
        }
        if stats == StatsKind::All {
            engine = engine.with_step_stats();
        }
        Ok(Asked { times, limit, timeout, engine, stats })
    }
}

impl Times {
    /// `start`, `end` and `step`, all of them required.
    pub(super) fn range(params: &Params) -> Result<Times, PromError> {
        let wrong = |name: &str, reason: &str| ParamError::Invalid { name: name.to_owned(), reason: reason.to_owned() };
        let required = |name: &'static str| {
            params.time(name)?.ok_or_else(|| wrong(name, "cannot parse \"\" to a valid timestamp"))
        };
        let (start, end) = (required("start")?, required("end")?);
        if end < start {
            return Err(wrong("end", "end timestamp must not be before start time").into());
        }
        let step_ms = params.duration_ms("step")?;
        let step_ms = step_ms.ok_or_else(|| wrong("step", "cannot parse \"\" to a valid duration"))?;
        if step_ms <= 0 {
            let reason = "zero or negative query resolution step widths are not accepted. Try a positive integer";
            return Err(wrong("step", reason).into());
        }
        if end.0.saturating_sub(start.0) / step_ms > POINTS_MAX {
            return Err(PromError::bad_data(
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
            ));
        }
        Ok(Times::Range { start, end, step_ms })
    }

    /// A range query needs an expression with one value at each step.
    pub(super) fn check(self, expr: Expr) -> Result<Expr, PromError> {
        match (self, expr.value_type()) {
            (Times::At(_), _) | (_, ValueType::Scalar | ValueType::Vector) => Ok(expr),
            (Times::Range { .. }, kind) => {
                let kind = kind.as_str();
                let reason =
                    format!("invalid expression type {kind:?} for range query, must be Scalar or instant Vector");
                Err(ParamError::Invalid { name: "query".to_owned(), reason }.into())
            }
        }
    }

    fn evaluate(
        self,
        engine: &Engine,
        series: &Watched<'_>,
        expr: &Expr,
        budget: &QueryBudget,
    ) -> Result<QueryOutput, EvalError> {
        match self {
            Times::At(time) => engine.instant(series, expr, time, budget),
            Times::Range { start, end, step_ms } => engine.range(series, expr, start, end, step_ms, budget),
        }
    }
}

/// Leaves at most `limit` series, and says so.
fn truncate(output: &mut QueryOutput, limit: Option<usize>) {
    let limit = limit.unwrap_or(usize::MAX);
    let cut = match &mut output.value {
        Value::Vector(samples) => {
            let is_long = samples.len() > limit;
            samples.truncate(limit);
            is_long
        }
        Value::Matrix(series) => {
            let is_long = series.len() > limit;
            series.truncate(limit);
            is_long
        }
        Value::Scalar { .. } | Value::String { .. } => false,
    };
    if cut {
        output.annotations.warnings.push(TRUNCATED.to_owned());
    }
}
