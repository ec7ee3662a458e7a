//! Evaluates expressions: each node over all steps at once.

mod common;
mod duration;
mod eval;
mod helpers;
mod histograms;
mod invariant;
mod meter;
mod output;
mod range;
mod select;
mod series;
mod smooth;
mod steps;
mod subquery;
mod trace;
mod window;

pub use helpers::{Alone, Helpers, ScopedHelpers};
pub use trace::Explained;

pub(crate) use eval::{Evaluator, Node, Query};
pub(crate) use histograms::{Computed, Histograms};
pub(crate) use meter::Meter;
pub(crate) use range::Part;
pub(crate) use select::Pick;
pub(crate) use series::{
    METADATA_LABELS, Series, TABLE_ENTRY_BYTES, Vector, absent, duplicate_labels, is_absent, labels_bytes,
    merge_equal_labels, series_bytes,
};
pub(crate) use smooth::between;
pub(crate) use steps::{Held, Steps, Ticker};
pub(crate) use window::{Point, Window};

use crate::value::{QueryStats, Timings};
use crate::{Annotations, EvalError, Expr, QueryOutput, Value, ValueType};
use std::sync::Arc;
use std::time::Instant;
use trace::Trace;
use watchfire_model::{DurationMs, QueryBudget, SeriesSource, Timestamp};

/// What the engine assumes where a query does not say.
#[derive(Debug, Clone, Copy)]
pub struct EngineOptions {
    /// How far an instant selector looks back for a sample. Default 5 m, as in Prometheus.
    pub lookback: DurationMs,
    /// Step of subqueries that give none. Default 1 m, Prometheus' evaluation interval.
    pub subquery_step: DurationMs,
    /// Steps that a range query may have. Default 11,000, as in Prometheus.
    pub points_max: usize,
}

impl Default for EngineOptions {
    fn default() -> EngineOptions {
        EngineOptions {
            lookback: DurationMs::from_secs(300),
            subquery_step: DurationMs::from_secs(60),
            points_max: 11_000,
        }
    }
}

/// Evaluates PromQL over any [`SeriesSource`]; holds no state between queries.
///
/// What an answer holds stays taken from the query's budget as memory, as long as that exists.
#[derive(Debug, Clone)]
pub struct Engine {
    options: EngineOptions,
    helpers: Arc<dyn Helpers>,
    counts_steps: bool,
}

impl Default for Engine {
    fn default() -> Engine {
        Engine::new(EngineOptions::default())
    }
}

/// What a query led to, node by node.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    pub tree: Explained,
    pub annotations: Annotations,
}

/// When a query asks: `start`, `end` and the milliseconds between two steps (0: one time only).
type Span = (Timestamp, Timestamp, i64);

impl Engine {
    /// Every query on its own thread.
    pub fn new(options: EngineOptions) -> Engine {
        Engine { options, helpers: Arc::new(Alone), counts_steps: false }
    }

    /// Large queries ask `helpers` for threads; results do not depend on how many there are.
    #[must_use]
    pub fn with_helpers(self, helpers: Arc<dyn Helpers>) -> Engine {
        Engine { helpers, ..self }
    }

    /// The same engine with another look-back.
    #[must_use]
    pub fn with_lookback(&self, lookback: DurationMs) -> Engine {
        Engine { options: EngineOptions { lookback, ..self.options }, ..self.clone() }
    }

    /// The same engine, which also fills [`QueryStats::samples_per_step`].
    #[must_use]
    pub fn with_step_stats(&self) -> Engine {
        Engine { counts_steps: true, ..self.clone() }
    }

    /// The value of `expr` at `time`.
    pub fn instant(
        &self,
        source: &dyn SeriesSource,
        expr: &Expr,
        time: Timestamp,
        budget: &QueryBudget,
    ) -> Result<QueryOutput, EvalError> {
        let (output, _) = self.run(source, expr, (Steps::once(time.0), (time, time, 0)), budget, None)?;
        Ok(output)
    }

    /// The values of `expr` from `start` to `end`, both inclusive, every `step_ms`.
    pub fn range(
        &self,
        source: &dyn SeriesSource,
        expr: &Expr,
        start: Timestamp,
        end: Timestamp,
        step_ms: i64,
        budget: &QueryBudget,
    ) -> Result<QueryOutput, EvalError> {
        let steps = self.steps(expr, (start, end, step_ms))?;
        let (output, _) = self.run(source, expr, (steps, (start, end, step_ms)), budget, None)?;
        Ok(output)
    }

    /// Evaluates `expr` at `time` on one thread, and says what each part of it returned and cost.
    pub fn explain_instant(
        &self,
        source: &dyn SeriesSource,
        expr: &Expr,
        time: Timestamp,
        budget: &QueryBudget,
    ) -> Result<Explanation, EvalError> {
        self.explain(source, expr, (Steps::once(time.0), (time, time, 0)), budget)
    }

    /// As [`Engine::explain_instant`], for a range query.
    pub fn explain_range(
        &self,
        source: &dyn SeriesSource,
        expr: &Expr,
        start: Timestamp,
        end: Timestamp,
        step_ms: i64,
        budget: &QueryBudget,
    ) -> Result<Explanation, EvalError> {
        let steps = self.steps(expr, (start, end, step_ms))?;
        self.explain(source, expr, (steps, (start, end, step_ms)), budget)
    }

    fn explain(
        &self,
        source: &dyn SeriesSource,
        expr: &Expr,
        when: (Steps, Span),
        budget: &QueryBudget,
    ) -> Result<Explanation, EvalError> {
        let alone = Engine { helpers: Arc::new(Alone), ..self.clone() };
        let (output, tree) = alone.run(source, expr, when, budget, Some(Trace::default()))?;
        let tree = tree.expect("every evaluation leaves the root that it entered");
        Ok(Explanation { tree, annotations: output.annotations })
    }

    /// The steps of a range query.
    fn steps(&self, expr: &Expr, (start, end, step_ms): Span) -> Result<Steps, EvalError> {
        let refuse = |message: String| Err(EvalError::Execution(message));
        if step_ms <= 0 {
            return refuse("zero or negative query resolution step widths are not accepted".to_owned());
        }
        if end < start {
            return refuse("end timestamp must not be before start time".to_owned());
        }
        if !matches!(expr.value_type(), ValueType::Scalar | ValueType::Vector) {
            let name = expr.value_type().as_str();
            return refuse(format!(
                "invalid expression type {name:?} for range query, must be Scalar or instant Vector"
            ));
        }
        let points_max = self.options.points_max;
        match Steps::between(start.0, end.0, step_ms, points_max) {
            Some(steps) => Ok(steps),
            None => refuse(format!(
                "exceeded maximum resolution of {points_max} points per timeseries. Try decreasing the query resolution \
                 (?step=XX)"
            )),
        }
    }

    fn run(
        &self,
        source: &dyn SeriesSource,
        expr: &Expr,
        (steps, (start, end, step_ms)): (Steps, Span),
        budget: &QueryBudget,
        trace: Option<Trace>,
    ) -> Result<(QueryOutput, Option<Explained>), EvalError> {
        let began = Instant::now();
        let to_ms = |duration: DurationMs| i64::try_from(duration.0).unwrap_or(i64::MAX);
        let meter = Meter::new(budget, if self.counts_steps { steps.count } else { 0 });
        let query = Query {
            source,
            budget: &meter,
            helpers: &*self.helpers,
            start: start.0,
            end: end.0,
            step_ms,
            lookback_ms: to_ms(self.options.lookback),
            subquery_step_ms: to_ms(self.options.subquery_step).max(1),
            counts_seen: true,
        };
        let mut evaluator = Evaluator::new(query, expr, trace);
        let preparation = began.elapsed();
        let answer = if expr.value_type() == ValueType::Matrix {
            Answer::Matrix(evaluator.raw_matrix(expr, steps)?)
        } else {
            Answer::Node(evaluator.eval(expr, steps)?)
        };
        let evaluated = began.elapsed();
        let value = match answer {
            Answer::Matrix(value) => value,
            Answer::Node(node) if step_ms == 0 => evaluator.instant_value(node, start)?,
            Answer::Node(node) => evaluator.range_value(node, steps)?,
        };
        budget.take_memory(value.bytes())?;
        let Evaluator { annotations, trace, .. } = evaluator;
        let eval_total = began.elapsed();
        let stats = QueryStats {
            samples: meter.seen(),
            samples_peak: meter.samples_peak(),
            samples_per_step: meter.seen_by_step(),
            series: meter.series(),
            bytes_peak: meter.bytes_peak(),
            timings: Timings {
                eval_total,
                preparation,
                inner_eval: evaluated.saturating_sub(preparation),
                result_sort: eval_total.saturating_sub(evaluated),
            },
        };
        Ok((QueryOutput { value, annotations, stats }, trace.and_then(Trace::finish)))
    }
}

/// What an evaluation yields, before it is made into what a client sees.
enum Answer<'q> {
    Matrix(Value),
    Node(Node<'q>),
}
