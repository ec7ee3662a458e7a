//! `sort*`: order of an instant query's result. Range queries are always sorted by labels.

use super::Site;
use crate::EvalError;
use crate::ast::ExprKind;
use crate::engine::{Evaluator, Series, Vector, is_absent};
use std::cmp::Ordering;

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let mut vector = evaluator.vector(&site.args[0], site.steps)?;
    if evaluator.query.start != evaluator.query.end {
        let message = "sort is ineffective for range queries since results are always ordered by labels";
        evaluator.annotations.warn(message, site.expr.span);
        return Ok(vector);
    }
    if site.steps.count != 1 {
        return Ok(vector);
    }
    let by_labels_only = site.name.starts_with("sort_by_label");
    vector.series.retain(|series| if by_labels_only { series.is_present(0) } else { !is_absent(series.values[0]) });
    match site.name {
        "sort" => vector.series.sort_by(|a, b| by_value(a, b, |a, b| a.partial_cmp(&b))),
        "sort_desc" => vector.series.sort_by(|a, b| by_value(a, b, |a, b| b.partial_cmp(&a))),
        name => {
            let names: Vec<String> = site.args[1..].iter().map(label_name).collect();
            let descending = name == "sort_by_label_desc";
            vector.series.sort_by(|a, b| {
                let order = by_labels(a, b, &names);
                if descending { order.reverse() } else { order }
            });
        }
    }
    Ok(vector)
}

/// NaN comes last in either direction.
fn by_value(a: &Series, b: &Series, order: impl Fn(f64, f64) -> Option<Ordering>) -> Ordering {
    let (a, b) = (a.values[0], b.values[0]);
    order(a, b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

fn label_name(arg: &crate::Expr) -> String {
    match &arg.unparenthesised().kind {
        ExprKind::String(text) => String::from_utf8_lossy(&text.0).into_owned(),
        _ => unreachable!("the type check lets only strings stand here"),
    }
}

/// By the named labels in turn, then by all labels.
fn by_labels(a: &Series, b: &Series, names: &[String]) -> Ordering {
    let by_name = |name: &String| natural(a.labels.get_or_empty(name), b.labels.get_or_empty(name));
    let named = names.iter().map(by_name).find(|order| *order != Ordering::Equal);
    named.unwrap_or_else(|| a.labels.cmp(&b.labels))
}

/// Runs of digits compare as numbers (`cpu2` before `cpu10`), what stands between them as text.
fn natural(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() && !b.is_empty() {
        let (run_a, rest_a) = split_run(a);
        let (run_b, rest_b) = split_run(b);
        let order = match (run_a.parse::<u64>(), run_b.parse::<u64>()) {
            (Ok(number_a), Ok(number_b)) => number_a.cmp(&number_b),
            _ => run_a.cmp(run_b),
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.len().cmp(&b.len())
}

/// The digits, or everything but digits, at the start, and what follows.
fn split_run(text: &str) -> (&str, &str) {
    let is_number = text.starts_with(|char: char| char.is_ascii_digit());
    text.split_at(text.find(|char: char| char.is_ascii_digit() != is_number).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ordered: &[&str]) {
        assert!(ordered.is_sorted_by(|a, b| natural(a, b) == Ordering::Less), "{ordered:?}");
    }

    #[test]
    fn numbers_within_text_count_as_numbers() {
        check(&["0", "1", "3", "10", "20", "100"]);
        check(&["4m5", "4m600", "4m1000"]);
        check(&["1.2.3", "1.11.3", "1.111.3"]);
        check(&["", "a", "a1", "b"]);
        check(&["ab2", "ab-", "ab-1"]);
    }
}
