//! What only the binary knows and Prometheus' API shows: configuration, command line, scrape pools, backups.

use serde::Serialize;
use std::collections::BTreeMap;
use watchfire_model::{Labels, Timestamp};

/// Answers for the process around the API; the binary implements it.
pub trait Host: Send + Sync {
    /// The configuration in force as YAML, every secret hidden.
    fn config(&self) -> String;

    /// Settings under the names of Prometheus' options, as its clients look for them.
    fn flags(&self) -> BTreeMap<&'static str, String>;

    fn runtime(&self) -> RuntimeFacts;

    /// What alerts, federated samples and remote reads get on their way out.
    fn external_labels(&self) -> Labels;

    /// Names of the scrape configurations, sorted.
    fn scrape_pools(&self) -> Vec<String>;

    /// What each relabeling rule of a scrape pool makes of a target's labels, up to the first that drops it.
    ///
    /// # Errors
    /// There is no such pool; in words for the user.
    fn relabel(&self, pool: &str, labels: Labels) -> Result<Vec<RelabelStep>, String>;

    /// Whether samples may be deleted over HTTP (`http.admin_api`).
    fn has_admin_api(&self) -> bool;

    /// Takes a backup of everything and returns its name. Blocks.
    ///
    /// # Errors
    /// In words for the user.
    fn snapshot(&self) -> Result<String, String>;
}

/// For `/api/v1/status/runtimeinfo`.
#[derive(Debug, Clone, Default)]
pub struct RuntimeFacts {
    pub working_directory: String,
    pub host_name: String,
    pub reload_succeeded: bool,
    /// When the configuration in force was read.
    pub last_reload: Timestamp,
    /// Bytes, `memory_limit`.
    pub memory_limit: u64,
    /// How long samples are kept, in words.
    pub retention: String,
}

/// One rule of relabeling and what it made of the labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RelabelStep {
    /// As in the configuration.
    pub rule: serde_json::Value,
    /// No labels where the rule dropped the target.
    pub output: Labels,
    pub keep: bool,
}
