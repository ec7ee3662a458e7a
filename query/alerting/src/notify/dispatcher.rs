//! Groups alerts by route and decides when a receiver hears of them. Pure: time is an argument.
//! Reference: Alertmanager `dispatch/dispatch.go` and `notify/notify.go` (`DedupStage`, `RetryStage`).

mod delivery;
mod group;
#[cfg(test)]
mod tests;

use super::config::{AlertmanagerConfig, Webhook};
use super::inhibit::Inhibitor;
use super::payload::Payload;
use super::sender::DeliveryError;
use crate::metrics::{FailureLabels, Metrics, ReceiverLabels, SuppressionLabels};
use delivery::{Delivery, Logged, Stage};
use group::AlertGroup;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use watchfire_model::{Labels, Timestamp};

/// Alerts held at once, over all groups.
pub const ALERTS_MAX: usize = 200_000;
/// Groups held at once.
pub const GROUPS_MAX: usize = 20_000;
/// Notifications handed out and not yet answered.
pub const IN_FLIGHT_MAX: usize = 64;

/// The kind of integration, as it stands in metric labels.
pub(super) const WEBHOOK: &str = "webhook";

/// An alert as its source tells it; telling it again renews `ends_at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    pub labels: Labels,
    pub annotations: Labels,
    pub starts_at: Timestamp,
    /// When it is, or will count as, resolved.
    pub ends_at: Timestamp,
    /// Where the alert comes from, for people to follow.
    pub generator_url: String,
}

impl Incoming {
    pub fn is_resolved(&self, now: Timestamp) -> bool {
        self.ends_at <= now
    }
}

/// One attempt to tell a receiver; [`Dispatcher::result`] must be called with its id.
#[derive(Debug, Clone)]
pub struct Notification {
    pub id: u64,
    pub receiver: String,
    pub webhook: Arc<Webhook>,
    pub payload: Arc<Payload>,
    /// From 1.
    pub attempt: u32,
}

/// Identifies a group: its route's index and the labels that it is grouped by.
type GroupId = (usize, Labels);
/// Identifies what was told to whom: the group's key, the receiver and the index of its webhook.
type LogKey = (String, String, usize);

/// Alerts by group, deliveries under way, and the log of what was told.
#[derive(Debug)]
pub struct Dispatcher {
    config: AlertmanagerConfig,
    external_url: String,
    metrics: Metrics,
    groups: BTreeMap<GroupId, AlertGroup>,
    /// How many alerts the groups hold together.
    alerts: usize,
    deliveries: BTreeMap<u64, Delivery>,
    /// Deliveries that were under way when a reload took their groups away; their outcome still belongs into the log.
    overtaken: BTreeMap<u64, Delivery>,
    log: HashMap<LogKey, Logged>,
    inhibitor: Inhibitor,
    next_id: u64,
}

impl Dispatcher {
    pub fn new(config: AlertmanagerConfig, external_url: &str, metrics: Metrics) -> Dispatcher {
        Dispatcher {
            inhibitor: Inhibitor::new(&config.inhibit_rules),
            config,
            external_url: external_url.to_owned(),
            metrics,
            groups: BTreeMap::new(),
            alerts: 0,
            deliveries: BTreeMap::new(),
            overtaken: BTreeMap::new(),
            log: HashMap::new(),
            next_id: 1,
        }
    }

    /// Routes anew by another configuration; what was told stays known, so that nobody hears it twice.
    pub fn reconfigure(&mut self, now: Timestamp, config: AlertmanagerConfig, external_url: &str) {
        let held: BTreeMap<Labels, Arc<Incoming>> = self.groups.values().flat_map(AlertGroup::entries).collect();
        self.inhibitor = Inhibitor::new(&config.inhibit_rules);
        self.config = config;
        external_url.clone_into(&mut self.external_url);
        self.groups.clear();
        let under_way = std::mem::take(&mut self.deliveries).into_iter();
        self.overtaken.extend(under_way.filter(|(_, delivery)| delivery.stage == Stage::InFlight));
        self.alerts = 0;
        for alert in held.into_values() {
            self.insert(now, &alert, true);
        }
    }

    /// Takes alerts that fire or have resolved.
    pub fn update(&mut self, now: Timestamp, alerts: Vec<Incoming>) {
        for alert in alerts {
            self.insert(now, &Arc::new(alert), false);
        }
    }

    /// A resolved alert that no group knows is of no interest, unless it was `held` before a reload.
    fn insert(&mut self, now: Timestamp, alert: &Arc<Incoming>, held: bool) {
        let mut is_held = false;
        for index in self.config.routes.matching(&alert.labels) {
            let route = &self.config.routes.all()[index];
            let id = (index, route.group_by.labels_of(&alert.labels));
            let known = self.groups.get(&id);
            let is_new = known.is_none_or(|group| !group.contains(&alert.labels));
            if is_new && alert.is_resolved(now) && !held {
                continue;
            }
            if is_new && (self.alerts >= ALERTS_MAX || (known.is_none() && self.groups.len() >= GROUPS_MAX)) {
                self.metrics.alerts_refused.inc();
                continue;
            }
            self.alerts += usize::from(is_new);
            let group = self.groups.entry(id).or_insert_with_key(|(_, labels)| AlertGroup::new(route, labels, now));
            group.insert(Arc::clone(alert), now, route);
            is_held = true;
        }
        // Its sources are as many as the alerts held at most.
        if is_held || alert.is_resolved(now) {
            self.inhibitor.update(&alert.labels, alert.ends_at, now);
        }
    }

    /// Notifications to send now, at most [`IN_FLIGHT_MAX`] unanswered ones.
    pub fn due(&mut self, now: Timestamp) -> Vec<Notification> {
        let due: Vec<GroupId> =
            self.groups.iter().filter(|(_, group)| group.next_flush <= now).map(|(id, _)| id.clone()).collect();
        for id in due {
            self.flush(&id, now);
        }
        self.log.retain(|_, logged| logged.expires_at > now);
        self.inhibitor.prune(now);
        let in_flight = self.deliveries.values().filter(|delivery| delivery.stage == Stage::InFlight).count();
        let in_flight = in_flight + self.overtaken.len();
        let waiting = self.deliveries.iter_mut().filter(|(_, delivery)| delivery.is_due(now));
        waiting
            .take(IN_FLIGHT_MAX.saturating_sub(in_flight))
            .map(|(id, delivery)| {
                delivery.stage = Stage::InFlight;
                delivery.attempt += 1;
                Notification {
                    id: *id,
                    receiver: delivery.log_key.1.clone(),
                    webhook: Arc::clone(&delivery.webhook),
                    payload: Arc::clone(&delivery.payload),
                    attempt: delivery.attempt,
                }
            })
            .collect()
    }

    /// When [`Dispatcher::due`] has something to do next.
    pub fn next_due(&self) -> Option<Timestamp> {
        let flushes = self.groups.values().map(|group| group.next_flush);
        let retries = self.deliveries.values().filter_map(|delivery| match delivery.stage {
            Stage::Waiting { until } => Some(until),
            Stage::InFlight => None,
        });
        flushes.chain(retries).min()
    }

    /// Takes the outcome of an attempt.
    pub fn result(&mut self, now: Timestamp, id: u64, outcome: Result<(), DeliveryError>) {
        if let Some(delivery) = self.overtaken.remove(&id) {
            if outcome.is_ok() {
                self.log.insert(delivery.log_key, delivery.to_log);
            }
            return;
        }
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let receiver = delivery.log_key.1.clone();
        match outcome {
            Ok(()) => {
                self.metrics.notifications_sent.get_or_create(&ReceiverLabels { receiver, integration: WEBHOOK }).inc();
                if let Some(delivery) = self.deliveries.remove(&id) {
                    self.log.insert(delivery.log_key, delivery.to_log);
                    self.prune(&delivery.group, now);
                }
            }
            Err(error) if error.is_retryable() => {
                self.metrics
                    .notification_retries
                    .get_or_create(&ReceiverLabels { receiver, integration: WEBHOOK })
                    .inc();
                delivery.wait(now, error.reason.as_str());
            }
            Err(error) => {
                count_failure(&self.metrics, receiver, error.reason.as_str());
                self.deliveries.remove(&id);
            }
        }
    }

    /// Groups, alerts in them, and deliveries that wait or are under way.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.groups.len(), self.alerts, self.deliveries.len())
    }

    /// Decides for each webhook of the group's receiver whether it has to be told.
    fn flush(&mut self, id: &GroupId, now: Timestamp) {
        let route = &self.config.routes.all()[id.0];
        let Some(group) = self.groups.get_mut(id) else { return };
        group.next_flush = now.plus_ms(route.group_interval.0 as i64);
        group.flushed = true;
        if let Some(reason) = self.config.mutes(route, now) {
            self.metrics.notifications_suppressed.get_or_create(&SuppressionLabels { reason }).inc();
            return self.prune(id, now);
        }
        let is_heard = |alert: &Incoming| self.inhibitor.inhibits(&alert.labels, now).is_none();
        let webhooks = self.config.receiver(&route.receiver).map_or(&[][..], |receiver| &receiver.webhooks);
        for (index, webhook) in webhooks.iter().enumerate() {
            let log_key = (group.key.clone(), route.receiver.clone(), index);
            let open = self.deliveries.iter().chain(&self.overtaken);
            let pending = open.into_iter().find(|(_, delivery)| delivery.log_key == log_key);
            match pending.map(|(id, delivery)| (*id, delivery.stage, delivery.last_reason)) {
                // One at a time: the group's next interval looks again.
                Some((_, Stage::InFlight, _)) => continue,
                // What waits for a retry is out of date now.
                Some((old, Stage::Waiting { .. }, reason)) => {
                    self.deliveries.remove(&old);
                    if let Some(reason) = reason {
                        count_failure(&self.metrics, route.receiver.clone(), reason);
                    }
                }
                None => {}
            }
            let snapshot = group.snapshot(now, is_heard);
            if snapshot.is_empty() {
                let labels = SuppressionLabels { reason: "inhibition" };
                self.metrics.notifications_suppressed.get_or_create(&labels).inc();
                continue;
            }
            if !delivery::is_news(&snapshot, self.log.get(&log_key), webhook.send_resolved, route, now) {
                continue;
            }
            let told = group.sorted(|alert| is_heard(alert) && (webhook.send_resolved || !alert.is_resolved(now)));
            let to_log = snapshot.logged(now, route);
            if told.is_empty() {
                // All resolved, and the receiver does not want to hear it: only the log forgets them.
                self.log.insert(log_key, to_log);
                continue;
            }
            let payload = Payload::new(
                &route.receiver,
                &group.key,
                &group.labels,
                &self.external_url,
                &told,
                webhook.max_alerts,
                now,
            );
            let delivery = Delivery {
                group: id.clone(),
                log_key,
                webhook: Arc::new(webhook.clone()),
                payload: Arc::new(payload),
                to_log,
                attempt: 0,
                stage: Stage::Waiting { until: now },
                last_reason: None,
            };
            self.deliveries.insert(self.next_id, delivery);
            self.next_id += 1;
        }
        self.prune(id, now);
    }

    /// Forgets resolved alerts of which everybody has heard, then the group if nothing is left.
    fn prune(&mut self, id: &GroupId, now: Timestamp) {
        let Some(group) = self.groups.get_mut(id) else { return };
        let route = &self.config.routes.all()[id.0];
        let webhooks = self.config.receiver(&route.receiver).map_or(&[][..], |receiver| &receiver.webhooks);
        let logs: Vec<&Logged> = webhooks
            .iter()
            .enumerate()
            .filter(|(_, webhook)| webhook.send_resolved)
            .filter_map(|(index, _)| self.log.get(&(group.key.clone(), route.receiver.clone(), index)))
            .collect();
        // Whoever heard that it fires has to hear of its end; whoever did not misses nothing.
        let is_told = |fingerprint: &u64| logs.iter().all(|logged| !logged.firing.contains(fingerprint));
        let told: Vec<Labels> =
            group.resolved(now).filter(|(_, fingerprint)| is_told(fingerprint)).map(|(labels, _)| labels).collect();
        let busy = self.deliveries.values().any(|delivery| delivery.group == *id);
        // Before the first flush, and while a delivery is open, everything stays.
        if !group.flushed || busy {
            self.alerts -= group.forget_old(now);
        } else {
            self.alerts -= group.forget(&told) + group.forget_old(now);
        }
        if group.is_empty() && !busy {
            self.groups.remove(id);
        }
    }
}

fn count_failure(metrics: &Metrics, receiver: String, reason: &'static str) {
    metrics.notifications_failed.get_or_create(&FailureLabels { receiver, integration: WEBHOOK, reason }).inc();
}
