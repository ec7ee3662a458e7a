//! Evaluates one test: the series come in as their time is reached, the groups are evaluated at every interval.

use super::compare::{Comparison, alerts_text, expected_alerts, samples_text};
use super::file::{AlertTest, ExpressionTest, RuleTests, Test};
use super::{TEST_EVALUATIONS_MAX, TestFailure};
use crate::alert::AlertState;
use crate::group::{Evaluation, Group};
use crate::metrics::Metrics;
use crate::snapshot::RuleSnapshot;
use crate::state_memory::STATE_BYTES_MAX;
use std::sync::Arc;
use watchfire_model::{
    DurationMs, Labels, MemoryPool, MemorySeries, Point, PointValue, QueryBudget, TimeNs, Timestamp,
};
use watchfire_promql::notation::{self, NotedValue};
use watchfire_promql::{Engine, Value, VectorSample};

/// Samples that one query of a test may read.
const SAMPLES_MAX: u64 = 50_000_000;

/// A test under way.
struct Running<'a> {
    test: &'a Test,
    engine: Engine,
    series: MemorySeries,
    /// Of each input series, how many of its values have come in.
    fed: Vec<usize>,
    groups: Vec<Group>,
    metrics: Metrics,
    memory: Arc<MemoryPool>,
    comparison: Comparison,
    failures: Vec<TestFailure>,
}

impl Test {
    pub(super) fn run(&self, tests: &RuleTests) -> Vec<TestFailure> {
        let group = |spec: &crate::rule::RuleGroup| Group::new(spec.clone(), tests.interval, DurationMs(0), false);
        let mut running = Running {
            test: self,
            engine: Engine::default(),
            series: MemorySeries::default(),
            fed: vec![0; self.series.len()],
            groups: tests.groups.iter().map(group).collect(),
            metrics: Metrics::default(),
            memory: MemoryPool::new("alerts and series of rules", STATE_BYTES_MAX),
            comparison: Comparison { is_fuzzy: tests.is_fuzzy },
            failures: Vec::new(),
        };
        let DurationMs(interval) = tests.interval;
        let times =
            self.alerts.iter().map(|test| test.eval_time).chain(self.expressions.iter().map(|test| test.eval_time));
        let last = times.max().unwrap_or_default().0;
        if last / interval >= TEST_EVALUATIONS_MAX {
            running.fail(format!("more than {TEST_EVALUATIONS_MAX} evaluations: lengthen evaluation_interval"));
            return running.failures;
        }
        for elapsed in (0..=last).step_by(usize::try_from(interval).unwrap_or(usize::MAX)) {
            running.feed(elapsed);
            if !running.evaluate(elapsed) {
                return running.failures;
            }
            let here = elapsed..elapsed.saturating_add(interval);
            for alert_test in self.alerts.iter().filter(|test| here.contains(&test.eval_time.0)) {
                running.compare_alerts(alert_test);
            }
        }
        running.feed(last);
        for expression in &self.expressions {
            running.compare_samples(expression);
        }
        running.failures
    }
}

impl Running<'_> {
    fn fail(&mut self, problem: String) {
        self.failures.push(TestFailure { test: self.test.name.clone(), problem });
    }

    fn at(&self, elapsed_ms: u64) -> Timestamp {
        Timestamp(self.test.start).plus_ms(i64::try_from(elapsed_ms).unwrap_or(i64::MAX))
    }

    /// Takes in what has come by now.
    fn feed(&mut self, elapsed_ms: u64) {
        let due = (elapsed_ms / self.test.interval.0) as usize + 1;
        for (place, (labels, values)) in self.test.series.iter().enumerate() {
            let until = due.min(values.len());
            for (index, value) in values.iter().enumerate().take(until).skip(self.fed[place]) {
                let value = match value {
                    NotedValue::Missing => continue,
                    NotedValue::Float(value) => PointValue::Float(*value),
                    NotedValue::Histogram(histogram) => PointValue::Histogram(Arc::clone(histogram)),
                };
                let time = self.at(index as u64 * self.test.interval.0);
                self.series.push(labels, Point { time, start: None, value });
            }
            self.fed[place] = until;
        }
    }

    /// Evaluates every group; whether all rules could be.
    fn evaluate(&mut self, elapsed_ms: u64) -> bool {
        let now = self.at(elapsed_ms);
        let mut problems = Vec::new();
        for group in &mut self.groups {
            let series = &self.series;
            group.evaluate(
                now,
                &mut Evaluation {
                    engine: &self.engine,
                    source: series,
                    write: &mut |points| {
                        for (labels, point) in points {
                            series.push(labels, point.clone());
                        }
                        Ok(())
                    },
                    budget: &budget,
                    clock: &|| TimeNs(0),
                    external_labels: &self.test.external_labels,
                    external_url: &self.test.external_url,
                    metrics: &self.metrics,
                    memory: &self.memory,
                },
            );
            for rule in group.snapshot().rules {
                let (RuleSnapshot::Alerting { name, last_error, .. }
                | RuleSnapshot::Recording { name, last_error, .. }) = rule;
                if !last_error.is_empty() {
                    problems.push(format!("rule: {name}, time: {}, err: {last_error}", DurationMs(elapsed_ms)));
                }
            }
        }
        let all_good = problems.is_empty();
        for problem in problems {
            self.fail(problem);
        }
        all_good
    }

    fn compare_alerts(&mut self, test: &AlertTest) {
        let mut got: Vec<(Labels, Labels)> = Vec::new();
        for rule in self.groups.iter().flat_map(|group| group.snapshot().rules) {
            if let RuleSnapshot::Alerting { name, alerts, .. } = rule
                && name == test.alertname
            {
                let firing = alerts.into_iter().filter(|alert| alert.state == AlertState::Firing);
                got.extend(firing.map(|alert| (alert.labels, alert.annotations)));
            }
        }
        got.sort();
        let expected = expected_alerts(test);
        if got != expected {
            self.fail(format!(
                "alertname: {}, time: {},\n    exp: {}\n    got: {}",
                test.alertname,
                test.eval_time,
                alerts_text(&expected),
                alerts_text(&got)
            ));
        }
    }

    fn compare_samples(&mut self, test: &ExpressionTest) {
        let place = format!("expr: {:?}, time: {}", test.expr, test.eval_time);
        let got = watchfire_promql::parse(&test.expr).map_err(|error| error.to_string()).and_then(|expr| {
            let output = self.engine.instant(&self.series, &expr, self.at(test.eval_time.0), &budget());
            Ok(output.map_err(|error| error.to_string())?.value)
        });
        let got = match got {
            Ok(Value::Vector(samples)) => samples,
            Ok(Value::Scalar { value, time }) => {
                vec![VectorSample { labels: Labels::empty(), time, value, histogram: None }]
            }
            Ok(Value::String { .. } | Value::Matrix(_)) => {
                return self.fail(format!("{place}, err: the result is neither a vector nor a scalar"));
            }
            Err(error) => return self.fail(format!("{place}, err: {error}")),
        };
        let mut expected = Vec::with_capacity(test.exp_samples.len());
        for sample in &test.exp_samples {
            let labels = match sample.labels.as_str() {
                "" => Ok(Labels::empty()),
                text => notation::series(text),
            };
            let histogram = match sample.histogram.as_str() {
                "" => Ok(None),
                text => notation::histogram(text.trim_start_matches("{{").trim_end_matches("}}"))
                    .map(|histogram| Some(Arc::new(histogram))),
            };
            match labels.and_then(|labels| Ok((labels, histogram?))) {
                Ok((labels, histogram)) => {
                    let time = self.at(test.eval_time.0);
                    expected.push(VectorSample { labels, time, value: sample.value, histogram });
                }
                Err(error) => return self.fail(format!("{place}, err: exp_samples: {error}")),
            }
        }
        if !self.comparison.is_equal(&got, &expected) {
            self.fail(format!("{place},\n    exp: {}\n    got: {}", samples_text(&expected), samples_text(&got)));
        }
    }
}

fn budget() -> Arc<QueryBudget> {
    Arc::new(QueryBudget::new(SAMPLES_MAX))
}
