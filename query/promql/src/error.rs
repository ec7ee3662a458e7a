//! Why an expression is refused, before or during its evaluation.

use crate::Span;
use watchfire_model::{Exhausted, SelectError};

/// Why a text is no expression. Printed as Prometheus does: `1:5: parse error: …`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}: parse error: {message}", span.line, span.column)]
pub struct ParseError {
    pub message: String,
    pub span: Span,
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    #[error(transparent)]
    Parse(#[from] ParseError),
    #[error("{}{}", .0, place(.0))]
    Exhausted(#[from] Exhausted),
    /// The data do not fit the expression; the text is Prometheus'.
    #[error("{0}")]
    Execution(String),
    /// The store could not be read.
    #[error("{0}")]
    Storage(String),
}

/// Where a query was canceled: upstream's words name the stage.
fn place(exhausted: &Exhausted) -> &'static str {
    match exhausted {
        Exhausted::Cancelled => " in expression evaluation",
        _ => "",
    }
}

impl From<SelectError> for EvalError {
    fn from(error: SelectError) -> EvalError {
        match error {
            SelectError::Budget(exhausted) => EvalError::Exhausted(exhausted),
            SelectError::Storage(reason) => EvalError::Storage(reason),
            SelectError::Refused(reason) => EvalError::Execution(reason),
        }
    }
}
