//! `and`, `or` and `unless`: series of one vector by the presence of matching series in the other.

use super::drop_empty;
use super::matching::signature;
use crate::EvalError;
use crate::ast::{Binary, BinaryOp, MatchLabels};
use crate::engine::{Evaluator, Series, Steps, Vector, absent, merge_equal_labels};
use std::collections::HashMap;
use watchfire_model::Labels;

pub(super) fn eval<'q>(
    evaluator: &mut Evaluator<'q>,
    node: &Binary,
    mut lhs: Vector<'q>,
    mut rhs: Vector<'q>,
    steps: Steps,
) -> Result<Vector<'q>, EvalError> {
    let on = &node.matching.on;
    if node.op == BinaryOp::Or {
        let present = presence(&lhs.series, on, steps);
        keep(&mut rhs.series, on, |signature, step| !present.get(signature).is_some_and(|steps| steps[step]));
        let mut series = lhs.series;
        series.append(&mut rhs.series);
        let series = merge_equal_labels(series)?;
        let held = evaluator.hold(series.len() * steps.count)?;
        return Ok(Vector { series, held });
    }
    let wanted = node.op == BinaryOp::And;
    let present = presence(&rhs.series, on, steps);
    keep(&mut lhs.series, on, |signature, step| present.get(signature).is_some_and(|steps| steps[step]) == wanted);
    Ok(lhs)
}

/// For each signature, at which steps a series has a sample.
fn presence(series: &[Series], on: &MatchLabels, steps: Steps) -> HashMap<Labels, Vec<bool>> {
    let mut present = HashMap::new();
    for one in series {
        let by_step = present.entry(signature(&one.labels, on)).or_insert_with(|| vec![false; steps.count]);
        by_step.iter_mut().enumerate().for_each(|(step, is_present)| *is_present |= one.is_present(step));
    }
    present
}

fn keep(series: &mut Vec<Series>, on: &MatchLabels, keeps: impl Fn(&Labels, usize) -> bool) {
    for one in series.iter_mut() {
        let signature = signature(&one.labels, on);
        for (step, value) in one.values.iter_mut().enumerate() {
            if !keeps(&signature, step) {
                *value = absent();
            }
        }
    }
    drop_empty(series);
}
