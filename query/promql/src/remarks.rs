//! Annotations in Prometheus' words (`util/annotations/annotations.go`).

use crate::{Annotations, Span};

/// Remarks of one kind that a query may collect; Prometheus' API shows ten.
const ANNOTATIONS_MAX: usize = 100;

impl Annotations {
    pub(crate) fn warn(&mut self, message: &str, span: Span) {
        push(&mut self.warnings, format!("PromQL warning: {message} ({}:{})", span.line, span.column));
    }

    pub(crate) fn inform(&mut self, message: &str, span: Span) {
        push(&mut self.infos, format!("PromQL info: {message} ({}:{})", span.line, span.column));
    }

    /// Adds what others remarked, where it is new.
    pub(crate) fn absorb(&mut self, others: Annotations) {
        others.warnings.into_iter().for_each(|text| push(&mut self.warnings, text));
        others.infos.into_iter().for_each(|text| push(&mut self.infos, text));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.warnings.is_empty() && self.infos.is_empty()
    }
}

fn push(into: &mut Vec<String>, text: String) {
    if into.len() < ANNOTATIONS_MAX && !into.contains(&text) {
        into.push(text);
    }
}

/// Metrics with numbers and native histograms where only one of them can be used.
pub(crate) fn mixed_types(name: &str) -> String {
    format!("encountered a mix of histograms and floats for metric name {name:?}")
}

pub(crate) fn mixed_types_in_aggregation() -> String {
    "encountered a mix of histograms and floats for aggregation".to_owned()
}

pub(crate) fn mixed_schemas(name: &str) -> String {
    format!("vector contains a mix of histograms with exponential and custom buckets schemas for metric name {name:?}")
}

pub(crate) fn mixed_kinds(name: &str) -> String {
    let mut text = "vector contains a mix of classic and native histograms".to_owned();
    text.push_str(&for_metric(name));
    text
}

pub(crate) fn not_a_counter(name: &str) -> String {
    format!("this native histogram metric is not a counter: {name:?}")
}

pub(crate) fn not_a_gauge(name: &str) -> String {
    format!("this native histogram metric is not a gauge: {name:?}")
}

/// `operation`: addition, subtraction or aggregation.
pub(crate) fn reconciled(operation: &str) -> String {
    format!("mismatched custom buckets were reconciled during {operation}")
}

pub(crate) fn resets_collide(operation: &str) -> String {
    format!("conflicting counter resets during histogram {operation}")
}

pub(crate) fn ignored_in_aggregation(operator: &str) -> String {
    format!("ignored histogram in {operator} aggregation")
}

pub(crate) fn incompatible_types(left: &str, operator: &str, right: &str) -> String {
    format!("incompatible sample types encountered for binary operator {operator:?}: {left} {operator} {right}")
}

pub(crate) fn incompatible_layout(operator: &str) -> String {
    format!("incompatible bucket layout encountered for binary operator {operator}")
}

/// How remarks name the metric, where it has a name.
pub(crate) fn for_metric(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" for metric name {name:?}") }
}
