//! What the log calls have in common: query, range, cost.

use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use http::StatusCode;
use serde::Serialize;
use std::time::Duration;
use watchfire_logstore::SearchStats;
use watchfire_model::{LogFilter, TimeRangeNs};

/// A parsed log question.
#[derive(Debug, Clone)]
pub(super) struct LogRequest {
    pub(super) filter: LogFilter,
    /// `end` exclusive; it defaults to one nanosecond after now, `start` to an hour before `end`.
    pub(super) range: TimeRangeNs,
}

const HOUR_NS: i64 = 3_600_000_000_000;

impl LogRequest {
    /// Reads `query`, `start` and `end`; names outside `known` (besides those) are errors.
    pub(super) fn read(api: &Api, params: &Params, known: &[&str]) -> Result<LogRequest, ApiError> {
        let is_known = |name: &str| matches!(name, "query" | "start" | "end") || known.contains(&name);
        if let Some(unknown) = params.names().find(|name| !is_known(name)) {
            let message =
                format!("unknown parameter `{unknown}`, this call knows query, start, end, {}", known.join(", "));
            return Err(ApiError::new(StatusCode::BAD_REQUEST, message));
        }
        let end = params.time_ns("end")?.unwrap_or_else(|| api.clock.now().plus_ns(1));
        let start = params.time_ns("start")?.unwrap_or_else(|| end.plus_ns(-HOUR_NS));
        if end < start {
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "`end` is before `start`: swap them"));
        }
        let filter = watchfire_logquery::parse(params.get("query").unwrap_or_default())?.filter;
        Ok(LogRequest { filter, range: TimeRangeNs { start, end } })
    }
}

/// What an answer cost.
#[derive(Debug, Serialize)]
pub(super) struct StatsBody {
    elapsed_ms: f64,
    /// Granules (about 8,192 records each) in the range.
    granules: u64,
    /// Of these, ruled out by time, statistics or index.
    granules_pruned: u64,
    granules_read: u64,
    records_scanned: u64,
    bytes_read: u64,
}

impl StatsBody {
    pub(super) fn new(stats: &SearchStats, elapsed: Duration) -> StatsBody {
        StatsBody {
            elapsed_ms: (elapsed.as_secs_f64() * 1e6).round() / 1e3,
            granules: stats.granules,
            granules_pruned: stats.granules_pruned,
            granules_read: stats.granules_read,
            records_scanned: stats.records_scanned,
            bytes_read: stats.bytes_read,
        }
    }
}
