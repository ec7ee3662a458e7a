//! Series in memory.

use super::points::Point;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use watchfire_model::{Labels, Matcher, QueryBudget, Samples, SelectError, SeriesReader, SeriesSource, TimeRange};

#[derive(Debug, Default)]
pub(crate) struct MemorySource {
    series: BTreeMap<Labels, Arc<MemorySeries>>,
    /// Whether a query has selected a series that should hold native histograms.
    histograms_selected: AtomicBool,
}

#[derive(Debug, Default, Clone)]
struct MemorySeries {
    labels: Labels,
    samples: Samples,
    has_histograms: bool,
}

impl MemorySource {
    /// Adds points, one every `step_ms` from time zero; later loads win.
    pub(crate) fn load(&mut self, labels: &Labels, step_ms: i64, points: &[Point]) {
        let series = self.series.entry(labels.clone()).or_default();
        let old = (**series).clone();
        let mut by_time: BTreeMap<i64, f64> = old.samples.times.into_iter().zip(old.samples.values).collect();
        let mut has_histograms = old.has_histograms;
        for (index, point) in points.iter().enumerate() {
            match point {
                Point::None => {}
                Point::Value(value) => {
                    by_time.insert(index as i64 * step_ms, *value);
                }
                Point::Histogram => has_histograms = true,
            }
        }
        let (times, values) = by_time.into_iter().unzip();
        let samples = Samples { times, values };
        *series = Arc::new(MemorySeries { labels: labels.clone(), samples, has_histograms });
    }

    /// Whether native histograms were asked for since the last call.
    pub(crate) fn take_histograms_selected(&self) -> bool {
        self.histograms_selected.swap(false, Ordering::Relaxed)
    }
}

struct Reader(Arc<MemorySeries>);

impl SeriesReader for Reader {
    fn labels(&self) -> &Labels {
        &self.0.labels
    }

    fn read(&self, range: TimeRange, budget: &QueryBudget, into: &mut Samples) -> Result<(), SelectError> {
        let Samples { times, values } = &self.0.samples;
        let from = times.partition_point(|time| *time < range.start.0);
        let to = times.partition_point(|time| *time <= range.end.0).max(from);
        budget.take_samples((to - from) as u64)?;
        into.times.extend_from_slice(&times[from..to]);
        into.values.extend_from_slice(&values[from..to]);
        Ok(())
    }
}

impl SeriesSource for MemorySource {
    fn select(
        &self,
        matchers: &[Matcher],
        _range: TimeRange,
        _budget: &QueryBudget,
    ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        let found = self.series.values().filter(|series| matchers.iter().all(|one| one.matches_labels(&series.labels)));
        let mut readers: Vec<Box<dyn SeriesReader>> = Vec::new();
        for series in found {
            if series.has_histograms {
                self.histograms_selected.store(true, Ordering::Relaxed);
            }
            readers.push(Box::new(Reader(Arc::clone(series))));
        }
        Ok(readers)
    }

    fn label_names(&self, _: &[Vec<Matcher>], _: TimeRange, _: &QueryBudget) -> Result<Vec<String>, SelectError> {
        Ok(Vec::new())
    }

    fn label_values(
        &self,
        _: &str,
        _: &[Vec<Matcher>],
        _: TimeRange,
        _: &QueryBudget,
    ) -> Result<Vec<String>, SelectError> {
        Ok(Vec::new())
    }
}
