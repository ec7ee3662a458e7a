//! The search language of the search bar: text in, a plan out, and its execution over any
//! [`watchfire_model::LogSource`].

mod error;
mod expr;
mod fields;
mod moment;
mod operator;
mod parser;
mod pipe;
mod pipeline;
mod row;
mod run;

pub use error::{Problem, QueryError};
pub use expr::{Condition, Expr, Pattern};
pub use fields::TIME_FIELD;
pub use moment::Moment;
pub use pipe::{
    Bucket, MathExpr, MathFunction, MathOperator, Pipe, SortKey, StatsFunction, StatsKey, StatsPipe, StatsResult,
    Template, TemplatePart,
};

pub use pipeline::{RowPipeline, RowResult};
pub use row::{Cell, Table};
pub use run::{GROUPS_MAX, Outcome, ROWS_MAX, RunError, RunRequest, Stage, explain, run};

use std::fmt;
use watchfire_model::{LogFilter, TimeNs};

/// Bytes that a query may have.
pub const TEXT_LEN_MAX: usize = 64 << 10;
/// Groups and negations inside each other.
pub const DEPTH_MAX: usize = 64;
/// Terms, ranges, names and other conditions of one query.
pub const TERMS_MAX: usize = 1024;
/// Characters of all wildcard terms of one query, `*` and `?` among them: a record may be as long as a message can be, and
/// each of these may look at all of it.
pub const WILDCARD_LEN_MAX: usize = 2048;
/// Regular expressions of one query; each may take [`watchfire_model::TextRegex::COMPILED_BYTES_MAX`] when compiled.
pub const REGEXES_MAX: usize = 32;
/// Characters of all regular expressions of one query.
pub const REGEX_LEN_MAX: usize = 8 << 10;
/// Words that may stand between those of `"a b"~N`.
pub const DISTANCE_MAX: usize = 1000;
/// Words of a phrase with a distance.
pub const NEAR_WORDS_MAX: usize = 32;
/// Pipes of one query.
pub const PIPES_MAX: usize = 32;
/// Operators and operands of one computation.
pub const MATH_NODES_MAX: usize = 256;
/// Records before or after each hit that `context` shows.
pub const CONTEXT_MAX: usize = 1000;
/// The largest number that `limit` and its kind take.
pub const ROWS_LIMIT_MAX: usize = 1_000_000_000;

/// A parsed query: which records, and what is done with them.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What the search says.
    pub expr: Expr,
    /// What stores evaluate: the search and the `filter` pipes right behind it, at the time that the query was made for.
    pub filter: LogFilter,
    /// What follows, those `filter` pipes among them.
    pub pipes: Vec<Pipe>,
    /// What `now` means in it.
    pub now: TimeNs,
}

/// Parses a query that is asked at `now`.
///
/// # Errors
/// [`QueryError`] with the place and what to change.
pub fn parse_at(text: &str, now: TimeNs) -> Result<Query, QueryError> {
    let (expr, pipes) = parser::parse(text)?;
    Query::new(expr, pipes, now).map_err(|problem| QueryError { span: 0..text.len(), problem })
}

/// Parses a query that is kept and asked again and again: times relative to `now` are refused.
///
/// # Errors
/// [`QueryError`] with the place and what to change.
pub fn parse(text: &str) -> Result<Query, QueryError> {
    let query = parse_at(text, TimeNs(0))?;
    if query.is_relative() {
        return Err(QueryError { span: 0..text.len(), problem: Problem::Relative });
    }
    Ok(query)
}

impl Query {
    /// The query with these parts, whatever language they were written in.
    ///
    /// # Errors
    /// A pattern is too large or no regular expression.
    pub fn new(expr: Expr, pipes: Vec<Pipe>, now: TimeNs) -> Result<Query, Problem> {
        let mut filters = vec![expr.to_filter(now)?];
        for pipe in &pipes {
            let Pipe::Filter(expr) = pipe else { break };
            filters.push(expr.to_filter(now)?);
        }
        let filter = if filters.len() == 1 { filters.swap_remove(0) } else { LogFilter::And(filters) };
        Ok(Query { expr, filter, pipes, now })
    }

    /// Whether its meaning depends on when it is asked.
    pub fn is_relative(&self) -> bool {
        let in_pipe = |pipe: &Pipe| match pipe {
            Pipe::Filter(expr) => expr.is_relative(),
            Pipe::Stats(stats) => stats.results.iter().filter_map(|it| it.only.as_ref()).any(Expr::is_relative),
            _ => false,
        };
        self.expr.is_relative() || self.pipes.iter().any(in_pipe)
    }

    /// The pipes behind those that [`Query::filter`] covers.
    pub(crate) fn rest(&self) -> &[Pipe] {
        let covered = self.pipes.iter().take_while(|pipe| matches!(pipe, Pipe::Filter(_))).count();
        &self.pipes[covered..]
    }
}

/// As text that parses to an equal query.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.expr)?;
        self.pipes.iter().try_for_each(|pipe| write!(f, " | {pipe}"))
    }
}

#[cfg(test)]
pub(crate) mod tests;
