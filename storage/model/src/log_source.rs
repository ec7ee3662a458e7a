//! Where log records come from: what a log query runs on, and what its answer cost.

use crate::{AggregateSpec, Exhausted, Groups, LogFilter, LogRecord, QueryBudget, TimeRangeNs, TooManyGroups};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

/// Holds log records and finds them. Implemented by the log store, and by a list in tests.
pub trait LogSource: Send + Sync {
    /// Hands every record that passes to `visit`, once, with its number (which grows with arrival), until it breaks.
    ///
    /// # Errors
    /// [`LogSourceError`]; what was visited before counts for nothing then.
    fn scan(
        &self,
        request: &ScanRequest,
        budget: &QueryBudget,
        visit: &mut dyn FnMut(u64, &LogRecord) -> ControlFlow<()>,
    ) -> Result<LogAnswer, LogSourceError>;

    /// Groups the records that pass and computes over each group, without handing them out: equal to feeding every
    /// record of [`LogSource::scan`] to [`Groups::add`].
    fn aggregate(
        &self,
        request: &AggregateRequest,
        budget: &QueryBudget,
    ) -> Result<(Groups, LogAnswer), LogSourceError>;
}

/// Asks for the records themselves.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    pub filter: LogFilter,
    /// By event time, start inclusive, end exclusive.
    pub range: TimeRangeNs,
    pub order: ScanOrder,
    pub fields: FieldSelection,
}

/// In which order records are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanOrder {
    /// By event time, then by arrival, the latest first.
    NewestFirst,
    OldestFirst,
    /// As it comes: cheapest.
    Any,
}

/// What of a record somebody looks at; the rest may be left out, times and stream never are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldSelection {
    All,
    /// Of `message`, `host`, `level` and the fields those with these names.
    Only(BTreeSet<SmolStr>),
}

/// Asks for groups and what is computed over them.
#[derive(Debug, Clone)]
pub struct AggregateRequest {
    pub filter: LogFilter,
    /// By event time, start inclusive, end exclusive.
    pub range: TimeRangeNs,
    pub spec: AggregateSpec,
}

/// What comes with every answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogAnswer {
    /// What is missing from the answer, each in words; empty when it is complete.
    pub partial: Vec<String>,
    pub cost: LogCost,
}

/// What an answer cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogCost {
    /// Granules (groups of up to 8192 rows) of the blocks whose time range fits.
    pub granules: u64,
    /// Of these, ruled out by times, by the index, or because newer records sufficed.
    pub granules_pruned: u64,
    /// Of these, answered from statistics alone.
    pub granules_summed: u64,
    /// Of these, whose columns were looked at.
    pub granules_read: u64,
    /// Of those looked at, in which nothing passed.
    pub granules_false: u64,
    /// Rows that the filter was evaluated on, those in memory included.
    pub records_scanned: u64,
    /// Bytes read from storage; what came from the cache does not count.
    pub bytes_read: u64,
    /// Thread time by stage; several threads work at once.
    pub planning: Duration,
    pub filtering: Duration,
    /// Computing and putting records together.
    pub collecting: Duration,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogSourceError {
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    #[error(transparent)]
    TooManyGroups(#[from] TooManyGroups),
    /// In the store's words.
    #[error("{0}")]
    Failed(String),
}

impl LogCost {
    /// Adds what another part of the same query cost.
    pub fn add(&mut self, other: &LogCost) {
        self.granules += other.granules;
        self.granules_pruned += other.granules_pruned;
        self.granules_summed += other.granules_summed;
        self.granules_read += other.granules_read;
        self.granules_false += other.granules_false;
        self.records_scanned += other.records_scanned;
        self.bytes_read += other.bytes_read;
        self.planning += other.planning;
        self.filtering += other.filtering;
        self.collecting += other.collecting;
    }
}
