//! Series in memory: what rule tests and trials are evaluated over, and tests of whatever reads series.

use crate::{
    Histogram, Labels, Matcher, Point, PointValue, QueryBudget, Samples, SelectError, SeriesReader, SeriesSource,
    TimeRange, Timestamp, is_stale,
};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Series by their labels; a later point takes the place of an earlier one of the same time. Bounded by whoever fills it.
#[derive(Debug, Default)]
pub struct MemorySeries {
    series: RwLock<BTreeMap<Labels, Arc<Points>>>,
}

/// Points by their times in Unix milliseconds.
type Points = BTreeMap<i64, Point>;

impl MemorySeries {
    pub fn push(&self, labels: &Labels, point: Point) {
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        match series.get_mut(labels) {
            Some(points) => {
                Arc::make_mut(points).insert(point.time.0, point);
            }
            None => {
                series.insert(labels.clone(), Arc::new(Points::from([(point.time.0, point)])));
            }
        }
    }
}

fn within(points: &Points, range: TimeRange) -> impl Iterator<Item = &Point> {
    // A range that ends before it begins holds nothing.
    let (Timestamp(start), Timestamp(end)) = (range.start, range.end);
    points.range(start..).map(|(_, point)| point).take_while(move |point| point.time.0 <= end)
}

#[derive(Debug)]
struct Reader {
    labels: Labels,
    points: Arc<Points>,
}

impl SeriesReader for Reader {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn read(&self, range: TimeRange, budget: &QueryBudget, into: &mut Samples) -> Result<(), SelectError> {
        let place = into.len();
        let before = self.points.range(..range.start.0).next_back();
        let mut previous: Option<Arc<Histogram>> = before.and_then(|(_, point)| histogram(point));
        for point in within(&self.points, range) {
            match &point.value {
                PointValue::Float(value) => into.push(point.time.0, *value),
                PointValue::Histogram(histogram) => {
                    let hint = histogram.hint_behind(previous.as_deref());
                    into.push_histogram(point.time.0, Arc::new(Histogram { hint, ..(**histogram).clone() }));
                }
            }
            if let Some(Timestamp(start)) = point.start {
                into.set_start(start);
            }
            previous = histogram(point);
        }
        budget.take_samples(into.weight_from(place))?;
        Ok(())
    }
}

/// A histogram behind which the next one stands.
fn histogram(point: &Point) -> Option<Arc<Histogram>> {
    match &point.value {
        PointValue::Histogram(histogram) if !is_stale(histogram.sum) => Some(Arc::clone(histogram)),
        _ => None,
    }
}

impl SeriesSource for MemorySeries {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        _budget: &QueryBudget,
    ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let found = series.iter().filter(|(labels, points)| {
            matchers.iter().all(|matcher| matcher.matches_labels(labels)) && within(points, range).next().is_some()
        });
        let reader = |(labels, points): (&Labels, &Arc<Points>)| {
            Box::new(Reader { labels: labels.clone(), points: Arc::clone(points) }) as Box<dyn SeriesReader>
        };
        Ok(found.map(reader).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MatchOp, ResetHint, Sample};

    const EVER: TimeRange = TimeRange { start: Timestamp(i64::MIN), end: Timestamp(i64::MAX) };

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::from_pairs(pairs.iter().copied())
    }

    fn filled() -> MemorySeries {
        let memory = MemorySeries::default();
        for (job, time, value) in [("b", 20, 2.0), ("a", 10, 1.0), ("a", 10, 3.0), ("a", 30, 4.0)] {
            memory.push(&labels(&[("__name__", "m"), ("job", job)]), Sample { time: Timestamp(time), value }.into());
        }
        memory
    }

    #[test]
    fn what_was_pushed_last_counts() {
        let budget = QueryBudget::unlimited();
        let job = Matcher::new("job", MatchOp::Equal, "a").unwrap();
        let series = filled().select(&[job], EVER, &budget).unwrap();
        let mut samples = Samples::default();
        series[0].read(EVER, &budget, &mut samples).unwrap();
        assert_eq!((samples.times, samples.values), (vec![10, 30], vec![3.0, 4.0]));
        assert_eq!((series.len(), budget.samples()), (1, 2));
    }

    #[test]
    fn labels_are_those_of_the_series_within_the_range() {
        let (memory, budget) = (filled(), QueryBudget::unlimited());
        let values = |start, end| {
            let range = TimeRange { start: Timestamp(start), end: Timestamp(end) };
            memory.label_values("job", &[], range, &budget).unwrap()
        };
        assert_eq!(values(0, 100), ["a", "b"]);
        assert_eq!(values(15, 25), ["b"]);
        assert_eq!(values(31, 100), Vec::<String>::new());
        assert_eq!(values(100, 0), Vec::<String>::new());
        assert_eq!(memory.label_names(&[], EVER, &budget).unwrap(), ["__name__", "job"]);
        let other = vec![Matcher::new("job", MatchOp::Equal, "b").unwrap()];
        assert_eq!(memory.label_values("job", &[other.clone(), other], EVER, &budget).unwrap(), ["b"]);
    }

    #[test]
    fn histograms_know_what_stands_before_them() {
        let (memory, budget) = (MemorySeries::default(), QueryBudget::unlimited());
        for (time, count) in [(1, 1.0), (2, 5.0), (3, 2.0)] {
            let histogram = Histogram { count, positive: vec![(0, count)], ..Histogram::empty() };
            let value = PointValue::Histogram(Arc::new(histogram));
            memory.push(&labels(&[("__name__", "h")]), Point { time: Timestamp(time), start: None, value });
        }
        let read = |start| {
            let series = memory.select(&[], EVER, &budget).unwrap();
            let mut samples = Samples::default();
            let range = TimeRange { start: Timestamp(start), end: Timestamp(9) };
            series[0].read(range, &budget, &mut samples).unwrap();
            samples.histograms.into_iter().flatten().map(|histogram| histogram.hint).collect::<Vec<_>>()
        };
        assert_eq!(read(0), [ResetHint::Unknown, ResetHint::NotReset, ResetHint::Unknown]);
        assert_eq!(read(2), [ResetHint::NotReset, ResetHint::Unknown]);
    }
}
