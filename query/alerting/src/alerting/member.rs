//! One group among those that run: its schedule, whether it is being evaluated, and what the API sees of it meanwhile.

use super::{Alerting, AlertingOptions};
use crate::group::{Evaluation, Group, Sent};
use crate::rule::RuleGroup;
use crate::schedule::{Due, Schedule};
use crate::snapshot::GroupSnapshot;
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeSet;
use std::sync::Arc;
use watchfire_model::{DurationMs, Labels, QueryBudget, Timestamp};

#[derive(Debug)]
pub(super) struct Member {
    /// `None` once a reload took it away.
    group: Mutex<Option<Group>>,
    /// What the group was made of, readable while it is evaluated.
    spec: RuleGroup,
    interval: DurationMs,
    query_offset: DurationMs,
    snapshot: RwLock<GroupSnapshot>,
    timing: Mutex<Timing>,
    query: Mutex<Option<RunningQuery>>,
}

#[derive(Debug)]
struct Timing {
    schedule: Schedule,
    claimed: bool,
}

/// The query of the rule under evaluation.
#[derive(Debug)]
struct RunningQuery {
    budget: Arc<QueryBudget>,
    started: Timestamp,
}

impl Member {
    pub(super) fn new(group: Group, now: Timestamp) -> Member {
        let spec = group.spec().clone();
        let schedule = Schedule::new(group.interval(), &spec.file, &spec.name, now);
        Member {
            spec,
            interval: group.interval(),
            query_offset: group.query_offset(),
            snapshot: RwLock::new(group.snapshot()),
            group: Mutex::new(Some(group)),
            timing: Mutex::new(Timing { schedule, claimed: false }),
            query: Mutex::new(None),
        }
    }

    pub(super) fn is_named(&self, spec: &RuleGroup) -> bool {
        self.spec.name == spec.name && self.spec.file == spec.file
    }

    /// Whether nothing changes when `group` takes this one's place.
    pub(super) fn is_like(&self, group: &Group) -> bool {
        self.spec == *group.spec() && self.interval == group.interval() && self.query_offset == group.query_offset()
    }

    /// The member for `group` with the state of this one.
    pub(super) fn succeeded_by(&self, mut group: Group, now: Timestamp) -> Member {
        if let Some(old) = self.group.lock().take() {
            group.take_over(old);
        }
        Member::new(group, now)
    }

    /// Ends the group; returns the series that it wrote.
    pub(super) fn retire(&self) -> Option<BTreeSet<Labels>> {
        self.group.lock().take().map(Group::into_series)
    }

    pub(super) fn snapshot(&self) -> GroupSnapshot {
        self.snapshot.read().clone()
    }

    /// Takes the evaluation that is due, unless one is under way.
    pub(super) fn claim(&self, now: Timestamp) -> Option<Due> {
        let mut timing = self.timing.lock();
        if timing.claimed {
            return None;
        }
        let due = timing.schedule.due(now)?;
        timing.claimed = true;
        Some(due)
    }

    /// When to look again; `None` while an evaluation is under way.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let timing = self.timing.lock();
        (!timing.claimed).then(|| timing.schedule.next())
    }

    pub(super) fn cancel(&self) {
        if let Some(query) = self.query.lock().as_ref() {
            query.budget.cancel();
        }
    }

    pub(super) fn cancel_overdue(&self, now: Timestamp, timeout: DurationMs) {
        if let Some(query) = self.query.lock().as_ref()
            && now.0.saturating_sub(query.started.0) > timeout.0 as i64
        {
            query.budget.cancel();
        }
    }

    /// Evaluates the group, gives the claim back, and returns what to send and the group's interval.
    pub(super) fn evaluate(
        &self,
        at: Timestamp,
        alerting: &Alerting,
        options: &AlertingOptions,
    ) -> Option<(Vec<Sent>, DurationMs)> {
        let _claim = Claim(self);
        let mut slot = self.group.lock();
        let group = slot.as_mut()?;
        let budget = || {
            let budget = QueryBudget::new(options.samples_max);
            let budget = match &options.memory {
                Some((pool, max)) => budget.with_memory(pool, *max),
                None => budget,
            };
            let budget = Arc::new(budget);
            *self.query.lock() = Some(RunningQuery { budget: Arc::clone(&budget), started: alerting.now_ms() });
            budget
        };
        let sent = group.evaluate(
            at,
            &mut Evaluation {
                engine: &alerting.engine,
                source: alerting.series.as_ref(),
                write: &mut |samples| alerting.store(samples),
                budget: &budget,
                clock: &|| (alerting.now)(),
                external_labels: &options.external_labels,
                external_url: &options.external_url,
                metrics: &alerting.metrics,
                memory: &alerting.memory,
            },
        );
        *self.snapshot.write() = group.snapshot();
        Some((sent, self.interval))
    }
}

/// Gives a member's claim back, also when its evaluation panics.
struct Claim<'a>(&'a Member);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        *self.0.query.lock() = None;
        self.0.timing.lock().claimed = false;
    }
}
