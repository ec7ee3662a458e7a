//! What a scrape says of itself, and the series that say it.

use crate::sample_rules::merge;
use std::time::Duration;
use watchfire_model::{Labels, LabelsBuilder, METRIC_NAME};

/// The names of the series that every scrape writes, in the order of [`ScrapeReport::values`].
const NAMES: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// Those that `extra_scrape_metrics` adds.
const EXTRA_NAMES: [&str; 3] = ["scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes"];

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

/// What a report has from others.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReportFacts {
    pub(super) up: bool,
    pub(super) duration: Duration,
    pub(super) timeout: Duration,
    /// 0 where there is none.
    pub(super) sample_limit: u64,
    /// `None` where the page was larger than allowed.
    pub(super) body_bytes: Option<u64>,
}

impl ScrapeReport {
    /// In the order of the names, the extra ones among them.
    pub(super) fn values(&self, facts: ReportFacts) -> [f64; 8] {
        [
            if facts.up { 1.0 } else { 0.0 },
            facts.duration.as_secs_f64(),
            self.scraped as f64,
            self.kept as f64,
            self.added as f64,
            facts.timeout.as_secs_f64(),
            facts.sample_limit as f64,
            facts.body_bytes.map_or(-1.0, |bytes| bytes as f64),
        ]
    }
}

/// The labels of a target's report series.
pub(super) fn labels(target_labels: &Labels, with_extra: bool) -> Vec<Labels> {
    let extra = if with_extra { EXTRA_NAMES.as_slice() } else { &[] };
    let labels = |name: &&str| {
        let mut labels = LabelsBuilder::default();
        labels.set(METRIC_NAME, *name);
        merge(&mut labels, target_labels, false);
        labels.build()
    };
    NAMES.iter().chain(extra).map(labels).collect()
}
