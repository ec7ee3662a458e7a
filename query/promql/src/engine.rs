//! Evaluates expressions: each node over all steps at once.

mod duration;
mod eval;
mod histograms;
mod invariant;
mod output;
mod select;
mod series;
mod smooth;
mod steps;
mod subquery;

pub(crate) use eval::{Evaluator, Node, Query};
pub(crate) use histograms::{Computed, Histograms};
pub(crate) use select::{Pick, Point, Window};
pub(crate) use series::{
    METADATA_LABELS, Series, TABLE_ENTRY_BYTES, Vector, absent, duplicate_labels, is_absent, labels_bytes,
    merge_equal_labels, series_bytes,
};
pub(crate) use smooth::between;
pub(crate) use steps::{Held, Steps, Ticker};

use crate::{Annotations, EvalError, Expr, QueryOutput, ValueType};
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
#[derive(Debug, Clone, Copy, Default)]
pub struct Engine {
    options: EngineOptions,
}

impl Engine {
    pub fn new(options: EngineOptions) -> Engine {
        Engine { options }
    }

    /// The value of `expr` at `time`.
    pub fn instant(
        &self,
        source: &dyn SeriesSource,
        expr: &Expr,
        time: Timestamp,
        budget: &QueryBudget,
    ) -> Result<QueryOutput, EvalError> {
        let query = self.query(source, (time, time, 0), budget);
        let mut evaluator = Evaluator { query, annotations: Annotations::default(), hints_by_comparison: false };
        let value = match expr.value_type() {
            ValueType::Matrix => evaluator.raw_matrix(expr, Steps::once(time.0))?,
            _ => evaluator.instant_value(expr, time)?,
        };
        budget.take_memory(value.bytes())?;
        Ok(QueryOutput { value, annotations: evaluator.annotations })
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
        let Some(steps) = Steps::between(start.0, end.0, step_ms, points_max) else {
            return refuse(format!(
                "exceeded maximum resolution of {points_max} points per timeseries. Try decreasing the query resolution \
                 (?step=XX)"
            ));
        };
        let query = self.query(source, (start, end, step_ms), budget);
        let mut evaluator = Evaluator { query, annotations: Annotations::default(), hints_by_comparison: false };
        let value = evaluator.range_value(expr, steps)?;
        budget.take_memory(value.bytes())?;
        Ok(QueryOutput { value, annotations: evaluator.annotations })
    }

    fn query<'q>(
        &self,
        source: &'q dyn SeriesSource,
        (start, end, step_ms): (Timestamp, Timestamp, i64),
        budget: &'q QueryBudget,
    ) -> Query<'q> {
        let to_ms = |duration: DurationMs| i64::try_from(duration.0).unwrap_or(i64::MAX);
        Query {
            source,
            budget,
            start: start.0,
            end: end.0,
            step_ms,
            lookback_ms: to_ms(self.options.lookback),
            subquery_step_ms: to_ms(self.options.subquery_step).max(1),
        }
    }
}
