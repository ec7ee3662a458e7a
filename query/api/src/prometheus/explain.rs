//! `/api/watchfire/v1/metrics/explain`: what each part of an expression returned and cost.

use super::envelope::Success;
use super::missing::Watched;
use super::query::Times;
use super::syntax::expression;
use crate::Api;
use crate::error::PromError;
use crate::params::Params;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;
use watchfire_model::QueryBudget;
use watchfire_promql::{Engine, Explained};

/// The answer's `data`.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    tree: Explained,
    warnings: Vec<String>,
    infos: Vec<String>,
}

/// `GET|POST …/explain?query=&time=` or `…&start=&end=&step=`: evaluates the expression and tells of each part instead of the
/// value.
pub(super) async fn explain(State(api): State<Arc<Api>>, params: Params) -> Result<Success<Shown>, PromError> {
    let times = if params.get("start").is_some() || params.get("end").is_some() {
        Times::range(&params)?
    } else {
        Times::At(params.time("time")?.unwrap_or_else(|| api.clock.now().to_ms()))
    };
    let (engine, series) = (Engine::clone(&api.engine), api.source());
    let work = move |budget: &QueryBudget| {
        let series = Watched::new(&*series);
        let expr = times.check(expression(&params)?)?;
        let explained = match times {
            Times::At(time) => engine.explain_instant(&series, &expr, time, budget)?,
            Times::Range { start, end, step_ms } => {
                engine.explain_range(&series, &expr, start, end, step_ms, budget)?
            }
        };
        let mut warnings = explained.annotations.warnings;
        warnings.extend(series.missing());
        Ok::<_, PromError>(Shown { tree: explained.tree, warnings, infos: explained.annotations.infos })
    };
    Ok(Success::new(api.workers.run(None, work).await??))
}
