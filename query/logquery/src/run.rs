//! Running a query over a source of records: what the source can group it groups, everything else streams.

mod bucket;
mod chain;
mod columns;
mod context;
mod explain;
mod group;
mod names;
mod plan;
mod sort;

pub use explain::{Stage, explain};

use crate::row::{Row, Table};
use crate::{Problem, Query};
use chain::{Chain, Flow, RowSink};
use columns::Columns;
use plan::{Plan, Start};
use std::ops::ControlFlow;
use watchfire_model::{
    AggregateRequest, Exhausted, LogAnswer, LogSource, LogSourceError, QueryBudget, ScanRequest, TimeNs, TimeRangeNs,
    TooManyGroups,
};

/// Groups that a query may make where nobody says otherwise; what bounds most queries is the memory that groups take, about
/// 100 bytes each.
pub const GROUPS_MAX: usize = 10_000_000;
/// Rows of an answer where nobody says otherwise.
pub const ROWS_MAX: usize = 10_000;

/// What a query is run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunRequest {
    /// By event time, start inclusive, end exclusive.
    pub range: TimeRangeNs,
    /// What `now` means in the query.
    pub now: TimeNs,
    /// Rows that the answer may have; it says so when there are more.
    pub rows_max: usize,
    /// Groups that a `stats`, `top` or `uniq` may make; more are an error.
    pub groups_max: usize,
}

/// The answer, what is missing from it, and what it cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub table: Table,
    pub answer: LogAnswer,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Source(#[from] LogSourceError),
    /// Only in queries that were built, not parsed.
    #[error(transparent)]
    Query(#[from] Problem),
    #[error("the range of time has more than {max} intervals: choose longer ones, or a shorter range")]
    TooManyBuckets { max: usize },
    #[error("`{name}` is not a known time zone")]
    UnknownZone { name: String },
}

impl From<Exhausted> for RunError {
    fn from(error: Exhausted) -> RunError {
        RunError::Source(error.into())
    }
}

impl From<TooManyGroups> for RunError {
    fn from(error: TooManyGroups) -> RunError {
        RunError::Source(error.into())
    }
}

impl RunRequest {
    /// With the usual limits.
    pub fn new(range: TimeRangeNs, now: TimeNs) -> RunRequest {
        RunRequest { range, now, rows_max: ROWS_MAX, groups_max: GROUPS_MAX }
    }
}

/// Runs a query. Records come newest first where nothing sorts them.
///
/// # Errors
/// [`RunError`]: the source failed, or a limit was reached.
pub fn run(
    query: &Query,
    request: &RunRequest,
    source: &dyn LogSource,
    budget: &QueryBudget,
) -> Result<Outcome, RunError> {
    if query.is_relative() && query.now != request.now {
        let query = Query::new(query.expr.clone(), query.pipes.clone(), request.now)?;
        return execute(&query, Plan::new(&query, request)?, request, source, budget);
    }
    let plan = Plan::new(query, request)?;
    execute(query, plan, request, source, budget)
}

/// Runs a query without leaving any of it to the source but the search itself: the definition of what [`run`] answers.
///
/// # Errors
/// As those of [`run`].
#[cfg(test)]
pub(crate) fn run_streamed(
    query: &Query,
    request: &RunRequest,
    source: &dyn LogSource,
    budget: &QueryBudget,
) -> Result<Outcome, RunError> {
    execute(query, Plan::streamed(query), request, source, budget)
}

fn execute(
    query: &Query,
    plan: Plan,
    request: &RunRequest,
    source: &dyn LogSource,
    budget: &QueryBudget,
) -> Result<Outcome, RunError> {
    let Plan { filter, start, rest } = plan;
    let mut chain = Chain::new(&rest, request, budget)?;
    let mut sink = Collected { rows: Vec::new(), rows_max: request.rows_max, has_more: false, budget };
    let mut answer = match start {
        Start::Aggregate(stats) => {
            let spec = stats.spec.as_ref().clone();
            let asked = AggregateRequest { filter, range: request.range, spec };
            let (groups, answer) = source.aggregate(&asked, budget)?;
            for row in stats.rows(groups, budget)? {
                if chain.push(row, &mut sink)? == Flow::Enough {
                    break;
                }
            }
            answer
        }
        Start::Scan { order, fields } => {
            let asked = ScanRequest { filter, range: request.range, order, fields: fields.clone() };
            let mut failed = None;
            let answer = source.scan(&asked, budget, &mut |arrival, record| {
                let row = Row::of_selected(arrival, record, &fields);
                match chain.push(row, &mut sink) {
                    Ok(Flow::More) => ControlFlow::Continue(()),
                    Ok(Flow::Enough) => ControlFlow::Break(()),
                    Err(error) => {
                        failed = Some(error);
                        ControlFlow::Break(())
                    }
                }
            })?;
            if let Some(error) = failed {
                return Err(error);
            }
            answer
        }
        Start::Context(context) => {
            let (rows, answer) = context.rows(filter, request.range, source, budget)?;
            for row in rows {
                if chain.push(row, &mut sink)? == Flow::Enough {
                    break;
                }
            }
            answer
        }
    };
    chain.finish(&mut sink)?;
    if sink.has_more {
        let note = format!("the answer has more than {} rows, the others are left out", request.rows_max);
        answer.partial.push(note);
    }
    let table = Columns::of(&query.pipes).table(sink.rows, &mut answer.partial);
    Ok(Outcome { table, answer })
}

/// The rows of the answer.
struct Collected<'b> {
    rows: Vec<Row>,
    rows_max: usize,
    has_more: bool,
    budget: &'b QueryBudget,
}

impl RowSink for Collected<'_> {
    fn take(&mut self, row: Row) -> Result<Flow, RunError> {
        if self.rows.len() >= self.rows_max {
            self.has_more = true;
            return Ok(Flow::Enough);
        }
        self.budget.take_memory(row.bytes())?;
        self.rows.push(row);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests;
