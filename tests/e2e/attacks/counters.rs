//! The server's own counters, before and after.

use crate::harness::request;
use std::collections::BTreeMap;
use std::net::SocketAddr;

const PREFIX: &str = "watchfire_";
/// Words in the names of counters that tell of something refused or lost.
const LOSS_WORDS: [&str; 9] = ["refus", "lost", "loss", "drop", "fail", "evict", "expired", "incomplete", "timed_out"];
/// Counters that a report names at most.
const SHOWN_MAX: usize = 6;

/// Counters by name and labels.
#[derive(Debug)]
pub(super) struct Counters(BTreeMap<String, f64>);

impl Counters {
    pub(super) fn read(http: SocketAddr) -> Counters {
        let answer = request(http, "GET", "/metrics", &[], b"").expect("the server tells its metrics");
        let counters = answer.body.lines().filter_map(|line| {
            let (name, value) = line.strip_prefix(PREFIX)?.rsplit_once(' ')?;
            let family = name.split('{').next()?;
            family.ends_with("_total").then_some((name.to_owned(), value.parse().ok()?))
        });
        Counters(counters.collect())
    }

    /// What rose, and by how much.
    pub(super) fn since(&self, before: &Counters) -> Counters {
        let growth = |(name, value): (&String, &f64)| {
            let rise = value - before.0.get(name).copied().unwrap_or(0.0);
            (rise > 0.0).then(|| (name.clone(), rise))
        };
        Counters(self.0.iter().filter_map(growth).collect())
    }

    pub(super) fn grew(&self, prefix: &str) -> bool {
        self.0.keys().any(|name| name.starts_with(prefix))
    }

    /// The largest growth of counters that tell of losses.
    pub(super) fn losses(&self) -> String {
        let tells = |name: &str| LOSS_WORDS.iter().any(|word| name.contains(word));
        let mut found: Vec<(&String, &f64)> = self.0.iter().filter(|(name, _)| tells(name)).collect();
        found.sort_by(|a, b| b.1.total_cmp(a.1));
        let shown: Vec<String> = found.iter().take(SHOWN_MAX).map(|(name, rise)| format!("{name} +{rise}")).collect();
        if shown.is_empty() { "nothing counted as lost".to_owned() } else { shown.join(", ") }
    }
}
