//! A file of tests as written.

use super::TestFailure;
use crate::rule::RuleGroup;
use crate::rulefile::{RuleFileErrors, RuleFiles, one_line, read};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use watchfire_model::{DurationMs, Labels, Timestamp};
use watchfire_promql::notation::{self, NotationError, NotedValue};

const INTERVAL_DEFAULT: DurationMs = DurationMs(60_000);

/// A file of tests, with the rules that it names.
#[derive(Debug)]
pub struct RuleTests {
    /// For the author: patterns of `rule_files` that name no file.
    pub warnings: Vec<String>,
    pub(super) groups: Vec<RuleGroup>,
    pub(super) interval: DurationMs,
    pub(super) is_fuzzy: bool,
    pub(super) tests: Vec<Test>,
}

/// Why a file of tests cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum RuleTestError {
    #[error(transparent)]
    Rules(#[from] RuleFileErrors),
    #[error("{}:{line}: {message}", file.display())]
    Yaml { file: PathBuf, line: u64, message: String },
    #[error("{}: {test}: input_series `{series}`: {error}", file.display())]
    Series { file: PathBuf, test: String, series: String, error: Box<NotationError> },
    #[error("{}: {test}: start_timestamp `{text}` is neither RFC 3339 nor Unix seconds", file.display())]
    Start { file: PathBuf, test: String, text: String },
    #[error("{}: {test}: an item of alert_rule_test at eval_time {at} has no `alertname`", file.display())]
    NoAlertName { file: PathBuf, test: String, at: DurationMs },
    #[error("{}: group_eval_order names the group `{group}`, which no rule file has", file.display())]
    Order { file: PathBuf, group: String },
    #[error("{}: evaluation_interval and interval have to be longer than 0", file.display())]
    Interval { file: PathBuf },
}

/// One item of `tests`.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) name: String,
    /// Unix milliseconds.
    pub(super) start: i64,
    /// Between two values of a series.
    pub(super) interval: DurationMs,
    pub(super) series: Vec<(Labels, Vec<NotedValue>)>,
    pub(super) alerts: Vec<AlertTest>,
    pub(super) expressions: Vec<ExpressionTest>,
    pub(super) external_labels: Labels,
    pub(super) external_url: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertTest {
    #[serde(default)]
    pub(super) eval_time: DurationMs,
    #[serde(default)]
    pub(super) alertname: String,
    #[serde(default)]
    pub(super) exp_alerts: Vec<ExpectedAlert>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedAlert {
    #[serde(default)]
    pub(super) exp_labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) exp_annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpressionTest {
    pub(super) expr: String,
    #[serde(default)]
    pub(super) eval_time: DurationMs,
    #[serde(default)]
    pub(super) exp_samples: Vec<ExpectedSample>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedSample {
    #[serde(default)]
    pub(super) labels: String,
    #[serde(default)]
    pub(super) value: f64,
    #[serde(default)]
    pub(super) histogram: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    rule_files: Vec<String>,
    #[serde(default)]
    evaluation_interval: Option<DurationMs>,
    #[serde(default)]
    group_eval_order: Vec<String>,
    #[serde(default)]
    tests: Vec<RawTest>,
    #[serde(default)]
    fuzzy_compare: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTest {
    #[serde(default)]
    name: String,
    #[serde(default)]
    interval: Option<DurationMs>,
    #[serde(default)]
    input_series: Vec<RawSeries>,
    #[serde(default)]
    alert_rule_test: Vec<AlertTest>,
    #[serde(default)]
    promql_expr_test: Vec<ExpressionTest>,
    #[serde(default)]
    external_labels: BTreeMap<String, String>,
    #[serde(default)]
    external_url: String,
    #[serde(default)]
    start_timestamp: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSeries {
    series: String,
    values: String,
}

impl RuleTests {
    /// Reads a file of tests and the rule files that it names, from the directory in which it lies.
    ///
    /// # Errors
    /// The file or one of its rule files cannot be read or is wrong.
    pub fn load(path: &Path) -> Result<RuleTests, RuleTestError> {
        let text = read(path).map_err(|error| RuleFileErrors(vec![error]))?;
        let options = serde_saphyr::options! { with_snippet: false };
        let raw: RawFile = serde_saphyr::from_str_with_options(&text, options).map_err(|error| {
            let line = error.location().map_or(1, |location| location.line());
            RuleTestError::Yaml { file: path.to_owned(), line, message: one_line(&error.to_string()) }
        })?;
        let RuleFiles { groups, warnings, .. } =
            RuleFiles::load(&raw.rule_files, path.parent().unwrap_or(Path::new("")))?;
        let interval = raw.evaluation_interval.unwrap_or(INTERVAL_DEFAULT);
        let tests: Vec<Test> = raw
            .tests
            .into_iter()
            .enumerate()
            .map(|(index, test)| test.read(path, index, interval))
            .collect::<Result<_, _>>()?;
        if interval.0 == 0 || tests.iter().any(|test| test.interval.0 == 0) {
            return Err(RuleTestError::Interval { file: path.to_owned() });
        }
        let groups = in_order(groups, &raw.group_eval_order)
            .map_err(|group| RuleTestError::Order { file: path.to_owned(), group })?;
        Ok(RuleTests { warnings, groups, interval, is_fuzzy: raw.fuzzy_compare, tests })
    }

    /// Runs the tests whose name `is_chosen`; what is not as it should be.
    pub fn run(&self, is_chosen: impl Fn(&str) -> bool) -> Vec<TestFailure> {
        let chosen = self.tests.iter().filter(|test| is_chosen(&test.name));
        chosen.flat_map(|test| test.run(self)).collect()
    }
}

/// The groups named in `order` first; a name without a group is the error.
fn in_order(mut groups: Vec<RuleGroup>, order: &[String]) -> Result<Vec<RuleGroup>, String> {
    let place = |group: &RuleGroup| order.iter().position(|name| *name == group.name).unwrap_or(order.len());
    if let Some(missing) = order.iter().find(|name| groups.iter().all(|group| group.name != **name)) {
        return Err(missing.clone());
    }
    groups.sort_by_key(place);
    Ok(groups)
}

impl RawTest {
    fn read(self, file: &Path, index: usize, interval: DurationMs) -> Result<Test, RuleTestError> {
        let name = if self.name.is_empty() { format!("test {}", index + 1) } else { self.name };
        if let Some(test) = self.alert_rule_test.iter().find(|test| test.alertname.is_empty()) {
            return Err(RuleTestError::NoAlertName { file: file.to_owned(), test: name, at: test.eval_time });
        }
        let start = match self.start_timestamp {
            None => 0,
            Some(text) => match instant(&text) {
                Some(Timestamp(start)) => start,
                None => return Err(RuleTestError::Start { file: file.to_owned(), test: name, text }),
            },
        };
        let mut series = Vec::with_capacity(self.input_series.len());
        for raw in self.input_series {
            let read = notation::series(&raw.series).and_then(|labels| Ok((labels, notation::values(&raw.values)?)));
            series.push(read.map_err(|error| RuleTestError::Series {
                file: file.to_owned(),
                test: name.clone(),
                series: raw.series,
                error: Box::new(error),
            })?);
        }
        Ok(Test {
            name,
            start,
            interval: self.interval.unwrap_or(interval),
            series,
            alerts: self.alert_rule_test,
            expressions: self.promql_expr_test,
            external_labels: Labels::from_pairs(self.external_labels),
            external_url: self.external_url,
        })
    }
}

/// RFC 3339 or Unix seconds.
fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<f64>() {
        let is_possible = seconds.is_finite() && seconds.abs() < i64::MAX as f64 / 1e6;
        return is_possible.then(|| Timestamp((seconds * 1000.0).round() as i64));
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(time.as_millisecond()))
}
