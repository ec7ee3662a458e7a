//! What an answer lacks: damaged blocks and logs still being read, of the times that a query looked at.

use parking_lot::Mutex;
use watchfire_model::{
    Grid, Matcher, QueryBudget, SelectError, SeriesExemplars, SeriesReader, SeriesSource, TimeRange,
};

/// A source that remembers which times were asked for.
pub(super) struct Watched<'a> {
    source: &'a dyn SeriesSource,
    /// From the earliest to the latest; none before the first question.
    asked: Mutex<Option<TimeRange>>,
}

impl<'a> Watched<'a> {
    pub(super) fn new(source: &'a dyn SeriesSource) -> Watched<'a> {
        Watched { source, asked: Mutex::new(None) }
    }

    /// A line for everything that is missing from what was asked for.
    pub(super) fn missing(&self) -> Vec<String> {
        let asked = *self.asked.lock();
        asked.map_or_else(Vec::new, |range| self.source.missing(range))
    }

    fn note(&self, range: TimeRange) {
        let mut asked = self.asked.lock();
        *asked = Some(asked.map_or(range, |before| TimeRange {
            start: before.start.min(range.start),
            end: before.end.max(range.end),
        }));
    }
}

impl SeriesSource for Watched<'_> {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        self.note(range);
        self.source.select(matchers, range, budget)
    }

    fn select_on(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        grid: Grid,
        budget: &QueryBudget,
    ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        self.note(range);
        self.source.select_on(matchers, range, grid, budget)
    }

    fn missing(&self, range: TimeRange) -> Vec<String> {
        self.source.missing(range)
    }

    fn label_names(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<String>, SelectError> {
        self.note(range);
        self.source.label_names(selectors, range, budget)
    }

    fn label_values(
        &self,
        name: &str,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<String>, SelectError> {
        self.note(range);
        self.source.label_values(name, selectors, range, budget)
    }

    fn exemplars(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<SeriesExemplars>, SelectError> {
        self.note(range);
        self.source.exemplars(selectors, range, budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchfire_model::Timestamp;

    /// Lacks what is told for every range, in its words.
    struct Holey;

    impl SeriesSource for Holey {
        fn select(
            &self,
            _: &[Matcher],
            _: TimeRange,
            _: &QueryBudget,
        ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
            Ok(Vec::new())
        }

        fn missing(&self, range: TimeRange) -> Vec<String> {
            vec![format!("{} to {}", range.start.0, range.end.0)]
        }
    }

    #[test]
    fn what_is_missing_is_told_of_the_times_that_were_asked_for() {
        let watched = Watched::new(&Holey);
        assert_eq!(watched.missing(), Vec::<String>::new(), "nothing was asked");
        let budget = QueryBudget::unlimited();
        for (start, end) in [(50, 60), (10, 20)] {
            let range = TimeRange { start: Timestamp(start), end: Timestamp(end) };
            assert!(watched.select(&[], range, &budget).unwrap().is_empty());
        }
        assert_eq!(watched.missing(), ["10 to 60"]);
    }
}
