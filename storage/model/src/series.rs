//! The seam between PromQL and whatever holds series.

use crate::{Exhausted, Histogram, Labels, Matcher, QueryBudget, SeriesExemplars, TimeRange, Timestamp};
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
        self.times.clear();
        self.values.clear();
        self.histograms.clear();
        self.starts.clear();
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
    /// for each.
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

    /// Names of the labels of the series that pass any of the selectors (all series where there is none), sorted.
    fn label_names(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<String>, SelectError>;

    /// Values of one label over the series that pass any of the selectors (all series where there is none), sorted.
    fn label_values(
        &self,
        name: &str,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<String>, SelectError>;

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
