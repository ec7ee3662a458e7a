//! `stats=`: what a query cost, as upstream prints it (`util/stats/query_stats.go`), and our own figures beside that.

use super::number::seconds;
use super::query::Times;
use crate::params::Params;
use serde::Serialize;
use serde_json::Number;
use std::time::Duration;
use watchfire_promql::{QueryStats, Timings};

/// Whether an answer says what it cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatsKind {
    None,
    Sums,
    /// With the samples of each step.
    All,
}

/// What the engine does not know of a query's time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    /// From its arrival until it ran.
    pub(super) queued: Duration,
    /// From its arrival until now.
    pub(super) total: Duration,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stats {
    timings: ShownTimings,
    samples: ShownSamples,
    /// Ours: series that were read.
    series: u64,
    /// Ours: the most memory held at a time, in bytes.
    peak_bytes: u64,
}

/// Seconds.
#[derive(Debug, Serialize)]
struct ShownTimings {
    #[serde(rename = "evalTotalTime")]
    eval_total: f64,
    #[serde(rename = "resultSortTime")]
    result_sort: f64,
    #[serde(rename = "queryPreparationTime")]
    preparation: f64,
    #[serde(rename = "innerEvalTime")]
    inner_eval: f64,
    #[serde(rename = "execQueueTime")]
    queue: f64,
    #[serde(rename = "execTotalTime")]
    total: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownSamples {
    /// Unix seconds and samples.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    total_queryable_samples_per_step: Vec<(Number, u64)>,
    total_queryable_samples: u64,
    peak_samples: u64,
}

impl StatsKind {
    /// Anything but nothing asks for them.
    pub(super) fn read(params: &Params) -> StatsKind {
        match params.get("stats") {
            None => StatsKind::None,
            Some("all") => StatsKind::All,
            Some(_) => StatsKind::Sums,
        }
    }

    pub(super) fn of(self, stats: &QueryStats, times: Times, timing: Timing) -> Option<Stats> {
        if self == StatsKind::None {
            return None;
        }
        let Timings { eval_total, preparation, inner_eval, result_sort } = stats.timings;
        let (start, step_ms) = match times {
            Times::At(time) => (time.0, 0),
            Times::Range { start, step_ms, .. } => (start.0, step_ms),
        };
        let at = |step: usize| seconds(start.saturating_add(step_ms.saturating_mul(step as i64)));
        let per_step = stats.samples_per_step.iter().enumerate().map(|(step, samples)| (at(step), *samples));
        Some(Stats {
            timings: ShownTimings {
                eval_total: eval_total.as_secs_f64(),
                result_sort: result_sort.as_secs_f64(),
                preparation: preparation.as_secs_f64(),
                inner_eval: inner_eval.as_secs_f64(),
                queue: timing.queued.as_secs_f64(),
                total: timing.total.as_secs_f64(),
            },
            samples: ShownSamples {
                total_queryable_samples_per_step: per_step.collect(),
                total_queryable_samples: stats.samples,
                peak_samples: stats.samples_peak,
            },
            series: stats.series,
            peak_bytes: stats.bytes_peak,
        })
    }
}
