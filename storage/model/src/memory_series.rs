//! Series in memory: what rule tests and trials are evaluated over, and tests of whatever reads series.

use crate::{
    Histogram, Labels, Matcher, Point, PointValue, QueryBudget, Samples, SelectError, SeriesReader, SeriesSource,
    TimeRange, Timestamp, is_stale,
};
use std::collections::{BTreeMap, BTreeSet};
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

    /// Those of the series that pass any of `selectors`, or all where there is none.
    fn chosen(&self, selectors: &[Vec<Matcher>]) -> Vec<(Labels, Arc<Points>)> {
        let passes = |labels: &Labels| {
            selectors.is_empty() || selectors.iter().any(|all| all.iter().all(|matcher| matcher.matches_labels(labels)))
        };
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let chosen = series.iter().filter(|(labels, _)| passes(labels));
        chosen.map(|(labels, points)| (labels.clone(), Arc::clone(points))).collect()
    }

    /// Labels of the chosen series that have points within `range`.
    fn labels_within(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> impl Iterator<Item = Labels> {
        let is_within = move |points: &Points| within(points, range).next().is_some();
        self.chosen(selectors).into_iter().filter(move |(_, points)| is_within(points)).map(|(labels, _)| labels)
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
        _range: TimeRange,
        _budget: &QueryBudget,
    ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        let chosen = self.chosen(&[matchers.to_vec()]);
        Ok(chosen
            .into_iter()
            .map(|(labels, points)| Box::new(Reader { labels, points }) as Box<dyn SeriesReader>)
            .collect())
    }

    fn label_names(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        _budget: &QueryBudget,
    ) -> Result<Vec<String>, SelectError> {
        let names: BTreeSet<String> = self
            .labels_within(selectors, range)
            .flat_map(|labels| labels.iter().map(|label| label.name.to_string()).collect::<Vec<_>>())
            .collect();
        Ok(names.into_iter().collect())
    }

    fn label_values(
        &self,
        name: &str,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        _budget: &QueryBudget,
    ) -> Result<Vec<String>, SelectError> {
        let values: BTreeSet<String> = self
            .labels_within(selectors, range)
            .filter_map(|labels| labels.get(name).map(ToString::to_string))
            .collect();
        Ok(values.into_iter().collect())
    }
}
