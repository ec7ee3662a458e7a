//! Groups over simulated time, with the real engine and a store of a map.

use super::*;
use crate::alert::AlertState;
use crate::rulefile::RuleFile;
use crate::state_memory::STATE_BYTES_MAX;
use std::path::Path;
use watchfire_model::{MatchOp, Matcher, MemorySeries, Samples, TimeRange, is_stale};

const MINUTE: i64 = 60_000;
const START: i64 = 1_700_000_000_000;

const EVER: TimeRange = TimeRange { start: Timestamp(i64::MIN), end: Timestamp(i64::MAX) };

fn set(memory: &MemorySeries, pairs: &[(&str, &str)], time: i64, value: f64) {
    memory.push(&Labels::from_pairs(pairs.iter().copied()), Sample { time: Timestamp(time), value }.into());
}

/// A group on a clock that moves by whole minutes.
struct Bench {
    memory: Arc<MemorySeries>,
    group: Group,
    now: i64,
    metrics: Metrics,
    state: Arc<MemoryPool>,
}

impl Bench {
    fn new(rules: &str) -> Bench {
        Bench::over(Arc::default(), rules, START, false)
    }

    fn over(memory: Arc<MemorySeries>, rules: &str, now: i64, restores: bool) -> Bench {
        let group = group(rules, restores);
        let state = MemoryPool::new("alerts and series of rules", STATE_BYTES_MAX);
        Bench { memory, group, now, metrics: Metrics::default(), state }
    }

    /// Sets `heat{instance=…}` to these values, `None` leaving it out, and evaluates one minute later.
    fn minute(&mut self, heat: &[Option<f64>]) -> Vec<Sent> {
        self.now += MINUTE;
        for (index, value) in heat.iter().enumerate() {
            let instance = index.to_string();
            let value = value.unwrap_or_else(stale_nan);
            set(&self.memory, &[("__name__", "heat"), ("instance", &instance)], self.now, value);
        }
        self.evaluate()
    }

    fn evaluate(&mut self) -> Vec<Sent> {
        let memory = Arc::clone(&self.memory);
        self.group.evaluate(
            Timestamp(self.now),
            &mut Evaluation {
                engine: &Engine::default(),
                source: memory.as_ref(),
                write: &mut |points| {
                    for (labels, point) in points {
                        memory.push(labels, point.clone());
                    }
                    Ok(())
                },
                budget: &|| Arc::new(QueryBudget::unlimited()),
                clock: &|| TimeNs(0),
                external_labels: &Labels::from_pairs([("region", "eu")]),
                external_url: "http://watchfire",
                metrics: &self.metrics,
                memory: &self.state,
            },
        )
    }

    /// State, and minutes since it became active, of the first rule's alerts.
    fn states(&self) -> Vec<(AlertState, i64)> {
        let live = self.group.rules[0].alerts.live();
        live.map(|alert| (alert.state, (self.now - alert.active_at.0) / MINUTE)).collect()
    }

    fn error(&self, rule: usize) -> &str {
        match &self.group.rules[rule].health {
            Health::Failed(error) => error,
            Health::Ok => "ok",
            Health::Unknown => "unknown",
        }
    }

    /// The series written at the present minute, ended ones with a cross.
    fn written(&self, metric: &str) -> Vec<String> {
        let name = Matcher::new(METRIC_NAME, MatchOp::Equal, metric).unwrap();
        let now = TimeRange { start: Timestamp(self.now), end: Timestamp(self.now) };
        let budget = QueryBudget::unlimited();
        let mut written = Vec::new();
        for series in self.memory.select(&[name], EVER, &budget).unwrap() {
            let mut samples = Samples::default();
            series.read(now, &budget, &mut samples).unwrap();
            let labels = series.labels();
            written.extend(
                samples
                    .values
                    .iter()
                    .map(|value| if is_stale(*value) { format!("{labels} x") } else { format!("{labels} {value}") }),
            );
        }
        written
    }
}

fn group(rules: &str, restores: bool) -> Group {
    let text = format!("groups:\n- name: g\n  rules:\n{rules}");
    let spec = RuleFile::parse(Path::new("r.yml"), &text).unwrap().groups.remove(0);
    Group::new(spec, DurationMs(60_000), DurationMs(0), restores)
}

const HOT: &str = "  - alert: Hot\n    expr: heat > 10\n    for: 2m\n    labels: {severity: page, place: '{{ $labels.instance }}/{{ $externalLabels.region }}'}\n    \
                   annotations: {summary: 'at {{ $value }}'}\n";

#[test]
fn an_alert_is_pending_then_fires_then_resolves() {
    use AlertState::{Firing, Pending};
    let mut bench = Bench::new(HOT);
    assert_eq!(bench.minute(&[Some(1.0)]).len(), 0);
    assert_eq!(bench.states(), []);
    bench.minute(&[Some(11.0)]);
    assert_eq!(bench.states(), [(Pending, 0)]);
    bench.minute(&[Some(12.0)]);
    assert_eq!(bench.states(), [(Pending, 1)]);
    assert_eq!(
        bench.written("ALERTS"),
        [r#"ALERTS{alertname="Hot", alertstate="pending", instance="0", place="0/eu", severity="page"} 1"#]
    );
    let sent = bench.minute(&[Some(13.0)]);
    assert_eq!(bench.states(), [(Firing, 2)]);
    assert_eq!(
        bench.written("ALERTS"),
        [
            r#"ALERTS{alertname="Hot", alertstate="firing", instance="0", place="0/eu", severity="page"} 1"#,
            r#"ALERTS{alertname="Hot", alertstate="pending", instance="0", place="0/eu", severity="page"} x"#,
        ]
    );
    let active_at = (START + 2 * MINUTE) / 1000;
    assert_eq!(
        bench.written("ALERTS_FOR_STATE"),
        [format!(r#"ALERTS_FOR_STATE{{alertname="Hot", instance="0", place="0/eu", severity="page"}} {active_at}"#)]
    );
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].alert.annotations.get_or_empty("summary"), "at 13");
    assert_eq!(sent[0].query, "heat > 10");
    assert_eq!(sent[0].alert.fired_at, Some(Timestamp(bench.now)));
    let sent = bench.minute(&[Some(2.0)]);
    assert_eq!(bench.states(), []);
    assert_eq!(sent[0].alert.resolved_at, Some(Timestamp(bench.now)));
    assert_eq!(bench.written("ALERTS").len(), 1);
    assert!(bench.written("ALERTS")[0].ends_with(" x"));
    // Told again each minute for a quarter of an hour, then forgotten.
    let told: usize = (0..30).map(|_| bench.minute(&[Some(2.0)]).len()).sum();
    assert_eq!((told, bench.group.rules[0].alerts.active.len()), (15, 0));
}

#[test]
fn a_pending_alert_that_goes_leaves_nothing() {
    let mut bench = Bench::new(HOT);
    bench.minute(&[Some(11.0)]);
    assert_eq!(bench.minute(&[Some(1.0)]).len(), 0);
    assert_eq!((bench.states().len(), bench.group.rules[0].alerts.active.len()), (0, 0));
    bench.minute(&[Some(11.0)]);
    assert_eq!(bench.states(), [(AlertState::Pending, 0)]);
}

#[test]
fn an_alert_can_fire_on_for_a_while() {
    let mut bench = Bench::new("  - alert: Hot\n    expr: heat > 10\n    keep_firing_for: 3m\n");
    bench.minute(&[Some(11.0)]);
    assert_eq!(bench.states(), [(AlertState::Firing, 0)]);
    for _ in 0..3 {
        bench.minute(&[None]);
        assert_eq!(bench.states().len(), 1);
    }
    let since = bench.group.rules[0].alerts.live().next().unwrap().keep_firing_since;
    assert_eq!(since, Some(Timestamp(START + 2 * MINUTE)));
    bench.minute(&[None]);
    assert_eq!(bench.states(), []);
}

#[test]
fn rules_see_what_the_rules_before_them_wrote() {
    let rules =
        "  - record: heat:max\n    expr: max(heat)\n    labels: {by: rule}\n  - alert: Hot\n    expr: heat:max > 10\n";
    let mut bench = Bench::new(rules);
    let sent = bench.minute(&[Some(3.0), Some(30.0)]);
    assert_eq!(bench.written("heat:max"), [r#"heat:max{by="rule"} 30"#]);
    assert_eq!(sent[0].alert.labels, Labels::from_pairs([("alertname", "Hot"), ("by", "rule")]));
    bench.minute(&[None, None]);
    assert_eq!(bench.written("heat:max"), [r#"heat:max{by="rule"} x"#]);
}

#[test]
fn label_sets_that_fall_together_are_an_error() {
    let rules = "  - alert: Hot\n    expr: heat > 10\n    labels: {instance: same}\n  - record: heat:copy\n    expr: heat\n    labels: {instance: same}\n";
    let mut bench = Bench::new(rules);
    assert_eq!(bench.minute(&[Some(11.0), Some(12.0)]).len(), 0);
    assert_eq!(bench.error(0), "vector contains metrics with the same labelset after applying alert labels");
    assert_eq!(bench.error(1), "vector contains metrics with the same labelset after applying rule labels");
    bench.minute(&[Some(11.0), None]);
    assert_eq!((bench.error(0), bench.error(1)), ("ok", "ok"));
}

#[test]
fn what_rules_hold_is_bounded() {
    let text = "  - alert: Hot\n    expr: heat > 10\n    annotations: {text: '{{ $labels.text }}{{ $labels.text }}'}\n  - alert: Long\n    \
                expr: heat > 10\n    labels: {long: '{{ $labels.text }}{{ $labels.text }}'}\n  - record: heat:copy\n    expr: heat\n";
    let mut bench = Bench::new(text);
    let long = "x".repeat(5_000);
    let hot = |bench: &Bench, count: usize| {
        for index in 0..count {
            let labels = [("__name__", "heat"), ("instance", &*index.to_string()), ("text", &long)];
            set(&bench.memory, &labels, bench.now + MINUTE, 20.0);
        }
    };
    hot(&bench, 100);
    bench.minute(&[]);
    assert_eq!((bench.error(0), bench.error(2)), ("ok", "ok"));
    assert_eq!(bench.error(1), "the label `long` has 10000 bytes, at most 8192 are allowed");
    let held = bench.state.used();
    assert!((2_000_000..4_000_000).contains(&held), "{held}");
    hot(&bench, 4_000);
    bench.minute(&[]);
    assert_eq!(bench.error(0), "its alerts take more than 16MiB of memory: let the expression yield fewer");
    assert_eq!(bench.error(2), "its series take more than 16MiB of memory: let the expression yield fewer");
    assert_eq!(bench.states().len(), 100, "a failed evaluation changes nothing");
    assert_eq!(bench.state.used(), held);
    bench.group = group(text, false);
    assert_eq!(bench.state.used(), 0, "a group that goes gives back what it held");
    let others = bench.state.take(STATE_BYTES_MAX.0).unwrap();
    bench.memory = Arc::default();
    hot(&bench, 10);
    bench.minute(&[]);
    assert!(bench.error(0).contains("alerts and series of rules hold all of the 64MiB"), "{}", bench.error(0));
    drop(others);
}

#[test]
fn limits_discard_the_whole_rule() {
    let text = "groups:\n- name: g\n  limit: 1\n  rules:\n  - alert: Hot\n    expr: heat > 10\n  - record: heat:copy\n    expr: heat\n";
    let spec = RuleFile::parse(Path::new("r.yml"), text).unwrap().groups.remove(0);
    let mut bench = Bench::new("  - record: a\n    expr: 1\n");
    bench.group = Group::new(spec, DurationMs(60_000), DurationMs(0), false);
    bench.minute(&[Some(11.0)]);
    assert_eq!((bench.error(0), bench.error(1)), ("ok", "ok"));
    bench.minute(&[Some(11.0), Some(12.0)]);
    assert_eq!(bench.error(0), "exceeded limit of 1 with 2 alerts");
    assert_eq!(bench.error(1), "exceeded limit of 1 with 2 series");
    assert_eq!(bench.states(), []);
}

#[test]
fn a_failing_template_pages_with_its_error() {
    let mut bench = Bench::new("  - alert: Hot\n    expr: heat > 10\n    annotations: {summary: '{{ .labels.x }}'}\n");
    let sent = bench.minute(&[Some(11.0)]);
    let summary = sent[0].alert.annotations.get_or_empty("summary");
    assert!(summary.starts_with("<error expanding template: `.labels` does not exist"), "{summary}");
}

#[test]
fn query_offsets_look_back_and_write_back() {
    let text = "groups:\n- name: g\n  query_offset: 1m\n  rules:\n  - record: heat:copy\n    expr: heat\n";
    let spec = RuleFile::parse(Path::new("r.yml"), text).unwrap().groups.remove(0);
    let mut bench = Bench::new("  - record: a\n    expr: 1\n");
    bench.group = Group::new(spec, DurationMs(60_000), DurationMs(0), false);
    bench.minute(&[Some(1.0)]);
    bench.minute(&[Some(2.0)]);
    bench.now -= MINUTE;
    assert_eq!(bench.written("heat:copy"), [r#"heat:copy{instance="0"} 1"#]);
}

#[test]
fn a_reload_keeps_the_alerts_of_rules_that_stay_and_ends_the_others() {
    let mut bench = Bench::new(&format!("{HOT}  - record: heat:copy\n    expr: heat\n"));
    bench.minute(&[Some(11.0)]);
    let mut changed = group(&HOT.replace("for: 2m", "for: 1m"), false);
    changed.take_over(std::mem::replace(&mut bench.group, group(HOT, false)));
    bench.group = changed;
    bench.minute(&[Some(11.0)]);
    assert_eq!(bench.states(), [(AlertState::Firing, 1)]);
    assert_eq!(bench.written("heat:copy"), [r#"heat:copy{instance="0"} x"#]);
    let mut other = group(&HOT.replace("> 10", "> 5"), false);
    other.take_over(std::mem::replace(&mut bench.group, group(HOT, false)));
    bench.group = other;
    bench.minute(&[Some(11.0)]);
    assert_eq!(bench.states(), [(AlertState::Pending, 0)]);
}

/// Runs a rule with this `for` hot for `before` minutes, stops for `outage` minutes, starts anew, and gives the state and
/// age in minutes after the second evaluation.
#[track_caller]
fn check_restart(hold: &str, before: usize, outage: i64, want: (AlertState, i64)) {
    let rules = HOT.replace("for: 2m", &format!("for: {hold}"));
    let mut bench = Bench::new(&rules);
    for _ in 0..=before {
        bench.minute(&[Some(11.0)]);
    }
    let mut bench = Bench::over(bench.memory, &rules, bench.now + (outage - 2) * MINUTE, true);
    bench.minute(&[Some(11.0)]);
    assert_eq!(bench.written("ALERTS"), Vec::<String>::new(), "nothing is written before the old state is read");
    bench.minute(&[Some(11.0)]);
    assert_eq!(bench.states(), [want], "for {hold}, {before} minutes before, {outage} of outage");
}

#[test]
fn pending_time_survives_a_restart() {
    use AlertState::{Firing, Pending};
    // It was firing: it counts on from its old start, and fires at the next evaluation.
    check_restart("20m", 25, 5, (Pending, 30));
    // Half of an hour was left: the outage does not count.
    check_restart("60m", 30, 5, (Pending, 30));
    // Less than the grace period was left: it fires when that is over.
    check_restart("30m", 25, 5, (Pending, 20));
    // A short `for` starts anew, unless the alert was firing.
    check_restart("5m", 2, 5, (Pending, 1));
    check_restart("5m", 6, 5, (Pending, 11));
    check_restart("1m", 6, 5, (Firing, 11));
    // Too long ago.
    check_restart("20m", 25, 90, (Pending, 1));
}

#[test]
fn an_alert_that_had_ended_before_a_restart_starts_anew() {
    let rules = HOT.replace("for: 2m", "for: 20m");
    let mut bench = Bench::new(&rules);
    for _ in 0..25 {
        bench.minute(&[Some(11.0)]);
    }
    bench.minute(&[Some(1.0)]);
    let mut bench = Bench::over(bench.memory, &rules, bench.now + 3 * MINUTE, true);
    bench.minute(&[Some(11.0)]);
    bench.minute(&[Some(11.0)]);
    assert_eq!(bench.states(), [(AlertState::Pending, 1)]);
}

#[test]
fn snapshots_have_prometheus_fields() {
    let mut bench = Bench::new(&format!("{HOT}  - record: heat:copy\n    expr: heat\n    labels: {{a: b}}\n"));
    let before = serde_json::to_value(bench.group.snapshot()).unwrap();
    assert_eq!(before["lastEvaluation"], "0001-01-01T00:00:00Z");
    assert_eq!(before["rules"][0]["health"], "unknown");
    bench.minute(&[Some(12.5)]);
    let got = serde_json::to_value(bench.group.snapshot()).unwrap();
    let want = serde_json::json!({
        "name": "g", "file": "r.yml", "interval": 60.0, "limit": 0, "evaluationTime": 0.0,
        "lastEvaluation": "2023-11-14T22:14:20Z",
        "rules": [
            {
                "type": "alerting", "state": "pending", "name": "Hot", "query": "heat > 10", "duration": 120.0, "keepFiringFor": 0.0,
                "labels": {"severity": "page", "place": "{{ $labels.instance }}/{{ $externalLabels.region }}"},
                "annotations": {"summary": "at {{ $value }}"}, "health": "ok", "evaluationTime": 0.0,
                "lastEvaluation": "2023-11-14T22:14:20Z",
                "alerts": [{
                    "labels": {"alertname": "Hot", "instance": "0", "place": "0/eu", "severity": "page"},
                    "annotations": {"summary": "at 12.5"}, "state": "pending", "activeAt": "2023-11-14T22:14:20Z", "value": "1.25e+01",
                }],
            },
            {
                "type": "recording", "name": "heat:copy", "query": "heat", "labels": {"a": "b"}, "health": "ok", "evaluationTime": 0.0,
                "lastEvaluation": "2023-11-14T22:14:20Z",
            },
        ],
    });
    assert_eq!(got, want);
}
