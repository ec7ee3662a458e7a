//! Snapshots of what inputs and targets are doing, for the page and the API, which never see the inputs themselves.

use crate::{Labels, Timestamp};
use serde::Serialize;

/// Gives the current state of everything that brings data in. `src/app.rs` implements it.
pub trait StatusSource: Send + Sync {
    fn targets(&self) -> TargetsStatus;
    fn inputs(&self) -> Vec<InputStatus>;
    /// How complete the logs are, container by container, the least complete first.
    fn containers(&self) -> ContainersStatus {
        ContainersStatus::default()
    }
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
    /// Records that are durable.
    pub records: u64,
    /// What became of the messages.
    pub messages: MessageCounts,
    /// Chunks of messages that were given up: had they come, the messages would be whole. Datagrams that the kernel dropped
    /// are among them.
    pub missing_chunks: u64,
    /// What was lost or refused, by reason; reasons without a loss are left out.
    pub losses: Vec<Loss>,
    pub last_received: Option<Timestamp>,
    /// The last refusal in words, empty when there was none.
    pub last_error: String,
    /// Bytes that the kernel gives each socket of a UDP input for datagrams that wait.
    pub receive_buffer_bytes: Option<u64>,
    /// The busiest senders, most records first.
    pub senders: Vec<SenderStatus>,
    /// Sums of the senders that had to make room for others.
    pub forgotten_senders: MessageCounts,
}

/// What became of messages, a record or something unreadable each: `received = stored + refused + dropped + waiting`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct MessageCounts {
    /// Messages known of: those that were read, and a loss each for those that were not.
    pub received: u64,
    /// Durable.
    pub stored: u64,
    /// Not acceptable as they are, or not stored with an answer that said so.
    pub refused: u64,
    /// Lost on the way.
    pub dropped: u64,
    /// On their way to the store now.
    pub waiting: u64,
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
    /// Records that are durable.
    pub records: u64,
    /// Messages refused or dropped.
    pub losses: u64,
    /// What became of the messages.
    pub messages: MessageCounts,
    pub last_received: Option<Timestamp>,
}

/// How complete the logs of all containers are, since the start.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ContainersStatus {
    /// The least complete first, then the busiest; not all of them.
    pub containers: Vec<ContainerStatus>,
    /// Containers that are kept apart now.
    pub known: usize,
    /// Containers that had to make room for others: they count in `total` only.
    pub forgotten: u64,
    pub total: ContainerCounts,
    /// Losses that are nobody's share: of senders from which no record came at that time.
    pub unshared_losses: f64,
}

/// One container and what became of its records.
#[derive(Debug, Clone, Serialize)]
pub struct ContainerStatus {
    /// Its name, or its pod's; the host's for records that name neither.
    pub container: String,
    pub host: String,
    #[serde(flatten)]
    pub counts: ContainerCounts,
    /// By the clock of this server.
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}

/// What became of the records of a container: `received = stored + refused + sum of losses + waiting`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ContainerCounts {
    /// Records that were read.
    pub received: u64,
    /// Durable.
    pub stored: u64,
    /// Not stored, and the sender was told so: it may have sent them again.
    pub refused: u64,
    pub waiting: u64,
    /// Records that were read and then lost, by reason.
    pub losses: Vec<Loss>,
    /// The estimated part in what was lost unread: dropped by the kernel, incomplete, unreadable. Three decimals.
    pub shared_losses: f64,
    /// `100 * stored / (stored + losses + shared_losses)`, rounded down to three decimals: an estimate, because
    /// `shared_losses` is one. Absent before anything is known.
    pub completeness_percent: Option<f64>,
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
