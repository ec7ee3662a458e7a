//! PromQL: parses the whole language of Prometheus 3 and evaluates it over any
//! [`SeriesSource`](watchfire_model::SeriesSource).
//!
//! Invariants
//! - [`parse`] is total: any text yields a checked tree or an error with its place; nesting, height, length, leaves and
//!   compiled expressions have limits.
//! - What an evaluation holds is taken from the [`QueryBudget`](watchfire_model::QueryBudget) before it is made, or as
//!   each series of it is: samples, label sets, tables by labels, and at the end the answer.
//! - Each node is evaluated over all steps at once and each series is read once per selector. Results are ordered by what
//!   the expression says, else by the source, which yields series by labels.
//! - Every function of the table evaluates. Results do not depend on how many threads help, nor on what is carried over
//!   from window to window, nor on whether an equal sub-expression was answered before.

mod aggregate;
mod ast;
mod binary;
mod engine;
mod error;
mod functions;
mod kahan;
mod lexer;
pub mod notation;
mod parser;
mod quantile;
mod remarks;
mod span;
mod value;

pub use ast::{
    Aggregate, AggregateOp, At, Binary, BinaryOp, Call, Duration, DurationKind, Expr, ExprKind, Extension, Fill, Group,
    Grouping, MatchLabels, Matching, MatrixSelector, Modifiers, Number, Side, Subquery, Text, ValueType,
    VectorSelector, pretty, syntax_tree,
};
pub use engine::{Alone, Engine, EngineOptions, Explained, Explanation, Helpers, ScopedHelpers};
pub use error::{EvalError, ParseError};
pub use functions::{Repeats, Signature};
pub use parser::{DEPTH_MAX, HEIGHT_MAX, LEAVES_MAX, TEXT_LEN_MAX, parse};
pub use span::Span;
pub use value::{Annotations, MatrixSeries, QueryOutput, QueryStats, Timings, Value, VectorSample};
