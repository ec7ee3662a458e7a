//! What is stored: label names and values, series, metadata.

use super::envelope::Success;
use crate::Api;
use crate::error::PromError;
use crate::params::{ParamError, Params};
use axum::extract::{Path, State};
use std::collections::BTreeMap;
use std::sync::Arc;
use watchfire_model::{Labels, Matcher, MetricMetadata, TimeRange, Timestamp};
use watchfire_promql::{ExprKind, Modifiers};

/// The warning that upstream adds to a cut answer.
const TRUNCATED: &str = "results truncated due to limit";

/// `GET|POST /api/v1/labels`: names of all labels, of the series that pass `match[]` where given.
pub(super) async fn names(State(api): State<Arc<Api>>, params: Params) -> Result<Success<Vec<String>>, PromError> {
    let (selectors, range) = (selectors(&params)?, range(&params)?);
    let series = Arc::clone(&api.series);
    let missing = series.missing(range);
    let names = api.workers.run(None, move |budget| series.label_names(&selectors, range, budget)).await??;
    limited(names, &params, missing)
}

/// `GET /api/v1/label/NAME/values`. A name in the `U__` escaping of Prometheus 3 is unescaped.
pub(super) async fn values(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    params: Params,
) -> Result<Success<Vec<String>>, PromError> {
    let name = unescape(&name);
    if name.is_empty() {
        return Err(PromError::bad_data("invalid label name: \"\""));
    }
    let (selectors, range) = (selectors(&params)?, range(&params)?);
    let series = Arc::clone(&api.series);
    let missing = series.missing(range);
    let values = api.workers.run(None, move |budget| series.label_values(&name, &selectors, range, budget)).await??;
    limited(values, &params, missing)
}

/// `GET|POST /api/v1/series`: label sets of the series that pass any `match[]`.
pub(super) async fn series(State(api): State<Arc<Api>>, params: Params) -> Result<Success<Vec<Labels>>, PromError> {
    let (selectors, range) = (selectors(&params)?, range(&params)?);
    if selectors.is_empty() {
        return Err(ParamError::Missing { name: "match[]" }.into());
    }
    let source = Arc::clone(&api.series);
    let missing = source.missing(range);
    let found = api.workers.run(None, move |budget| {
        let mut found = std::collections::BTreeSet::new();
        for matchers in &selectors {
            found.extend(source.select(matchers, range, budget)?.iter().map(|reader| reader.labels().clone()));
        }
        Ok::<_, watchfire_model::SelectError>(found.into_iter().collect::<Vec<_>>())
    });
    limited(found.await??, &params, missing)
}

/// `GET /api/v1/metadata`: what expositions say of their metrics.
pub(super) async fn metadata(
    State(api): State<Arc<Api>>,
    params: Params,
) -> Result<Success<BTreeMap<String, Vec<MetricMetadata>>>, PromError> {
    let per_metric = params.number("limit_per_metric")?.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let limit = params.number("limit")?.unwrap_or(usize::MAX);
    let wanted = params.get("metric");
    let all = api.tsdb.metadata().into_iter().filter(|(metric, _)| wanted.is_none_or(|wanted| wanted == metric));
    let cut = |(metric, mut entries): (String, Vec<MetricMetadata>)| {
        entries.truncate(per_metric);
        (metric, entries)
    };
    Ok(Success::new(all.take(limit).map(cut).collect()))
}

/// The selectors in `match[]`, each a plain vector selector.
fn selectors(params: &Params) -> Result<Vec<Vec<Matcher>>, PromError> {
    params.all("match[]").map(selector).collect()
}

fn selector(text: &str) -> Result<Vec<Matcher>, PromError> {
    let expr = watchfire_promql::parse(text).map_err(|error| PromError::bad_query("match[]", &error))?;
    match expr.kind {
        ExprKind::Vector(selector) if selector.modifiers == Modifiers::default() => Ok(selector.matchers),
        _ => Err(PromError::bad_data(format!("invalid parameter \"match[]\": `{text}` is not a series selector"))),
    }
}

fn range(params: &Params) -> Result<TimeRange, PromError> {
    let start = params.time("start")?.unwrap_or(Timestamp::MIN);
    let end = params.time("end")?.unwrap_or(Timestamp::MAX);
    if end < start {
        let reason = "end timestamp must not be before start time".into();
        return Err(ParamError::Invalid { name: "end".into(), reason }.into());
    }
    Ok(TimeRange { start, end })
}

/// Cuts the answer where the request asks for it; `warnings` are what it lacks besides.
fn limited<T: serde::Serialize>(
    mut items: Vec<T>,
    params: &Params,
    mut warnings: Vec<String>,
) -> Result<Success<Vec<T>>, PromError> {
    if let Some(limit) = params.number("limit")?.filter(|limit| *limit > 0 && items.len() > *limit) {
        items.truncate(limit);
        warnings.push(TRUNCATED.to_owned());
    }
    Ok(Success::with_warnings(items, warnings))
}

/// Undoes the `U__` escaping (`_2e_` for a dot, `__` for an underscore); anything else stays as it is.
/// Prometheus: `common/model/metric.go`, `UnescapeName`.
fn unescape(name: &str) -> String {
    let Some(escaped) = name.strip_prefix("U__") else { return name.to_owned() };
    let mut plain = String::new();
    let mut rest = escaped;
    while let Some(at) = rest.find('_') {
        plain.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let Some(end) = tail.find('_') else { return name.to_owned() };
        match &tail[..end] {
            "" => plain.push('_'),
            code => match u32::from_str_radix(code, 16).ok().and_then(char::from_u32) {
                Some(c) => plain.push(c),
                None => return name.to_owned(),
            },
        }
        rest = &tail[end + 1..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(escaped: &str, want: &str) {
        assert_eq!(unescape(escaped), want);
    }

    #[test]
    fn escaped_names_are_read() {
        check("job", "job");
        check("U__my_2e_metric", "my.metric");
        check("U__a__b", "a_b");
        check("U__bad_zz_", "U__bad_zz_");
        check("U__open_2e", "U__open_2e");
    }
}
