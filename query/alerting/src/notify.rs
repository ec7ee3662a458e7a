//! Delivery: Alertmanager's routing, grouping and timers, read from its own configuration file.
//!
//! The dispatcher is a state machine: alerts and times go in, notifications come out. Only the sender speaks HTTP.

mod config;
mod dispatcher;
mod inhibit;
mod matchers;
mod payload;
mod route;
mod sender;
mod time_interval;

pub use config::{
    AlertmanagerConfig, Authorization, ConfigError, HttpOptions, Receiver, Secret, SecretSource, Webhook, WebhookUrl,
};
pub use dispatcher::{ALERTS_MAX, Dispatcher, GROUPS_MAX, IN_FLIGHT_MAX, Incoming, Notification};
pub use inhibit::InhibitRule;
pub use payload::{Payload, PayloadAlert, fingerprint};
pub use route::{GroupBy, Route, Routes};
pub use sender::{DeliveryError, FailureReason, Sender};
pub use time_interval::{TimeInterval, TimeIntervals};
