//! How samples of a scrape configuration are treated, and which labels they get.

use crate::config::{HistogramRules, Limits, ScrapeConfig, ScrapeProtocol, ScrapeSettings};
use crate::exposition::{RawLabel, ReadOptions, Text, openmetrics_float};
use crate::fetch::ScrapeFailure;
use crate::relabel::{NameScheme, RelabelError, RelabelRules, Verdict};
use smol_str::SmolStr;
use std::sync::Arc;
use watchfire_model::{Histogram, Labels, LabelsBuilder, METRIC_NAME, MetricKind};

/// Samples that a page may have where no `sample_limit` is set.
const SAMPLES_MAX: u64 = 1_000_000;
/// Labels that a series may have where no `label_limit` is set.
const LABELS_MAX: u64 = 128;
/// Labels that a series may be written with: what relabeling may choose from.
const WRITTEN_LABELS_MAX: usize = 1024;
/// Bytes of a label's name where no `label_name_length_limit` is set.
const LABEL_NAME_BYTES_MAX: u64 = 1 << 10;
/// Bytes of a label's value where no `label_value_length_limit` is set.
const LABEL_VALUE_BYTES_MAX: u64 = 8 << 10;

/// What becomes of a series on a page.
#[derive(Debug)]
pub(crate) enum Made {
    Labels(Labels),
    /// Metric relabeling drops it.
    Dropped,
    /// It is beyond a built-in limit.
    TooLarge,
}

/// How samples of a scrape configuration are treated.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the configuration")]
pub(crate) struct SampleRules {
    honor_labels: bool,
    pub(crate) honor_timestamps: bool,
    pub(crate) track_timestamps_staleness: bool,
    metric_relabel: RelabelRules,
    names: NameScheme,
    pub(crate) limits: Limits,
    pub(crate) read: ReadOptions,
    pub(crate) histograms: HistogramRules,
    pub(crate) extra_report: bool,
    pub(crate) fallback: Option<ScrapeProtocol>,
}

impl SampleRules {
    /// Expects a valid configuration: the error is that of a relabeling rule.
    pub(crate) fn new(config: &ScrapeConfig, settings: &ScrapeSettings) -> Result<SampleRules, RelabelError> {
        Ok(SampleRules {
            honor_labels: config.honor_labels,
            honor_timestamps: config.honor_timestamps,
            track_timestamps_staleness: config.track_timestamps_staleness,
            metric_relabel: RelabelRules::compile(&config.metric_relabel_configs, settings.names)?,
            names: settings.names,
            limits: settings.limits,
            read: settings.read,
            histograms: settings.histograms,
            extra_report: settings.extra_report,
            fallback: config.fallback_scrape_protocol,
        })
    }

    /// Samples that a page may have.
    pub(crate) fn samples_max(&self) -> u64 {
        if self.limits.samples == 0 { SAMPLES_MAX } else { self.limits.samples }
    }

    /// The form in which a native histogram is stored: with buckets that are not too many and not too narrow.
    ///
    /// # Errors
    /// The widest buckets are too many.
    pub(crate) fn histogram_of(&self, histogram: Arc<Histogram>) -> Result<Arc<Histogram>, ScrapeFailure> {
        let HistogramRules { buckets_max: max, schema_max, .. } = self.histograms;
        let found = |histogram: &Histogram| (histogram.positive.len() + histogram.negative.len()) as u64;
        let is_over = |histogram: &Histogram| max > 0 && found(histogram) > max;
        if histogram.schema <= schema_max && !is_over(&histogram) {
            return Ok(histogram);
        }
        let mut histogram = Arc::unwrap_or_clone(histogram).reduce_resolution(schema_max);
        while is_over(&histogram) {
            if histogram.is_custom() || histogram.schema <= Histogram::SCHEMA_MIN {
                let key = "native_histogram_bucket_limit";
                return Err(ScrapeFailure::Limit { key, found: found(&histogram), max });
            }
            let wider = histogram.schema - 1;
            histogram = histogram.reduce_resolution(wider);
        }
        Ok(Arc::new(histogram))
    }

    /// The stored labels of a series as the page writes it. The bounds of classic histograms and the quantiles of summaries
    /// get the one spelling that all pages share (Prometheus: `model/textparse/openmetricsparse.go`,
    /// `normalizeFloatsInLabelValues`).
    ///
    /// # Errors
    /// A limit or rule of the configuration is broken, which fails the page.
    pub(crate) fn labels_of(
        &self,
        target_labels: &Labels,
        name: Text<'_>,
        raw_labels: &[RawLabel<'_>],
        kind: MetricKind,
    ) -> Result<Made, ScrapeFailure> {
        if self.limits.labels == 0 && raw_labels.len() > WRITTEN_LABELS_MAX {
            return Ok(Made::TooLarge);
        }
        let text = |text: Text<'_>| SmolStr::from(text.unescape());
        let mut labels = LabelsBuilder::default();
        labels.set(METRIC_NAME, text(name));
        let part = match kind {
            MetricKind::Histogram => Some("le"),
            MetricKind::Summary => Some("quantile"),
            _ => None,
        };
        for label in raw_labels {
            let bound = if part == Some(label.name.raw) { label.value.unescape().parse().ok() } else { None };
            labels.set(
                text(label.name),
                bound.map_or_else(|| text(label.value), |bound| openmetrics_float(bound).into()),
            );
        }
        merge(&mut labels, target_labels, self.honor_labels);
        if self.metric_relabel.apply(&mut labels) == Verdict::Drop {
            return Ok(Made::Dropped);
        }
        self.check_labels(&labels)?;
        Ok(if self.is_too_large(&labels) { Made::TooLarge } else { Made::Labels(labels.build()) })
    }

    /// Whether a limit is broken that the configuration does not set.
    fn is_too_large(&self, labels: &LabelsBuilder) -> bool {
        let over = |found: usize, limit: u64, built_in: u64| limit == 0 && found as u64 > built_in;
        let labels = labels.as_slice();
        over(labels.len(), self.limits.labels, LABELS_MAX)
            || labels.iter().any(|label| {
                over(label.name.len(), self.limits.label_name_bytes, LABEL_NAME_BYTES_MAX)
                    || over(label.value.len(), self.limits.label_value_bytes, LABEL_VALUE_BYTES_MAX)
            })
    }

    fn check_labels(&self, labels: &LabelsBuilder) -> Result<(), ScrapeFailure> {
        let name = labels.get(METRIC_NAME).ok_or(ScrapeFailure::NoMetricName)?;
        if !self.names.allows_metric(name) {
            return Err(ScrapeFailure::InvalidName(name.to_string()));
        }
        let limits = &self.limits;
        let check = |key, found: usize, max: u64| {
            let found = found as u64;
            if max > 0 && found > max { Err(ScrapeFailure::Limit { key, found, max }) } else { Ok(()) }
        };
        check("label_limit", labels.as_slice().len(), limits.labels)?;
        for label in labels.as_slice() {
            check("label_name_length_limit", label.name.len(), limits.label_name_bytes)?;
            check("label_value_length_limit", label.value.len(), limits.label_value_bytes)?;
            if label.name != METRIC_NAME && !self.names.allows_label(&label.name) {
                return Err(ScrapeFailure::InvalidName(label.name.to_string()));
            }
        }
        Ok(())
    }
}

/// Adds the target's labels. Where a name is taken, either the page's label wins (`honor_labels`), or it moves to
/// `exported_` and its name, as often as needed to find a free one.
pub(crate) fn merge(labels: &mut LabelsBuilder, target_labels: &Labels, honor_labels: bool) {
    let mut displaced = Vec::new();
    for label in target_labels {
        match labels.get(&label.name) {
            Some(_) if honor_labels => continue,
            Some(value) => displaced.push((label.name.clone(), value.clone())),
            None => {}
        }
        labels.set(label.name.clone(), label.value.clone());
    }
    displaced.sort_by_key(|(name, _)| name.len());
    for (name, value) in displaced {
        let mut name = format!("exported_{name}");
        while labels.get(&name).is_some() {
            name.insert_str(0, "exported_");
        }
        labels.set(name, value);
    }
}
