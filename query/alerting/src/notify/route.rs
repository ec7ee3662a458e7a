//! The routing tree: which receivers hear of an alert, and how alerts are grouped on the way.
//! Reference: Alertmanager `dispatch/route.go`.

use super::matchers;
use smol_str::SmolStr;
use watchfire_model::{DurationMs, Labels, Matcher};

/// One node of the tree with everything that it inherits filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    pub receiver: String,
    pub group_by: GroupBy,
    /// How long a new group collects alerts before its first notification.
    pub group_wait: DurationMs,
    /// How long after a notification the group may send the next.
    pub group_interval: DurationMs,
    /// How long an unchanged group stays silent.
    pub repeat_interval: DurationMs,
    /// Sorted by name, value and operator; all must match.
    pub matchers: Vec<Matcher>,
    /// Whether the siblings behind this route are tried too.
    pub continues: bool,
    /// Names of the time intervals in which nobody is told.
    pub mute_intervals: Vec<String>,
    /// Names of the time intervals outside of which nobody is told; none is always.
    pub active_intervals: Vec<String>,
    /// The matchers of this route and all above it: Alertmanager's `routeKey`.
    pub key: String,
    /// Indexes of the routes below, in order.
    pub(super) children: Vec<usize>,
}

/// Which labels make a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// `...`: every alert is a group of its own.
    All,
    Labels(Vec<SmolStr>),
}

/// All routes; the first is the root.
#[derive(Debug, Clone, PartialEq)]
pub struct Routes {
    pub(super) routes: Vec<Route>,
}

impl Routes {
    pub fn all(&self) -> &[Route] {
        &self.routes
    }

    /// Indexes of the routes that take an alert with these labels, in order of the file; at least the root.
    pub fn matching(&self, labels: &Labels) -> Vec<usize> {
        let mut found = Vec::new();
        self.collect(0, labels, &mut found);
        found
    }

    /// Adds the deepest matching routes below and including `index`; says whether there was one.
    fn collect(&self, index: usize, labels: &Labels, found: &mut Vec<usize>) -> bool {
        let route = &self.routes[index];
        if !route.matchers.iter().all(|matcher| matcher.matches_labels(labels)) {
            return false;
        }
        let before = found.len();
        for &child in &route.children {
            if self.collect(child, labels, found) && !self.routes[child].continues {
                break;
            }
        }
        if found.len() == before {
            found.push(index);
        }
        true
    }
}

impl GroupBy {
    /// The labels that name the group of an alert.
    pub fn labels_of(&self, alert: &Labels) -> Labels {
        match self {
            GroupBy::All => alert.clone(),
            GroupBy::Labels(names) => alert.filtered(|label| names.contains(&label.name)),
        }
    }
}

/// The key of a route below `parent`.
pub(super) fn key(parent: Option<&str>, own: &[Matcher]) -> String {
    match parent {
        Some(parent) => format!("{parent}/{}", matchers::print(own)),
        None => matchers::print(own),
    }
}

/// The order in which Alertmanager keeps matchers.
pub(super) fn sort(matchers: &mut [Matcher]) {
    let rank = |matcher: &Matcher| ["=", "!=", "=~", "!~"].iter().position(|op| *op == matcher.op().as_str());
    matchers.sort_by(|a, b| (a.name(), a.value(), rank(a)).cmp(&(b.name(), b.value(), rank(b))));
}
