//! Evaluates one rule group: its rules in order, each seeing what those before it wrote. Pure: the time, the data and the
//! place to write to are arguments. Reference: Prometheus `rules/group.go` and `rules/recording.go`.

#[cfg(test)]
mod tests;

use crate::alert::{Alert, Alerts, Surroundings};
use crate::metrics::Metrics;
use crate::restore::restore;
use crate::rule::{AlertingRule, Query, RecordingRule, Rule, RuleGroup};
use crate::snapshot::{AlertSnapshot, GroupSnapshot, RuleSnapshot};
use crate::state_memory::{StateHold, check_rule, labels_bytes};
use std::collections::BTreeSet;
use std::sync::Arc;
use watchfire_model::{
    DurationMs, Labels, METRIC_NAME, MemoryPool, Point, PointValue, QueryBudget, Sample, SeriesSource, TimeNs,
    Timestamp, stale_nan,
};
use watchfire_promql::{Engine, Value, VectorSample};

/// The evaluation after which `for` states from before a restart are taken over: by then data have come in again.
const RESTORE_AT_EVALUATION: u64 = 2;

/// Takes the samples of a rule; says what it could not store.
pub type Write<'a> = dyn FnMut(&[(Labels, Point)]) -> Result<(), String> + 'a;

/// What an evaluation reads and writes.
pub struct Evaluation<'a> {
    pub engine: &'a Engine,
    pub source: &'a dyn SeriesSource,
    /// Called for each rule before the next one is evaluated.
    pub write: &'a mut Write<'a>,
    /// A budget for each rule's query.
    pub budget: &'a dyn Fn() -> Arc<QueryBudget>,
    /// Measures how long rules take.
    pub clock: &'a dyn Fn() -> TimeNs,
    pub external_labels: &'a Labels,
    pub external_url: &'a str,
    pub metrics: &'a Metrics,
    /// What rules hold from one evaluation to the next.
    pub memory: &'a Arc<MemoryPool>,
}

impl std::fmt::Debug for Evaluation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluation").field("external_labels", self.external_labels).finish_non_exhaustive()
    }
}

/// An alert as the dispatcher hears of it, with the rule that it comes from.
#[derive(Debug, Clone)]
pub struct Sent {
    pub alert: Alert,
    /// The rule's expression in normal form.
    pub query: String,
}

/// A rule group and the state of its rules.
#[derive(Debug)]
pub struct Group {
    spec: RuleGroup,
    interval: DurationMs,
    offset_ms: i64,
    rules: Vec<RuleState>,
    /// Series of rules that a reload took away: they end at the next evaluation.
    orphans: BTreeSet<Labels>,
    evaluations: u64,
    last_evaluation: Option<Timestamp>,
    evaluation_seconds: f64,
}

#[derive(Debug)]
struct RuleState {
    rule: Rule,
    /// Empty for recording rules.
    alerts: Alerts,
    /// For `alerts` and `written`.
    hold: StateHold,
    /// Series that the last good evaluation wrote; those missing from the next one get a staleness marker.
    written: BTreeSet<Labels>,
    health: Health,
    last_evaluation: Option<Timestamp>,
    evaluation_seconds: f64,
}

#[derive(Debug, Clone)]
enum Health {
    Unknown,
    Ok,
    Failed(String),
}

impl Group {
    /// `interval` and `query_offset` are what holds where the group does not say; `restores` where alerts may have been
    /// pending before this process started.
    pub fn new(spec: RuleGroup, interval: DurationMs, query_offset: DurationMs, restores: bool) -> Group {
        let rules = spec.rules.iter().map(|rule| RuleState::new(rule.clone(), !restores)).collect();
        Group {
            interval: spec.interval.unwrap_or(interval),
            offset_ms: spec.query_offset.unwrap_or(query_offset).0 as i64,
            spec,
            rules,
            orphans: BTreeSet::new(),
            evaluations: 0,
            last_evaluation: None,
            evaluation_seconds: 0.0,
        }
    }

    pub fn spec(&self) -> &RuleGroup {
        &self.spec
    }

    pub fn interval(&self) -> DurationMs {
        self.interval
    }

    pub fn query_offset(&self) -> DurationMs {
        DurationMs(self.offset_ms as u64)
    }

    /// Takes over the state of rules that `old`, the group of this name before a reload, has too; the series of the
    /// others end at the next evaluation.
    pub fn take_over(&mut self, old: Group) {
        let mut old_rules = old.rules;
        for state in &mut self.rules {
            if let Some(index) = old_rules.iter().position(|known| is_same(&known.rule, &state.rule)) {
                let known = old_rules.remove(index);
                *state = RuleState { rule: state.rule.clone(), ..known };
            }
        }
        self.orphans = old.orphans;
        self.orphans.extend(old_rules.into_iter().flat_map(|state| state.written));
        self.evaluations = old.evaluations;
        self.last_evaluation = old.last_evaluation;
        self.evaluation_seconds = old.evaluation_seconds;
    }

    /// The series that the group wrote last, for a group that is gone.
    pub(crate) fn into_series(self) -> BTreeSet<Labels> {
        let written = self.rules.into_iter().flat_map(|state| state.written);
        self.orphans.into_iter().chain(written).collect()
    }

    /// Evaluates every rule at `now`; returns the alerts to send.
    pub fn evaluate(&mut self, now: Timestamp, evaluation: &mut Evaluation<'_>) -> Vec<Sent> {
        let started = (evaluation.clock)();
        self.evaluations += 1;
        let mut sent = Vec::new();
        for state in &mut self.rules {
            let rule_started = (evaluation.clock)();
            evaluation.metrics.evaluations.inc();
            let outcome = state.evaluate(now, self.offset_ms, self.spec.limit, evaluation);
            state.health = match outcome {
                Ok(()) => Health::Ok,
                Err(error) => {
                    evaluation.metrics.evaluation_failures.inc();
                    tracing::warn!(group = %self.spec.name, rule = %state.rule.name(), %error, "rule failed");
                    Health::Failed(error)
                }
            };
            if let Rule::Alerting(rule) = &state.rule {
                let unsent = state.alerts.take_unsent(now);
                sent.extend(unsent.into_iter().map(|alert| Sent { alert, query: rule.query.text.clone() }));
            }
            state.last_evaluation = Some(now);
            state.evaluation_seconds = seconds_between(rule_started, (evaluation.clock)());
        }
        self.end_orphans(now, evaluation);
        if self.evaluations == RESTORE_AT_EVALUATION {
            self.restore(now, evaluation);
        }
        self.last_evaluation = Some(now);
        self.evaluation_seconds = seconds_between(started, (evaluation.clock)());
        evaluation.metrics.evaluation_seconds.inc_by(self.evaluation_seconds);
        sent
    }

    fn end_orphans(&mut self, now: Timestamp, evaluation: &mut Evaluation<'_>) {
        let alive = |labels: &Labels| self.rules.iter().any(|state| state.written.contains(labels));
        let ended: Vec<_> = self.orphans.iter().filter(|labels| !alive(labels)).cloned().collect();
        self.orphans.clear();
        if let Err(error) = (evaluation.write)(&stale_markers(ended, now.plus_ms(-self.offset_ms))) {
            tracing::warn!(group = %self.spec.name, %error, "staleness markers of removed rules were not stored");
        }
    }

    fn restore(&mut self, now: Timestamp, evaluation: &Evaluation<'_>) {
        for state in self.rules.iter_mut().filter(|state| !state.alerts.restored) {
            if let Rule::Alerting(rule) = &state.rule {
                let budget = (evaluation.budget)();
                if let Err(error) = restore(&mut state.alerts, rule, now, evaluation.source, &budget) {
                    tracing::warn!(rule = %rule.name, %error, "pending alerts start anew, their state was not readable");
                }
            }
            state.alerts.restored = true;
        }
    }

    /// Everything that the API shows of the group.
    pub fn snapshot(&self) -> GroupSnapshot {
        GroupSnapshot {
            name: self.spec.name.clone(),
            file: self.spec.file.display().to_string(),
            rules: self.rules.iter().map(RuleState::snapshot).collect(),
            interval: self.interval.as_seconds(),
            limit: self.spec.limit.unwrap_or(0),
            evaluation_time: self.evaluation_seconds,
            last_evaluation: self.last_evaluation,
        }
    }
}

impl RuleState {
    fn new(rule: Rule, restored: bool) -> RuleState {
        RuleState {
            rule,
            alerts: Alerts { restored, ..Alerts::default() },
            hold: StateHold::default(),
            written: BTreeSet::new(),
            health: Health::Unknown,
            last_evaluation: None,
            evaluation_seconds: 0.0,
        }
    }

    fn evaluate(
        &mut self,
        now: Timestamp,
        offset_ms: i64,
        limit: Option<usize>,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<(), String> {
        let time = now.plus_ms(-offset_ms);
        let result = query(self.rule.query(), time, evaluation)?;
        let memory = evaluation.memory;
        let samples = match &self.rule {
            Rule::Recording(rule) => {
                let samples = record(rule, &result, time, limit)?;
                self.hold.resize(memory, samples.iter().map(|(labels, _)| labels_bytes(labels)).sum())?;
                samples
            }
            Rule::Alerting(rule) => {
                let surroundings = Surroundings {
                    external_labels: evaluation.external_labels,
                    external_url: evaluation.external_url,
                    metrics: evaluation.metrics,
                };
                let hold = &mut |bytes| self.hold.resize(memory, bytes);
                self.alerts.advance(rule, &result, now, offset_ms, (limit, hold), surroundings)?
            }
        };
        let written: BTreeSet<Labels> = samples.iter().map(|(labels, _)| labels.clone()).collect();
        let ended = self.written.difference(&written).cloned();
        let markers = stale_markers(ended.collect(), time);
        let stored = (evaluation.write)(&samples).and((evaluation.write)(&markers));
        self.written = written;
        stored
    }

    fn snapshot(&self) -> RuleSnapshot {
        let (health, last_error) = match &self.health {
            Health::Unknown => ("unknown", String::new()),
            Health::Ok => ("ok", String::new()),
            Health::Failed(error) => ("err", error.clone()),
        };
        let (evaluation_time, last_evaluation) = (self.evaluation_seconds, self.last_evaluation);
        match &self.rule {
            Rule::Alerting(rule) => RuleSnapshot::Alerting {
                state: self.alerts.state(),
                name: rule.name.to_string(),
                query: rule.query.text.clone(),
                duration: rule.hold.as_seconds(),
                keep_firing_for: rule.keep_firing_for.as_seconds(),
                labels: sources(&rule.labels),
                annotations: sources(&rule.annotations),
                alerts: self.alerts.live().map(AlertSnapshot::new).collect(),
                health,
                last_error,
                evaluation_time,
                last_evaluation,
            },
            Rule::Recording(rule) => RuleSnapshot::Recording {
                name: rule.name.to_string(),
                query: rule.query.text.clone(),
                labels: rule.labels.clone(),
                health,
                last_error,
                evaluation_time,
                last_evaluation,
            },
        }
    }
}

/// Rules whose state may pass from one to the other: same name, query and labels, as in Prometheus.
fn is_same(old: &Rule, new: &Rule) -> bool {
    match (old, new) {
        (Rule::Alerting(old), Rule::Alerting(new)) => {
            let AlertingRule { name, query, labels, .. } = old;
            *name == new.name && *query == new.query && *labels == new.labels
        }
        (old, new) => old == new,
    }
}

fn query(query: &Query, time: Timestamp, evaluation: &Evaluation<'_>) -> Result<Vec<VectorSample>, String> {
    let budget = (evaluation.budget)();
    let output = evaluation.engine.instant(evaluation.source, &query.expr, time, &budget);
    match output.map_err(|error| error.to_string())?.value {
        Value::Vector(samples) => Ok(samples),
        Value::Scalar { value, .. } => Ok(vec![VectorSample { labels: Labels::empty(), time, value, histogram: None }]),
        Value::String { .. } | Value::Matrix(_) => Err("rule result is not a vector or scalar".to_owned()),
    }
}

fn record(
    rule: &RecordingRule,
    result: &[VectorSample],
    time: Timestamp,
    limit: Option<usize>,
) -> Result<Vec<(Labels, Point)>, String> {
    let mut seen = BTreeSet::new();
    let mut samples = Vec::with_capacity(result.len());
    let mut bytes = 0;
    for sample in result {
        let mut labels = sample.labels.to_builder();
        labels.set(METRIC_NAME, rule.name.clone());
        for label in &rule.labels {
            labels.set(label.name.clone(), label.value.clone());
        }
        let labels = labels.build();
        bytes += labels_bytes(&labels);
        check_rule(bytes, "series")?;
        if !seen.insert(labels.clone()) {
            return Err("vector contains metrics with the same labelset after applying rule labels".to_owned());
        }
        let value = match &sample.histogram {
            Some(histogram) => PointValue::Histogram(Arc::clone(histogram)),
            None => PointValue::Float(sample.value),
        };
        samples.push((labels, Point { time, start: None, value }));
    }
    match limit {
        Some(limit) if samples.len() > limit => Err(format!("exceeded limit of {limit} with {} series", samples.len())),
        _ => Ok(samples),
    }
}

pub(crate) fn stale_markers(series: Vec<Labels>, time: Timestamp) -> Vec<(Labels, Point)> {
    series.into_iter().map(|labels| (labels, Sample { time, value: stale_nan() }.into())).collect()
}

fn sources(templates: &[(smol_str::SmolStr, crate::template::Template)]) -> Labels {
    Labels::from_pairs(templates.iter().map(|(name, template)| (name.clone(), template.source())))
}

fn seconds_between(start: TimeNs, end: TimeNs) -> f64 {
    end.0.saturating_sub(start.0).max(0) as f64 / 1e9
}
