//! Puts the scrapes of one target into the store: samples, staleness markers and what is said of the scrape itself.
//! Synchronous; runs on a thread that may block. Prometheus: `scrape/scrape.go`, `scrapeLoop`.

use crate::cache::{SeriesCache, Sighting};
use crate::exposition::{Entry, Exposition, Format, SampleLine, TextParser, format_of};
use crate::family_metadata::{FamilyMetadata, MetadataCollector};
use crate::fetch::{Page, ScrapeFailure};
use crate::metrics::{SampleLoss, ScrapeMetrics};
use crate::sample_rules::{Made, SampleRules, merge};
use crate::series_quota::SeriesQuota;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use watchfire_model::{Labels, LabelsBuilder, METRIC_NAME, Sample, Timestamp, stale_nan};
use watchfire_tsdb::{SeriesId, Tsdb, TsdbError};

/// The names of the series that every scrape writes, in the order of [`ScrapeReport::values`].
const REPORT_NAMES: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// Series that are offered to a full store on one page; the others are left out without asking.
const REFUSALS_MAX: u64 = 1_000;

/// A page beyond either is heavy: it waits for a turn among its like, so that small ones need not wait for it.
const HEAVY_PAGE_BYTES: usize = 2 << 20;
const HEAVY_SAMPLES: u64 = 20_000;

/// Samples for which room is kept between scrapes.
const SAMPLES_KEPT: usize = 16_384;

/// Metadata that a target remembers to have told; beyond it, some is told again.
const METADATA_TOLD_MAX: usize = 16_384;

/// What a scrape says of itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ScrapeReport {
    /// Samples on the page.
    pub(crate) scraped: u64,
    /// Of these, samples that metric relabeling kept.
    pub(crate) kept: u64,
    /// Series that the target did not show before.
    pub(crate) added: u64,
    /// Different series that the target may bring within an hour.
    pub(crate) quota: u64,
    /// Samples of series beyond that.
    pub(crate) beyond_quota: u64,
    /// Samples of series with too many or too long labels.
    pub(crate) too_large: u64,
    /// Samples of new series for which the store has no room.
    pub(crate) refused: u64,
}

impl ScrapeReport {
    fn values(self, up: bool, duration: Duration) -> [f64; 5] {
        let up = if up { 1.0 } else { 0.0 };
        [up, duration.as_secs_f64(), self.scraped as f64, self.kept as f64, self.added as f64]
    }
}

/// The store's side of one target.
#[derive(Debug)]
pub(crate) struct TargetAppender {
    tsdb: Arc<Tsdb>,
    metrics: ScrapeMetrics,
    rules: Arc<SampleRules>,
    target_labels: Labels,
    cache: SeriesCache,
    quota: SeriesQuota,
    report_labels: [Labels; 5],
    /// Registered at the first scrape.
    report_ids: Option<[SeriesId; 5]>,
    /// Length of the last page, decompressed.
    page_len: usize,
    /// Whether the last page was heavy, or met a limit before that was known.
    was_heavy: bool,
    /// Samples of the scrape at hand; empty between scrapes.
    samples: Vec<(SeriesId, Sample)>,
    /// Hashes of the metadata that the store has been told.
    metadata_told: HashSet<u64>,
}

impl TargetAppender {
    /// `orphans` are series that an earlier loop of the same target left alive; `series_max` is the target's quota.
    pub(crate) fn new(
        tsdb: Arc<Tsdb>,
        metrics: ScrapeMetrics,
        rules: Arc<SampleRules>,
        target_labels: Labels,
        orphans: Vec<SeriesId>,
        series_max: u64,
    ) -> TargetAppender {
        let report_labels = REPORT_NAMES.map(|name| {
            let mut labels = LabelsBuilder::default();
            labels.set(METRIC_NAME, name);
            merge(&mut labels, &target_labels, false);
            labels.build()
        });
        TargetAppender {
            tsdb,
            metrics,
            quota: SeriesQuota::new(series_max.max(rules.limits.samples.saturating_mul(2))),
            rules,
            target_labels,
            cache: SeriesCache::with_orphans(orphans),
            report_labels,
            report_ids: None,
            page_len: 0,
            was_heavy: false,
            samples: Vec::new(),
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
        self.quota.start_page(at, self.cache.ids());
        let mut report = ScrapeReport { quota: self.quota.max(), ..ScrapeReport::default() };
        let mut result = page.and_then(|page| self.read_page(page, at, &mut report));
        let met_limit = result.as_ref().is_err_and(|failure| failure.limit().is_some());
        self.was_heavy = met_limit || report.scraped > HEAVY_SAMPLES || self.page_len > HEAVY_PAGE_BYTES;
        let ended = if result.is_ok() {
            self.cache.finish_page()
        } else {
            self.samples.clear();
            report.kept = 0;
            report.added = 0;
            self.cache.end_all()
        };
        self.samples.extend(ended.into_iter().map(|id| stale(id, at)));
        let values = report.values(result.is_ok(), duration());
        if let Err(error) = self.append_with_report(values, at) {
            result = Err(error.into());
        }
        self.samples.clear();
        self.samples.shrink_to(SAMPLES_KEPT);
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

    fn read_page(&mut self, page: Page, at: Timestamp, report: &mut ScrapeReport) -> Result<(), ScrapeFailure> {
        self.metrics.received_bytes.inc_by(page.received_len() as u64);
        let format = format_of(page.content_type.as_deref(), self.rules.fallback)?;
        let page = page.into_plain(self.rules.limits.body_bytes, self.page_len)?;
        self.page_len = page.bytes.len();
        self.metrics.page_bytes.inc_by(page.bytes.len() as u64);
        self.read_samples(&page.bytes, format, at, report)
    }

    fn read_samples(
        &mut self,
        page: &[u8],
        format: Format,
        at: Timestamp,
        report: &mut ScrapeReport,
    ) -> Result<(), ScrapeFailure> {
        let mut exposition = Exposition::new(page, format)?;
        let mut metadata = MetadataCollector::default();
        let mut duplicates = 0;
        let max = self.rules.samples_max();
        while let Some(entry) = exposition.next_entry()? {
            let sample = match entry {
                Entry::Metadata(line) => {
                    if let Some(known) = metadata.take_line(line) {
                        self.tell_metadata(known);
                    }
                    continue;
                }
                Entry::Sample(sample) => sample,
            };
            report.scraped += 1;
            let time = sample.time.filter(|_| self.rules.honor_timestamps);
            let tracked = time.is_none() || self.rules.track_timestamps_staleness;
            let (id, sighting) = match self.cache.see(sample.series, tracked) {
                Some(known) => known,
                None => (self.add_series(&sample, tracked, report)?, Sighting::First),
            };
            let Some(id) = id else { continue };
            if sighting == Sighting::Again && time.is_none() {
                duplicates += 1;
                continue;
            }
            report.kept += 1;
            if report.kept > max {
                return Err(ScrapeFailure::Limit { key: "sample_limit", found: report.kept, max });
            }
            self.samples.push((id, Sample { time: time.unwrap_or(at), value: sample.value }));
        }
        if let Some(known) = metadata.finish() {
            self.tell_metadata(known);
        }
        self.metrics.lost(SampleLoss::duplicate, duplicates);
        Ok(())
    }

    /// Builds the labels of a series that is new to the cache and registers it.
    fn add_series(
        &mut self,
        sample: &SampleLine<'_, '_>,
        tracked: bool,
        report: &mut ScrapeReport,
    ) -> Result<Option<SeriesId>, ScrapeFailure> {
        if !self.quota.has_room() {
            report.beyond_quota += 1;
            return Ok(None);
        }
        if report.refused >= REFUSALS_MAX {
            report.refused += 1;
            return Ok(None);
        }
        // What is refused is not remembered: there may be room for it at the next scrape.
        let id = match self.rules.labels_of(&self.target_labels, sample.name, sample.labels)? {
            Made::Dropped => None,
            Made::TooLarge => {
                report.too_large += 1;
                return Ok(None);
            }
            Made::Labels(labels) => {
                let id = self.register(&labels)?;
                if id.is_none() {
                    report.refused += 1;
                    return Ok(None);
                }
                id
            }
        };
        if let Some(id) = id {
            report.added += 1;
            self.quota.note(id);
        }
        self.cache.insert(sample.series, id, tracked);
        Ok(id)
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

    /// Tells the store what is new of a metric.
    fn tell_metadata(&mut self, family: FamilyMetadata<'_>) {
        if self.metadata_told.len() >= METADATA_TOLD_MAX {
            self.metadata_told.clear();
        }
        if self.metadata_told.insert(family.fingerprint()) {
            self.tsdb.set_metadata(&family.metric.unescape(), family.to_stored());
        }
    }

    /// Appends the collected samples and the report; series that the store forgot are registered again.
    fn append_with_report(&mut self, values: [f64; 5], at: Timestamp) -> Result<(), TsdbError> {
        let ids = match self.report_ids {
            Some(ids) => Some(ids),
            None => self.register_report()?,
        };
        self.report_ids = ids;
        let samples_len = self.samples.len();
        for (id, value) in ids.into_iter().flatten().zip(values) {
            self.samples.push((id, Sample { time: at, value }));
        }
        let appended = self.tsdb.append(&self.samples)?;
        self.metrics.lost(SampleLoss::too_old, appended.too_old as u64);
        self.metrics.lost(SampleLoss::too_far_ahead, appended.too_far_ahead as u64);
        if appended.unknown.is_empty() {
            return Ok(());
        }
        let again = self.renew(&appended.unknown, samples_len)?;
        self.tsdb.append(&again).map(|_| ())
    }

    fn register_report(&self) -> Result<Option<[SeriesId; 5]>, TsdbError> {
        let mut ids = [SeriesId(0); 5];
        for (id, labels) in ids.iter_mut().zip(&self.report_labels) {
            match self.register(labels)? {
                Some(registered) => *id = registered,
                None => return Ok(None),
            }
        }
        Ok(Some(ids))
    }

    /// Registers forgotten series again and returns their samples with new ids. Samples from `samples_len` on are
    /// those of the report; a marker for a series that is forgotten and no longer on the page is left out.
    fn renew(&mut self, unknown: &[usize], samples_len: usize) -> Result<Vec<(SeriesId, Sample)>, TsdbError> {
        let old_ids: HashSet<u32> =
            unknown.iter().filter_map(|&index| self.samples.get(index)).map(|it| it.0.0).collect();
        let mut new_ids: HashMap<u32, SeriesId> = HashMap::new();
        for (text, old_id) in self.cache.texts_of(&old_ids) {
            let labels = self.labels_of_text(&text);
            let id = labels.map_or(Ok(None), |labels| self.register(&labels))?;
            match id {
                Some(id) => {
                    self.cache.set_id(&text, id);
                    self.quota.note(id);
                    new_ids.insert(old_id.0, id);
                }
                None => self.metrics.lost(SampleLoss::series_limit, 1),
            }
        }
        if unknown.iter().any(|&index| index >= samples_len) {
            let old_report = self.report_ids.take();
            self.report_ids = self.register_report()?;
            let pairs = old_report.into_iter().flatten().zip(self.report_ids.into_iter().flatten());
            new_ids.extend(pairs.map(|(old, new)| (old.0, new)));
        }
        let sample = |&index: &usize| {
            let (old_id, sample) = self.samples.get(index)?;
            Some((*new_ids.get(&old_id.0)?, *sample))
        };
        Ok(unknown.iter().filter_map(sample).collect())
    }

    /// The stored labels of a series text that was good before.
    fn labels_of_text(&self, series: &str) -> Option<Labels> {
        let line = format!("{series} 0");
        let mut parser = TextParser::new(&line);
        match parser.next_entry() {
            Ok(Some(Entry::Sample(sample))) => {
                match self.rules.labels_of(&self.target_labels, sample.name, sample.labels) {
                    Ok(Made::Labels(labels)) => Some(labels),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

fn stale(id: SeriesId, at: Timestamp) -> (SeriesId, Sample) {
    (id, Sample { time: at, value: stale_nan() })
}

#[cfg(test)]
mod tests;
