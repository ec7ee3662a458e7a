//! Windows over the samples of one series.

use super::select::Reference;
use super::steps::{Steps, Ticker};
use crate::EvalError;
use crate::ast::Extension;
use std::sync::Arc;
use watchfire_model::{Histogram, Labels, Samples};

/// A series as stored, without staleness markers.
#[derive(Debug, Default)]
pub(crate) struct RawSeries {
    pub(crate) labels: Labels,
    pub(crate) name_dropped: bool,
    pub(crate) samples: Samples,
}

/// Where windows lie, and what belongs to them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) reference: Reference,
    pub(crate) range_ms: i64,
    /// Whether samples next to the windows belong to them.
    pub(crate) extension: Option<Extension>,
    /// How far away these may be.
    pub(crate) lookback_ms: i64,
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
    /// The place of the first sample among those of the series; `None` for a copy of some of them.
    pub(crate) place: Option<usize>,
}

/// One sample of a window.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Point<'s> {
    Float(f64),
    Histogram(&'s Arc<Histogram>),
}

impl<'s> Window<'s> {
    /// All samples of a series, for what is asked of neighbours only.
    pub(crate) fn of_all(samples: &'s Samples) -> Window<'s> {
        Window {
            times: &samples.times,
            values: &samples.values,
            histograms: &samples.histograms,
            starts: &samples.starts,
            extension: None,
            start: i64::MIN,
            end: i64::MAX,
            step: 0,
            step_time: 0,
            place: Some(0),
        }
    }

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

    /// What the samples count in a budget.
    fn weight(&self) -> u64 {
        let beyond_one: u64 = self.histograms.iter().flatten().map(|histogram| histogram.weight() - 1).sum();
        self.times.len() as u64 + beyond_one
    }

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

impl Frame {
    /// Calls `visit` with the window of each step, empty ones too, in order.
    pub(crate) fn each<'s>(
        &self,
        samples: &'s Samples,
        steps: Steps,
        ticker: &mut Ticker<'_>,
        mut visit: impl FnMut(Window<'s>),
    ) -> Result<(), EvalError> {
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
            let (extension, step_time) = (self.extension, steps.time(step));
            let window =
                Window { times, values, histograms, starts, extension, start, end, step, step_time, place: Some(from) };
            ticker.see(step, window.weight())?;
            visit(window);
        }
        Ok(())
    }

    /// How many windows see a sample; 0 where most are seen by none, or there is one window only.
    pub(crate) fn overlap(&self, steps: Steps) -> i64 {
        if steps.count > 1 && self.extension.is_none() { self.range_ms / steps.step } else { 0 }
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
        } else if self.extension.is_some() && !has_inner {
            // An anchor alone is no window.
            return (to, to);
        }
        (from, to)
    }
}

/// `partition_point` for answers that are usually close to the start: doubles its step, then searches.
pub(super) trait PartitionPointNear {
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
