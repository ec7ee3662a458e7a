//! `label_replace` and `label_join`: new labels from old ones.

use super::Site;
use crate::ast::ExprKind;
use crate::engine::{Evaluator, Held, Series, Vector, labels_bytes, merge_equal_labels};
use crate::{EvalError, Expr};
use regex::{Regex, RegexBuilder};
use watchfire_model::{METRIC_NAME, Matcher};

/// Bytes that the value of a made label may have.
const LABEL_VALUE_LEN_MAX: usize = 64 << 10;

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let mut vector = if site.name == "label_replace" { replace(evaluator, site)? } else { join(evaluator, site)? };
    vector.series = merge_equal_labels(vector.series, evaluator.query.budget)?;
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
        evaluator.query.budget.check()?;
        let Some(captures) = regex.captures(series.labels.get_or_empty(source)) else { continue };
        // A template of references may make very much of one value: what it makes at most is looked at first.
        let references = template.bytes().filter(|byte| *byte == b'$').count();
        check_len(template.len() + references * series.labels.get_or_empty(source).len(), site.name)?;
        let mut value = String::new();
        captures.expand(template, &mut value);
        set(series, target, value, &mut vector.held)?;
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
        check_len(values.iter().map(|value| value.len() + separator.len()).sum(), site.name)?;
        let value = values.join(separator);
        set(series, target, value, &mut vector.held)?;
    }
    Ok(vector)
}

/// Gives a series a label; the set that this makes is added to what is held.
fn set(series: &mut Series, target: &str, value: String, held: &mut Held<'_>) -> Result<(), EvalError> {
    let mut labels = series.labels.to_builder();
    labels.set(target, value);
    series.labels = labels.build();
    series.name_dropped &= target != METRIC_NAME;
    Ok(held.add_memory(labels_bytes(&series.labels))?)
}

fn check_len(len: usize, function: &str) -> Result<(), EvalError> {
    if len > LABEL_VALUE_LEN_MAX {
        let message =
            format!("{function}() would make a label value of {len} bytes, at most {LABEL_VALUE_LEN_MAX} are allowed");
        return Err(EvalError::Execution(message));
    }
    Ok(())
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
    RegexBuilder::new(&format!("^(?s:{expression})$"))
        .size_limit(Matcher::REGEX_BYTES_MAX)
        .dfa_size_limit(Matcher::REGEX_CACHE_BYTES_MAX)
        .build()
}
