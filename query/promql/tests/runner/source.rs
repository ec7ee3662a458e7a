//! Series in memory.

use super::points::Point;
use super::script::Loaded;
use std::collections::BTreeMap;
use std::sync::Arc;
use watchfire_model::{
    Histogram, Labels, METRIC_NAME, Matcher, QueryBudget, Samples, SelectError, SeriesReader, SeriesSource, TimeRange,
};

#[derive(Debug, Default)]
pub(crate) struct MemorySource {
    series: BTreeMap<Labels, Arc<MemorySeries>>,
}

#[derive(Debug, Default, Clone)]
struct MemorySeries {
    labels: Labels,
    /// By time: what it is, and when counting began (0: not known).
    points: BTreeMap<i64, (Point, i64)>,
}

impl MemorySource {
    /// Adds points, one every `step_ms` from time zero; later loads win.
    pub(crate) fn load(&mut self, labels: &Labels, step_ms: i64, points: &[Point]) {
        self.load_line(step_ms, &Loaded { labels: labels.clone(), points: points.to_vec(), starts: Vec::new() });
    }

    /// The same, with start timestamps.
    pub(crate) fn load_line(&mut self, step_ms: i64, loaded: &Loaded) {
        let points = loaded.points.iter().enumerate().map(|(index, point)| {
            let time = index as i64 * step_ms;
            let start = loaded.starts.get(index).copied().flatten().map_or(0, |offset| time + offset);
            (time, point.clone(), start)
        });
        self.add(&loaded.labels, points);
    }

    fn add(&mut self, labels: &Labels, points: impl Iterator<Item = (i64, Point, i64)>) {
        let series = self.series.entry(labels.clone()).or_default();
        let mut series_points = series.points.clone();
        for (time, point, start) in points {
            if !matches!(point, Point::None) {
                series_points.insert(time, (point, start));
            }
        }
        *series = Arc::new(MemorySeries { labels: labels.clone(), points: series_points });
    }

    /// Adds the native form of the classic histograms among the lines: custom buckets at the bounds of `le`.
    pub(crate) fn load_native_forms(&mut self, step_ms: i64, all: &[Loaded]) {
        type Classic<'l> = (BTreeMap<u64, (f64, &'l Loaded)>, Option<&'l Loaded>, Option<&'l Loaded>);
        let mut histograms: BTreeMap<Labels, Classic<'_>> = BTreeMap::new();
        for loaded in all {
            let Some(name) = loaded.labels.metric_name().map(ToString::to_string) else { continue };
            let base = |ending: &str| {
                let mut builder = loaded.labels.filtered(|label| label.name != "le").to_builder();
                builder.set(METRIC_NAME, name.strip_suffix(ending)?);
                Some(builder.build())
            };
            if let (Some(key), Ok(bound)) = (base("_bucket"), loaded.labels.get_or_empty("le").parse::<f64>()) {
                histograms.entry(key).or_default().0.insert(order(bound), (bound, loaded));
            } else if let Some(key) = base("_count") {
                histograms.entry(key).or_default().1 = Some(loaded);
            } else if let Some(key) = base("_sum") {
                histograms.entry(key).or_default().2 = Some(loaded);
            }
        }
        for (labels, (buckets, count, sum)) in histograms.into_iter().filter(|(_, (buckets, ..))| !buckets.is_empty()) {
            let len = buckets.values().map(|(_, loaded)| loaded.points.len()).max().unwrap_or(0);
            let points = (0..len).filter_map(|index| {
                let value = |loaded: &Loaded| match loaded.points.get(index) {
                    Some(Point::Value(value)) => Some(*value),
                    _ => None,
                };
                let cumulative: Vec<(f64, f64)> =
                    buckets.values().filter_map(|(bound, loaded)| Some((*bound, value(loaded)?))).collect();
                let native = native(&cumulative, count.and_then(value), sum.and_then(value))?;
                Some((index as i64 * step_ms, Point::Histogram(Arc::new(native), false), 0))
            });
            let points: Vec<_> = points.collect();
            self.add(&labels, points.into_iter());
        }
    }
}

/// Bits that sort as the numbers do.
fn order(value: f64) -> u64 {
    let bits = value.to_bits();
    if value.is_sign_negative() { !bits } else { bits | 1 << 63 }
}

fn native(cumulative: &[(f64, f64)], count: Option<f64>, sum: Option<f64>) -> Option<Histogram> {
    let (_, last) = cumulative.last()?;
    let mut histogram = Histogram { schema: Histogram::CUSTOM, ..Histogram::empty() };
    histogram.count = count.unwrap_or(*last);
    histogram.sum = sum.unwrap_or(0.0);
    let mut below = 0.0;
    for (index, (_, count)) in cumulative.iter().enumerate() {
        histogram.positive.push((index as i32, count - below));
        below = *count;
    }
    let finite = cumulative.iter().map(|(bound, _)| *bound).filter(|bound| bound.is_finite());
    histogram.bounds = finite.collect();
    if cumulative.last().is_some_and(|(bound, _)| bound.is_finite()) && histogram.count > below {
        histogram.positive.push((cumulative.len() as i32, histogram.count - below));
    }
    Some(histogram.compact())
}

struct Reader(Arc<MemorySeries>);

impl SeriesReader for Reader {
    fn labels(&self) -> &Labels {
        &self.0.labels
    }

    fn read(&self, range: TimeRange, budget: &QueryBudget, into: &mut Samples) -> Result<(), SelectError> {
        let mut previous: Option<Arc<Histogram>> = None;
        let base = into.len();
        for (time, (point, start)) in &self.0.points {
            let in_range = range.start.0 <= *time && *time <= range.end.0;
            match point {
                Point::None => continue,
                Point::Value(value) => {
                    previous = None;
                    if in_range {
                        into.push(*time, *value);
                    }
                }
                Point::Histogram(histogram, _) => {
                    if in_range {
                        let hint = histogram.hint_behind(previous.as_deref());
                        into.push_histogram(*time, Arc::new(Histogram { hint, ..(**histogram).clone() }));
                    }
                    previous = Some(Arc::clone(histogram));
                }
            }
            if in_range && *start != 0 {
                into.set_start(*start);
            }
        }
        budget.take_samples(into.weight_from(base))?;
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
        Ok(found.map(|series| Box::new(Reader(Arc::clone(series))) as Box<dyn SeriesReader>).collect())
    }
}
