//! What is told to one webhook, how often it was tried, and what is remembered of it.

use super::{GroupId, LogKey};
use crate::notify::config::Webhook;
use crate::notify::payload::Payload;
use crate::notify::route::Route;
use std::collections::HashSet;
use std::sync::Arc;
use watchfire_model::Timestamp;

/// The wait after the first failed attempt; each further one doubles it.
const BACKOFF_MS: i64 = 500;
/// The longest wait between two attempts.
const BACKOFF_MAX_MS: i64 = 60_000;
/// What was told is remembered for this many repeat intervals.
const LOG_REPEATS: i64 = 2;

/// Fingerprints of a group's alerts.
#[derive(Debug, Clone, Default)]
pub(super) struct Snapshot {
    pub(super) firing: HashSet<u64>,
    pub(super) resolved: HashSet<u64>,
}

/// What a webhook was last told of a group.
#[derive(Debug, Clone)]
pub(super) struct Logged {
    pub(super) firing: HashSet<u64>,
    resolved: HashSet<u64>,
    at: Timestamp,
    pub(super) expires_at: Timestamp,
}

/// A notification from its decision to its end.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) group: GroupId,
    pub(super) log_key: LogKey,
    pub(super) webhook: Arc<Webhook>,
    pub(super) payload: Arc<Payload>,
    /// What the log will say once it is delivered.
    pub(super) to_log: Logged,
    /// Attempts handed out.
    pub(super) attempt: u32,
    pub(super) stage: Stage,
    /// Why the last attempt failed.
    pub(super) last_reason: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Waiting { until: Timestamp },
    InFlight,
}

impl Delivery {
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        matches!(self.stage, Stage::Waiting { until } if until <= now)
    }

    /// Waits for the next attempt.
    pub(super) fn wait(&mut self, now: Timestamp, reason: &'static str) {
        let doubled = BACKOFF_MS << self.attempt.saturating_sub(1).min(16);
        self.stage = Stage::Waiting { until: now.plus_ms(doubled.min(BACKOFF_MAX_MS)) };
        self.last_reason = Some(reason);
    }
}

impl Snapshot {
    pub(super) fn is_empty(&self) -> bool {
        self.firing.is_empty() && self.resolved.is_empty()
    }

    pub(super) fn logged(self, now: Timestamp, route: &Route) -> Logged {
        let kept_ms = (route.repeat_interval.0 as i64).saturating_mul(LOG_REPEATS);
        Logged { firing: self.firing, resolved: self.resolved, at: now, expires_at: now.plus_ms(kept_ms) }
    }
}

/// Whether a webhook that knows `logged` has to hear of `current`: something new fires, something has resolved, or the
/// repeat interval is over.
pub(super) fn is_news(
    current: &Snapshot,
    logged: Option<&Logged>,
    send_resolved: bool,
    route: &Route,
    now: Timestamp,
) -> bool {
    let Some(logged) = logged else { return !current.firing.is_empty() };
    if !current.firing.is_subset(&logged.firing) {
        return true;
    }
    if current.firing.is_empty() {
        return !logged.firing.is_empty();
    }
    if send_resolved && !current.resolved.is_subset(&logged.resolved) {
        return true;
    }
    logged.at < now.plus_ms(-(route.repeat_interval.0 as i64))
}
