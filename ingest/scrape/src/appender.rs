//! Puts the scrapes of one target into the store: samples, staleness markers and what is said of the scrape itself.
//! Synchronous; runs on a thread that may block. Prometheus: `scrape/scrape.go`, `scrapeLoop`.

mod read;
mod report;

pub(crate) use report::ScrapeReport;

use crate::batch::Batch;
use crate::cache::{Forgotten, SeriesCache};
use crate::exposition::read_series;
use crate::fetch::{Page, ScrapeFailure};
use crate::metrics::{SampleLoss, ScrapeMetrics};
use crate::sample_rules::{Made, SampleRules};
use crate::series_quota::SeriesQuota;
use report::ReportFacts;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use watchfire_model::{Labels, Sample, Timestamp, stale_nan};
use watchfire_tsdb::{Appended, SeriesId, Tsdb, TsdbError};

/// A page beyond either is heavy: it waits for a turn among its like, so that small ones need not wait for it.
const HEAVY_PAGE_BYTES: usize = 2 << 20;
const HEAVY_SAMPLES: u64 = 20_000;

/// The store's side of one target.
#[derive(Debug)]
pub(crate) struct TargetAppender {
    tsdb: Arc<Tsdb>,
    metrics: ScrapeMetrics,
    rules: Arc<SampleRules>,
    target_labels: Labels,
    cache: SeriesCache,
    quota: SeriesQuota,
    timeout: Duration,
    report_labels: Vec<Labels>,
    /// Registered at the first scrape.
    report_ids: Option<Vec<SeriesId>>,
    /// Length of the last page, decompressed.
    page_len: usize,
    /// Length of the page at hand, decompressed; 0 where there is none.
    body_bytes: u64,
    /// Samples of the page at hand that stood where the last page had them.
    known_samples: u64,
    /// Whether the last page was heavy, or met a limit before that was known.
    was_heavy: bool,
    /// What the scrape at hand brings; empty between scrapes.
    batch: Batch,
    /// Hashes of labels and values of the exemplars without a time that the series showed last.
    untimed_exemplars: HashMap<u32, u64>,
    /// Hashes of the metadata that the store has been told.
    metadata_told: HashSet<u64>,
}

impl TargetAppender {
    /// `orphans` are series that an earlier loop of the same target left alive; `series_max` is the target's quota, `timeout`
    /// that of its scrapes.
    pub(crate) fn new(
        tsdb: Arc<Tsdb>,
        metrics: ScrapeMetrics,
        rules: Arc<SampleRules>,
        target_labels: Labels,
        orphans: Vec<SeriesId>,
        (series_max, timeout): (u64, Duration),
    ) -> TargetAppender {
        let report_labels = report::labels(&target_labels, rules.extra_report);
        TargetAppender {
            tsdb,
            metrics,
            quota: SeriesQuota::new(series_max.max(rules.limits.samples.saturating_mul(2))),
            rules,
            target_labels,
            cache: SeriesCache::with_orphans(orphans),
            timeout,
            report_labels,
            report_ids: None,
            page_len: 0,
            body_bytes: 0,
            known_samples: 0,
            was_heavy: false,
            batch: Batch::default(),
            untimed_exemplars: HashMap::new(),
            metadata_told: HashSet::new(),
        }
    }

    /// Whether this page is, or likely is, heavy.
    pub(crate) fn is_heavy(&self, page: &Result<Page, ScrapeFailure>) -> bool {
        page.as_ref().is_ok_and(|page| self.was_heavy || page.received_len() > HEAVY_PAGE_BYTES)
    }

    /// Stores one scrape, in one call to the store: the page's samples, or the end of all series where it failed.
    pub(crate) fn append_scrape(
        &mut self,
        page: Result<Page, ScrapeFailure>,
        at: Timestamp,
        duration: impl FnOnce() -> Duration,
    ) -> Result<ScrapeReport, (ScrapeFailure, ScrapeReport)> {
        self.cache.start_page();
        (self.body_bytes, self.known_samples) = (0, 0);
        self.quota.start_page(at, self.cache.ids());
        let mut report = ScrapeReport { quota: self.quota.max(), ..ScrapeReport::default() };
        let mut result = page.and_then(|page| self.read_page(page, at, &mut report));
        let met_limit = result.as_ref().is_err_and(|failure| failure.limit().is_some());
        self.was_heavy = met_limit || report.scraped > HEAVY_SAMPLES || self.page_len > HEAVY_PAGE_BYTES;
        let ended = if result.is_ok() {
            self.cache.finish_page()
        } else {
            self.batch.clear();
            report.kept = 0;
            report.added = 0;
            self.cache.end_all()
        };
        for id in ended {
            self.batch.push(id, at, stale_nan());
        }
        let facts = ReportFacts {
            up: result.is_ok(),
            duration: duration(),
            timeout: self.timeout,
            sample_limit: self.rules.limits.samples,
            body_bytes: match &result {
                Err(ScrapeFailure::BodySize { .. }) => None,
                _ => Some(self.body_bytes),
            },
        };
        if let Err(error) = self.append_with_report(&report.values(facts), at) {
            result = Err(error.into());
        }
        self.batch.clear();
        self.metrics.known_samples.inc_by(self.known_samples);
        self.metrics.samples.inc_by(report.scraped);
        self.metrics.series_added.inc_by(report.added);
        self.metrics.lost(SampleLoss::target_series, report.beyond_quota);
        self.metrics.lost(SampleLoss::labels_too_long, report.too_large);
        self.metrics.lost(SampleLoss::series_limit, report.refused);
        result.map(|()| report).map_err(|failure| (failure, report))
    }

    /// Marks everything of this target as ended at `at`.
    pub(crate) fn append_end(&mut self, at: Timestamp) -> Result<(), TsdbError> {
        let mut samples: Vec<_> = self.cache.end_all().into_iter().map(|id| stale(id, at)).collect();
        samples.extend(self.report_ids.iter().flatten().map(|id| stale(*id, at)));
        self.tsdb.append(&samples).map(|_| ())
    }

    /// The series that a following loop of this target has to end.
    pub(crate) fn into_orphans(mut self) -> Vec<SeriesId> {
        self.cache.end_all()
    }

    /// Registers a series; `None` where the store has no room for it.
    fn register(&self, labels: &Labels) -> Result<Option<SeriesId>, TsdbError> {
        match self.tsdb.register(labels) {
            Ok(id) => Ok(Some(id)),
            Err(error @ (TsdbError::Storage(_) | TsdbError::Wal(_))) => Err(error),
            // The head is full, of series or of bytes, or the label set is too long for the log.
            Err(_) => Ok(None),
        }
    }

    /// Appends the collected samples and the report; series that the store forgot are registered again.
    fn append_with_report(&mut self, values: &[f64], at: Timestamp) -> Result<(), TsdbError> {
        if self.report_ids.is_none() {
            self.report_ids = self.register_report()?;
        }
        let samples_len = self.batch.len();
        for (id, value) in self.report_ids.iter().flatten().zip(values) {
            self.batch.push(*id, at, *value);
        }
        let appended = self.batch.append(&self.tsdb)?;
        self.note_losses(&appended);
        if !appended.unknown.is_empty() {
            let again = self.renew(&appended.unknown, samples_len)?;
            self.note_losses(&again.append(&self.tsdb)?);
        }
        let lost = self.batch.append_exemplars(&self.tsdb)?;
        self.metrics.lost_exemplars.inc_by(lost as u64);
        Ok(())
    }

    fn note_losses(&self, appended: &Appended) {
        self.metrics.lost(SampleLoss::too_old, appended.too_old as u64);
        self.metrics.lost(SampleLoss::too_far_ahead, appended.too_far_ahead as u64);
        self.metrics.lost(SampleLoss::invalid, appended.invalid as u64);
    }

    fn register_report(&self) -> Result<Option<Vec<SeriesId>>, TsdbError> {
        self.report_labels.iter().map(|labels| self.register(labels)).collect()
    }

    /// Registers forgotten series again and returns their samples with new ids. Samples from `samples_len` on are
    /// those of the report; a marker for a series that is forgotten and no longer on the page is left out.
    fn renew(&mut self, unknown: &[usize], samples_len: usize) -> Result<Batch, TsdbError> {
        let old_ids: HashSet<u32> =
            unknown.iter().filter_map(|&index| self.batch.id_at(index)).map(|id| id.0).collect();
        let mut new_ids: HashMap<u32, SeriesId> = HashMap::new();
        for forgotten in self.cache.forgotten(&old_ids) {
            let labels = self.labels_of_forgotten(&forgotten);
            let id = labels.map_or(Ok(None), |labels| self.register(&labels))?;
            match id {
                Some(id) => {
                    self.cache.set_id(&forgotten, id);
                    self.quota.note(id);
                    new_ids.insert(forgotten.old_id.0, id);
                }
                None => self.metrics.lost(SampleLoss::series_limit, 1),
            }
        }
        if unknown.iter().any(|&index| index >= samples_len) {
            let old_report = self.report_ids.take();
            self.report_ids = self.register_report()?;
            let pairs = old_report.iter().flatten().zip(self.report_ids.iter().flatten());
            new_ids.extend(pairs.map(|(old, new)| (old.0, *new)));
        }
        Ok(self.batch.renewed(unknown, &new_ids))
    }

    /// The stored labels of a series text that was good before.
    fn labels_of_forgotten(&self, forgotten: &Forgotten) -> Option<Labels> {
        let mut labels = Vec::new();
        let name = read_series(&forgotten.series, &mut labels).ok()?;
        match self.rules.labels_of(&self.target_labels, name, &labels, forgotten.kind) {
            Ok(Made::Labels(labels)) => Some(labels),
            _ => None,
        }
    }
}

fn stale(id: SeriesId, at: Timestamp) -> (SeriesId, Sample) {
    (id, Sample { time: at, value: stale_nan() })
}

#[cfg(test)]
mod native_tests;
#[cfg(test)]
mod tests;
