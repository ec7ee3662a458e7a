//! A selector of log-derived series, read.

use crate::config::{LABELS_MAX, LogSeriesConfig};
use crate::lowering::{condition, is_number, passes};
use crate::metric::VirtualMetric;
use smol_str::SmolStr;
use watchfire_logquery::Pipe;
use watchfire_model::{Labels, LabelsBuilder, LogFilter, METRIC_NAME, MatchOp, Matcher};

/// Matchers that one selector may have; each regular expression may take
/// [`watchfire_model::TextRegex::COMPILED_BYTES_MAX`] when compiled.
pub const MATCHERS_MAX: usize = 32;

/// Takes the records that a log search finds.
const QUERY_LABEL: &str = "log_query";
/// Names the labels of the series.
const BY_LABEL: &str = "log_by";
/// Names the numeric field.
const FIELD_LABEL: &str = "field";

/// Which records a selector means, and which series they make.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    pub(crate) metric: VirtualMetric,
    /// May let records pass that [`Selection::labels`] does not.
    pub(crate) filter: LogFilter,
    /// Fields that are looked at to tell series apart, each once: the labels.
    pub(crate) keys: Vec<SmolStr>,
    /// The numeric field of a metric that has one.
    pub(crate) field: Option<SmolStr>,
    /// Held against the text of a key.
    checks: Vec<(usize, Matcher)>,
}

/// What is wrong with a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SelectionError {
    #[error("`{name}` takes one value only: write {name}=\"…\"")]
    Operator { name: &'static str },
    #[error("{metric} needs the name of a numeric field: write {metric}{{field=\"…\"}}")]
    NoField { metric: &'static str },
    #[error("log_query: {reason} (at byte {at})")]
    Query { reason: String, at: usize },
    #[error("log_query takes a search without pipes, but `filter`: compute with PromQL instead")]
    Pipes,
    #[error("a selector of log records may have {MATCHERS_MAX} matchers")]
    TooManyMatchers,
    #[error("series of log records may have {LABELS_MAX} labels: name fewer fields in log_by")]
    TooManyLabels,
    #[error("`{name}`: {reason}")]
    Pattern { name: SmolStr, reason: String },
}

impl Selection {
    /// Reads the matchers of a selector that names `metric`.
    pub(crate) fn new(
        metric: VirtualMetric,
        matchers: &[Matcher],
        config: &LogSeriesConfig,
    ) -> Result<Selection, SelectionError> {
        if matchers.len() > MATCHERS_MAX {
            return Err(SelectionError::TooManyMatchers);
        }
        let mut conditions = Vec::new();
        let mut by: Option<Vec<SmolStr>> = None;
        let mut field = None;
        let mut named: Vec<&Matcher> = Vec::new();
        for matcher in matchers {
            match matcher.name().as_str() {
                METRIC_NAME => {
                    if !matcher.matches(metric.name()) {
                        conditions.push(LogFilter::Not(Box::new(LogFilter::All)));
                    }
                }
                QUERY_LABEL => conditions.push(search(the_value(matcher, QUERY_LABEL)?)?),
                BY_LABEL => {
                    let names = the_value(matcher, BY_LABEL)?.split(',').map(str::trim).filter(|name| !name.is_empty());
                    by.get_or_insert_default().extend(names.map(SmolStr::new));
                }
                FIELD_LABEL if metric.has_field() => field = Some(the_value(matcher, FIELD_LABEL)?.clone()),
                _ => {
                    let failed = |reason: String| SelectionError::Pattern { name: matcher.name().clone(), reason };
                    conditions.push(condition(matcher).map_err(|error| failed(error.to_string()))?);
                    if matches!(matcher.op(), MatchOp::Equal | MatchOp::Regex) && !is_always_empty(matcher) {
                        named.push(matcher);
                    }
                }
            }
        }
        let field = match field.filter(|name| !name.is_empty()) {
            None if metric.has_field() => return Err(SelectionError::NoField { metric: metric.name() }),
            field => field,
        };
        conditions.extend(field.as_ref().map(is_number));
        let mut keys: Vec<SmolStr> = Vec::new();
        let by = by.unwrap_or_else(|| config.labels.clone());
        for name in by.iter().chain(named.iter().map(|matcher| matcher.name())) {
            if !keys.contains(name) {
                keys.push(name.clone());
            }
        }
        if keys.len() > LABELS_MAX {
            return Err(SelectionError::TooManyLabels);
        }
        let place = |matcher: &Matcher| keys.iter().position(|key| key == matcher.name());
        let checks = named.into_iter().filter_map(|it| Some((place(it)?, it.clone()))).collect();
        let filter = if conditions.len() == 1 { conditions.swap_remove(0) } else { LogFilter::And(conditions) };
        Ok(Selection { metric, filter, keys, field, checks })
    }

    /// The labels of the series that records with these texts of the keys belong to; `None` where they do not pass.
    pub(crate) fn labels(&self, texts: &[SmolStr]) -> Option<Labels> {
        if !self.checks.iter().all(|(key, matcher)| passes(matcher, &texts[*key])) {
            return None;
        }
        let mut labels = LabelsBuilder::default();
        for (key, text) in self.keys.iter().zip(texts) {
            labels.set(key.clone(), text.clone());
        }
        if let Some(field) = &self.field {
            labels.set(FIELD_LABEL, field.clone());
        }
        labels.set(METRIC_NAME, self.metric.name());
        Some(labels.build())
    }
}

/// Whether only records without the field pass.
fn is_always_empty(matcher: &Matcher) -> bool {
    matcher.op() == MatchOp::Equal && matcher.value().is_empty()
}

fn the_value<'m>(matcher: &'m Matcher, name: &'static str) -> Result<&'m SmolStr, SelectionError> {
    if matcher.op() == MatchOp::Equal { Ok(matcher.value()) } else { Err(SelectionError::Operator { name }) }
}

/// The condition of a log search.
fn search(text: &str) -> Result<LogFilter, SelectionError> {
    let failed = |error: watchfire_logquery::QueryError| SelectionError::Query {
        reason: error.problem.to_string(),
        at: error.span.start,
    };
    let query = watchfire_logquery::parse(text).map_err(failed)?;
    if query.pipes.iter().any(|pipe| !matches!(pipe, Pipe::Filter(_))) {
        return Err(SelectionError::Pipes);
    }
    Ok(query.filter)
}
