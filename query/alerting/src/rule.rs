//! Rules as a rule file gives them, read and checked: nothing in here can fail to parse later.

use crate::template::Template;
use smol_str::SmolStr;
use std::path::PathBuf;
use watchfire_model::{DurationMs, Labels};
use watchfire_promql::Expr;

/// Rules that are evaluated together, in order, at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleGroup {
    /// Unique in its file.
    pub name: String,
    /// The rule file, as `/api/v1/rules` shows it.
    pub file: PathBuf,
    /// Absent: the global `evaluation_interval`.
    pub interval: Option<DurationMs>,
    /// The most series or alerts that one rule may yield; none where absent.
    pub limit: Option<usize>,
    /// How far in the past the rules look, for data that arrive late. Absent: the global `rule_query_offset`.
    pub query_offset: Option<DurationMs>,
    pub rules: Vec<Rule>,
}

/// One rule, with the labels of its group merged in.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    Alerting(AlertingRule),
    Recording(RecordingRule),
}

/// `alert: name`.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertingRule {
    pub name: SmolStr,
    pub query: Query,
    /// `for`: how long the query must yield a label set before its alert fires.
    pub hold: DurationMs,
    /// How long an alert fires on after the query stopped yielding it.
    pub keep_firing_for: DurationMs,
    /// Sorted by name.
    pub labels: Vec<(SmolStr, Template)>,
    /// Sorted by name.
    pub annotations: Vec<(SmolStr, Template)>,
}

/// `record: name`.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordingRule {
    pub name: SmolStr,
    pub query: Query,
    pub labels: Labels,
}

/// A PromQL expression and its text in normal form.
#[derive(Debug, Clone)]
pub struct Query {
    pub expr: Expr,
    pub text: String,
}

impl PartialEq for Query {
    fn eq(&self, other: &Query) -> bool {
        self.text == other.text
    }
}

impl Rule {
    pub fn name(&self) -> &SmolStr {
        match self {
            Rule::Alerting(rule) => &rule.name,
            Rule::Recording(rule) => &rule.name,
        }
    }

    pub fn query(&self) -> &Query {
        match self {
            Rule::Alerting(rule) => &rule.query,
            Rule::Recording(rule) => &rule.query,
        }
    }
}
