//! The log records of a source as series.

use crate::config::LogSeriesConfig;
use crate::gather::label_sets;
use crate::metric::VirtualMetric;
use crate::reader::{Found, LogDerived};
use crate::selection::Selection;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};
use watchfire_model::{
    Grid, Labels, LogAnswer, LogSource, LogSourceError, METRIC_NAME, Matcher, QueryBudget, SelectError, SeriesReader,
    SeriesSource, TimeRange,
};

/// Lines about what is missing that one query keeps.
const PARTIAL_MAX: usize = 16;

/// Answers selectors of virtual metrics from log records, and finds nothing for all others.
#[derive(Clone)]
pub struct LogSeries {
    logs: Arc<dyn LogSource>,
    config: Arc<LogSeriesConfig>,
    partial: Arc<Partial>,
}

/// What the answers so far lack, each line once.
#[derive(Debug, Default)]
pub(crate) struct Partial(Mutex<BTreeSet<String>>);

impl Partial {
    pub(crate) fn note(&self, answer: LogAnswer) {
        let mut lines = self.0.lock();
        for line in answer.partial {
            if lines.len() < PARTIAL_MAX {
                lines.insert(line);
            }
        }
    }
}

impl LogSeries {
    /// `config` is valid.
    pub fn new(logs: Arc<dyn LogSource>, config: LogSeriesConfig) -> LogSeries {
        LogSeries { logs, config: Arc::new(config), partial: Arc::default() }
    }

    /// The same for one query: [`SeriesSource::missing`] says what that query's answers lack, and no other's.
    #[must_use]
    pub fn for_query(&self) -> LogSeries {
        LogSeries { partial: Arc::default(), ..self.clone() }
    }

    fn selection(&self, matchers: &[Matcher]) -> Result<Option<Selection>, SelectError> {
        let Some(metric) = VirtualMetric::of(matchers) else { return Ok(None) };
        let selection = Selection::new(metric, matchers, &self.config);
        selection.map(Some).map_err(|error| SelectError::Refused(error.to_string()))
    }

    fn label_sets(
        &self,
        selection: &Selection,
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<Labels>, SelectError> {
        let found = label_sets(&*self.logs, selection, range, self.config.series_max, budget);
        let (sets, answer) = found.map_err(refusal)?;
        self.partial.note(answer);
        Ok(sets)
    }

    fn find(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        grid: Option<Grid>,
        budget: &QueryBudget,
    ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        let Some(selection) = self.selection(matchers)? else { return Ok(Vec::new()) };
        let sets = self.label_sets(&selection, range, budget)?;
        let (source, partial) = (Arc::clone(&self.logs), Arc::clone(&self.partial));
        let found = Arc::new(Found { source, selection, range, grid, partial, gathered: OnceLock::new() });
        let reader = |labels| Box::new(LogDerived { found: Arc::clone(&found), labels }) as Box<dyn SeriesReader>;
        Ok(sets.into_iter().map(reader).collect())
    }

    /// The label sets of every selector that names a virtual metric.
    fn all_sets(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<Labels>, SelectError> {
        let mut sets = Vec::new();
        for matchers in selectors {
            if let Some(selection) = self.selection(matchers)? {
                sets.extend(self.label_sets(&selection, range, budget)?);
            }
        }
        Ok(sets)
    }
}

impl SeriesSource for LogSeries {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        self.find(matchers, range, None, budget)
    }

    fn select_on(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        grid: Grid,
        budget: &QueryBudget,
    ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        self.find(matchers, range, Some(grid), budget)
    }

    fn missing(&self, _range: TimeRange) -> Vec<String> {
        self.partial.0.lock().iter().cloned().collect()
    }

    /// Without a selector: none, as every field of every record could be one.
    fn label_names(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<String>, SelectError> {
        let sets = self.all_sets(selectors, range, budget)?;
        let names: BTreeSet<&str> = sets.iter().flatten().map(|label| label.name.as_str()).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    /// Without a selector: the names of the virtual metrics, and no other label's values.
    fn label_values(
        &self,
        name: &str,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<String>, SelectError> {
        let sets = self.all_sets(selectors, range, budget)?;
        let mut values: BTreeSet<&str> = sets.iter().map(|labels| labels.get_or_empty(name)).collect();
        values.remove("");
        if selectors.is_empty() && name == METRIC_NAME {
            values.extend(VirtualMetric::ALL.map(VirtualMetric::name));
        }
        Ok(values.into_iter().map(str::to_owned).collect())
    }
}

/// The same in the words of who asked for series.
pub(crate) fn refusal(error: LogSourceError) -> SelectError {
    match error {
        LogSourceError::Exhausted(exhausted) => SelectError::Budget(exhausted),
        LogSourceError::TooManyGroups(too_many) => SelectError::Refused(format!(
            "the log records make more than {} series: name fewer fields in log_by, or select fewer records",
            too_many.max
        )),
        LogSourceError::Failed(reason) => SelectError::Storage(reason),
    }
}

impl fmt::Debug for LogSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogSeries")
            .field("config", &self.config)
            .field("partial", &self.partial)
            .finish_non_exhaustive()
    }
}
