//! `and`, `or` and `unless`: series of one vector by the presence of matching series in the other.

use super::drop_empty;
use super::matching::signature;
use crate::EvalError;
use crate::ast::{Binary, BinaryOp, MatchLabels};
use crate::engine::{
    Evaluator, Held, Meter, Series, Steps, TABLE_ENTRY_BYTES, Vector, labels_bytes, merge_equal_labels,
};
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
    let budget = evaluator.query.budget;
    if node.op == BinaryOp::Or {
        let (present, _table) = presence(&lhs.series, on, steps, budget)?;
        keep(&mut rhs.series, on, budget, |signature, step| !present.get(signature).is_some_and(|steps| steps[step]))?;
        let mut series = lhs.series;
        series.append(&mut rhs.series);
        let series = merge_equal_labels(series, budget)?;
        let held = evaluator.hold_series(&series, steps)?;
        return Ok(Vector { series, held });
    }
    let wanted = node.op == BinaryOp::And;
    let (present, _table) = presence(&rhs.series, on, steps, budget)?;
    let is_kept = |signature: &Labels, step: usize| present.get(signature).is_some_and(|steps| steps[step]) == wanted;
    keep(&mut lhs.series, on, budget, is_kept)?;
    Ok(lhs)
}

/// For each signature, at which steps a series has a sample; and what the table takes.
fn presence<'q>(
    series: &[Series],
    on: &MatchLabels,
    steps: Steps,
    budget: &'q Meter<'q>,
) -> Result<(HashMap<Labels, Vec<bool>>, Held<'q>), EvalError> {
    let mut present: HashMap<Labels, Vec<bool>> = HashMap::new();
    let mut held = Held::new(budget, 0)?;
    for one in series {
        budget.check()?;
        let signature = signature(&one.labels, on);
        if !present.contains_key(&signature) {
            held.add_memory(TABLE_ENTRY_BYTES + labels_bytes(&signature) + steps.count)?;
        }
        let by_step = present.entry(signature).or_insert_with(|| vec![false; steps.count]);
        by_step.iter_mut().enumerate().for_each(|(step, is_present)| *is_present |= one.is_present(step));
    }
    Ok((present, held))
}

fn keep(
    series: &mut Vec<Series>,
    on: &MatchLabels,
    budget: &Meter<'_>,
    keeps: impl Fn(&Labels, usize) -> bool,
) -> Result<(), EvalError> {
    for one in series.iter_mut() {
        budget.check()?;
        let signature = signature(&one.labels, on);
        for step in 0..one.values.len() {
            if !keeps(&signature, step) {
                one.remove(step);
            }
        }
    }
    drop_empty(series);
    Ok(())
}
