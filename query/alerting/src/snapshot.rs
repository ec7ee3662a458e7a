//! What the API shows of rules and alerts, in the field names of Prometheus' `/api/v1/rules` and `/api/v1/alerts`.
//! Contract: <https://prometheus.io/docs/prometheus/latest/querying/api/#rules>.

use crate::alert::{Alert, AlertState};
use crate::template::{ZERO_TIME, exponent, rfc3339};
use serde::{Serialize, Serializer};
use watchfire_model::{Labels, Timestamp};

/// One element of `data.groups`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupSnapshot {
    pub name: String,
    pub file: String,
    /// In order of evaluation.
    pub rules: Vec<RuleSnapshot>,
    /// Seconds.
    pub interval: f64,
    /// 0 is no limit.
    pub limit: usize,
    /// Seconds that the last evaluation took.
    pub evaluation_time: f64,
    #[serde(serialize_with = "time_or_zero")]
    pub last_evaluation: Option<Timestamp>,
}

/// One element of a group's `rules`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum RuleSnapshot {
    Alerting {
        /// The most urgent state among the alerts.
        state: AlertState,
        name: String,
        query: String,
        /// `for`, in seconds.
        duration: f64,
        /// Seconds.
        keep_firing_for: f64,
        /// Templates as written.
        labels: Labels,
        annotations: Labels,
        /// Pending and firing ones.
        alerts: Vec<AlertSnapshot>,
        /// `ok`, `err` or `unknown`.
        health: &'static str,
        #[serde(skip_serializing_if = "String::is_empty")]
        last_error: String,
        /// Seconds.
        evaluation_time: f64,
        #[serde(serialize_with = "time_or_zero")]
        last_evaluation: Option<Timestamp>,
    },
    Recording {
        name: String,
        query: String,
        #[serde(skip_serializing_if = "Labels::is_empty")]
        labels: Labels,
        /// `ok`, `err` or `unknown`.
        health: &'static str,
        #[serde(skip_serializing_if = "String::is_empty")]
        last_error: String,
        /// Seconds.
        evaluation_time: f64,
        #[serde(serialize_with = "time_or_zero")]
        last_evaluation: Option<Timestamp>,
    },
}

/// One element of `data.alerts`, and of an alerting rule's `alerts`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertSnapshot {
    pub labels: Labels,
    pub annotations: Labels,
    pub state: AlertState,
    #[serde(serialize_with = "time_or_zero")]
    pub active_at: Option<Timestamp>,
    #[serde(serialize_with = "time_or_zero", skip_serializing_if = "Option::is_none")]
    pub keep_firing_since: Option<Timestamp>,
    /// As `1e+00`.
    pub value: String,
}

impl AlertSnapshot {
    pub(crate) fn new(alert: &Alert) -> AlertSnapshot {
        AlertSnapshot {
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            state: alert.state,
            active_at: Some(alert.active_at),
            keep_firing_since: alert.keep_firing_since,
            value: exponent(alert.value),
        }
    }
}

impl GroupSnapshot {
    /// The alerts of the group's rules.
    pub fn alerts(&self) -> impl Iterator<Item = &AlertSnapshot> {
        self.rules.iter().flat_map(|rule| match rule {
            RuleSnapshot::Alerting { alerts, .. } => alerts.as_slice(),
            RuleSnapshot::Recording { .. } => &[],
        })
    }
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn time_or_zero<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.serialize_str(&rfc3339(*time)),
        None => serializer.serialize_str(ZERO_TIME),
    }
}
