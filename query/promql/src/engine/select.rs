//! Instant selectors: the latest sample of each series, looking back from each step.

use super::eval::{Evaluator, Query};
use super::histograms::Histograms;
use super::range::Part;
use super::series::{Series, Vector, absent};
use super::steps::{Held, Steps, Ticker};
use super::window::PartitionPointNear;
use crate::ast::{At, Extension, Modifiers, VectorSelector};
use crate::{Annotations, EvalError, Span};
use std::sync::Arc;
use watchfire_model::{Histogram, ResetHint, Samples, SeriesReader, TimeRange, Timestamp, is_stale};

/// From where each step looks back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reference {
    /// Replaces the time of the step (`@`).
    at: Option<i64>,
    offset_ms: i64,
}

impl Reference {
    /// The time from which step `index` looks back.
    pub(crate) fn time(self, steps: Steps, index: usize) -> i64 {
        self.at.unwrap_or_else(|| steps.time(index)).saturating_sub(self.offset_ms)
    }

    pub(crate) fn first(self, steps: Steps) -> i64 {
        self.time(steps, 0)
    }

    pub(crate) fn last(self, steps: Steps) -> i64 {
        self.time(steps, steps.count - 1)
    }

    /// Everything that steps see which look back so far.
    pub(super) fn range(self, steps: Steps, back_ms: i64) -> TimeRange {
        TimeRange {
            start: Timestamp(self.first(steps).saturating_sub(back_ms).saturating_add(1)),
            end: Timestamp(self.last(steps)),
        }
    }
}

/// What an instant selector yields for a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pick {
    Value,
    /// The sample's own time, in seconds.
    Time,
    /// The same of numbers; native histograms as they are.
    NumberTime,
    /// When counting began, in seconds.
    Start,
}

impl<'q> Evaluator<'q> {
    pub(crate) fn reference(&self, modifiers: &Modifiers) -> Result<Reference, EvalError> {
        let offset_ms = match &modifiers.offset {
            None => 0,
            Some(offset) => self.duration_ms(offset)?,
        };
        let at = modifiers.at.map(|at| match at {
            At::Time(time) => time,
            At::Start => self.query.start,
            At::End => self.query.end,
        });
        Ok(Reference { at, offset_ms })
    }

    /// The latest sample of each series at each step, if it is recent and no staleness marker.
    pub(crate) fn select_instant(
        &mut self,
        selector: &VectorSelector,
        span: Span,
        steps: Steps,
        pick: Pick,
    ) -> Result<Vector<'q>, EvalError> {
        match selector.extension {
            None => {}
            Some(Extension::Smoothed) => return self.select_smoothed(selector, span, steps),
            Some(Extension::Anchored) => {
                let message = "anchored modifier can only be used with range vectors".to_owned();
                return Err(EvalError::Execution(message));
            }
        }
        let query = self.query;
        let reference = self.reference(&selector.modifiers)?;
        let range = reference.range(steps, query.lookback_ms);
        let look = Look { query, reference, steps, range, pick, hints_by_comparison: self.hints_by_comparison };
        let readers = query.source.select(&selector.matchers, range, query.budget.budget())?;
        let span_ms = range.end.0.saturating_sub(range.start.0);
        let parts = query.in_order(readers.len(), (steps.count, span_ms), Samples::default, |samples, places| {
            look.at_all(&readers[places], samples)
        })?;
        let mut vector = Vector { series: Vec::new(), held: Held::new(query.budget, 0)? };
        for part in parts {
            vector.series.extend(part.results);
            vector.held.absorb(part.held);
        }
        Ok(vector)
    }
}

/// How series are looked at.
struct Look<'q> {
    query: Query<'q>,
    reference: Reference,
    steps: Steps,
    range: TimeRange,
    pick: Pick,
    hints_by_comparison: bool,
}

impl<'q> Look<'q> {
    fn at_all(&self, readers: &[Box<dyn SeriesReader>], samples: &mut Samples) -> Result<Part<'q, Series>, EvalError> {
        let (budget, steps) = (self.query.budget, self.steps);
        let mut ticker = Ticker::counting(budget, self.query.counts_seen);
        let held = Held::new(budget, readers.len() * steps.count)?;
        let mut part = Part { results: Vec::with_capacity(readers.len()), held, remarks: Annotations::default() };
        for reader in readers {
            samples.clear();
            reader.read(self.range, budget.budget(), samples)?;
            let _read = Held::counted(budget, samples);
            budget.note_read(usize::from(!samples.is_empty()), samples.len());
            if self.hints_by_comparison {
                hint_by_comparison(samples);
            }
            match self.at_one(samples, &mut ticker)? {
                Some((values, histograms)) => {
                    part.results.push(Series {
                        labels: reader.labels().clone(),
                        name_dropped: false,
                        values,
                        histograms,
                    });
                }
                None => part.held.give_back(steps.count),
            }
        }
        // The source counts its label sets itself.
        part.held.add_memory(part.results.len() * size_of::<Series>())?;
        Ok(part)
    }

    /// What each step sees of a series; `None` where none sees anything.
    fn at_one(&self, samples: &Samples, ticker: &mut Ticker<'_>) -> Result<Option<(Vec<f64>, Histograms)>, EvalError> {
        let (steps, lookback_ms) = (self.steps, self.query.lookback_ms);
        let mut cursor = 0;
        let mut found: Option<(Vec<f64>, Histograms)> = None;
        for step in 0..steps.count {
            let time = self.reference.time(steps, step);
            cursor += samples.times[cursor..].partition_point_near(|sample_time| sample_time <= time);
            let picked = cursor.checked_sub(1).filter(|index| {
                samples.times[*index] > time.saturating_sub(lookback_ms) && !is_stale(samples.values[*index])
            });
            let Some(index) = picked else {
                ticker.tick(1)?;
                continue;
            };
            let histogram = samples.histograms.get(index).and_then(Option::as_ref);
            ticker.see(step, histogram.map_or(1, |histogram| histogram.weight()))?;
            let (values, histograms) =
                found.get_or_insert_with(|| (vec![absent(); steps.count], Histograms::default()));
            match (self.pick, histogram) {
                (Pick::Value | Pick::NumberTime, Some(histogram)) => {
                    histograms.set(step, steps.count, Arc::clone(histogram));
                }
                (Pick::Value, None) => values[step] = samples.values[index],
                (Pick::NumberTime | Pick::Time, _) => values[step] = samples.times[index] as f64 / 1000.0,
                (Pick::Start, _) => {
                    values[step] = samples.starts.get(index).map_or(0.0, |start| *start as f64 / 1000.0);
                }
            }
        }
        Ok(found)
    }
}

pub(super) fn drop_stale(samples: &mut Samples) {
    if !samples.values.iter().any(|value| is_stale(*value)) {
        return;
    }
    let keep: Vec<bool> = samples.values.iter().map(|value| !is_stale(*value)).collect();
    retain(&mut samples.times, &keep);
    retain(&mut samples.values, &keep);
    retain(&mut samples.histograms, &keep);
    retain(&mut samples.starts, &keep);
}

fn retain<T>(column: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    column.retain(|_| *keep.next().unwrap_or(&false));
}

/// Says of each histogram whether it was reset after the one before, where that is not known.
pub(super) fn hint_by_comparison(samples: &mut Samples) {
    let mut previous: Option<Arc<Histogram>> = None;
    for place in samples.histograms.iter_mut().flatten() {
        let stored = Arc::clone(place);
        if let (Some(before), ResetHint::Unknown) = (&previous, place.hint) {
            let hint = if stored.is_reset_after(before) { ResetHint::Reset } else { ResetHint::NotReset };
            *place = Arc::new(Histogram { hint, ..(*stored).clone() });
        }
        previous = Some(stored);
    }
}
