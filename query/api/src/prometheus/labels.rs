//! What is stored: label names and values, series.

use super::envelope::Success;
use super::selectors::{range, selectors};
use crate::Api;
use crate::error::PromError;
use crate::params::{ParamError, Params};
use axum::extract::{Path, State};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use watchfire_model::{EscapingScheme, Labels, SelectError, unescape_name};

/// The warning that upstream adds to a cut answer.
pub(super) const TRUNCATED: &str = "results truncated due to limit";

/// `GET|POST /api/v1/labels`: names of all labels, of the series that pass `match[]` where given.
pub(super) async fn names(State(api): State<Arc<Api>>, params: Params) -> Result<Success<Vec<String>>, PromError> {
    let (selectors, limit) = (selectors(&params)?, params.limit("limit")?);
    let Some(range) = range(&params)? else { return Ok(Success::new(Vec::new())) };
    let series = api.source();
    let missing = series.missing(range);
    let names = api.workers.run(None, move |budget| series.label_names(&selectors, range, budget)).await??;
    Ok(limited(names, limit, missing))
}

/// `GET /api/v1/label/NAME/values`. A name in the `U__` escaping of Prometheus 3 is unescaped.
pub(super) async fn values(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    params: Params,
) -> Result<Success<Vec<String>>, PromError> {
    let name = unescape_name(&name, EscapingScheme::Values).into_owned();
    if name.is_empty() {
        return Err(PromError::bad_data("invalid label name: \"\""));
    }
    let (selectors, limit) = (selectors(&params)?, params.limit("limit")?);
    let Some(range) = range(&params)? else { return Ok(Success::new(Vec::new())) };
    let series = api.source();
    let missing = series.missing(range);
    let values = api.workers.run(None, move |budget| series.label_values(&name, &selectors, range, budget)).await??;
    Ok(limited(values, limit, missing))
}

/// `GET|POST /api/v1/series`: label sets of the series that pass any `match[]`.
pub(super) async fn series(State(api): State<Arc<Api>>, params: Params) -> Result<Success<Vec<Labels>>, PromError> {
    if params.all("match[]").next().is_none() {
        return Err(ParamError::Missing { name: "match[]" }.into());
    }
    let (selectors, limit) = (selectors(&params)?, params.limit("limit")?);
    let Some(range) = range(&params)? else { return Ok(Success::new(Vec::new())) };
    let source = api.source();
    let missing = source.missing(range);
    let found = api.workers.run(None, move |budget| {
        let mut found = BTreeSet::new();
        for matchers in &selectors {
            found.extend(source.select(matchers, range, budget)?.iter().map(|reader| reader.labels().clone()));
        }
        Ok::<_, SelectError>(found.into_iter().collect::<Vec<_>>())
    });
    Ok(limited(found.await??, limit, missing))
}

/// Cuts the answer where the request asks for it; `warnings` are what it lacks besides.
fn limited<T: Serialize>(mut items: Vec<T>, limit: Option<usize>, mut warnings: Vec<String>) -> Success<Vec<T>> {
    if limit.is_some_and(|limit| items.len() > limit) {
        items.truncate(limit.unwrap_or(usize::MAX));
        warnings.push(TRUNCATED.to_owned());
    }
    Success::with_warnings(items, warnings)
}
