//! Subqueries: the operand over its own steps, seen as stored samples.

use super::eval::Evaluator;
use super::histograms::Computed;
use super::select::{RawSeries, Windows};
use super::steps::Steps;
use crate::ast::Subquery;
use crate::{EvalError, Span};
use std::sync::Arc;
use watchfire_model::{Histogram, ResetHint, Samples};

/// Steps that the operand of a subquery may have.
const SUBQUERY_STEPS_MAX: usize = 1 << 20;

impl<'q> Evaluator<'q> {
    pub(super) fn subquery(&mut self, subquery: &Subquery, span: Span, steps: Steps) -> Result<Windows<'q>, EvalError> {
        let reference = self.reference(&subquery.modifiers)?;
        let range_ms = self.positive_duration_ms(&subquery.range)?;
        let step_ms = match &subquery.step {
            Some(step) => self.positive_duration_ms(step)?,
            None => self.query.subquery_step_ms,
        };
        // Inner steps are multiples of their step: the same sample is seen from every outer step.
        let before = reference.first(steps).saturating_sub(range_ms);
        let start = before.div_euclid(step_ms).saturating_add(1).saturating_mul(step_ms);
        let end = reference.last(steps);
        let held = self.hold(0)?;
        let mut windows = Windows { series: Vec::new(), reference, range_ms, extension: None, lookback_ms: 0, held };
        if start > end {
            return Ok(windows);
        }
        let Some(inner) = Steps::between(start, end, step_ms, SUBQUERY_STEPS_MAX) else {
            let place = format!("{}:{}", span.line, span.column);
            let message = format!("subquery at {place} has more than {SUBQUERY_STEPS_MAX} steps, give it a larger one");
            return Err(EvalError::Execution(message));
        };
        let operand = self.vector(&subquery.operand, inner)?;
        for series in operand.series {
            let mut samples = Samples::default();
            for (step, time) in inner.times().enumerate() {
                match series.get(step) {
                    Some(Computed::Float(value)) => samples.push(time, value),
                    Some(Computed::Histogram(histogram)) => samples.push_histogram(time, without_hint(histogram)),
                    None => {}
                }
            }
            if !samples.is_empty() {
                windows.held.add(samples.len())?;
                windows.held.add_memory(size_of::<RawSeries>())?;
                let (labels, name_dropped) = (series.labels, series.name_dropped);
                windows.series.push(RawSeries { labels, name_dropped, samples });
            }
        }
        Ok(windows)
    }
}

/// The sample before is another one here than where the histogram was stored: whether it was reset since is not known.
fn without_hint(histogram: Arc<Histogram>) -> Arc<Histogram> {
    match histogram.hint {
        ResetHint::Gauge | ResetHint::Unknown => histogram,
        ResetHint::Reset | ResetHint::NotReset => {
            Arc::new(Histogram { hint: ResetHint::Unknown, ..(*histogram).clone() })
        }
    }
}
