//! `label_replace` and `label_join`: new labels from old ones.

use super::Site;
use crate::ast::ExprKind;
use crate::engine::{Evaluator, Vector, merge_equal_labels};
use crate::{EvalError, Expr};
use regex::{Regex, RegexBuilder};
use watchfire_model::METRIC_NAME;

/// Bytes that one compiled expression may take.
const REGEX_BYTES_MAX: usize = 10 << 20;

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let mut vector = if site.name == "label_replace" { replace(evaluator, site)? } else { join(evaluator, site)? };
    vector.series = merge_equal_labels(vector.series)?;
    Ok(vector)
}

fn replace<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let target = label_name(&site.args[1], "destination label name in label_replace()")?;
    let template = text(&site.args[2], "replacement in label_replace()")?;
    let source = text(&site.args[3], "source label name in label_replace()")?;
    let expression = text(&site.args[4], "regular expression in label_replace()")?;
    let regex = anchored(expression)
        .map_err(|_| EvalError::Execution(format!("invalid regular expression in label_replace(): {expression}")))?;
    let mut vector = evaluator.vector(&site.args[0], site.steps)?;
    for series in &mut vector.series {
        let Some(captures) = regex.captures(series.labels.get_or_empty(source)) else { continue };
        let mut value = String::new();
        captures.expand(template, &mut value);
        let mut labels = series.labels.to_builder();
        labels.set(target, value);
        series.labels = labels.build();
        series.name_dropped &= target != METRIC_NAME;
    }
    Ok(vector)
}

fn join<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let target = label_name(&site.args[1], "destination label name in label_join()")?;
    let separator = text(&site.args[2], "separator in label_join()")?;
    let sources = site.args[3..].iter().map(|arg| label_name(arg, "source label name in label_join()"));
    let sources: Vec<&str> = sources.collect::<Result<_, _>>()?;
    let mut vector = evaluator.vector(&site.args[0], site.steps)?;
    for series in &mut vector.series {
        let values: Vec<&str> = sources.iter().map(|source| series.labels.get_or_empty(source)).collect();
        let value = values.join(separator);
        let mut labels = series.labels.to_builder();
        labels.set(target, value);
        series.labels = labels.build();
        series.name_dropped &= target != METRIC_NAME;
    }
    Ok(vector)
}

fn text<'e>(arg: &'e Expr, what: &str) -> Result<&'e str, EvalError> {
    match &arg.unparenthesised().kind {
        ExprKind::String(text) => text.as_str().ok_or_else(|| EvalError::Execution(format!("invalid {what}: {text}"))),
        _ => unreachable!("the type check lets only strings stand here"),
    }
}

/// A string that can name a label: any text but none.
pub(super) fn label_name<'e>(arg: &'e Expr, what: &str) -> Result<&'e str, EvalError> {
    match text(arg, what)? {
        "" => Err(EvalError::Execution(format!("invalid {what}: "))),
        name => Ok(name),
    }
}

fn anchored(expression: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&format!("^(?s:{expression})$")).size_limit(REGEX_BYTES_MAX).build()
}
