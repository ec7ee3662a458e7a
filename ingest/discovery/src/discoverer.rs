//! The seam between target lists of all kinds and the scraper that follows them.

use crate::{StaticConfig, TargetGroup};
use std::fmt;
use std::time::Instant;

/// A source of targets that may change while Watchfire runs.
pub trait Discoverer: Send + fmt::Debug {
    /// Looks at the source. Returns all its groups when they differ from those of the call before (always the first
    /// time), `None` while nothing changed. May block on a disk, never on a clock.
    fn poll(&mut self, now: Instant) -> Option<Vec<TargetGroup>>;

    /// What is wrong with the source now, one sentence each; the targets that it last gave stay in force.
    fn errors(&self) -> Vec<String>;
}

/// The targets of `static_configs`: given once, never changed.
#[derive(Debug)]
pub struct StaticTargets {
    /// Taken by the first poll.
    groups: Option<Vec<TargetGroup>>,
}

impl StaticTargets {
    pub fn new(configs: &[StaticConfig]) -> StaticTargets {
        let group = |(index, config): (usize, &StaticConfig)| TargetGroup {
            source: index.to_string(),
            targets: config.to_labels(&[]).collect(),
        };
        StaticTargets { groups: Some(configs.iter().enumerate().map(group).collect()) }
    }
}

impl Discoverer for StaticTargets {
    fn poll(&mut self, _now: Instant) -> Option<Vec<TargetGroup>> {
        self.groups.take()
    }

    fn errors(&self) -> Vec<String> {
        Vec::new()
    }
}
