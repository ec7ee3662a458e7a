//! `alertmanager.yml`: routes, inhibition, time intervals and webhook receivers. What Alertmanager knows and this version does not is accepted with a
//! warning; what nobody knows is an error. Format: <https://prometheus.io/docs/alerting/latest/configuration/>.

mod build;
mod http;
mod intervals;
mod raw;
#[cfg(test)]
mod tests;

use super::inhibit::InhibitRule;
use super::route::{Route, Routes};
use super::time_interval::TimeIntervals;
use crate::rulefile::one_line;
use std::fmt;
use std::path::{Path, PathBuf};
use watchfire_model::{DurationMs, Timestamp};

pub use http::{Authorization, HttpOptions, Secret, SecretSource};

/// Bytes of an `alertmanager.yml`.
const CONFIG_BYTES_MAX: u64 = 4 << 20;

/// A checked Alertmanager configuration.
#[derive(Debug, Clone)]
pub struct AlertmanagerConfig {
    pub routes: Routes,
    /// In order of the file; every route's receiver is among them.
    pub receivers: Vec<Receiver>,
    pub inhibit_rules: Vec<InhibitRule>,
    /// Those that routes name are among them.
    pub time_intervals: Vec<TimeIntervals>,
    /// After this time an alert without an end counts as resolved. Default 5 m.
    pub resolve_timeout: DurationMs,
    /// What was accepted but has no effect yet.
    pub warnings: Vec<String>,
}

/// Who is told, and over which ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    pub name: String,
    pub webhooks: Vec<Webhook>,
}

/// One `webhook_configs` element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub url: WebhookUrl,
    /// Whether resolved alerts are told. Default yes.
    pub send_resolved: bool,
    /// The most alerts in one body, 0 is no limit.
    pub max_alerts: usize,
    /// For one attempt. Default 10 s.
    pub timeout: DurationMs,
    pub http: HttpOptions,
}

/// Where a webhook goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookUrl {
    Given(Secret),
    /// Read before each attempt, so that it can be rotated.
    File(PathBuf),
}

/// Why an Alertmanager configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {}: {source}", file.display())]
    Io { file: PathBuf, source: std::io::Error },
    #[error("{} is longer than 4 MiB", file.display())]
    TooLong { file: PathBuf },
    #[error("{}:{line}: {message}", file.display())]
    Invalid { file: PathBuf, line: u64, message: String },
}

impl AlertmanagerConfig {
    /// Reads the text of a configuration; `file` stands in errors, and relative file names in it start at its directory.
    pub fn parse(file: &Path, text: &str) -> Result<AlertmanagerConfig, ConfigError> {
        let options = serde_saphyr::options! { with_snippet: false };
        let invalid = |line, message| ConfigError::Invalid { file: file.to_owned(), line, message };
        let raw: raw::Config = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            invalid(error.location().map_or(1, |location| location.line()), one_line(&error.to_string()))
        })?;
        let directory = file.parent().unwrap_or(Path::new("."));
        build::config(raw, directory).map_err(|problem| invalid(problem.line, problem.message))
    }

    pub fn load(file: &Path) -> Result<AlertmanagerConfig, ConfigError> {
        let error = |source| ConfigError::Io { file: file.to_owned(), source };
        if std::fs::metadata(file).map_err(error)?.len() > CONFIG_BYTES_MAX {
            return Err(ConfigError::TooLong { file: file.to_owned() });
        }
        AlertmanagerConfig::parse(file, &std::fs::read_to_string(file).map_err(error)?)
    }

    /// Why the groups of `route` are not told at this time; none where they are.
    pub(super) fn mutes(&self, route: &Route, now: Timestamp) -> Option<&'static str> {
        let any = |names: &[String]| {
            self.time_intervals.iter().any(|intervals| names.contains(&intervals.name) && intervals.contains(now))
        };
        if any(&route.mute_intervals) {
            Some("mute_time_interval")
        } else if !route.active_intervals.is_empty() && !any(&route.active_intervals) {
            Some("active_time_interval")
        } else {
            None
        }
    }

    pub fn receiver(&self, name: &str) -> Option<&Receiver> {
        self.receivers.iter().find(|receiver| receiver.name == name)
    }
}

/// What is wrong, and on which line.
#[derive(Debug)]
struct Problem {
    line: u64,
    message: String,
}

impl Problem {
    fn new(line: u64, message: impl fmt::Display) -> Problem {
        Problem { line, message: message.to_string() }
    }
}
