//! The store itself.

use crate::tail::Tails;
use crate::{
    Fields, FieldsRequest, Histogram, HistogramRequest, LogStoreError, LogStoreOptions, LogStoreStatus, SearchRequest,
    SearchResult, Tail,
};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use watchfire_model::{LogRecord, QueryBudget};
use watchfire_store::{Clock, Storage};
use watchfire_wal::Position;

/// Keeps log records and finds them again.
#[derive(Debug)]
pub struct LogStore {
    tails: Tails,
}

impl LogStore {
    pub fn open(
        _storage: Arc<dyn Storage>,
        _clock: Arc<dyn Clock>,
        _options: LogStoreOptions,
    ) -> Result<LogStore, LogStoreError> {
        Ok(LogStore { tails: Tails::default() })
    }

    /// Adds records to the WAL buffer and the memtable: searchable at once, durable after [`LogStore::commit`].
    pub fn append(&self, _records: Vec<LogRecord>) -> Result<Position, LogStoreError> {
        Ok(Position::default())
    }

    /// Blocks until the records of the append that returned `position`, and all before them, are durable.
    pub fn commit(&self, _position: Position) -> Result<(), LogStoreError> {
        Ok(())
    }

    pub fn search(&self, _request: &SearchRequest, _budget: &QueryBudget) -> Result<SearchResult, LogStoreError> {
        Ok(SearchResult::default())
    }

    pub fn histogram(&self, _request: &HistogramRequest, _budget: &QueryBudget) -> Result<Histogram, LogStoreError> {
        Ok(Histogram::default())
    }

    pub fn fields(&self, _request: &FieldsRequest, _budget: &QueryBudget) -> Result<Fields, LogStoreError> {
        Ok(Fields::default())
    }

    /// Every batch accepted from now on.
    pub fn tail(&self) -> Tail {
        self.tails.subscribe()
    }

    /// Writes the records in memory out as blocks now.
    pub fn flush(&self) -> Result<(), LogStoreError> {
        Ok(())
    }

    /// Flushes what is due, deletes what is past its retention, sweeps orphans. Call it every second or so.
    pub fn maintain(&self) -> Result<(), LogStoreError> {
        Ok(())
    }

    pub fn status(&self) -> LogStoreStatus {
        LogStoreStatus::default()
    }

    pub fn register_metrics(&self, _registry: &mut Registry) {}
}
