//! Rule files in Prometheus' format: what `promtool check rules` accepts is accepted, what it refuses is refused.
//! Format: <https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/>; checks: Prometheus
//! `model/rulefmt/rulefmt.go`.

mod files;
#[cfg(test)]
mod shipped;
#[cfg(test)]
mod tests;

use crate::rule::{AlertingRule, Query, RecordingRule, Rule, RuleGroup};
use crate::template::{Template, TemplateError};
use serde::Deserialize;
use serde_saphyr::Spanned;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use watchfire_model::{DurationMs, Labels, METRIC_NAME};
use watchfire_promql::ParseError;

pub(crate) use files::read;
pub use files::{RULE_FILE_BYTES_MAX, RULE_FILES_MAX, RuleFiles};

/// The groups of one rule file.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleFile {
    pub groups: Vec<RuleGroup>,
}

/// Everything that is wrong with a rule file, in order of lines. Never empty.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct RuleFileErrors(pub Vec<RuleFileError>);

/// One thing wrong with a rule file.
#[derive(Debug, thiserror::Error)]
pub enum RuleFileError {
    #[error("cannot read rule file {}: {source}", file.display())]
    Io { file: PathBuf, source: std::io::Error },
    #[error("rule file {} has {bytes} bytes, at most {RULE_FILE_BYTES_MAX} are read: split it", file.display())]
    TooLong { file: PathBuf, bytes: u64 },
    #[error("rule_files: `{pattern}` {problem}")]
    Pattern { pattern: String, problem: &'static str },
    #[error("{}:{line}: {message}", file.display())]
    Yaml { file: PathBuf, line: u64, message: String },
    #[error("{}:{line}: group `{group}`: {problem}", file.display())]
    Group { file: PathBuf, line: u64, group: String, problem: Box<RuleProblem> },
    #[error("{}:{line}: group `{group}`, rule {number} (`{rule}`): {problem}", file.display())]
    Rule { file: PathBuf, line: u64, group: String, number: usize, rule: String, problem: Box<RuleProblem> },
}

/// What a group or rule has to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleProblem {
    #[error("`name` is empty, give the group a name")]
    GroupName,
    #[error("another group of this file has the same name, rename one of them")]
    DuplicateGroup,
    #[error("both `record` and `alert` are set, keep one of them")]
    BothKinds,
    #[error("neither `record` nor `alert` is set, write one of them")]
    NoKind,
    #[error("`expr` is missing, write the PromQL expression to evaluate")]
    NoExpression,
    #[error("expr: {0}")]
    Expression(ParseError),
    #[error("`{0}` is only for alerting rules, remove it")]
    OnlyAlerting(&'static str),
    #[error("`{0}` is not a metric name; braces belong into `expr`, labels into `labels`")]
    RecordName(String),
    #[error("{section}: `{name}` cannot be the name of a label")]
    LabelName { section: &'static str, name: String },
    #[error("{section}.{name}: {error}")]
    Template { section: &'static str, name: String, error: TemplateError },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    groups: Option<Vec<Spanned<RawGroup>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    interval: Option<DurationMs>,
    #[serde(default)]
    query_offset: Option<DurationMs>,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    labels: Option<BTreeMap<String, Option<String>>>,
    #[serde(default)]
    rules: Option<Vec<Spanned<RawRule>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    #[serde(default)]
    record: Option<String>,
    #[serde(default)]
    alert: Option<String>,
    #[serde(default)]
    expr: Option<String>,
    #[serde(default, rename = "for")]
    hold: Option<DurationMs>,
    #[serde(default)]
    keep_firing_for: Option<DurationMs>,
    #[serde(default)]
    labels: Option<BTreeMap<String, Option<String>>>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, Option<String>>>,
}

impl RuleFile {
    /// Reads the text of a rule file; `name` stands in its groups and in errors.
    pub fn parse(name: &Path, text: &str) -> Result<RuleFile, RuleFileErrors> {
        let options = serde_saphyr::options! { with_snippet: false };
        // A file without any node, for example all comments, is a file without groups.
        let raw: Option<RawFile> = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let line = error.location().map_or(1, |location| location.line());
            let message = one_line(&error.to_string());
            RuleFileErrors(vec![RuleFileError::Yaml { file: name.to_owned(), line, message }])
        })?;
        let mut checker = Checker { file: name, errors: Vec::new() };
        let raw_groups = raw.and_then(|raw| raw.groups).unwrap_or_default();
        let mut names = BTreeSet::new();
        let groups = raw_groups.into_iter().filter_map(|group| checker.group(group, &mut names)).collect();
        if checker.errors.is_empty() { Ok(RuleFile { groups }) } else { Err(RuleFileErrors(checker.errors)) }
    }
}

struct Checker<'a> {
    file: &'a Path,
    errors: Vec<RuleFileError>,
}

impl Checker<'_> {
    fn group(&mut self, raw: Spanned<RawGroup>, names: &mut BTreeSet<String>) -> Option<RuleGroup> {
        let line = raw.referenced.line();
        let raw = raw.value;
        let name = raw.name.unwrap_or_default();
        let shared_labels = raw.labels.unwrap_or_default();
        let mut problems = Vec::new();
        if name.is_empty() {
            problems.push(RuleProblem::GroupName);
        } else if !names.insert(name.clone()) {
            problems.push(RuleProblem::DuplicateGroup);
        }
        problems.extend(shared_labels.keys().filter_map(|label| label_problem("labels", label)));
        let mut valid = problems.is_empty();
        self.errors.extend(problems.into_iter().map(|problem| RuleFileError::Group {
            file: self.file.to_owned(),
            line,
            group: name.clone(),
            problem: Box::new(problem),
        }));
        let mut rules = Vec::new();
        for (index, spanned) in raw.rules.unwrap_or_default().into_iter().enumerate() {
            let rule_line = spanned.referenced.line();
            let raw_rule = spanned.value;
            let rule_name = raw_rule.alert.as_ref().or(raw_rule.record.as_ref()).cloned().unwrap_or_default();
            match read_rule(raw_rule, &shared_labels) {
                Ok(rule) => rules.push(rule),
                Err(problems) => {
                    valid = false;
                    self.errors.extend(problems.into_iter().map(|problem| RuleFileError::Rule {
                        file: self.file.to_owned(),
                        line: rule_line,
                        group: name.clone(),
                        number: index + 1,
                        rule: rule_name.clone(),
                        problem: Box::new(problem),
                    }));
                }
            }
        }
        let limit = raw.limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
        let interval = raw.interval.filter(|interval| interval.0 > 0);
        let file = self.file.to_owned();
        valid.then_some(RuleGroup { name, file, interval, limit, query_offset: raw.query_offset, rules })
    }
}

type RawLabels = BTreeMap<String, Option<String>>;

fn read_rule(raw: RawRule, shared_labels: &RawLabels) -> Result<Rule, Vec<RuleProblem>> {
    let mut problems = Vec::new();
    let record = raw.record.filter(|name| !name.is_empty());
    let alert = raw.alert.filter(|name| !name.is_empty());
    let query = read_query(raw.expr.as_deref().unwrap_or_default()).map_err(|problem| problems.push(problem)).ok();
    let mut labels = shared_labels.clone();
    labels.extend(raw.labels.unwrap_or_default());
    let annotations = raw.annotations.unwrap_or_default();
    problems.extend(labels.keys().filter_map(|name| label_problem("labels", name)));
    problems.extend(annotations.keys().filter_map(|name| label_problem("annotations", name)));
    let hold = raw.hold.unwrap_or_default();
    let keep_firing_for = raw.keep_firing_for.unwrap_or_default();
    let rule = match (record, alert) {
        (Some(_), Some(_)) => Err(RuleProblem::BothKinds),
        (None, None) => Err(RuleProblem::NoKind),
        (Some(name), None) => {
            let only_alerting = [
                ("for", hold.0 > 0),
                ("keep_firing_for", keep_firing_for.0 > 0),
                ("annotations", !annotations.is_empty()),
            ];
            let wrong = only_alerting.iter().filter(|(_, is_set)| *is_set);
            problems.extend(wrong.map(|(key, _)| RuleProblem::OnlyAlerting(key)));
            if name.contains(['{', '}']) {
                problems.push(RuleProblem::RecordName(name.clone()));
            }
            let labels = Labels::from_pairs(labels.into_iter().map(|(name, value)| (name, value.unwrap_or_default())));
            Ok(query.map(|query| Rule::Recording(RecordingRule { name: name.into(), query, labels })))
        }
        (None, Some(name)) => {
            let labels = read_templates("labels", labels, &mut problems);
            let annotations = read_templates("annotations", annotations, &mut problems);
            let name = SmolStr::from(name);
            Ok(query
                .map(|query| Rule::Alerting(AlertingRule { name, query, hold, keep_firing_for, labels, annotations })))
        }
    };
    match rule {
        Ok(Some(rule)) if problems.is_empty() => Ok(rule),
        Ok(_) => Err(problems),
        Err(problem) => {
            problems.insert(0, problem);
            Err(problems)
        }
    }
}

fn read_query(text: &str) -> Result<Query, RuleProblem> {
    if text.trim().is_empty() {
        return Err(RuleProblem::NoExpression);
    }
    let expr = watchfire_promql::parse(text).map_err(RuleProblem::Expression)?;
    let text = expr.to_string();
    Ok(Query { expr, text })
}

/// Names may be any text, except for none at all and that of the metric.
fn label_problem(section: &'static str, name: &str) -> Option<RuleProblem> {
    let wrong = name.is_empty() || (section == "labels" && name == METRIC_NAME);
    wrong.then(|| RuleProblem::LabelName { section, name: name.to_owned() })
}

fn read_templates(
    section: &'static str,
    texts: RawLabels,
    problems: &mut Vec<RuleProblem>,
) -> Vec<(SmolStr, Template)> {
    let mut templates = Vec::with_capacity(texts.len());
    for (name, text) in texts {
        match Template::parse(&text.unwrap_or_default()) {
            Ok(template) => templates.push((SmolStr::from(name), template)),
            Err(error) => problems.push(RuleProblem::Template { section, name, error }),
        }
    }
    templates
}

/// The message of the YAML reader without the picture that it may draw below.
pub(crate) fn one_line(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
