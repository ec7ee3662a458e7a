//! What scraping counts.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Why a scrape failed, as the label `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label's values")]
pub(crate) enum FailureReason {
    timeout,
    connection,
    status,
    body_size,
    encoding,
    format,
    parse,
    limit,
    credentials,
    storage,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    reason: FailureReason,
}

/// Why a sample of a good page was not stored, as the label `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label's values")]
pub(crate) enum SampleLoss {
    /// The same series stood earlier on the page.
    duplicate,
    too_old,
    too_far_ahead,
    /// The store has no room for a new series.
    series_limit,
    /// The store takes no label set of this length.
    labels_too_long,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LossLabels {
    reason: SampleLoss,
}

/// Counters of all scrapes.
#[derive(Debug, Clone)]
pub(crate) struct ScrapeMetrics {
    pub(crate) scrapes: Counter,
    failures: Family<FailureLabels, Counter>,
    losses: Family<LossLabels, Counter>,
    pub(crate) received_bytes: Counter,
    pub(crate) page_bytes: Counter,
    pub(crate) samples: Counter,
    pub(crate) series_added: Counter,
    pub(crate) skipped_ticks: Counter,
    pub(crate) discovery_errors: Gauge,
    pub(crate) targets: Gauge,
    pub(crate) commit_failures: Counter,
    pub(crate) duration: Histogram,
}

impl Default for ScrapeMetrics {
    fn default() -> ScrapeMetrics {
        ScrapeMetrics {
            scrapes: Counter::default(),
            failures: Family::default(),
            losses: Family::default(),
            received_bytes: Counter::default(),
            page_bytes: Counter::default(),
            samples: Counter::default(),
            series_added: Counter::default(),
            skipped_ticks: Counter::default(),
            discovery_errors: Gauge::default(),
            targets: Gauge::default(),
            commit_failures: Counter::default(),
            duration: Histogram::new(exponential_buckets(0.001, 4.0, 8)),
        }
    }
}

impl ScrapeMetrics {
    pub(crate) fn failed(&self, reason: FailureReason) {
        self.failures.get_or_create(&FailureLabels { reason }).inc();
    }

    pub(crate) fn lost(&self, reason: SampleLoss, count: u64) {
        if count > 0 {
            self.losses.get_or_create(&LossLabels { reason }).inc_by(count);
        }
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("scrape_scrapes", "Scrapes done, failed ones among them", self.scrapes.clone());
        registry.register("scrape_failures", "Scrapes that failed", self.failures.clone());
        registry.register("scrape_lost_samples", "Samples of good pages that were not stored", self.losses.clone());
        registry.register("scrape_received_bytes", "Bytes of bodies as received", self.received_bytes.clone());
        registry.register("scrape_page_bytes", "Bytes of pages after decompression", self.page_bytes.clone());
        registry.register("scrape_samples", "Samples on pages, before metric relabeling", self.samples.clone());
        registry.register("scrape_series_added", "Series that were new to their target", self.series_added.clone());
        registry.register(
            "scrape_skipped_ticks",
            "Scrapes left out as the one before took too long",
            self.skipped_ticks.clone(),
        );
        registry.register(
            "scrape_discovery_errors",
            "Target sources that cannot be read now",
            self.discovery_errors.clone(),
        );
        registry.register("scrape_targets", "Targets that are scraped now", self.targets.clone());
        registry.register(
            "scrape_commit_failures",
            "Failed attempts to make samples durable",
            self.commit_failures.clone(),
        );
        registry.register("scrape_duration_seconds", "Time from request to stored samples", self.duration.clone());
    }
}
