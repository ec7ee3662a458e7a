//! What came against what was expected, and both in words.

use super::file::AlertTest;
use crate::alert::ALERT_NAME;
use watchfire_model::{Histogram, Labels, ResetHint};
use watchfire_promql::VectorSample;

#[derive(Debug, Clone, Copy)]
pub(super) struct Comparison {
    /// Whether numbers next to each other are the same.
    pub(super) is_fuzzy: bool,
}

impl Comparison {
    /// Whether the samples are the same, in any order.
    pub(super) fn is_equal(self, got: &[VectorSample], expected: &[VectorSample]) -> bool {
        let sorted = |samples: &[VectorSample]| {
            let mut sorted: Vec<VectorSample> = samples.to_vec();
            sorted.sort_by(|a, b| a.labels.cmp(&b.labels));
            sorted
        };
        let (got, expected) = (sorted(got), sorted(expected));
        got.len() == expected.len()
            && got.iter().zip(&expected).all(|(got, expected)| {
                got.labels == expected.labels
                    && match (&got.histogram, &expected.histogram) {
                        (None, None) => self.is_same(got.value, expected.value),
                        (Some(got), Some(expected)) => got == expected,
                        _ => false,
                    }
            })
    }

    fn is_same(self, a: f64, b: f64) -> bool {
        let is_near = || a.next_up() == b || a.next_down() == b;
        a == b || (a.is_nan() && b.is_nan()) || (self.is_fuzzy && is_near())
    }
}

/// Labels and annotations of the alerts that a test expects, sorted.
pub(super) fn expected_alerts(test: &AlertTest) -> Vec<(Labels, Labels)> {
    let mut expected: Vec<(Labels, Labels)> = test
        .exp_alerts
        .iter()
        .map(|alert| {
            let mut labels = Labels::from_pairs(alert.exp_labels.clone()).to_builder();
            labels.set(ALERT_NAME, test.alertname.as_str());
            (labels.build(), Labels::from_pairs(alert.exp_annotations.clone()))
        })
        .collect();
    expected.sort();
    expected
}

pub(super) fn alerts_text(alerts: &[(Labels, Labels)]) -> String {
    list(alerts.iter().map(|(labels, annotations)| format!("labels: {labels}, annotations: {annotations}")))
}

pub(super) fn samples_text(samples: &[VectorSample]) -> String {
    list(samples.iter().map(|sample| match &sample.histogram {
        Some(histogram) => format!("{} {}", sample.labels, histogram_text(histogram)),
        None => format!("{} {}", sample.labels, sample.value),
    }))
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "nothing".to_owned() } else { items.join("; ") }
}

/// In the notation of series, buckets by their indexes.
fn histogram_text(histogram: &Histogram) -> String {
    let buckets = |buckets: &[(i32, f64)]| {
        buckets.iter().map(|(index, count)| format!("{index}:{count}")).collect::<Vec<_>>().join(" ")
    };
    let hint = match histogram.hint {
        ResetHint::Unknown => "unknown",
        ResetHint::Reset => "reset",
        ResetHint::NotReset => "not_reset",
        ResetHint::Gauge => "gauge",
    };
    format!(
        "{{{{schema:{} count:{} sum:{} counter_reset_hint:{hint} z_bucket:{} z_bucket_w:{} buckets:[{}] n_buckets:[{}] custom_values:{:?}}}}}",
        histogram.schema,
        histogram.count,
        histogram.sum,
        histogram.zero_count,
        histogram.zero_threshold,
        buckets(&histogram.positive),
        buckets(&histogram.negative),
        histogram.bounds,
    )
}
