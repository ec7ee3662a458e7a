//! The search language of the search bar: text in, a plan out, and its execution over any
//! [`watchfire_model::LogSource`]. Parsing and printing are pure; running touches nothing but the source.
//!
//! The search is the dialect that Graylog's and Kibana's users know (Lucene's query syntax), the pipes behind it are spelled
//! as in `LogsQL` where that has them. `LANGUAGE.md` beside this crate is the reference for users, with examples; here is the
//! whole grammar.
//!
//! ```text
//! query      = [or] { "|" pipe }                nothing and `*` find every record
//! or         = and { ("OR" | "||") and }
//! and        = unary { ["AND" | "&&"] unary }
//! unary      = ("NOT" | "!" | "-" | "+") unary | primary
//! primary    = "(" or ")" | [field ":"] value
//! field      = word | phrase                    `_exists_` asks whether its value names a field of the record
//! value      = (word | pattern | "(" or ")") [boost] | comparison | range | network      `field:*` is `_exists_:field`
//! pattern    = phrase ["~" digits] | "/" characters "/" ["i"] | "~" phrase ["i"]
//! boost      = "^" number                       read and forgotten
//! comparison = (">" | ">=" | "<" | "<=") end
//! range      = ("[" | "{") (end | "*") "TO" (end | "*") ("]" | "}")
//! end        = number | measure | moment | word | phrase      both of a range of one kind; `\` before it: text
//! measure    = number ("ns"|"us"|"ms"|"s"|"m"|"h"|"d"|"w"|"y") … | number ("B"|"kB"|"MB"|"GB"|"TB"|"KiB"|"MiB"|…)
//! moment     = date [("T" | " ") time [zone]] | "now" [("+" | "-") duration]
//! network    = address "/" digits               only behind a field
//! phrase     = '"' characters, `\"` and `\\` among them '"'
//! word       = characters but white space, `(`, `)`, `"`, `|`, `:`; `*` and `?` are wildcards, `\` takes their meaning away
//!
//! pipe       = "stats" ["by" keys] result { "," result } ["by" keys]
//!            | "fields" names | "drop" names | "rename" name "as" name { "," … }
//!            | "sort" ["by"] sortkeys ["desc"] [limit] | "limit" [n] | "offset" n
//!            | "top" [n] ["by"] names | "uniq" ["by"] names [limit] | "filter" or
//!            | "extract" phrase ["from" name] | "extract_regexp" phrase ["from" name]
//!            | ("unpack_json" | "unpack_logfmt") ["from" name] ["prefix" text]
//!            | ("replace" | "replace_regexp") "(" phrase "," phrase ")" ["at" name]
//!            | "format" phrase ["as" name] | "math" sum "as" name | "collapse_nums" ["at" name]
//!            | "context" (n | ["before" n] ["after" n]) | "sample" n
//! names      = name { "," name } | "(" names ")"
//! keys       = key { "," key } | "(" keys ")"
//! key        = name | time [":" duration] { "offset" ["-"] duration | "tz" zone }
//! result     = function "(" [share ","] [name | "*"] ")" { limit | "if" "(" or ")" | ["as"] name }
//! sortkeys   = name ["asc" | "desc"] { "," … } | "(" sortkeys ")"
//! limit      = "limit" n
//! sum        = product { ("+" | "-") product }
//! product    = signed { ("*" | "/" | "%") signed }
//! signed     = "-" signed | power
//! power      = operand ["^" (power | signed)]
//! operand    = number | name | "(" sum ")" | function "(" sum { "," sum } ")"
//! ```
//!
//! Operators are upper case, as in Lucene: `not found` searches for two words. Names of pipes and functions are read in any
//! case.
//!
//! | pipe | also | works on | asked of the store |
//! | --- | --- | --- | --- |
//! | `stats`, `top`, `uniq` | `unique`, `distinct` | all rows | yes, behind `filter`, `fields`, `drop`, `rename` |
//! | `filter` | `where` | a row | yes, in front of all others or of what is grouped there |
//! | `sort` | `order` | all rows, or the first ones of a limit | no |
//! | `limit`, `offset` | `head`; `skip` | the rows so far | stop it |
//! | `context` | `stream_context` | the hits and their containers' records | yes, in two searches |
//! | `fields`, `drop`, `rename` | `keep`, `table`; `delete`, `remove`; `mv` | a row | which fields it reads |
//! | all others | | a row | which fields it reads |
//!
//! Invariants
//! - [`parse`] returns for any text, in time linear in its length, and never panics. Nothing recurses deeper than [`DEPTH_MAX`].
//! - An error says where (a byte range of the text) and what to change.
//! - Printing is exact: parsing what a [`Query`] prints gives the same query.
//! - [`run`] gives the same answer however much of it the source computes; memory that rows and groups take is taken from the
//!   query's budget.
//! - Nothing behind the parser knows how a query was written: a [`Query`] may be put together by other languages.

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
        for pipe in &pipes {
            operator::RowOperator::of(pipe, now)?;
            if let Pipe::Stats(stats) = pipe {
                stats
                    .results
                    .iter()
                    .filter_map(|it| it.only.as_ref())
                    .try_for_each(|it| it.to_filter(now).map(drop))?;
            }
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
mod tests;
