//! Subqueries: the operand over its own steps, seen as stored samples.

use super::eval::Evaluator;
use super::histograms::Computed;
use super::range::Windows;
use super::steps::{Steps, Ticker};
use super::window::RawSeries;
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
        let mut held = self.hold(0)?;
        let mut all = Vec::new();
        if start > end {
            return Ok(Windows::loaded(reference, range_ms, all, held));
        }
        let Some(inner) = Steps::between(start, end, step_ms, SUBQUERY_STEPS_MAX) else {
            let place = format!("{}:{}", span.line, span.column);
            let message = format!("subquery at {place} has more than {SUBQUERY_STEPS_MAX} steps, give it a larger one");
            return Err(EvalError::Execution(message));
        };
        // What the operand looks at is not counted: the windows over its results are.
        let counts_seen = std::mem::replace(&mut self.query.counts_seen, false);
        let operand = self.vector(&subquery.operand, inner);
        self.query.counts_seen = counts_seen;
        let operand = operand?;
        let mut ticker = Ticker::new(self.query.budget);
        for series in operand.series {
            let mut samples = Samples::default();
            ticker.tick(inner.count)?;
            for (step, time) in inner.times().enumerate() {
                match series.get(step) {
                    Some(Computed::Float(value)) => samples.push(time, value),
                    Some(Computed::Histogram(histogram)) => samples.push_histogram(time, without_hint(histogram)),
                    None => {}
                }
            }
            if !samples.is_empty() {
                held.add(samples.len())?;
                held.add_memory(size_of::<RawSeries>())?;
                let (labels, name_dropped) = (series.labels, series.name_dropped);
                all.push(RawSeries { labels, name_dropped, samples });
            }
        }
        Ok(Windows::loaded(reference, range_ms, all, held))
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
