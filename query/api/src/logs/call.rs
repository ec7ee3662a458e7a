//! What the log calls have in common: they run on the workers, read a query and a range, and say what they cost.

use super::answer::Answer;
use super::saved;
use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use watchfire_logquery::Query;
use watchfire_model::{LogCost, QueryBudget, TimeRangeNs};

const HOUR_NS: i64 = 3_600_000_000_000;

/// One request on its worker's thread.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) api: &'a Api,
    pub(super) params: &'a Params,
    pub(super) budget: &'a QueryBudget,
    began: Instant,
}

/// A parsed log question.
#[derive(Debug, Clone)]
pub(super) struct LogRequest {
    pub(super) query: Query,
    /// `end` exclusive; it defaults to one nanosecond after now, `start` to an hour (or what the saved search says)
    /// before `end`.
    pub(super) range: TimeRangeNs,
}

/// Runs `answer` on the workers; whatever the request asks to be read is read there.
pub(super) async fn ask(
    api: Arc<Api>,
    params: Params,
    answer: impl FnOnce(&Call<'_>) -> Result<Answer, ApiError> + Send + 'static,
) -> Result<Answer, ApiError> {
    let (began, asked) = (Instant::now(), Arc::clone(&api));
    api.workers.run(None, move |budget| answer(&Call { api: &asked, params: &params, budget, began })).await?
}

impl Call<'_> {
    /// Reads the query and the range; names outside `known` (besides those) are errors.
    pub(super) fn request(&self, known: &[&str]) -> Result<LogRequest, ApiError> {
        LogRequest::read(self.api, self.params, known)
    }

    /// Writes the answer down.
    pub(super) fn answer(&self, body: &impl Serialize) -> Result<Answer, ApiError> {
        Answer::write(body, self.budget)
    }

    pub(super) fn stats(&self, cost: &LogCost) -> StatsBody {
        StatsBody::new(cost, self.began.elapsed())
    }
}

impl LogRequest {
    /// Reads `query` (or `saved` and its `param.…`), `start` and `end`.
    pub(super) fn read(api: &Api, params: &Params, known: &[&str]) -> Result<LogRequest, ApiError> {
        let known: Vec<&str> = ["start", "end"].iter().chain(known).copied().collect();
        let saved::Asked { query, range_ns } = saved::read_query(api, params, &known)?;
        let end = params.time_ns("end")?.unwrap_or_else(|| api.clock.now().plus_ns(1));
        let start = params.time_ns("start")?.unwrap_or_else(|| end.plus_ns(-range_ns.unwrap_or(HOUR_NS)));
        if end < start {
            return Err(ApiError::parameter("`end` is before `start`: swap them"));
        }
        Ok(LogRequest { query, range: TimeRangeNs { start, end } })
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
    /// Of these, answered from statistics alone.
    granules_summed: u64,
    granules_read: u64,
    /// Of those read, in which nothing passed.
    granules_false: u64,
    records_scanned: u64,
    bytes_read: u64,
    /// Time of all threads by stage.
    planning_ms: f64,
    filtering_ms: f64,
    collecting_ms: f64,
}

impl StatsBody {
    fn new(cost: &LogCost, elapsed: Duration) -> StatsBody {
        StatsBody {
            elapsed_ms: ms(elapsed),
            granules: cost.granules,
            granules_pruned: cost.granules_pruned,
            granules_summed: cost.granules_summed,
            granules_read: cost.granules_read,
            granules_false: cost.granules_false,
            records_scanned: cost.records_scanned,
            bytes_read: cost.bytes_read,
            planning_ms: ms(cost.planning),
            filtering_ms: ms(cost.filtering),
            collecting_ms: ms(cost.collecting),
        }
    }
}

/// Milliseconds with three decimals.
fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
