//! `info`: adds the labels of info metrics (`target_info`) to the series of the same instance and job.
//! Prometheus 3.14, `promql/info.go`.

use super::Site;
use crate::ast::{BinaryOp, Duration, DurationKind, ExprKind, Modifiers, VectorSelector};
use crate::engine::{Evaluator, Histograms, Pick, Series, TABLE_ENTRY_BYTES, Vector, absent, is_absent, series_bytes};
use crate::{EvalError, Expr};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use watchfire_model::{Labels, METRIC_NAME, MatchOp, Matcher};

/// The info metric where no other is asked for.
const TARGET_INFO: &str = "target_info";
/// What info metrics are called.
const INFO_NAMES: &str = ".+_info";
/// What tells targets apart.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let base = evaluator.vector(&site.args[0], site.steps)?;
    let wanted = Wanted::new(site);
    let is_info = |series: &Series| wanted.is_info(series);
    let modifiers = modifiers(&site.args[0], &Modifiers::default()).unwrap_or_default();
    let info = match wanted.selector(base.series.iter().filter(|series| !is_info(series)), modifiers)? {
        None => Vector { series: Vec::new(), held: evaluator.hold(0)? },
        // The times of the samples: of two info series the later one counts.
        Some(selector) => evaluator.select_instant(&selector, site.expr.span, site.steps, Pick::NumberTime)?,
    };
    if info.series.iter().any(|series| !series.histograms.are_none()) {
        return Err(EvalError::Execution("info sample should be float".to_owned()));
    }
    let mut by_signature: HashMap<(&str, [&str; 2]), Vec<&Series>> = HashMap::new();
    for series in &info.series {
        let name = super::metric_name(&series.labels);
        by_signature.entry((name, identity(&series.labels))).or_default().push(series);
    }
    let mut held = evaluator.hold(0)?;
    let names: BTreeSet<&str> = by_signature.keys().map(|(name, _)| *name).collect();
    let mut series: Vec<Series> = Vec::new();
    let mut index_by_labels: HashMap<Labels, usize> = HashMap::new();
    for one in &base.series {
        let is_left_alone = is_info(one);
        let identity = identity(&one.labels);
        for step in 0..site.steps.count {
            evaluator.query.budget.check()?;
            let Some(sample) = one.get(step) else { continue };
            let mut labels = one.labels.clone();
            if !is_left_alone {
                let mut partners = Vec::new();
                for name in &names {
                    partners.extend(latest(by_signature.get(&(*name, identity)), step)?);
                }
                let Some(added) = wanted.labels(one, &partners)? else { continue };
                if !added.is_empty() {
                    let mut builder = labels.to_builder();
                    for (name, value) in added {
                        builder.set(name, value);
                    }
                    labels = builder.build();
                }
            }
            let index = if let Some(index) = index_by_labels.get(&labels) {
                *index
            } else {
                held.add(site.steps.count)?;
                held.add_memory(series_bytes(&labels) + TABLE_ENTRY_BYTES)?;
                index_by_labels.insert(labels.clone(), series.len());
                let values = vec![absent(); site.steps.count];
                let (name_dropped, histograms) = (one.name_dropped, Histograms::default());
                series.push(Series { labels, name_dropped, values, histograms });
                series.len() - 1
            };
            if series[index].is_present(step) {
                return Err(crate::engine::duplicate_labels());
            }
            series[index].set(step, sample);
        }
    }
    Ok(Vector { series, held })
}

/// When the first selector of an expression looks, the subqueries around it taken in: info series are those of then.
fn modifiers(expr: &Expr, outer: &Modifiers) -> Option<Modifiers> {
    match &expr.kind {
        ExprKind::Vector(selector) => Some(shifted(outer, &selector.modifiers, expr)),
        ExprKind::Matrix(matrix) => Some(shifted(outer, &matrix.selector.modifiers, expr)),
        ExprKind::Subquery(subquery) => modifiers(&subquery.operand, &shifted(outer, &subquery.modifiers, expr)),
        ExprKind::Call(call) => call.args.iter().find_map(|arg| modifiers(arg, outer)),
        ExprKind::Aggregate(aggregate) => {
            let param = aggregate.param.as_deref().and_then(|param| modifiers(param, outer));
            param.or_else(|| modifiers(&aggregate.operand, outer))
        }
        ExprKind::Binary(binary) => modifiers(&binary.lhs, outer).or_else(|| modifiers(&binary.rhs, outer)),
        ExprKind::Unary { operand, .. } => modifiers(operand, outer),
        ExprKind::Paren(inner) => modifiers(inner, outer),
        ExprKind::Number(_) | ExprKind::String(_) => None,
    }
}

/// The inner shift within the outer one: a fixed time holds whatever is around it, offsets add up.
fn shifted(outer: &Modifiers, inner: &Modifiers, expr: &Expr) -> Modifiers {
    if inner.at.is_some() {
        return inner.clone();
    }
    let offset = match (&outer.offset, &inner.offset) {
        (Some(outer), Some(inner)) => {
            let (lhs, rhs) = (Box::new(outer.clone()), Box::new(inner.clone()));
            let kind = DurationKind::Binary { op: BinaryOp::Add, lhs, rhs };
            Some(Duration { kind, span: expr.span })
        }
        (outer, inner) => inner.clone().or_else(|| outer.clone()),
    };
    Modifiers { offset, at: outer.at }
}

fn identity(labels: &Labels) -> [&str; 2] {
    IDENTIFYING.map(|name| labels.get_or_empty(name))
}

/// The info series with the latest sample at a step.
fn latest<'s>(series: Option<&Vec<&'s Series>>, step: usize) -> Result<Option<&'s Series>, EvalError> {
    let mut found: Option<&Series> = None;
    for one in series.into_iter().flatten().filter(|one| !is_absent(one.values[step])) {
        match found {
            Some(other) if other.values[step] > one.values[step] => {}
            Some(other) if other.values[step] == one.values[step] => {
                let at = (one.values[step] * 1000.0) as i64;
                return Err(EvalError::Execution(format!(
                    "found duplicate series for info metric: existing {} @ {at}, new {} @ {at}",
                    other.labels, one.labels
                )));
            }
            _ => found = Some(one),
        }
    }
    Ok(found)
}

/// What the second argument asks for.
struct Wanted<'e> {
    /// On the names of info metrics.
    names: Vec<&'e Matcher>,
    /// On the labels to add, by name; where there is none, all are added.
    labels: BTreeMap<&'e str, Vec<&'e Matcher>>,
    has_selector: bool,
}

impl<'e> Wanted<'e> {
    fn new(site: &Site<'e>) -> Wanted<'e> {
        let mut wanted = Wanted { names: Vec::new(), labels: BTreeMap::new(), has_selector: site.args.len() > 1 };
        let Some(ExprKind::Vector(selector)) = site.args.get(1).map(|arg| &arg.unparenthesised().kind) else {
            return wanted;
        };
        for matcher in &selector.matchers {
            if matcher.name() == METRIC_NAME {
                wanted.names.push(matcher);
            } else {
                wanted.labels.entry(matcher.name().as_str()).or_default().push(matcher);
            }
        }
        wanted
    }

    /// Whether the series is an info metric itself.
    fn is_info(&self, series: &Series) -> bool {
        let name = super::metric_name(&series.labels);
        if !self.has_selector {
            return name == TARGET_INFO;
        }
        self.has_positive_name() && self.names.iter().all(|matcher| matcher.matches(name))
    }

    fn has_positive_name(&self) -> bool {
        self.names.iter().any(|matcher| matches!(matcher.op(), MatchOp::Equal | MatchOp::Regex))
    }

    /// The info series of all targets among the series; `None` where none has a target.
    fn selector<'s>(
        &self,
        series: impl Iterator<Item = &'s Series>,
        modifiers: Modifiers,
    ) -> Result<Option<VectorSelector>, EvalError> {
        let mut values: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for one in series {
            for name in IDENTIFYING {
                let value = one.labels.get_or_empty(name);
                if !value.is_empty() {
                    values.entry(name).or_default().insert(regex::escape(value));
                }
            }
        }
        if values.is_empty() {
            return Ok(None);
        }
        let mut matchers: Vec<Matcher> = self.names.iter().map(|matcher| (*matcher).clone()).collect();
        if matchers.is_empty() {
            matchers.push(Matcher::equal(METRIC_NAME, TARGET_INFO));
        } else if !self.has_positive_name() {
            // Only told what it is not: by its name it has to be an info metric.
            matchers.push(regex_matcher(METRIC_NAME, INFO_NAMES)?);
        }
        matchers.extend(self.labels.values().flatten().map(|matcher| (*matcher).clone()));
        for (name, values) in values {
            let any: Vec<String> = values.into_iter().collect();
            matchers.push(regex_matcher(name, &any.join("|"))?);
        }
        Ok(Some(VectorSelector { name: None, matchers, modifiers, extension: None }))
    }

    /// The labels that info series add to a series; `None` where it has to go, because a label that is asked for is not
    /// there.
    fn labels<'s>(
        &self,
        base: &Series,
        partners: &[&'s Series],
    ) -> Result<Option<BTreeMap<&'s str, &'s str>>, EvalError> {
        let mut added: BTreeMap<&str, &str> = BTreeMap::new();
        for partner in partners {
            for label in partner.labels.iter().filter(|label| label.name != METRIC_NAME) {
                if !self.labels.is_empty() && !self.labels.contains_key(label.name.as_str()) {
                    continue;
                }
                if added.get(label.name.as_str()).is_some_and(|value| *value != label.value) {
                    return Err(EvalError::Execution(format!("conflicting label: {}", label.name)));
                }
                if base.labels.get_or_empty(&label.name).is_empty() {
                    added.insert(&label.name, &label.value);
                }
            }
        }
        let may_be_missing = self.labels.values().flatten().all(|matcher| matcher.matches(""));
        Ok((!partners.is_empty() || may_be_missing).then_some(added))
    }
}

fn regex_matcher(name: &str, expression: &str) -> Result<Matcher, EvalError> {
    Matcher::new(name, MatchOp::Regex, expression).map_err(|error| EvalError::Execution(error.to_string()))
}
