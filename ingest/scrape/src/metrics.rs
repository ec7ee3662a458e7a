//! What scraping counts.

use parking_lot::Mutex;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::collections::BTreeSet;
use std::sync::Arc;
use watchfire_model::Labels;

/// Why a scrape failed, as the label `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label's values")]
pub(crate) enum FailureReason {
    timeout,
    connection,
    status,
    body_size,
    memory,
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
    /// The series has too many labels, or too long ones.
    labels_too_long,
    /// The target brought too many different series within an hour.
    target_series,
    /// A histogram that the store does not take.
    invalid,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LossLabels {
    reason: SampleLoss,
}

/// Which target met a limit, as labels.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
struct OffenderLabels {
    job: String,
    instance: String,
    reason: &'static str,
}

/// Targets that are counted by name; the others share the instance `others`.
const OFFENDERS_MAX: usize = 200;

/// Counters of all scrapes.
#[derive(Debug, Clone)]
pub(crate) struct ScrapeMetrics {
    pub(crate) scrapes: Counter,
    failures: Family<FailureLabels, Counter>,
    losses: Family<LossLabels, Counter>,
    refusals: Family<OffenderLabels, Counter>,
    offenders: Arc<Mutex<BTreeSet<OffenderLabels>>>,
    pub(crate) received_bytes: Counter,
    pub(crate) page_bytes: Counter,
    pub(crate) samples: Counter,
    pub(crate) series_added: Counter,
    pub(crate) known_samples: Counter,
    pub(crate) nonstandard_pages: Counter,
    pub(crate) exemplars: Counter,
    pub(crate) lost_exemplars: Counter,
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
            refusals: Family::default(),
            offenders: Arc::default(),
            received_bytes: Counter::default(),
            page_bytes: Counter::default(),
            samples: Counter::default(),
            series_added: Counter::default(),
            known_samples: Counter::default(),
            nonstandard_pages: Counter::default(),
            exemplars: Counter::default(),
            lost_exemplars: Counter::default(),
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

    /// Counts a scrape of which a limit refused something, by the target's name.
    pub(crate) fn refused(&self, target: &Labels, reason: &'static str) {
        let (job, instance) = (target.get_or_empty("job").to_owned(), target.get_or_empty("instance").to_owned());
        let mut offender = OffenderLabels { job, instance, reason };
        let mut offenders = self.offenders.lock();
        if !offenders.contains(&offender) {
            if offenders.len() < OFFENDERS_MAX {
                offenders.insert(offender.clone());
            } else {
                "others".clone_into(&mut offender.instance);
            }
        }
        self.refusals.get_or_create(&offender).inc();
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("scrape_scrapes", "Scrapes done, failed ones among them", self.scrapes.clone());
        registry.register("scrape_failures", "Scrapes that failed", self.failures.clone());
        registry.register("scrape_lost_samples", "Samples of good pages that were not stored", self.losses.clone());
        registry.register(
            "scrape_target_refusals",
            "Scrapes of which a limit refused something or all, by target",
            self.refusals.clone(),
        );
        registry.register("scrape_received_bytes", "Bytes of bodies as received", self.received_bytes.clone());
        registry.register("scrape_page_bytes", "Bytes of pages after decompression", self.page_bytes.clone());
        registry.register("scrape_samples", "Samples on pages, before metric relabeling", self.samples.clone());
        registry.register("scrape_series_added", "Series that were new to their target", self.series_added.clone());
        registry.register(
            "scrape_known_samples",
            "Samples that stood where the last page had them, so that only their values were read",
            self.known_samples.clone(),
        );
        registry.register(
            "scrape_nonstandard_pages",
            "Pages that break rules of OpenMetrics and were read all the same",
            self.nonstandard_pages.clone(),
        );
        registry.register("scrape_exemplars", "Exemplars on pages, for stored series", self.exemplars.clone());
        registry.register(
            "scrape_lost_exemplars",
            "Exemplars that were not stored: too many, too old, too far ahead, or without a series",
            self.lost_exemplars.clone(),
        );
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
