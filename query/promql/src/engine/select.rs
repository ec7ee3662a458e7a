//! Reads series: instant selectors by looking back from each step, range selectors as windows over sample columns.

use super::eval::Evaluator;
use super::histograms::Histograms;
use super::series::{Series, Vector, absent};
use super::steps::{Held, Steps, Ticker};
use crate::ast::{At, Extension, Modifiers, VectorSelector};
use crate::{EvalError, Span};
use std::sync::Arc;
use watchfire_model::{Histogram, Labels, ResetHint, Samples, TimeRange, Timestamp, is_stale};

/// Where the windows of a range selector lie: `(reference - range, reference]`, with a reference per step.
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
}

/// A series as stored, without staleness markers.
#[derive(Debug)]
pub(crate) struct RawSeries {
    pub(crate) labels: Labels,
    pub(crate) name_dropped: bool,
    pub(crate) samples: Samples,
}

/// A range vector at every step.
#[derive(Debug)]
pub(crate) struct Windows<'q> {
    pub(crate) series: Vec<RawSeries>,
    pub(crate) reference: Reference,
    pub(crate) range_ms: i64,
    /// Whether samples next to the windows belong to them.
    pub(crate) extension: Option<Extension>,
    /// How far away these may be.
    pub(crate) lookback_ms: i64,
    pub(crate) held: Held<'q>,
}

/// The samples of one series that one step sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'s> {
    pub(crate) times: &'s [i64],
    /// Of no meaning where there is a histogram.
    pub(crate) values: &'s [f64],
    /// As many as `times`, or none at all.
    pub(crate) histograms: &'s [Option<Arc<Histogram>>],
    /// When counting began, as many as `times` (0: not known), or none at all.
    pub(crate) starts: &'s [i64],
    /// Whether the samples next to the edges are among them.
    pub(crate) extension: Option<Extension>,
    /// Exclusive.
    pub(crate) start: i64,
    /// Inclusive.
    pub(crate) end: i64,
    pub(crate) step: usize,
    pub(crate) step_time: i64,
}

/// One sample of a window.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Point<'s> {
    Float(f64),
    Histogram(&'s Arc<Histogram>),
}

impl<'s> Window<'s> {
    pub(crate) fn point(&self, index: usize) -> Point<'s> {
        match self.histograms.get(index).and_then(Option::as_ref) {
            Some(histogram) => Point::Histogram(histogram),
            None => Point::Float(self.values[index]),
        }
    }

    pub(crate) fn points(&self) -> impl Iterator<Item = Point<'s>> {
        let window = *self;
        (0..self.times.len()).map(move |index| window.point(index))
    }

    /// Native histograms in the window.
    pub(crate) fn histogram_count(&self) -> usize {
        self.histograms.iter().flatten().count()
    }
}

impl Window<'_> {
    /// Whether counting began anew between sample `index` and the one before, as far as start timestamps tell.
    pub(crate) fn starts_anew(&self, index: usize) -> bool {
        let (Some(start), Some(before)) = (self.starts.get(index), self.starts.get(index.wrapping_sub(1))) else {
            return false;
        };
        let before_time = self.times[index - 1];
        // A start at the time of its own sample says nothing.
        let is_known = *start != 0 && *start < self.times[index];
        // One that points at the sample before belongs to deltas, unless both share it or the one before has none.
        let is_delta = *start == before_time && *before != 0 && before != start;
        is_known && (*start > before_time || is_delta)
    }

    /// When counting began, if that lies within the window and before its first sample.
    pub(crate) fn start_within(&self) -> Option<i64> {
        let (start, first) = (*self.starts.first()?, *self.times.first()?);
        (start != 0 && self.start < start && start < first).then_some(start)
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
        let reference = self.reference(&selector.modifiers)?;
        let budget = self.query.budget;
        let lookback_ms = self.query.lookback_ms;
        let range = read_range(reference, steps, lookback_ms);
        let mut series = Vec::new();
        let mut ticker = Ticker::new(budget);
        let mut samples = Samples::default();
        let readers = self.query.source.select(&selector.matchers, range, budget)?;
        let held = Held::new(budget, 0)?;
        let mut vector = Vector { series: Vec::new(), held };
        for reader in &readers {
            samples.clear();
            reader.read(range, budget, &mut samples)?;
            let _read = Held::counted(budget, samples.len());
            ticker.tick(steps.count)?;
            vector.held.add(steps.count)?;
            let mut cursor = 0;
            let mut any = false;
            let mut histograms = Histograms::default();
            if self.hints_by_comparison {
                hint_by_comparison(&mut samples);
            }
            let values = (0..steps.count).map(|step| {
                let time = reference.time(steps, step);
                cursor += samples.times[cursor..].partition_point_near(|sample_time| sample_time <= time);
                let picked = cursor.checked_sub(1).filter(|index| {
                    samples.times[*index] > time.saturating_sub(lookback_ms) && !is_stale(samples.values[*index])
                });
                any |= picked.is_some();
                match (picked, pick) {
                    (None, _) => absent(),
                    (Some(index), Pick::Value | Pick::NumberTime) => match samples.histograms.get(index) {
                        Some(Some(histogram)) => {
                            histograms.set(step, steps.count, Arc::clone(histogram));
                            absent()
                        }
                        _ if pick == Pick::NumberTime => samples.times[index] as f64 / 1000.0,
                        _ => samples.values[index],
                    },
                    (Some(index), Pick::Time) => samples.times[index] as f64 / 1000.0,
                    (Some(index), Pick::Start) => samples.starts.get(index).map_or(0.0, |start| *start as f64 / 1000.0),
                }
            });
            let values: Vec<f64> = values.collect();
            if any {
                // The source counts its label sets itself.
                vector.held.add_memory(size_of::<Series>())?;
                series.push(Series { labels: reader.labels().clone(), name_dropped: false, values, histograms });
            } else {
                vector.held.give_back(steps.count);
            }
        }
        vector.series = series;
        Ok(vector)
    }

    /// The samples that any step's window may see.
    pub(crate) fn select_windows(
        &mut self,
        selector: &VectorSelector,
        range_ms: i64,
        steps: Steps,
    ) -> Result<Windows<'q>, EvalError> {
        let reference = self.reference(&selector.modifiers)?;
        let budget = self.query.budget;
        let lookback_ms = self.query.lookback_ms;
        let (before_ms, after_ms) = match selector.extension {
            None => (0, 0),
            Some(Extension::Anchored) => (lookback_ms, 0),
            Some(Extension::Smoothed) => (lookback_ms, lookback_ms),
        };
        let mut range = read_range(reference, steps, range_ms.saturating_add(before_ms));
        range.end = Timestamp(range.end.0.saturating_add(after_ms));
        let (extension, held) = (selector.extension, Held::new(budget, 0)?);
        let mut windows = Windows { series: Vec::new(), reference, range_ms, extension, lookback_ms, held };
        for reader in &self.query.source.select(&selector.matchers, range, budget)? {
            let mut samples = Samples::default();
            reader.read(range, budget, &mut samples)?;
            windows.held.add_counted(samples.len());
            drop_stale(&mut samples);
            if self.hints_by_comparison {
                hint_by_comparison(&mut samples);
            }
            if !samples.is_empty() {
                windows.held.add_memory(size_of::<RawSeries>())?;
                windows.series.push(RawSeries { labels: reader.labels().clone(), name_dropped: false, samples });
            }
        }
        Ok(windows)
    }
}

impl Windows<'_> {
    /// Calls `visit` with the window of each step, empty ones too, in order.
    pub(crate) fn each<'s>(
        &self,
        series: &'s RawSeries,
        steps: Steps,
        ticker: &mut Ticker<'_>,
        mut visit: impl FnMut(Window<'s>),
    ) -> Result<(), EvalError> {
        let RawSeries { samples, .. } = series;
        let (mut from, mut to) = (0, 0);
        for step in 0..steps.count {
            let end = self.reference.time(steps, step);
            let start = end.saturating_sub(self.range_ms);
            to += samples.times[to..].partition_point_near(|time| time <= end);
            from += samples.times[from..to].partition_point_near(|time| time <= start);
            let (from, to) = self.extended(&samples.times, (from, to), (start, end));
            let (times, values) = (&samples.times[from..to], &samples.values[from..to]);
            let histograms = samples.histograms.get(from..to).unwrap_or_default();
            let starts = samples.starts.get(from..to).unwrap_or_default();
            ticker.tick(values.len() + 1)?;
            let (extension, step_time) = (self.extension, steps.time(step));
            visit(Window { times, values, histograms, starts, extension, start, end, step, step_time });
        }
        Ok(())
    }

    /// The samples of a window with those next to it, where it is extended.
    fn extended(&self, times: &[i64], (mut from, mut to): (usize, usize), (start, end): (i64, i64)) -> (usize, usize) {
        let has_inner = from < to;
        if self.extension.is_some() && from > 0 && times[from - 1] > start.saturating_sub(self.lookback_ms) {
            from -= 1;
        }
        if self.extension == Some(Extension::Smoothed) {
            let is_exact = to > 0 && times[to - 1] == end;
            if !is_exact && to < times.len() && times[to] <= end.saturating_add(self.lookback_ms) {
                to += 1;
            }
        } else if !has_inner {
            // An anchor alone is no window.
            return (to, to);
        }
        (from, to)
    }
}

/// `partition_point` for answers that are usually close to the start: doubles its step, then searches.
trait PartitionPointNear {
    fn partition_point_near(&self, before: impl Fn(i64) -> bool) -> usize;
}

impl PartitionPointNear for [i64] {
    fn partition_point_near(&self, before: impl Fn(i64) -> bool) -> usize {
        let mut bound = 1;
        while bound < self.len() && before(self[bound - 1]) {
            bound *= 2;
        }
        let (from, to) = (bound / 2, bound.min(self.len()));
        from.min(to) + self[from.min(to)..to].partition_point(|time| before(*time))
    }
}

fn read_range(reference: Reference, steps: Steps, back_ms: i64) -> TimeRange {
    TimeRange {
        start: Timestamp(reference.first(steps).saturating_sub(back_ms).saturating_add(1)),
        end: Timestamp(reference.last(steps)),
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
fn hint_by_comparison(samples: &mut Samples) {
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
