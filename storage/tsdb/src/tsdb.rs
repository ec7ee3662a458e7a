//! The store's door.

use crate::{Appended, Cardinality, TsdbError, TsdbOptions, TsdbStatus};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use watchfire_model::{
    Labels, Matcher, MetricMetadata, QueryBudget, Sample, SelectError, SeriesReader, SeriesSource, TimeRange,
};
use watchfire_store::{Clock, Storage};

/// Names a series of the head until the head drops it; `append` then reports it and the caller registers again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub u32);

/// The metric store. All methods may be called from any thread.
#[derive(Debug)]
pub struct Tsdb {
    options: TsdbOptions,
}

impl Tsdb {
    /// Opens the store: the manifest's blocks, then the write-ahead log from where they end.
    pub fn open(_storage: Arc<dyn Storage>, _clock: Arc<dyn Clock>, options: TsdbOptions) -> Result<Tsdb, TsdbError> {
        Ok(Tsdb { options })
    }

    /// Registers a series, or finds it: the id that `append` takes.
    pub fn register(&self, _labels: &Labels) -> Result<SeriesId, TsdbError> {
        Err(TsdbError::SeriesLimit { max: self.options.series_max })
    }

    /// Adds samples to the log's buffer and the head: visible to queries at once, durable after `commit`.
    pub fn append(&self, samples: &[(SeriesId, Sample)]) -> Result<Appended, TsdbError> {
        Ok(Appended { unknown: (0..samples.len()).collect(), ..Appended::default() })
    }

    /// Blocks until everything appended before is durable.
    pub fn commit(&self) -> Result<(), TsdbError> {
        Ok(())
    }

    /// Notes what an exposition says of a metric.
    pub fn set_metadata(&self, _metric: &str, _metadata: MetricMetadata) {}

    /// What is known of every metric, sorted by metric.
    pub fn metadata(&self) -> Vec<(String, Vec<MetricMetadata>)> {
        Vec::new()
    }

    /// Flushes the head when due, applies the retention. Returns quickly when nothing is due.
    pub fn maintain(&self) -> Result<(), TsdbError> {
        Ok(())
    }

    pub fn status(&self) -> TsdbStatus {
        TsdbStatus::default()
    }

    /// The `limit` largest contributors to the head's series, per question.
    pub fn cardinality(&self, _limit: usize) -> Cardinality {
        Cardinality::default()
    }

    pub fn register_metrics(&self, _registry: &mut Registry) {}
}

impl SeriesSource for Tsdb {
    fn select(
        &self,
        _matchers: &[Matcher],
        _range: TimeRange,
        _budget: &QueryBudget,
    ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        Ok(Vec::new())
    }

    fn label_names(
        &self,
        _selectors: &[Vec<Matcher>],
        _range: TimeRange,
        _budget: &QueryBudget,
    ) -> Result<Vec<String>, SelectError> {
        Ok(Vec::new())
    }

    fn label_values(
        &self,
        _name: &str,
        _selectors: &[Vec<Matcher>],
        _range: TimeRange,
        _budget: &QueryBudget,
    ) -> Result<Vec<String>, SelectError> {
        Ok(Vec::new())
    }
}
