//! The store as the query language sees it.

use super::{aggregate, scan};
use crate::{LogStore, LogStoreError};
use std::ops::ControlFlow;
use watchfire_model::{
    AggregateRequest, Groups, LogAnswer, LogRecord, LogSource, LogSourceError, QueryBudget, ScanRequest,
};

impl LogSource for LogStore {
    /// A block that turns out damaged before the first record is handed out is done without from the start; later on the
    /// scan goes on without the rest of it. Either way the answer names it.
    fn scan(
        &self,
        request: &ScanRequest,
        budget: &QueryBudget,
        visit: &mut dyn FnMut(u64, &LogRecord) -> ControlFlow<()>,
    ) -> Result<LogAnswer, LogSourceError> {
        Ok(scan::scan(&self.inner, request, budget, visit)?)
    }

    fn aggregate(
        &self,
        request: &AggregateRequest,
        budget: &QueryBudget,
    ) -> Result<(Groups, LogAnswer), LogSourceError> {
        Ok(aggregate::aggregate(&self.inner, request, budget)?)
    }
}

impl From<LogStoreError> for LogSourceError {
    fn from(error: LogStoreError) -> LogSourceError {
        match error {
            LogStoreError::Exhausted(exhausted) => LogSourceError::Exhausted(exhausted),
            LogStoreError::TooManyGroups(error) => LogSourceError::TooManyGroups(error),
            other => LogSourceError::Failed(other.to_string()),
        }
    }
}
