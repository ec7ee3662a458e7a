//! The functions of PromQL: signatures, then a file per group. Names that no group knows are not supported yet.

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
mod regression;
mod signature;
mod sort;

pub(crate) use signature::signature;
pub use signature::{Repeats, Signature};

pub(crate) use counter::same;
pub(crate) use extended::interpolate;

use crate::ast::Call;
use crate::engine::{
    Computed, Evaluator, Histograms, Node, Point, Series, Steps, Ticker, Vector, Window, absent as absent_value,
};
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

impl Site<'_> {
    pub(crate) fn unsupported(&self) -> EvalError {
        EvalError::Unsupported { construct: format!("the function {}()", self.name), span: self.expr.span }
    }

    /// Evaluates the range vector `args[arg]` and maps each window that has numbers to a value, or to none. Native
    /// histograms among numbers are left out with a remark.
    fn map_windows<'q>(
        &self,
        evaluator: &mut Evaluator<'q>,
        arg: usize,
        mut map: impl FnMut(Window<'_>) -> Option<f64>,
    ) -> Result<Vector<'q>, EvalError> {
        let (mut times, mut values) = (Vec::new(), Vec::new());
        self.map_points(evaluator, arg, |evaluator, labels, window| {
            if window.histogram_count() == 0 {
                return map(window).map(Computed::Float);
            }
            times.clear();
            values.clear();
            for (index, point) in window.points().enumerate() {
                if let Point::Float(value) = point {
                    times.push(window.times[index]);
                    values.push(value);
                }
            }
            if values.is_empty() {
                return None;
            }
            let message = "ignored histograms in a range containing both floats and histograms for metric name";
            evaluator.inform(&format!("{message} {:?}", metric_name(labels)), self.args[arg].span);
            let floats = Window { times: &times, values: &values, histograms: &[], starts: &[], ..window };
            map(floats).map(Computed::Float)
        })
    }

    /// Evaluates the range vector `args[arg]` and maps each window that has samples to a result, or to none.
    fn map_points<'q>(
        &self,
        evaluator: &mut Evaluator<'q>,
        arg: usize,
        mut map: impl FnMut(&mut Evaluator<'q>, &Labels, Window<'_>) -> Option<Computed>,
    ) -> Result<Vector<'q>, EvalError> {
        let windows = evaluator.windows(&self.args[arg], self.steps)?;
        if let Some(extension) = windows.extension {
            extended::check(self, extension)?;
        }
        let mut ticker = Ticker::new(evaluator.query.budget);
        let mut held = evaluator.hold(0)?;
        let mut series = Vec::with_capacity(windows.series.len());
        for raw in &windows.series {
            held.add(self.steps.count)?;
            let values = vec![absent_value(); self.steps.count];
            let mut one =
                Series { labels: raw.labels.clone(), name_dropped: true, values, histograms: Histograms::default() };
            let mut any = false;
            let mut histogram_bytes = 0;
            windows.each(raw, self.steps, &mut ticker, |window| {
                let computed = if window.values.is_empty() { None } else { map(evaluator, &raw.labels, window) };
                if let Some(computed) = computed {
                    any = true;
                    if let Computed::Histogram(histogram) = &computed {
                        histogram_bytes += histogram.bytes();
                    }
                    one.set(window.step, computed);
                }
            })?;
            if any {
                held.add_memory(size_of::<Series>() + histogram_bytes)?;
                series.push(one);
            } else {
                held.give_back(self.steps.count);
            }
        }
        Ok(Vector { series, held })
    }
}

/// The metric's name as remarks show it.
pub(crate) fn metric_name(labels: &Labels) -> &str {
    labels.metric_name().map_or("", |name| name.as_str())
}
