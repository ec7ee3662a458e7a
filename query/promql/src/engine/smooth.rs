//! Smoothed instant selectors: the value on the line between the samples around each step.
//! Prometheus 3.14, `promql/engine.go`.

use super::eval::Evaluator;
use super::histograms::{Computed, Histograms};
use super::select::drop_stale;
use super::series::{Series, Vector, absent};
use super::steps::{Held, Steps, Ticker};
use crate::ast::VectorSelector;
use crate::functions::{interpolate, metric_name};
use crate::remarks::{mixed_schemas, mixed_types};
use crate::{EvalError, Span};
use std::sync::Arc;
use watchfire_model::{Labels, ResetHint, Samples, Timestamp};

/// How far `time` lies on the way from one time to a later one: 0 to 1.
pub(crate) fn between(from: i64, to: i64, time: i64) -> f64 {
    (time - from) as f64 / (to - from) as f64
}

impl<'q> Evaluator<'q> {
    pub(super) fn select_smoothed(
        &mut self,
        selector: &VectorSelector,
        span: Span,
        steps: Steps,
    ) -> Result<Vector<'q>, EvalError> {
        let reference = self.reference(&selector.modifiers)?;
        let (budget, lookback_ms) = (self.query.budget, self.query.lookback_ms);
        let mut range = reference.range(steps, lookback_ms);
        range.end = Timestamp(range.end.0.saturating_add(lookback_ms));
        let mut ticker = Ticker::counting(budget, self.query.counts_seen);
        let mut samples = Samples::default();
        let mut vector = Vector { series: Vec::new(), held: Held::new(budget, 0)? };
        for reader in &self.query.source.select(&selector.matchers, range, budget.budget())? {
            samples.clear();
            reader.read(range, budget.budget(), &mut samples)?;
            let _read = Held::counted(budget, &samples);
            drop_stale(&mut samples);
            budget.note_read(usize::from(!samples.is_empty()), samples.len());
            vector.held.add(steps.count)?;
            let values = vec![absent(); steps.count];
            let labels = reader.labels().clone();
            let mut one = Series { labels, name_dropped: false, values, histograms: Histograms::default() };
            for step in 0..steps.count {
                ticker.see(step, 1)?;
                if let Some(computed) = self.smoothed(&one.labels, &samples, reference.time(steps, step), span) {
                    one.set(step, computed);
                }
            }
            if one.is_empty() {
                vector.held.give_back(steps.count);
            } else {
                vector.held.add_memory(size_of::<Series>())?;
                vector.series.push(one);
            }
        }
        Ok(vector)
    }

    /// The value at one time; without a later sample that of the last one.
    fn smoothed(&mut self, labels: &Labels, samples: &Samples, time: i64, span: Span) -> Option<Computed> {
        let lookback_ms = self.query.lookback_ms;
        let after = samples.times.partition_point(|sample| *sample <= time);
        let before = after.checked_sub(1).filter(|index| samples.times[*index] > time.saturating_sub(lookback_ms))?;
        let histogram = |index: usize| samples.histograms.get(index).and_then(Option::as_ref);
        let reaches =
            |sample: i64| sample.saturating_sub(lookback_ms) < time && time.saturating_sub(lookback_ms) < sample;
        let seen = (0..samples.len()).filter(|index| reaches(samples.times[*index]));
        let kinds: Vec<bool> = seen.map(|index| histogram(index).is_some()).collect();
        if kinds.iter().any(|kind| *kind != kinds[0]) {
            self.annotations.warn(&mixed_types(metric_name(labels)), span);
            return None;
        }
        let next = (after < samples.len()).then_some(after).filter(|index| reaches(samples.times[*index]));
        let exact = samples.times[before] == time;
        match (histogram(before), next.filter(|_| !exact)) {
            (None, None) => Some(Computed::Float(samples.values[before])),
            (Some(found), None) => Some(Computed::Histogram(Arc::clone(found))),
            (None, Some(next)) => {
                let (from, to) = (samples.values[before], samples.values[next]);
                let share = between(samples.times[before], samples.times[next], time);
                Some(Computed::Float(from + (to - from) * share))
            }
            (Some(from), Some(next)) => {
                let to = histogram(next)?;
                if from.is_custom() != to.is_custom() {
                    self.annotations.warn(&mixed_schemas(metric_name(labels)), span);
                    return None;
                }
                let share = between(samples.times[before], samples.times[next], time);
                let is_counter = from.hint != ResetHint::Gauge && to.hint != ResetHint::Gauge;
                interpolate(&mut self.annotations, (from, to), share, is_counter, span).map(Computed::from)
            }
        }
    }
}
