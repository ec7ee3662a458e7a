//! The seam between PromQL and whatever holds series.

use crate::{
    Exhausted, Histogram, Labels, Matcher, Point, PointValue, QueryBudget, SeriesExemplars, TimeRange, Timestamp,
};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Samples of one series in columns, in order of time, each time once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// Unix milliseconds, strictly rising.
    pub times: Vec<i64>,
    /// As many as `times`; staleness markers are among them. Where there is a histogram, this is nothing to be read.
    pub values: Vec<f64>,
    /// Native histograms at their places; as many as `times`, or none at all.
    pub histograms: Vec<Option<Arc<Histogram>>>,
    /// When counting began, in Unix milliseconds, 0 where that is not known; as many as `times`, or none at all.
    pub starts: Vec<i64>,
}

impl Samples {
    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    pub fn push(&mut self, time: i64, value: f64) {
        self.times.push(time);
        self.values.push(value);
        if !self.histograms.is_empty() {
            self.histograms.push(None);
        }
        if !self.starts.is_empty() {
            self.starts.push(0);
        }
    }

    pub fn push_histogram(&mut self, time: i64, histogram: Arc<Histogram>) {
        self.histograms.resize(self.times.len(), None);
        self.push(time, 0.0);
        self.histograms.resize(self.times.len() - 1, None);
        self.histograms.push(Some(histogram));
    }

    /// Says when counting began for the sample pushed last.
    pub fn set_start(&mut self, start: i64) {
        self.starts.resize(self.times.len(), 0);
        if let Some(last) = self.starts.last_mut() {
            *last = start;
        }
    }

    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Keeps the first `len` samples.
    pub fn truncate(&mut self, len: usize) {
        self.times.truncate(len);
        self.values.truncate(len);
        self.histograms.truncate(len);
        self.starts.truncate(len);
    }

    /// Takes out the samples from `at` on.
    #[must_use]
    pub fn split_off(&mut self, at: usize) -> Samples {
        Samples {
            times: self.times.split_off(at),
            values: self.values.split_off(at),
            histograms: self.histograms.split_off(at.min(self.histograms.len())),
            starts: self.starts.split_off(at.min(self.starts.len())),
        }
    }

    /// Appends floats of which nothing is known beside their times; both slices have one length.
    pub fn extend_floats(&mut self, times: &[i64], values: &[f64]) {
        self.times.extend_from_slice(times);
        self.values.extend_from_slice(values);
        if !self.histograms.is_empty() {
            self.histograms.resize(self.times.len(), None);
        }
        if !self.starts.is_empty() {
            self.starts.resize(self.times.len(), 0);
        }
    }

    /// Appends samples `places` of another.
    pub fn extend_from(&mut self, other: &Samples, places: Range<usize>) {
        if !(other.histograms.is_empty() && self.histograms.is_empty()) {
            self.histograms.resize(self.times.len(), None);
            match other.histograms.get(places.clone()) {
                Some(histograms) => self.histograms.extend_from_slice(histograms),
                None => self.histograms.resize(self.times.len() + places.len(), None),
            }
        }
        if !(other.starts.is_empty() && self.starts.is_empty()) {
            self.starts.resize(self.times.len(), 0);
            match other.starts.get(places.clone()) {
                Some(starts) => self.starts.extend_from_slice(starts),
                None => self.starts.resize(self.times.len() + places.len(), 0),
            }
        }
        self.times.extend_from_slice(&other.times[places.clone()]);
        self.values.extend_from_slice(&other.values[places]);
    }

    /// The sample at a place as one value; none beyond the last.
    pub fn point(&self, place: usize) -> Option<Point> {
        let value = match self.histograms.get(place) {
            Some(Some(histogram)) => PointValue::Histogram(Arc::clone(histogram)),
            _ => PointValue::Float(*self.values.get(place)?),
        };
        let start = self.starts.get(place).filter(|start| **start != 0).map(|start| Timestamp(*start));
        Some(Point { time: Timestamp(*self.times.get(place)?), start, value })
    }

    /// What the samples from `place` on count in a budget.
    pub fn weight_from(&self, place: usize) -> u64 {
        self.weight(place..self.times.len().max(place))
    }

    /// What the samples `places` count in a budget.
    pub fn weight(&self, places: Range<usize>) -> u64 {
        let histograms = self.histograms.get(places.clone()).unwrap_or_default().iter().flatten();
        places.len() as u64 + histograms.map(|histogram| histogram.weight() - 1).sum::<u64>()
    }
}

/// Why series cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    #[error(transparent)]
    Budget(#[from] Exhausted),
    #[error("cannot read stored samples: {0}")]
    Storage(String),
    /// The selector asks for what this source cannot give; the text says what to change.
    #[error("{0}")]
    Refused(String),
}

/// Times between which nobody looks: every edge of a query's windows, starts and ends, is `origin + k * step_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    pub origin: Timestamp,
    /// At least 1.
    pub step_ms: i64,
}

/// One selected series; reading decodes its samples.
pub trait SeriesReader: Send + Sync {
    fn labels(&self) -> &Labels;

    /// Appends the samples within `range` (both ends inclusive) to `into`, in order of time, and charges `budget`
    /// for each: one for a float, [`Histogram::weight`] for a histogram, in all what [`Samples::weight_from`] says.
    fn read(&self, range: TimeRange, budget: &QueryBudget, into: &mut Samples) -> Result<(), SelectError>;
}

/// Holds series: the metric store, and later what is derived from logs.
pub trait SeriesSource: Send + Sync {
    /// The series that pass all `matchers` and may have samples within `range`, sorted by labels, each label set
    /// once. A series whose samples turn out to lie elsewhere may be among them.
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError>;

    /// As [`SeriesSource::select`], for a query that only forms sums, minima, maxima and anchored increases over windows
    /// with their edges on `grid`. A source that computes its samples may answer one for each step that says the same.
    fn select_on(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        _grid: Grid,
        budget: &QueryBudget,
    ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        self.select(matchers, range, budget)
    }

    /// What answers over `range` lack, a line of text for each: damage, or a log that is still being read.
    fn missing(&self, _range: TimeRange) -> Vec<String> {
        Vec::new()
    }

    /// Names of the labels of the series that pass any of the selectors (all series where there is none), sorted. By default
    /// those of the series that [`SeriesSource::select`] finds.
    fn label_names(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<String>, SelectError> {
        let mut names = BTreeSet::new();
        for_each_label_set(self, selectors, range, budget, |labels| {
            names.extend(labels.iter().map(|label| label.name.to_string()));
        })?;
        Ok(names.into_iter().collect())
    }

    /// Values of one label over the series that pass any of the selectors (all series where there is none), sorted. By
    /// default those of the series that [`SeriesSource::select`] finds.
    fn label_values(
        &self,
        name: &str,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<String>, SelectError> {
        let mut values = BTreeSet::new();
        for_each_label_set(self, selectors, range, budget, |labels| {
            values.extend(labels.get(name).map(ToString::to_string));
        })?;
        Ok(values.into_iter().collect())
    }

    /// Exemplars within `range` of the series that pass any of the selectors (none where there is no selector), sorted by
    /// the series' labels. A source that has none answers nothing.
    fn exemplars(
        &self,
        _selectors: &[Vec<Matcher>],
        _range: TimeRange,
        _budget: &QueryBudget,
    ) -> Result<Vec<SeriesExemplars>, SelectError> {
        Ok(Vec::new())
    }
}

/// Looks at the labels of the series that pass any of the selectors, or of all where there is none.
fn for_each_label_set(
    source: &(impl SeriesSource + ?Sized),
    selectors: &[Vec<Matcher>],
    range: TimeRange,
    budget: &QueryBudget,
    mut visit: impl FnMut(&Labels),
) -> Result<(), SelectError> {
    let all = [Vec::new()];
    for matchers in if selectors.is_empty() { &all[..] } else { selectors } {
        source.select(matchers, range, budget)?.iter().for_each(|series| visit(series.labels()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Floats, histograms and starts, by what is there.
    fn samples(times: &[i64], histogram_at: Option<usize>, start: i64) -> Samples {
        let mut samples = Samples::default();
        for (place, time) in times.iter().enumerate() {
            if histogram_at == Some(place) {
                samples.push_histogram(*time, Arc::new(Histogram::empty()));
            } else {
                samples.push(*time, *time as f64);
            }
            if start != 0 {
                samples.set_start(start);
            }
        }
        samples
    }

    #[track_caller]
    fn check(first: &Samples, second: &Samples) {
        let mut both = first.clone();
        both.extend_from(second, 0..second.len());
        let points = |samples: &Samples| (0..samples.len()).map_while(|at| samples.point(at)).collect::<Vec<_>>();
        assert_eq!(points(&both), [points(first), points(second)].concat());
        assert_eq!(both.weight_from(0), first.weight_from(0) + second.weight_from(0));
        let rest = both.split_off(first.len());
        assert_eq!((points(&both), points(&rest)), (points(first), points(second)));
        both.truncate(0);
        assert_eq!(points(&both), []);
    }

    #[test]
    fn columns_that_one_side_lacks_are_filled() {
        let plain = samples(&[1, 2, 3], None, 0);
        let mixed = samples(&[4, 5], Some(1), 0);
        let started = samples(&[6, 7], Some(0), 2);
        for first in [&plain, &mixed, &started, &Samples::default()] {
            for second in [&plain, &mixed, &started, &Samples::default()] {
                check(first, second);
            }
        }
    }
}
