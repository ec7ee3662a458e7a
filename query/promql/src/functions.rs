//! The functions of PromQL: signatures, then a file per group.

mod absent;
mod calendar;
mod counter;
mod extended;
mod histogram;
mod histogram_rate;
mod info;
mod labels;
mod math;
mod over_time;
mod query;
mod rate;
mod reduce;
mod regression;
mod signature;
mod sliding;
mod sort;

pub(crate) use signature::signature;
pub use signature::{Repeats, Signature};

pub(crate) use counter::same;
pub(crate) use extended::interpolate;

use crate::ast::Call;
use crate::engine::{Evaluator, Node, Steps};
use crate::{EvalError, Expr};
use watchfire_model::Labels;

/// A call under evaluation.
pub(crate) struct Site<'e> {
    pub(crate) expr: &'e Expr,
    pub(crate) name: &'static str,
    pub(crate) args: &'e [Expr],
    pub(crate) steps: Steps,
}

/// Evaluates a call.
pub(crate) fn call<'q>(
    evaluator: &mut Evaluator<'q>,
    expr: &Expr,
    call: &Call,
    steps: Steps,
) -> Result<Node<'q>, EvalError> {
    let site = Site { expr, name: call.function.name, args: &call.args, steps };
    match site.name {
        "time" | "pi" | "start" | "end" | "step" | "range" | "min_of" | "max_of" | "vector" | "scalar"
        | "timestamp" => query::eval(evaluator, &site),
        "absent" | "absent_over_time" => absent::eval(evaluator, &site).map(Node::Vector),
        "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc" => sort::eval(evaluator, &site).map(Node::Vector),
        "label_replace" | "label_join" => labels::eval(evaluator, &site).map(Node::Vector),
        "rate" | "increase" | "delta" => rate::eval(evaluator, &site).map(Node::Vector),
        "irate" | "idelta" | "changes" | "resets" => counter::eval(evaluator, &site).map(Node::Vector),
        "deriv" | "predict_linear" | "double_exponential_smoothing" => {
            regression::eval(evaluator, &site).map(Node::Vector)
        }
        "info" => info::eval(evaluator, &site).map(Node::Vector),
        "start_timestamp" => query::start_timestamp(evaluator, &site).map(Node::Vector),
        name if name.ends_with("_over_time") => over_time::eval(evaluator, &site).map(Node::Vector),
        name if name.starts_with("histogram_") => histogram::eval(evaluator, &site).map(Node::Vector),
        "minute" | "hour" | "day_of_week" | "day_of_month" | "day_of_year" | "days_in_month" | "month" | "year" => {
            calendar::eval(evaluator, &site).map(Node::Vector)
        }
        _ => math::eval(evaluator, &site).map(Node::Vector),
    }
}

/// The metric's name as remarks show it.
pub(crate) fn metric_name(labels: &Labels) -> &str {
    labels.metric_name().map_or("", |name| name.as_str())
}

#[cfg(test)]
mod tests;
