//! Snapshots of what inputs and targets are doing, for the page and the API, which never see the inputs themselves.

use crate::{Labels, Timestamp};
use serde::Serialize;

/// Gives the current state of everything that brings data in. `src/app.rs` implements it.
pub trait StatusSource: Send + Sync {
    fn targets(&self) -> TargetsStatus;
    fn inputs(&self) -> Vec<InputStatus>;
    /// What an operator should know now, worst first.
    fn notices(&self) -> Vec<Notice>;
}

/// Scrape targets as discovery and relabeling made them.
#[derive(Debug, Clone, Default)]
pub struct TargetsStatus {
    pub active: Vec<TargetStatus>,
    /// Labels as discovered of the targets that relabeling dropped.
    pub dropped: Vec<Labels>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    Up,
    Down,
    /// Not scraped yet.
    Unknown,
}

/// One target and its last scrape.
#[derive(Debug, Clone)]
pub struct TargetStatus {
    /// `job_name` of the scrape configuration.
    pub scrape_pool: String,
    pub scrape_url: String,
    pub labels: Labels,
    pub discovered_labels: Labels,
    pub health: Health,
    /// Empty when the last scrape went well.
    pub last_error: String,
    pub last_scrape: Option<Timestamp>,
    pub last_scrape_seconds: f64,
    /// Samples of the last scrape before metric relabeling.
    pub last_samples: u64,
    pub interval_ms: u64,
    pub timeout_ms: u64,
}

/// One listening input and what it has seen since the start.
#[derive(Debug, Clone, Serialize)]
pub struct InputStatus {
    /// For example `gelf-udp`.
    pub kind: &'static str,
    /// The address that it listens on.
    pub address: String,
    /// Datagrams, frames or requests taken from the network.
    pub received: u64,
    /// Bytes taken from the network.
    pub received_bytes: u64,
    /// Records handed to the store.
    pub records: u64,
    /// What was lost or refused, by reason; reasons without a loss are left out.
    pub losses: Vec<Loss>,
    pub last_received: Option<Timestamp>,
    /// The last refusal in words, empty when there was none.
    pub last_error: String,
    /// The busiest senders, most records first.
    pub senders: Vec<SenderStatus>,
}

/// So many of something lost, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The metric label's value, for example `kernel_buffer_full` or `invalid_json`.
    pub reason: &'static str,
    pub count: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct SenderStatus {
    /// The sender's address without its port.
    pub sender: String,
    pub records: u64,
    pub losses: u64,
    pub last_received: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
    Info,
}

/// A condition of Watchfire itself that lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    pub severity: Severity,
    /// What is wrong and what to do about it.
    pub text: String,
}
