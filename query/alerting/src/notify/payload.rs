//! The body of a webhook, byte for byte as Alertmanager writes it.
//! Format: <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>, version "4".

use super::dispatcher::Incoming;
use crate::template::{ZERO_TIME, rfc3339};
use serde::Serialize;
use std::cmp::Ordering;
use watchfire_model::{Labels, Timestamp};

/// The JSON object that a webhook receives; the order of the fields is Alertmanager's.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Payload {
    /// The receiver's name; characters special to regular expressions are escaped, as Alertmanager does.
    pub receiver: String,
    /// `firing` while any alert fires, else `resolved`.
    pub status: &'static str,
    pub alerts: Vec<PayloadAlert>,
    pub group_labels: Labels,
    /// Labels that all alerts of the group share.
    pub common_labels: Labels,
    pub common_annotations: Labels,
    #[serde(rename = "externalURL")]
    pub external_url: String,
    pub version: &'static str,
    pub group_key: String,
    /// Alerts that `max_alerts` cut off.
    pub truncated_alerts: usize,
}

/// One alert of a payload.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PayloadAlert {
    /// `firing` or `resolved`.
    pub status: &'static str,
    pub labels: Labels,
    pub annotations: Labels,
    /// RFC 3339.
    pub starts_at: String,
    /// RFC 3339; the year 1 while the alert fires.
    pub ends_at: String,
    #[serde(rename = "generatorURL")]
    pub generator_url: String,
    /// 16 hexadecimal digits.
    pub fingerprint: String,
}

impl Payload {
    /// The body for `alerts`, which must be in [`order`]; `max_alerts` 0 is no limit.
    pub(super) fn new(
        receiver: &str,
        group_key: &str,
        group_labels: &Labels,
        external_url: &str,
        alerts: &[&Incoming],
        max_alerts: usize,
        now: Timestamp,
    ) -> Payload {
        let any_fires = alerts.iter().any(|alert| !alert.is_resolved(now));
        let kept = if max_alerts == 0 { alerts.len() } else { max_alerts.min(alerts.len()) };
        Payload {
            receiver: quote_meta(receiver),
            status: status(!any_fires),
            alerts: alerts[..kept].iter().map(|alert| PayloadAlert::new(alert, now)).collect(),
            group_labels: group_labels.clone(),
            common_labels: common(alerts.iter().map(|alert| &alert.labels)),
            common_annotations: common(alerts.iter().map(|alert| &alert.annotations)),
            external_url: external_url.to_owned(),
            version: "4",
            group_key: group_key.to_owned(),
            truncated_alerts: alerts.len() - kept,
        }
    }
}

impl PayloadAlert {
    fn new(alert: &Incoming, now: Timestamp) -> PayloadAlert {
        let resolved = alert.is_resolved(now);
        PayloadAlert {
            status: status(resolved),
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            starts_at: rfc3339(alert.starts_at),
            ends_at: if resolved { rfc3339(alert.ends_at) } else { ZERO_TIME.to_owned() },
            generator_url: alert.generator_url.clone(),
            fingerprint: format!("{:016x}", fingerprint(&alert.labels)),
        }
    }
}

/// The identity of a label set: FNV-1a over names and values with 0xff between (Prometheus `common/model`).
pub fn fingerprint(labels: &Labels) -> u64 {
    let add = |hash: u64, bytes: &[u8]| {
        bytes.iter().chain(b"\xff").fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
    };
    labels
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, label| add(add(hash, label.name.as_bytes()), label.value.as_bytes()))
}

/// The order of alerts in a notification: by job, instance, number of labels, labels.
pub(super) fn order(a: &Labels, b: &Labels) -> Ordering {
    // A set that lacks the label goes behind one that has it.
    let by_label = |name: &str| match (a.get(name), b.get(name)) {
        (Some(a), Some(b)) => a.cmp(b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    by_label("job").then_with(|| by_label("instance")).then_with(|| a.len().cmp(&b.len())).then_with(|| a.cmp(b))
}

fn status(resolved: bool) -> &'static str {
    if resolved { "resolved" } else { "firing" }
}

fn common<'a>(mut sets: impl Iterator<Item = &'a Labels>) -> Labels {
    let Some(first) = sets.next() else { return Labels::empty() };
    sets.fold(first.clone(), |common, set| common.filtered(|label| set.get(&label.name) == Some(&label.value)))
}

/// Go's `regexp.QuoteMeta`.
fn quote_meta(text: &str) -> String {
    text.chars().flat_map(|c| r"\.+*?()|[]{}^$".contains(c).then_some('\\').into_iter().chain([c])).collect()
}
