//! Alerting: evaluates rule files on schedule, keeps the state of every alert, and notifies the receivers of an
//! Alertmanager configuration.
//!
//! Invariants
//! - A rule file that loads has no rule that cannot be read later: expressions and templates are parsed when it is loaded.
//! - Rule states, routing, grouping and retries are pure: time is an argument. Only [`Alerting::run`] has timers and
//!   sockets.
//! - What rules hold from one evaluation to the next, as much as data make it, is bounded for each rule and for all: a rule
//!   that yields more fails, says so, and keeps the alerts that it had.

mod alert;
mod alerting;
mod group;
mod metrics;
mod notify;
mod restore;
mod rule;
mod rulefile;
mod schedule;
mod snapshot;
mod state_memory;
mod template;
mod unit_test;

pub use alert::{Alert, AlertState, RESEND_DELAY_MS, RESOLVED_RETENTION_MS};
pub use alerting::{Alerting, AlertingOptions, EVALUATIONS_MAX};
pub use group::{Evaluation, Group, Sent, Write};
pub use metrics::Metrics;
pub use notify::{
    ALERTS_MAX, AlertmanagerConfig, Authorization, ConfigError, DeliveryError, Dispatcher, FailureReason, GROUPS_MAX,
    GroupBy, HttpOptions, IN_FLIGHT_MAX, Incoming, InhibitRule, Notification, Payload, PayloadAlert, Receiver, Route,
    Routes, Secret, SecretSource, Sender, TimeInterval, TimeIntervals, Webhook, WebhookUrl, fingerprint,
};
pub use restore::{GRACE_PERIOD_MS, OUTAGE_TOLERANCE_MS};
pub use rule::{AlertingRule, Query, RecordingRule, Rule, RuleGroup};
pub use rulefile::{
    RULE_FILE_BYTES_MAX, RULE_FILES_MAX, RuleFile, RuleFileError, RuleFileErrors, RuleFiles, RuleProblem,
};
pub use schedule::{Due, Schedule};
pub use snapshot::{AlertSnapshot, GroupSnapshot, RuleSnapshot};
pub use state_memory::{LABEL_VALUE_BYTES_MAX, RULE_STATE_BYTES_MAX, STATE_BYTES_MAX};
pub use template::{
    TEMPLATE_BYTES_MAX, TEMPLATE_DEPTH_MAX, TEMPLATE_OUTPUT_BYTES_MAX, TEMPLATE_STEPS_MAX, Template, TemplateData,
    TemplateError,
};
pub use unit_test::{RuleTestError, RuleTests, TEST_EVALUATIONS_MAX, TestFailure};
