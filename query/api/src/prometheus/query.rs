//! `/api/v1/query` and `/api/v1/query_range`.

use super::envelope::QueryAnswer;
use super::missing::Watched;
use crate::Api;
use crate::error::PromError;
use crate::params::{ParamError, Params};
use axum::extract::State;
use std::sync::Arc;
use std::time::Duration;
use watchfire_model::QueryBudget;
use watchfire_promql::{EvalError, Expr};

/// Steps that one series of an answer may have (upstream's limit).
const POINTS_MAX: i64 = 11_000;

/// `GET|POST /api/v1/query`: evaluates a PromQL expression at one time, now unless `time` says otherwise.
pub(super) async fn instant(State(api): State<Arc<Api>>, params: Params) -> Result<QueryAnswer, PromError> {
    let time = params.time("time")?.unwrap_or_else(|| api.clock.now().to_ms());
    let (engine, series) = (Arc::clone(&api.engine), Arc::clone(&api.series));
    let timeout = timeout(&params)?;
    let evaluate = move |budget: &QueryBudget| {
        let series = Watched::new(&*series);
        let mut output = engine.instant(&series, &expression(&params)?, time, budget)?;
        output.annotations.warnings.extend(series.missing());
        QueryAnswer::write(&output, budget).map_err(|exhausted| EvalError::Exhausted(exhausted).into())
    };
    api.workers.run(timeout, evaluate).await?
}

/// `GET|POST /api/v1/query_range`: evaluates a PromQL expression at evenly spaced steps, both ends inclusive.
pub(super) async fn range(State(api): State<Arc<Api>>, params: Params) -> Result<QueryAnswer, PromError> {
    let required = |name: &'static str| {
        let missing =
            ParamError::Invalid { name: name.to_owned(), reason: "cannot parse \"\" to a valid timestamp".into() };
        params.time(name)?.ok_or(missing)
    };
    let (start, end) = (required("start")?, required("end")?);
    if end < start {
        let reason = "end timestamp must not be before start time".into();
        return Err(ParamError::Invalid { name: "end".into(), reason }.into());
    }
    let no_step =
        || ParamError::Invalid { name: "step".into(), reason: "cannot parse \"\" to a valid duration".into() };
    let step_ms = params.duration_ms("step")?.ok_or_else(no_step)?;
    if step_ms <= 0 {
        let reason = "zero or negative query resolution step widths are not accepted. Try a positive integer".into();
        return Err(ParamError::Invalid { name: "step".into(), reason }.into());
    }
    if end.0.saturating_sub(start.0) / step_ms > POINTS_MAX {
        return Err(PromError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    let (engine, series) = (Arc::clone(&api.engine), Arc::clone(&api.series));
    let timeout = timeout(&params)?;
    let evaluate = move |budget: &QueryBudget| {
        let series = Watched::new(&*series);
        let mut output = engine.range(&series, &expression(&params)?, start, end, step_ms, budget)?;
        output.annotations.warnings.extend(series.missing());
        QueryAnswer::write(&output, budget).map_err(|exhausted| EvalError::Exhausted(exhausted).into())
    };
    api.workers.run(timeout, evaluate).await?
}

fn expression(params: &Params) -> Result<Expr, PromError> {
    watchfire_promql::parse(params.get("query").unwrap_or_default())
        .map_err(|error| PromError::bad_query("query", &error))
}

fn timeout(params: &Params) -> Result<Option<Duration>, ParamError> {
    let ms = params.duration_ms("timeout")?;
    Ok(ms.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0))))
}
