//! What expositions say of their metrics: `/api/v1/metadata`, and by target.

use super::envelope::Success;
use crate::Api;
use crate::error::PromError;
use crate::params::{ParamError, Params};
use axum::extract::State;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use watchfire_model::status::TargetStatus;
use watchfire_model::{Labels, METRIC_NAME, Matcher, MetricMetadata, SelectError, TimeRange, Timestamp};
use watchfire_promql::{ExprKind, Modifiers};

/// How far back series of a target are looked for, in milliseconds.
const TARGET_SERIES_MS: i64 = 3_600_000;
/// Endings that make several series of one family.
const SUFFIXES: [&str; 6] = ["_bucket", "_count", "_sum", "_total", "_created", "_info"];

/// One element of `/api/v1/targets/metadata`.
#[derive(Debug, Serialize)]
pub(super) struct TargetMetadata {
    target: Labels,
    /// Left out where the request names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<String>,
    #[serde(flatten)]
    metadata: MetricMetadata,
}

/// `GET /api/v1/metadata?metric=&limit=&limit_per_metric=`.
pub(super) async fn metadata(
    State(api): State<Arc<Api>>,
    params: Params,
) -> Result<Success<BTreeMap<String, Vec<MetricMetadata>>>, PromError> {
    let limit = number(&params, "limit")?.and_then(|limit| usize::try_from(limit).ok());
    let per_metric = number(&params, "limit_per_metric")?.filter(|limit| *limit > 0);
    let per_metric = per_metric.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let wanted = params.get("metric");
    let all = api.tsdb.metadata().into_iter().filter(|(metric, _)| wanted.is_none_or(|wanted| wanted == metric));
    let cut = |(metric, mut entries): (String, Vec<MetricMetadata>)| {
        entries.truncate(per_metric);
        (metric, entries)
    };
    Ok(Success::new(all.take(limit.unwrap_or(usize::MAX)).map(cut).collect()))
}

/// `GET /api/v1/targets/metadata?match_target=&metric=&limit=`: metadata is kept by metric, so a target has that of the
/// metrics which it brought within the last hour.
pub(super) async fn of_targets(
    State(api): State<Arc<Api>>,
    params: Params,
) -> Result<Success<Vec<TargetMetadata>>, PromError> {
    let limit = number(&params, "limit")?.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let wanted = match params.get("match_target") {
        None => Vec::new(),
        Some(text) => target_matchers(text)?,
    };
    let metric = params.get("metric").map(str::to_owned);
    let passes = |target: &TargetStatus| wanted.iter().all(|matcher| matcher.matches_labels(&target.labels));
    let targets: Vec<TargetStatus> = api.status.targets().active.into_iter().filter(passes).collect();
    let known: BTreeMap<String, Vec<MetricMetadata>> = api.tsdb.metadata().into_iter().collect();
    let series = api.source();
    let now = api.clock.now().to_ms();
    let range = TimeRange { start: Timestamp(now.0.saturating_sub(TARGET_SERIES_MS)), end: now };
    let found = api.workers.run(None, move |budget| {
        let mut found = Vec::new();
        for TargetStatus { labels, .. } in targets {
            let own = labels.iter().map(|label| Matcher::equal(label.name.clone(), label.value.clone())).collect();
            let names = series.label_values(METRIC_NAME, &[own], range, budget)?;
            let families: BTreeSet<&str> = names.iter().filter_map(|name| family(&known, name)).collect();
            for family in families.into_iter().filter(|family| metric.as_deref().is_none_or(|metric| metric == *family))
            {
                let Some(metadata) = known[family].last().filter(|_| found.len() < limit) else { continue };
                let shown = metric.is_none().then(|| family.to_owned());
                found.push(TargetMetadata { target: labels.clone(), metric: shown, metadata: metadata.clone() });
            }
        }
        Ok::<_, SelectError>(found)
    });
    let found = found.await??;
    if found.is_empty() {
        return Err(PromError::not_found("specified metadata not found"));
    }
    Ok(Success::new(found))
}

/// The family that a series with this name belongs to, of those that something is known of.
fn family<'a>(known: &'a BTreeMap<String, Vec<MetricMetadata>>, name: &str) -> Option<&'a str> {
    let of_suffix = || SUFFIXES.iter().find_map(|suffix| known.get_key_value(name.strip_suffix(suffix)?));
    known.get_key_value(name).or_else(of_suffix).map(|(family, _)| family.as_str())
}

fn target_matchers(text: &str) -> Result<Vec<Matcher>, PromError> {
    let expr = watchfire_promql::parse(text).map_err(|error| PromError::bad_data(error.to_string()))?;
    match expr.kind {
        ExprKind::Vector(selector) if selector.modifiers == Modifiers::default() => Ok(selector.matchers),
        _ => Err(PromError::bad_data(format!("`{text}` is not a series selector"))),
    }
}

/// Any whole number; negative ones are no limit.
fn number(params: &Params, name: &str) -> Result<Option<i64>, ParamError> {
    let parse = |text: &str| text.parse::<i64>();
    let wrong = |_| ParamError::Other(format!("{name} must be a number"));
    params.get(name).map(parse).transpose().map_err(wrong)
}
