//! `/api/v1/query_exemplars`.

use super::envelope::Success;
use super::number::{seconds, write_value};
use crate::Api;
use crate::error::PromError;
use crate::params::{ParamError, Params};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use serde_json::Number;
use std::sync::Arc;
use watchfire_model::{Exemplar, Labels, Matcher, SeriesExemplars, TimeRange, Timestamp};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    series_labels: Labels,
    exemplars: Vec<ShownExemplar>,
}

#[derive(Debug, Serialize)]
struct ShownExemplar {
    labels: Labels,
    value: String,
    /// Seconds, as far as a floating-point number holds them.
    timestamp: Number,
}

/// `GET|POST /api/v1/query_exemplars?query=&start=&end=`: of all series that the expression reads. 204 for an expression
/// that reads none, as upstream.
pub(super) async fn exemplars(State(api): State<Arc<Api>>, params: Params) -> Result<Response, PromError> {
    let start = params.time("start")?.unwrap_or(Timestamp::MIN);
    let end = params.time("end")?.unwrap_or(Timestamp::MAX);
    if end < start {
        return Err(ParamError::Other("end timestamp must not be before start timestamp".to_owned()).into());
    }
    let source = api.source();
    let work = move |budget: &watchfire_model::QueryBudget| {
        let expr = watchfire_promql::parse(params.get("query").unwrap_or_default());
        let expr = expr.map_err(|error| PromError::unparsed(&error))?;
        let selectors: Vec<Vec<Matcher>> = expr.selectors().iter().map(|one| one.matchers.clone()).collect();
        if selectors.is_empty() {
            return Ok(None);
        }
        Ok::<_, PromError>(Some(source.exemplars(&selectors, TimeRange { start, end }, budget)?))
    };
    let Some(found) = api.workers.run(None, work).await?? else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    Ok(Success::new(found.into_iter().map(Shown::from).collect::<Vec<_>>()).into_response())
}

impl From<SeriesExemplars> for Shown {
    fn from(series: SeriesExemplars) -> Shown {
        let exemplars = series.exemplars.into_iter().map(ShownExemplar::from).collect();
        Shown { series_labels: series.labels, exemplars }
    }
}

impl From<Exemplar> for ShownExemplar {
    fn from(exemplar: Exemplar) -> ShownExemplar {
        let mut value = String::new();
        write_value(&mut value, exemplar.value);
        ShownExemplar { labels: exemplar.labels, value, timestamp: seconds(exemplar.time.0) }
    }
}
