//! The steps of a query behind its search: those that take one record at a time, and what the others need.

use super::call::Call;
use crate::error::ApiError;
use watchfire_logquery::{
    Cell, GROUPS_MAX, Outcome, Pipe, Query, RowPipeline, RowResult, RunRequest, StatsFunction, StatsPipe, StatsResult,
    run,
};
use watchfire_model::{FieldValue, LogAnswer, LogFilter, LogRecord, LogSource, QueryBudget, TimeRangeNs};

/// Steps on single records.
#[derive(Debug)]
pub(super) struct Rows {
    pipeline: RowPipeline,
    counts: bool,
}

/// What the steps of a query ask for.
#[derive(Debug)]
pub(super) enum Steps {
    /// Records as they are.
    None,
    /// One record at a time.
    Rows(Rows),
    /// All records at once: the answer is a table.
    Table,
}

impl Steps {
    pub(super) fn of(query: &Query) -> Steps {
        let Some(pipeline) = query.row_pipeline() else { return Steps::Table };
        if pipeline.is_empty() {
            return Steps::None;
        }
        let counts = query.pipes.iter().any(|pipe| matches!(pipe, Pipe::Limit(_) | Pipe::Offset(_)));
        Steps::Rows(Rows { pipeline, counts })
    }
}

impl Rows {
    /// The steps of a query, if it has any.
    ///
    /// # Errors
    /// It has steps that need all records.
    pub(super) fn of(query: &Query) -> Result<Option<Rows>, ApiError> {
        match Steps::of(query) {
            Steps::None => Ok(None),
            Steps::Rows(rows) => Ok(Some(rows)),
            Steps::Table => {
                let message = "this query has steps that need all records at once (stats, top, uniq, sort, context), \
                               its answer is a table: ask `logs/stats` for it";
                Err(ApiError::query(message))
            }
        }
    }

    /// Whether it matters how many records came before.
    pub(super) fn counts(&self) -> bool {
        self.counts
    }

    /// Whether no further record will pass.
    pub(super) fn is_done(&self) -> bool {
        self.pipeline.is_done()
    }

    pub(super) fn apply(&mut self, arrival: u64, record: &LogRecord) -> RowResult {
        self.pipeline.apply(arrival, record)
    }
}

/// What the search part of a query finds, whatever its further steps make of it.
pub(super) fn found_by(query: Query) -> LogFilter {
    query.filter
}

/// How many records (or rows of a table) a query ends with.
pub(super) fn count(call: &Call<'_>, query: Query, range: TimeRangeNs) -> Result<(u64, LogAnswer), ApiError> {
    let Query { expr, mut pipes, now, .. } = query;
    let count = StatsResult { function: StatsFunction::Count, field: None, only: None, name: "count".into() };
    pipes.push(Pipe::Stats(StatsPipe { by: Vec::new(), results: vec![count] }));
    let query = Query::new(expr, pipes, now).map_err(|problem| ApiError::query(problem.to_string()))?;
    let Outcome { table, answer } = tabulate(&query, range, 1, &*call.api.logs, call.budget)?;
    match table.rows.first().and_then(|row| row.first()) {
        Some(Some(Cell::Value(FieldValue::I64(count)))) => Ok((count.unsigned_abs(), answer)),
        _ => Ok((0, answer)),
    }
}

/// The answer of any query as a table.
pub(super) fn tabulate(
    query: &Query,
    range: TimeRangeNs,
    rows_max: usize,
    source: &dyn LogSource,
    budget: &QueryBudget,
) -> Result<Outcome, ApiError> {
    let request = RunRequest { range, now: query.now, rows_max, groups_max: GROUPS_MAX };
    Ok(run(query, &request, source, budget)?)
}
