//! The templates of rule labels and annotations: the part of Go's `text/template` that rules use, evaluated safely.
//! Language: <https://pkg.go.dev/text/template>; data and functions:
//! <https://prometheus.io/docs/prometheus/latest/configuration/template_reference/>.
//!
//! Reading names what is not supported, so that a rule file is refused instead of paging with a blank. Rendering is
//! bounded in steps and output and never fails on a missing label: that is the empty string, as in Prometheus.

mod eval;
mod functions;
mod lexer;
mod number;
mod parser;
#[cfg(test)]
mod tests;

use parser::Node;
use watchfire_model::Labels;

pub(crate) use functions::query_escape;
pub(crate) use number::{ZERO_TIME, exponent, rfc3339};

/// Bytes of one template.
pub const TEMPLATE_BYTES_MAX: usize = 64 << 10;
/// How deep blocks and parentheses may nest.
pub const TEMPLATE_DEPTH_MAX: usize = 32;
/// Nodes and calls that one rendering may evaluate.
pub const TEMPLATE_STEPS_MAX: usize = 20_000;
/// Bytes that one rendering, or one value in it, may produce.
pub const TEMPLATE_OUTPUT_BYTES_MAX: usize = 64 << 10;

/// Why a template cannot be read or rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("{what} (template line {line})")]
    Syntax { what: String, line: usize },
    #[error(
        "undefined variable `{name}`, rules know $labels, $value, $externalLabels and $externalURL (template line {line})"
    )]
    Variable { name: String, line: usize },
    #[error("function `{name}` is not defined (template line {line})")]
    Function { name: String, line: usize },
    #[error("`{what}` is not supported yet (template line {line})")]
    Unsupported { what: String, line: usize },
    #[error("template is longer or nested deeper than allowed: {what}")]
    Limit { what: &'static str },
    #[error("{what}")]
    Render { what: String },
}

/// A template that was read without error.
#[derive(Debug, Clone)]
pub struct Template {
    source: String,
    nodes: Vec<Node>,
}

impl PartialEq for Template {
    fn eq(&self, other: &Template) -> bool {
        self.source == other.source
    }
}

/// What a rule's template may look at.
#[derive(Debug, Clone)]
pub struct TemplateData<'a> {
    /// The labels of the query's result, the metric's name among them.
    pub labels: &'a Labels,
    pub value: f64,
    pub external_labels: &'a Labels,
    /// Where users reach Watchfire, without a slash at the end.
    pub external_url: &'a str,
}

impl Template {
    /// Reads a template; every function and variable in it is known afterwards.
    pub fn parse(source: &str) -> Result<Template, TemplateError> {
        if source.len() > TEMPLATE_BYTES_MAX {
            return Err(TemplateError::Limit { what: "at most 64 KiB of text" });
        }
        Ok(Template { source: source.to_owned(), nodes: parser::parse(source)? })
    }

    /// The text as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text with every action replaced by its value.
    pub fn render(&self, data: &TemplateData<'_>) -> Result<String, TemplateError> {
        eval::render(&self.nodes, data)
    }
}
