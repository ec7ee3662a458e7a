//! The alerts of one rule and how they move: inactive → pending → firing → resolved. Pure: time is an argument.
//! Reference: Prometheus `rules/alerting.go`.

use crate::metrics::Metrics;
use crate::rule::AlertingRule;
use crate::state_memory::{LABEL_VALUE_BYTES_MAX, check_rule, labels_bytes};
use crate::template::{Template, TemplateData};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use watchfire_model::{Labels, METRIC_NAME, Point, Sample, Timestamp};
use watchfire_promql::VectorSample;

/// How long a resolved alert is remembered, so that a receiver that was away still learns of it.
pub const RESOLVED_RETENTION_MS: i64 = 15 * 60 * 1000;
/// How often a firing alert is told again to the dispatcher.
pub const RESEND_DELAY_MS: i64 = 60 * 1000;

pub(crate) const ALERT_NAME: &str = "alertname";
const ALERT_STATE: &str = "alertstate";
const ALERTS: &str = "ALERTS";
pub(crate) const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";

/// Where an alert stands. In order of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// Not active, or resolved.
    Inactive,
    /// Active for less than the rule's `for`.
    Pending,
    Firing,
}

impl AlertState {
    pub fn as_str(self) -> &'static str {
        match self {
            AlertState::Inactive => "inactive",
            AlertState::Pending => "pending",
            AlertState::Firing => "firing",
        }
    }
}

/// One alert of a rule.
#[derive(Debug, Clone)]
pub struct Alert {
    /// The result's labels without the metric's name, the rule's labels and `alertname`.
    pub labels: Labels,
    pub annotations: Labels,
    pub state: AlertState,
    /// The result's value at the last evaluation that yielded it.
    pub value: f64,
    /// Since when the expression yields it.
    pub active_at: Timestamp,
    pub fired_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    /// Since when it fires only because of `keep_firing_for`.
    pub keep_firing_since: Option<Timestamp>,
    /// When the dispatcher was last told.
    pub(crate) sent_at: Option<Timestamp>,
}

/// The alerts of one rule by labels.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    pub(crate) active: BTreeMap<Labels, Alert>,
    /// Whether `for` states from before the start have been taken over; until then no series are written, so that
    /// they cannot overwrite what is to be restored.
    pub(crate) restored: bool,
}

/// What templates may see beside the result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) external_labels: &'a Labels,
    pub(crate) external_url: &'a str,
    pub(crate) metrics: &'a Metrics,
}

impl Alerts {
    /// Moves every alert to `now`, given what the expression yielded; `offset_ms` is the group's query offset. Returns the
    /// `ALERTS` and `ALERTS_FOR_STATE` samples. `hold` takes memory for so many bytes of alerts and their series; where it
    /// refuses, everything stays as it was.
    pub(crate) fn advance(
        &mut self,
        rule: &AlertingRule,
        result: &[VectorSample],
        now: Timestamp,
        offset_ms: i64,
        (limit, hold): (Option<usize>, &mut dyn FnMut(u64) -> Result<(), String>),
        surroundings: Surroundings<'_>,
    ) -> Result<Vec<(Labels, Point)>, String> {
        let fresh = instantiate(rule, result, now, surroundings)?;
        let others = self.active.iter().filter(|(labels, _)| !fresh.contains_key(*labels));
        hold(fresh.values().chain(others.map(|(_, alert)| alert)).map(Alert::bytes).sum())?;
        for (labels, alert) in &fresh {
            match self.active.entry(labels.clone()) {
                Entry::Occupied(mut known) if known.get().state != AlertState::Inactive => {
                    let known = known.get_mut();
                    known.value = alert.value;
                    known.annotations = alert.annotations.clone();
                }
                Entry::Occupied(mut resolved) => {
                    resolved.insert(alert.clone());
                }
                Entry::Vacant(slot) => {
                    slot.insert(alert.clone());
                }
            }
        }
        self.active.retain(|labels, alert| {
            let yielded = fresh.contains_key(labels);
            move_on(alert, rule, yielded, now);
            keeps(alert, now)
        });
        let live = || self.active.values().filter(|alert| alert.state != AlertState::Inactive);
        let count = live().count();
        if limit.is_some_and(|limit| count > limit) {
            self.active.clear();
            return Err(format!("exceeded limit of {} with {count} alerts", limit.unwrap_or_default()));
        }
        if !self.restored {
            return Ok(Vec::new());
        }
        Ok(live().flat_map(|alert| samples(&rule.name, alert, now.plus_ms(-offset_ms))).collect())
    }

    /// Alerts that are pending or firing.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Alert> {
        self.active.values().filter(|alert| alert.state != AlertState::Inactive)
    }

    /// The most urgent state among the alerts.
    pub(crate) fn state(&self) -> AlertState {
        self.active.values().map(|alert| alert.state).max().unwrap_or(AlertState::Inactive)
    }

    /// Alerts that the dispatcher has to hear of now: those that fire and those that resolved lately, each anew after
    /// [`RESEND_DELAY_MS`].
    pub(crate) fn take_unsent(&mut self, now: Timestamp) -> Vec<Alert> {
        let mut unsent = Vec::new();
        for alert in self.active.values_mut().filter(|alert| alert.needs_sending(now)) {
            alert.sent_at = Some(now);
            unsent.push(alert.clone());
        }
        unsent
    }
}

impl Alert {
    /// Bytes of the alert, with the two series that it writes.
    fn bytes(&self) -> u64 {
        size_of::<Alert>() as u64 + 3 * labels_bytes(&self.labels) + labels_bytes(&self.annotations)
    }

    fn needs_sending(&self, now: Timestamp) -> bool {
        if self.state == AlertState::Pending || self.fired_at.is_none() {
            return false;
        }
        let Some(sent_at) = self.sent_at else { return true };
        self.resolved_at.is_some_and(|resolved_at| resolved_at > sent_at)
            || self.fired_at.is_some_and(|fired_at| fired_at > sent_at)
            || sent_at.plus_ms(RESEND_DELAY_MS) <= now
    }
}

/// The alerts that a result makes, all pending since `now`.
fn instantiate(
    rule: &AlertingRule,
    result: &[VectorSample],
    now: Timestamp,
    surroundings: Surroundings<'_>,
) -> Result<BTreeMap<Labels, Alert>, String> {
    let mut alerts = BTreeMap::new();
    let mut bytes = 0;
    for sample in result {
        let data = TemplateData {
            labels: &sample.labels,
            value: sample.value,
            external_labels: surroundings.external_labels,
            external_url: surroundings.external_url,
        };
        let render = |template: &Template| {
            template.render(&data).unwrap_or_else(|error| {
                surroundings.metrics.template_errors.inc();
                tracing::debug!(rule = %rule.name, %error, "rule template failed");
                format!("<error expanding template: {error}>")
            })
        };
        let mut labels = sample.labels.to_builder();
        labels.remove(METRIC_NAME);
        for (name, template) in &rule.labels {
            let value = render(template);
            if value.len() > LABEL_VALUE_BYTES_MAX {
                let len = value.len();
                return Err(format!("the label `{name}` has {len} bytes, at most {LABEL_VALUE_BYTES_MAX} are allowed"));
            }
            labels.set(name.clone(), value);
        }
        labels.set(ALERT_NAME, rule.name.clone());
        let labels = labels.build();
        let annotations =
            Labels::from_pairs(rule.annotations.iter().map(|(name, template)| (name.clone(), render(template))));
        let alert = Alert {
            labels: labels.clone(),
            annotations,
            state: AlertState::Pending,
            value: sample.value,
            active_at: now,
            fired_at: None,
            resolved_at: None,
            keep_firing_since: None,
            sent_at: None,
        };
        bytes += alert.bytes();
        check_rule(bytes, "alerts")?;
        if alerts.insert(labels, alert).is_some() {
            return Err("vector contains metrics with the same labelset after applying alert labels".to_owned());
        }
    }
    Ok(alerts)
}

fn move_on(alert: &mut Alert, rule: &AlertingRule, yielded: bool, now: Timestamp) {
    let age_ms = |since: Timestamp| now.0.saturating_sub(since.0);
    if yielded {
        alert.keep_firing_since = None;
    } else {
        let may_keep = alert.state == AlertState::Firing && rule.keep_firing_for.0 > 0;
        if may_keep && age_ms(*alert.keep_firing_since.get_or_insert(now)) < rule.keep_firing_for.0 as i64 {
            return;
        }
        if alert.state != AlertState::Inactive {
            alert.state = AlertState::Inactive;
            alert.resolved_at = Some(now);
        }
        return;
    }
    if alert.state == AlertState::Pending && age_ms(alert.active_at) >= rule.hold.0 as i64 {
        alert.state = AlertState::Firing;
        alert.fired_at = Some(now);
    }
}

/// Alerts that never fired go at once, resolved ones after a while.
fn keeps(alert: &Alert, now: Timestamp) -> bool {
    match (alert.state, alert.fired_at, alert.resolved_at) {
        (AlertState::Inactive, None, _) => false,
        (AlertState::Inactive, Some(_), Some(resolved_at)) => now.0 - resolved_at.0 <= RESOLVED_RETENTION_MS,
        _ => true,
    }
}

fn samples(rule: &SmolStr, alert: &Alert, time: Timestamp) -> [(Labels, Point); 2] {
    let mut state = alert.labels.to_builder();
    state.set(METRIC_NAME, ALERTS).set(ALERT_NAME, rule.clone()).set(ALERT_STATE, alert.state.as_str());
    let mut for_state = alert.labels.to_builder();
    for_state.set(METRIC_NAME, ALERTS_FOR_STATE).set(ALERT_NAME, rule.clone());
    // Whole seconds, as Prometheus writes them and reads them back.
    let active_seconds = alert.active_at.0.div_euclid(1000) as f64;
    [(state.build(), Sample { time, value: 1.0 }), (for_state.build(), Sample { time, value: active_seconds })]
        .map(|(labels, sample)| (labels, sample.into()))
}
