//! What alerting says about itself.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

/// Counters of evaluation and delivery; clones share their values.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub(crate) evaluations: Counter,
    pub(crate) evaluation_failures: Counter,
    pub(crate) evaluation_seconds: Counter<f64, AtomicU64>,
    pub(crate) iterations_missed: Counter,
    pub(crate) samples_refused: Counter,
    pub(crate) template_errors: Counter,
    pub(crate) groups: Gauge,
    pub(crate) alerts_refused: Counter,
    pub(crate) notifications_sent: Family<ReceiverLabels, Counter>,
    pub(crate) notifications_failed: Family<FailureLabels, Counter>,
    pub(crate) notification_retries: Family<ReceiverLabels, Counter>,
    pub(crate) notifications_suppressed: Family<SuppressionLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ReceiverLabels {
    pub(crate) receiver: String,
    pub(crate) integration: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct SuppressionLabels {
    pub(crate) reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct FailureLabels {
    pub(crate) receiver: String,
    pub(crate) integration: &'static str,
    pub(crate) reason: &'static str,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("alerting_evaluations", "Rules evaluated", self.evaluations.clone());
        registry.register(
            "alerting_evaluation_failures",
            "Rules whose evaluation failed",
            self.evaluation_failures.clone(),
        );
        registry.register(
            "alerting_evaluation_seconds",
            "Time spent evaluating rules",
            self.evaluation_seconds.clone(),
        );
        registry.register(
            "alerting_iterations_missed",
            "Evaluations of a rule group skipped because the one before took too long",
            self.iterations_missed.clone(),
        );
        registry.register(
            "alerting_samples_refused",
            "Samples of rules that the metric store did not take",
            self.samples_refused.clone(),
        );
        registry.register("alerting_template_errors", "Rule templates that failed", self.template_errors.clone());
        registry.register("alerting_groups", "Rule groups loaded", self.groups.clone());
        registry.register(
            "alerting_alerts_refused",
            "Alerts that the dispatcher refused because it holds too many alerts or groups",
            self.alerts_refused.clone(),
        );
        registry.register("alerting_notifications", "Notifications delivered", self.notifications_sent.clone());
        registry.register(
            "alerting_notifications_failed",
            "Notifications given up until the group's next interval, by reason",
            self.notifications_failed.clone(),
        );
        registry.register(
            "alerting_notification_retries",
            "Attempts to deliver that failed and will be repeated",
            self.notification_retries.clone(),
        );
        registry.register(
            "alerting_notifications_suppressed",
            "Times that a group was due and not told, because of a time interval or because all of its alerts are inhibited",
            self.notifications_suppressed.clone(),
        );
    }
}
