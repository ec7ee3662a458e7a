//! Metrics and log records as one source of series.

use crate::metric::VirtualMetric;
use crate::source::LogSeries;
use std::fmt;
use std::sync::Arc;
use watchfire_model::{
    Grid, Matcher, QueryBudget, SelectError, SeriesExemplars, SeriesReader, SeriesSource, TimeRange,
};

/// Selectors that name a virtual metric go to the logs, all others to the metrics. A stored metric of such a name is not seen.
#[derive(Clone)]
pub struct Both {
    pub metrics: Arc<dyn SeriesSource>,
    pub logs: LogSeries,
}

impl Both {
    /// The same for one query, see [`LogSeries::for_query`].
    #[must_use]
    pub fn for_query(&self) -> Both {
        Both { metrics: Arc::clone(&self.metrics), logs: self.logs.for_query() }
    }

    fn source_of(&self, matchers: &[Matcher]) -> &dyn SeriesSource {
        if VirtualMetric::of(matchers).is_some() { &self.logs } else { &*self.metrics }
    }

    /// What both say; a source that none of the selectors is for is not asked, unless there are none.
    fn merged(
        &self,
        selectors: &[Vec<Matcher>],
        ask: impl Fn(&dyn SeriesSource, &[Vec<Matcher>]) -> Result<Vec<String>, SelectError>,
    ) -> Result<Vec<String>, SelectError> {
        let (virtual_ones, stored): (Vec<_>, Vec<_>) =
            selectors.iter().cloned().partition(|matchers| VirtualMetric::of(matchers).is_some());
        let mut all = Vec::new();
        for (source, selectors_of) in [(&*self.metrics, stored), (&self.logs as &dyn SeriesSource, virtual_ones)] {
            if selectors.is_empty() || !selectors_of.is_empty() {
                all.extend(ask(source, &selectors_of)?);
            }
        }
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }
}

impl SeriesSource for Both {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        self.source_of(matchers).select(matchers, range, budget)
    }

    fn select_on(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        grid: Grid,
        budget: &QueryBudget,
    ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        self.source_of(matchers).select_on(matchers, range, grid, budget)
    }

    fn missing(&self, range: TimeRange) -> Vec<String> {
        let mut lines = self.metrics.missing(range);
        lines.extend(self.logs.missing(range));
        lines
    }

    fn label_names(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<String>, SelectError> {
        self.merged(selectors, |source, selectors| source.label_names(selectors, range, budget))
    }

    fn label_values(
        &self,
        name: &str,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<String>, SelectError> {
        self.merged(selectors, |source, selectors| source.label_values(name, selectors, range, budget))
    }

    /// Log records are no exemplars.
    fn exemplars(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<SeriesExemplars>, SelectError> {
        self.metrics.exemplars(selectors, range, budget)
    }
}

impl fmt::Debug for Both {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Both").field("logs", &self.logs).finish_non_exhaustive()
    }
}
