//! `/api/v1/targets`, `/api/v1/scrape_pools` and what relabeling makes of a target's labels.

use super::envelope::Success;
use crate::error::PromError;
use crate::params::{ParamError, Params};
use crate::time_text::rfc3339_ms;
use crate::{Api, RelabelStep};
use axum::extract::State;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use watchfire_model::status::{Health, TargetStatus};
use watchfire_model::{DurationMs, Labels};

/// Prometheus' `TargetDiscovery`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TargetDiscovery {
    active_targets: Vec<ActiveTarget>,
    dropped_targets: Vec<DroppedTarget>,
    dropped_target_counts: BTreeMap<String, usize>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ActiveTarget {
    discovered_labels: Labels,
    labels: Labels,
    scrape_pool: String,
    scrape_url: String,
    global_url: String,
    last_error: String,
    /// RFC 3339; the zero time of Go before the first scrape.
    last_scrape: String,
    /// Seconds.
    last_scrape_duration: f64,
    health: Health,
    scrape_interval: String,
    scrape_timeout: String,
    /// Ours: samples of the last scrape before metric relabeling.
    last_scrape_samples: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DroppedTarget {
    discovered_labels: Labels,
    scrape_pool: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScrapePools {
    scrape_pools: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct RelabelSteps {
    steps: Vec<RelabelStep>,
}

/// `GET /api/v1/targets?state=active|dropped|any&scrapePool=NAME`: an unknown state shows nothing, as upstream.
pub(super) async fn targets(State(api): State<Arc<Api>>, params: Params) -> Success<TargetDiscovery> {
    let state = params.get("state").unwrap_or("any").to_ascii_lowercase();
    let pool = params.get("scrapePool");
    let status = api.status.targets();
    let in_pool = |name: &str| pool.is_none_or(|pool| pool == name);
    let dropped_pool = |labels: &Labels| labels.get_or_empty("job").to_owned();
    let mut dropped_target_counts = BTreeMap::new();
    let (mut active_targets, mut dropped_targets) = (Vec::new(), Vec::new());
    if matches!(state.as_str(), "any" | "active") {
        let active = status.active.into_iter().filter(|target| in_pool(&target.scrape_pool));
        active_targets.extend(active.map(ActiveTarget::from));
        active_targets.sort_by(|a: &ActiveTarget, b| a.scrape_pool.cmp(&b.scrape_pool));
    }
    if matches!(state.as_str(), "any" | "dropped") {
        for labels in &status.dropped {
            *dropped_target_counts.entry(dropped_pool(labels)).or_default() += 1;
        }
        let dropped = status.dropped.into_iter().filter(|labels| in_pool(&dropped_pool(labels)));
        dropped_targets.extend(
            dropped.map(|labels| DroppedTarget { scrape_pool: dropped_pool(&labels), discovered_labels: labels }),
        );
    }
    Success::new(TargetDiscovery { active_targets, dropped_targets, dropped_target_counts })
}

/// `GET /api/v1/scrape_pools`.
pub(super) async fn scrape_pools(State(api): State<Arc<Api>>) -> Success<ScrapePools> {
    Success::new(ScrapePools { scrape_pools: api.host.scrape_pools() })
}

/// `GET /api/v1/targets/relabel_steps?scrapePool=NAME&labels=JSON`.
pub(super) async fn relabel_steps(
    State(api): State<Arc<Api>>,
    params: Params,
) -> Result<Success<RelabelSteps>, PromError> {
    let pool = params.get("scrapePool").ok_or(ParamError::Missing { name: "scrapePool" })?;
    let labels = params.get("labels").ok_or(ParamError::Missing { name: "labels" })?;
    let labels: BTreeMap<String, String> =
        serde_json::from_str(labels).map_err(|error| PromError::bad_data(format!("error parsing labels: {error}")))?;
    let steps = api.host.relabel(pool, Labels::from_pairs(labels));
    let steps = steps.map_err(|reason| PromError::bad_data(format!("error retrieving scrape config: {reason}")))?;
    Ok(Success::new(RelabelSteps { steps }))
}

impl From<TargetStatus> for ActiveTarget {
    fn from(target: TargetStatus) -> ActiveTarget {
        ActiveTarget {
            discovered_labels: target.discovered_labels,
            labels: target.labels,
            scrape_pool: target.scrape_pool,
            global_url: target.scrape_url.clone(),
            scrape_url: target.scrape_url,
            last_error: target.last_error,
            last_scrape: target.last_scrape.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), rfc3339_ms),
            last_scrape_duration: target.last_scrape_seconds,
            health: target.health,
            scrape_interval: DurationMs(target.interval_ms).to_string(),
            scrape_timeout: DurationMs(target.timeout_ms).to_string(),
            last_scrape_samples: target.last_samples,
        }
    }
}
