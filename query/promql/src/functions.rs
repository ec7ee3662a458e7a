//! The functions of PromQL: signatures, then a file per group. Names that no group knows are not supported yet.

mod absent;
mod calendar;
mod counter;
mod histogram;
mod labels;
mod math;
mod over_time;
mod query;
mod rate;
mod regression;
mod signature;
mod sort;

pub(crate) use signature::signature;
pub use signature::{Repeats, Signature};

use crate::ast::Call;
use crate::engine::{Evaluator, Node, Series, Steps, Ticker, Vector, Window, absent as absent_value};
use crate::{EvalError, Expr};

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
        name if name.ends_with("_over_time") => over_time::eval(evaluator, &site).map(Node::Vector),
        name if name.starts_with("histogram_") => histogram::eval(evaluator, &site).map(Node::Vector),
        "minute" | "hour" | "day_of_week" | "day_of_month" | "day_of_year" | "days_in_month" | "month" | "year" => {
            calendar::eval(evaluator, &site).map(Node::Vector)
        }
        _ => math::eval(evaluator, &site).map(Node::Vector),
    }
}

impl Site<'_> {
    pub(crate) fn unsupported(&self) -> EvalError {
        EvalError::Unsupported { construct: format!("the function {}()", self.name), span: self.expr.span }
    }

    /// Evaluates the range vector `args[arg]` and maps each window that has samples to a value, or to none.
    fn map_windows<'q>(
        &self,
        evaluator: &mut Evaluator<'q>,
        arg: usize,
        mut map: impl FnMut(Window<'_>) -> Option<f64>,
    ) -> Result<Vector<'q>, EvalError> {
        let windows = evaluator.windows(&self.args[arg], self.steps)?;
        let mut ticker = Ticker::new(evaluator.query.budget);
        let mut held = evaluator.hold(0)?;
        let mut series = Vec::with_capacity(windows.series.len());
        for raw in &windows.series {
            held.add(self.steps.count)?;
            let mut values = Vec::with_capacity(self.steps.count);
            let mut any = false;
            windows.each(raw, self.steps, &mut ticker, |window| {
                let value = if window.values.is_empty() { None } else { map(window) };
                any |= value.is_some();
                values.push(value.unwrap_or_else(absent_value));
            })?;
            if any {
                held.add_memory(size_of::<Series>())?;
                series.push(Series { labels: raw.labels.clone(), name_dropped: true, values });
            } else {
                held.give_back(self.steps.count);
            }
        }
        Ok(Vector { series, held })
    }
}
