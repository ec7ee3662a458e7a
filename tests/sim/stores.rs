//! The two stores as the application opens them, with small windows and retentions, and everything that they show.

use crate::data::SHORT_STREAM;
use crate::metric_judge::Shown;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use watchfire_logstore::{LogStore, LogStoreOptions, SearchRequest};
use watchfire_model::{
    DurationMs, LogFilter, LogRecord, QueryBudget, Samples, SelectError, SeriesSource, TimeRange, TimeRangeNs,
    Timestamp,
};
use watchfire_store::{ManualClock, MemStorage, Storage};
use watchfire_tsdb::{Tsdb, TsdbOptions};

/// What the clock shows at first: 2026-11-21T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp(1_795_219_200_000);
pub(crate) const LOG_RETENTION: DurationMs = DurationMs(2 * 86_400_000);
pub(crate) const LOG_RETENTION_SHORT: DurationMs = DurationMs(3_600_000);
pub(crate) const METRIC_RETENTION: DurationMs = DurationMs(3 * 3_600_000);
pub(crate) const METRIC_SPAN: DurationMs = DurationMs(600_000);
/// Records that one page of an answer holds.
const PAGE_RECORDS: usize = 500;

#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) logs: LogStore,
    pub(crate) tsdb: Tsdb,
}

/// All that queries show, and what they say is missing.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) records: Vec<LogRecord>,
    pub(crate) samples: Shown,
    pub(crate) missing: Vec<String>,
}

impl Stores {
    pub(crate) fn open(storage: &MemStorage, clock: &Arc<ManualClock>) -> Result<Stores, String> {
        let storage: Arc<dyn Storage> = Arc::new(storage.clone());
        let options = LogStoreOptions {
            retention: LOG_RETENTION,
            stream_retention: BTreeMap::from([(SHORT_STREAM.into(), LOG_RETENTION_SHORT)]),
            // Steps ask for it, so that everything happens in one order.
            compact_in_background: false,
            ..LogStoreOptions::default()
        };
        let logs =
            LogStore::open(Arc::clone(&storage), Arc::clone(clock) as _, options).map_err(|error| chain(&error))?;
        logs.wait_ready().map_err(|error| chain(&error))?;
        let options = TsdbOptions { retention: METRIC_RETENTION, block_span: METRIC_SPAN, ..TsdbOptions::default() };
        let tsdb = Tsdb::open(storage, Arc::clone(clock) as _, options).map_err(|error| chain(&error))?;
        tsdb.wait_ready().map_err(|error| chain(&error))?;
        Ok(Stores { logs, tsdb })
    }

    /// What the stores' own metrics say of damage: the sum of every counter of something torn or damaged.
    pub(crate) fn damage_counted(&self) -> u64 {
        let mut registry = Registry::default();
        self.logs.register_metrics(&mut registry);
        self.tsdb.register_metrics(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).expect("metrics are text");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let of_damage = lines.filter(|line| line.contains("damaged") || line.contains("torn"));
        of_damage.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    pub(crate) fn ask(&self) -> Result<Answers, String> {
        let mut answers = self.search(&LogFilter::All)?;
        self.select_all(&mut answers)?;
        Ok(answers)
    }

    /// Every record that passes, in pages.
    pub(crate) fn search(&self, filter: &LogFilter) -> Result<Answers, String> {
        let mut answers = Answers::default();
        let mut request = SearchRequest {
            filter: filter.clone(),
            range: TimeRangeNs::ALL,
            limit: PAGE_RECORDS,
            cursor: None,
            order: watchfire_model::ScanOrder::NewestFirst,
            fields: watchfire_model::FieldSelection::All,
        };
        loop {
            let page = self.logs.search(&request, &QueryBudget::unlimited()).map_err(|error| chain(&error))?;
            answers.missing.extend(page.partial);
            answers.records.extend(page.records.into_iter().map(|stored| stored.record));
            let Some(cursor) = page.next_cursor else { return Ok(answers) };
            request.cursor = Some(cursor);
        }
    }

    fn select_all(&self, answers: &mut Answers) -> Result<(), String> {
        let budget = QueryBudget::unlimited();
        let text = |error: SelectError| chain(&error);
        for reader in self.tsdb.select(&[], TimeRange::ALL, &budget).map_err(text)? {
            let mut samples = Samples::default();
            reader.read(TimeRange::ALL, &budget, &mut samples).map_err(text)?;
            let bits = samples.times.iter().copied().zip(samples.values.iter().map(|value| value.to_bits()));
            if !samples.is_empty() {
                answers.samples.insert(reader.labels().clone(), bits.collect());
            }
        }
        answers.missing.extend(self.tsdb.status().damaged_blocks);
        Ok(())
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
