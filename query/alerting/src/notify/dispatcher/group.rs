//! One group of alerts: what is told together.

use super::Incoming;
use super::delivery::Snapshot;
use crate::notify::payload::{fingerprint, order};
use crate::notify::route::Route;
use std::collections::HashMap;
use std::sync::Arc;
use watchfire_model::{Labels, Timestamp};

/// A resolved alert that could not be told is forgotten after this time.
const UNTOLD_RETENTION_MS: i64 = 24 * 3_600_000;

#[derive(Debug)]
pub(super) struct AlertGroup {
    pub(super) labels: Labels,
    /// Alertmanager's `groupKey`: the route's key and the labels.
    pub(super) key: String,
    pub(super) next_flush: Timestamp,
    /// Whether the group has been flushed once.
    pub(super) flushed: bool,
    alerts: HashMap<Labels, Arc<Incoming>>,
}

impl AlertGroup {
    pub(super) fn new(route: &Route, labels: &Labels, now: Timestamp) -> AlertGroup {
        AlertGroup {
            key: format!("{}:{}", route.key, print(labels)),
            labels: labels.clone(),
            next_flush: now.plus_ms(route.group_wait.0 as i64),
            flushed: false,
            alerts: HashMap::new(),
        }
    }

    /// Adds or renews an alert; one that has been firing for `group_wait` already does not wait again.
    pub(super) fn insert(&mut self, alert: Arc<Incoming>, now: Timestamp, route: &Route) {
        if !self.flushed && alert.starts_at.plus_ms(route.group_wait.0 as i64) < now {
            self.next_flush = now;
        }
        self.alerts.insert(alert.labels.clone(), alert);
    }

    pub(super) fn contains(&self, labels: &Labels) -> bool {
        self.alerts.contains_key(labels)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.alerts.is_empty()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (Labels, Arc<Incoming>)> {
        self.alerts.iter().map(|(labels, alert)| (labels.clone(), Arc::clone(alert)))
    }

    /// The alerts that `keep` accepts, in the order of a notification.
    pub(super) fn sorted(&self, keep: impl Fn(&Incoming) -> bool) -> Vec<&Incoming> {
        let mut alerts: Vec<&Incoming> = self.alerts.values().map(AsRef::as_ref).filter(|alert| keep(alert)).collect();
        alerts.sort_by(|a, b| order(&a.labels, &b.labels));
        alerts
    }

    /// Which of the alerts that `keep` accepts fire, and which have resolved.
    pub(super) fn snapshot(&self, now: Timestamp, keep: impl Fn(&Incoming) -> bool) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for alert in self.alerts.values().filter(|alert| keep(alert)) {
            let set = if alert.is_resolved(now) { &mut snapshot.resolved } else { &mut snapshot.firing };
            set.insert(fingerprint(&alert.labels));
        }
        snapshot
    }

    /// Labels and fingerprints of the resolved alerts.
    pub(super) fn resolved(&self, now: Timestamp) -> impl Iterator<Item = (Labels, u64)> {
        let resolved = self.alerts.values().filter(move |alert| alert.is_resolved(now));
        resolved.map(|alert| (alert.labels.clone(), fingerprint(&alert.labels)))
    }

    /// Removes alerts; returns how many were there.
    pub(super) fn forget(&mut self, labels: &[Labels]) -> usize {
        labels.iter().filter(|labels| self.alerts.remove(*labels).is_some()).count()
    }

    /// Removes alerts that resolved too long ago to be told.
    pub(super) fn forget_old(&mut self, now: Timestamp) -> usize {
        let before = self.alerts.len();
        self.alerts.retain(|_, alert| alert.ends_at.plus_ms(UNTOLD_RETENTION_MS) > now);
        before - self.alerts.len()
    }
}

/// `{a="b", c="d"}`.
fn print(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|label| format!("{}={:?}", label.name, label.value.as_str())).collect();
    format!("{{{}}}", pairs.join(", "))
}
