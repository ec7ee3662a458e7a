//! The names that stand for log records.

use watchfire_model::{AggregateFunction, METRIC_NAME, MatchOp, Matcher};

/// A metric whose samples are computed from log records when they are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VirtualMetric {
    Count,
    Bytes,
    Total,
    BytesTotal,
    Field,
    FieldSum,
    FieldCount,
    FieldMin,
    FieldMax,
}

/// What of a record goes into a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// The record itself.
    One,
    /// The UTF-8 bytes of its message.
    MessageBytes,
    /// The number in the selected field.
    Number,
}

/// How what falls together becomes one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Combine {
    Sum,
    Min,
    Max,
    Last,
}

impl VirtualMetric {
    pub const ALL: [VirtualMetric; 9] = [
        VirtualMetric::Count,
        VirtualMetric::Bytes,
        VirtualMetric::Total,
        VirtualMetric::BytesTotal,
        VirtualMetric::Field,
        VirtualMetric::FieldSum,
        VirtualMetric::FieldCount,
        VirtualMetric::FieldMin,
        VirtualMetric::FieldMax,
    ];

    pub fn name(self) -> &'static str {
        match self {
            VirtualMetric::Count => "logs_count",
            VirtualMetric::Bytes => "logs_bytes",
            VirtualMetric::Total => "logs_total",
            VirtualMetric::BytesTotal => "logs_bytes_total",
            VirtualMetric::Field => "log_field",
            VirtualMetric::FieldSum => "log_field_sum",
            VirtualMetric::FieldCount => "log_field_count",
            VirtualMetric::FieldMin => "log_field_min",
            VirtualMetric::FieldMax => "log_field_max",
        }
    }

    /// The virtual metric that a selector names with `=`; every other selector is for the metrics.
    pub fn of(matchers: &[Matcher]) -> Option<VirtualMetric> {
        let mut names = matchers.iter().filter(|it| it.name() == METRIC_NAME && it.op() == MatchOp::Equal);
        names.find_map(|name| VirtualMetric::ALL.into_iter().find(|metric| metric.name() == name.value()))
    }

    /// Whether its samples add up from the start of what is selected.
    pub(crate) fn is_counter(self) -> bool {
        matches!(self, VirtualMetric::Total | VirtualMetric::BytesTotal)
    }

    /// Whether the selector has to name a numeric field.
    pub(crate) fn has_field(self) -> bool {
        !matches!(self, VirtualMetric::Count | VirtualMetric::Bytes | VirtualMetric::Total | VirtualMetric::BytesTotal)
    }

    pub(crate) fn measure(self) -> Measure {
        match self {
            VirtualMetric::Count | VirtualMetric::Total | VirtualMetric::FieldCount => Measure::One,
            VirtualMetric::Bytes | VirtualMetric::BytesTotal => Measure::MessageBytes,
            VirtualMetric::Field | VirtualMetric::FieldSum | VirtualMetric::FieldMin | VirtualMetric::FieldMax => {
                Measure::Number
            }
        }
    }

    pub(crate) fn combine(self) -> Combine {
        match self {
            VirtualMetric::Field => Combine::Last,
            VirtualMetric::FieldMin => Combine::Min,
            VirtualMetric::FieldMax => Combine::Max,
            _ => Combine::Sum,
        }
    }

    /// What the log store can compute over the records between two edges; `None`: it has to hand them out.
    pub(crate) fn aggregate(self) -> Option<AggregateFunction> {
        match (self.measure(), self.combine()) {
            (Measure::One, _) => Some(AggregateFunction::Count),
            (Measure::MessageBytes, _) | (Measure::Number, Combine::Last) => None,
            (Measure::Number, Combine::Sum) => Some(AggregateFunction::Sum),
            (Measure::Number, Combine::Min) => Some(AggregateFunction::Min),
            (Measure::Number, Combine::Max) => Some(AggregateFunction::Max),
        }
    }
}

impl Combine {
    pub(crate) fn join(self, held: f64, further: f64) -> f64 {
        match self {
            Combine::Sum => held + further,
            Combine::Min => held.min(further),
            Combine::Max => held.max(further),
            Combine::Last => further,
        }
    }
}
