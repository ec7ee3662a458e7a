//! Arithmetic and comparisons between two vectors: who matches whom, and what the results are called.
//! Prometheus 3.14, `promql/engine.go`, `VectorBinop` and `resultMetric`.

use super::drop_empty;
use super::elements::{self, Outcome};
use super::operator::Operator;
use crate::ast::{Binary, MatchLabels, Matching, Side};
use crate::engine::{
    Computed, Evaluator, Held, Histograms, METADATA_LABELS, Meter, Series, Steps, TABLE_ENTRY_BYTES, Vector, absent,
    labels_bytes, series_bytes,
};
use crate::{EvalError, Span};
use std::collections::HashMap;
use watchfire_model::{Labels, METRIC_NAME};

/// The labels of a series that decide which series of the other side it matches.
pub(super) fn signature(labels: &Labels, on: &MatchLabels) -> Labels {
    match on {
        MatchLabels::On(names) => labels.filtered(|label| names.contains(&label.name)),
        MatchLabels::Ignoring(names) => {
            labels.filtered(|label| label.name != METRIC_NAME && !names.contains(&label.name))
        }
    }
}

/// Series of both sides with one signature.
#[derive(Default)]
struct MatchGroup {
    many: Vec<Series>,
    one: Vec<Series>,
}

pub(super) fn eval<'q>(
    evaluator: &mut Evaluator<'q>,
    node: &Binary,
    (operator, span): (Operator, Span),
    (lhs, rhs): (Vector<'q>, Vector<'q>),
    steps: Steps,
) -> Result<Vector<'q>, EvalError> {
    let matching = &node.matching;
    let budget = evaluator.query.budget;
    let many_side = matching.group.as_ref().map_or(Side::Left, |group| group.many);
    let (many, one) = if many_side == Side::Left { (lhs, rhs) } else { (rhs, lhs) };
    let many_present = present_steps(&many.series, steps);
    let join = Join { operator, span, matching, many_side, steps, many_present, budget };
    let mut series = Vec::new();
    let mut held = evaluator.hold(0)?;
    let mut table = evaluator.hold(0)?;
    for (signature, mut group) in match_groups(many.series, one.series, &matching.on, &mut table)? {
        let _stand_ins = Held::new(budget, join.fill(&signature, &mut group) * steps.count)?;
        if !group.many.is_empty() && !group.one.is_empty() {
            join.group(evaluator, (&signature, &group), &mut series, &mut held)?;
        }
    }
    drop_empty(&mut series);
    Ok(Vector { series, held })
}

/// Groups in the order in which the many side, then the other, first shows their signature; `held` is what they take.
fn match_groups(
    many: Vec<Series>,
    one: Vec<Series>,
    on: &MatchLabels,
    held: &mut Held<'_>,
) -> Result<Vec<(Labels, MatchGroup)>, EvalError> {
    let mut index_by_signature: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<(Labels, MatchGroup)> = Vec::new();
    let tagged = many.into_iter().map(|series| (series, true)).chain(one.into_iter().map(|series| (series, false)));
    for (series, is_many) in tagged {
        let signature = signature(&series.labels, on);
        let index = if let Some(index) = index_by_signature.get(&signature) {
            *index
        } else {
            let entry = TABLE_ENTRY_BYTES + size_of::<(Labels, MatchGroup)>() + size_of::<Series>();
            held.add_memory(entry + labels_bytes(&signature))?;
            index_by_signature.insert(signature.clone(), groups.len());
            groups.push((signature, MatchGroup::default()));
            groups.len() - 1
        };
        let group = &mut groups[index].1;
        if is_many { group.many.push(series) } else { group.one.push(series) }
    }
    Ok(groups)
}

fn present_steps(series: &[Series], steps: Steps) -> Vec<bool> {
    let mut present = vec![false; steps.count];
    for one in series {
        present.iter_mut().enumerate().for_each(|(step, is_present)| *is_present |= one.is_present(step));
    }
    present
}

struct Join<'m> {
    operator: Operator,
    span: Span,
    matching: &'m Matching,
    many_side: Side,
    steps: Steps,
    /// Steps at which the many side has any sample at all: at others, duplicates of the one side do no harm.
    many_present: Vec<bool>,
    budget: &'m Meter<'m>,
}

impl Join<'_> {
    /// Adds stand-ins for what a side lacks, where `fill` asks for them; returns how many.
    fn fill(&self, signature: &Labels, group: &mut MatchGroup) -> usize {
        // As upstream: behind `group_right`, `fill_left` still names the side that may match many.
        let (fill_many, fill_one) = (self.matching.fill.left, self.matching.fill.right);
        let stand_in = |value: f64, lacks: &dyn Fn(usize) -> bool| Series {
            labels: signature.clone(),
            name_dropped: false,
            values: (0..self.steps.count).map(|step| if lacks(step) { value } else { absent() }).collect(),
            histograms: Histograms::default(),
        };
        let has_many = present_steps(&group.many, self.steps);
        let has_one = present_steps(&group.one, self.steps);
        if let Some(number) = fill_many {
            group.many.push(stand_in(number.value, &|step| has_one[step] && !has_many[step]));
        }
        if let Some(number) = fill_one {
            group.one.push(stand_in(number.value, &|step| !has_one[step]));
        }
        usize::from(fill_many.is_some()) + usize::from(fill_one.is_some())
    }

    /// Appends the results of one group.
    fn group(
        &self,
        evaluator: &mut Evaluator<'_>,
        (signature, group): (&Labels, &MatchGroup),
        into: &mut Vec<Series>,
        held: &mut Held<'_>,
    ) -> Result<(), EvalError> {
        let one_by_step = self.one_by_step(signature, &group.one)?;
        let is_one_to_one = self.matching.group.is_none();
        let mut matched = vec![false; if is_one_to_one { self.steps.count } else { 0 }];
        let mut index_by_labels: HashMap<Labels, usize> = HashMap::new();
        for many in &group.many {
            self.budget.check()?;
            // Which result a partner leads to; the partner seldom changes from step to step.
            let mut last: Option<(usize, usize)> = None;
            for step in 0..self.steps.count {
                let Some(one_index) = one_by_step[step].filter(|_| many.is_present(step)) else { continue };
                let one = &group.one[one_index];
                let Some(value) = self.apply(evaluator, (many, one), step) else { continue };
                let index = match last {
                    Some((partner, index)) if partner == one_index => index,
                    _ => {
                        let labels = self.result_labels(&many.labels, &one.labels);
                        if let Some(index) = index_by_labels.get(&labels) {
                            *index
                        } else {
                            held.add(self.steps.count)?;
                            held.add_memory(series_bytes(&labels) + TABLE_ENTRY_BYTES)?;
                            into.push(self.result(&labels, many));
                            index_by_labels.insert(labels, into.len() - 1);
                            into.len() - 1
                        }
                    }
                };
                last = Some((one_index, index));
                if is_one_to_one && std::mem::replace(&mut matched[step], true) {
                    return Err(EvalError::Execution(MANY_TO_ONE.to_owned()));
                }
                if into[index].is_present(step) {
                    return Err(EvalError::Execution(NOT_UNIQUE.to_owned()));
                }
                if let Computed::Histogram(histogram) = &value {
                    held.add_memory(histogram.bytes())?;
                }
                into[index].set(step, value);
            }
        }
        Ok(())
    }

    /// The series of the one side that has a sample, at each step.
    fn one_by_step(&self, signature: &Labels, ones: &[Series]) -> Result<Vec<Option<usize>>, EvalError> {
        let mut by_step: Vec<Option<usize>> = vec![None; self.steps.count];
        for (index, one) in ones.iter().enumerate() {
            for (step, chosen) in by_step.iter_mut().enumerate().filter(|(step, _)| one.is_present(*step)) {
                match *chosen {
                    Some(other) if self.many_present[step] => {
                        let side = if self.many_side == Side::Left { "right" } else { "left" };
                        return Err(EvalError::Execution(format!(
                            "found duplicate series for the match group {signature} on the {side} hand-side of the \
                             operation: [{}, {}];many-to-many matching not allowed: matching labels must be unique on \
                             one side",
                            one.labels, ones[other].labels
                        )));
                    }
                    _ => *chosen = Some(index),
                }
            }
        }
        Ok(by_step)
    }

    fn apply(&self, evaluator: &mut Evaluator<'_>, (many, one): (&Series, &Series), step: usize) -> Option<Computed> {
        let (left, right) = if self.many_side == Side::Left { (many, one) } else { (one, many) };
        let is_trim = self.operator.is_trim();
        if left.histograms.are_none() && right.histograms.are_none() && !is_trim {
            return self.operator.apply(left.values[step], right.values[step]).map(Computed::Float);
        }
        match elements::apply(evaluator, self.operator, self.span, &left.get(step)?, &right.get(step)?) {
            Outcome::Value(value) => Some(value),
            Outcome::Dropped => None,
        }
    }

    fn result(&self, labels: &Labels, many: &Series) -> Series {
        Series {
            labels: labels.clone(),
            name_dropped: many.name_dropped || self.operator.returns_bool,
            values: vec![absent(); self.steps.count],
            histograms: Histograms::default(),
        }
    }

    fn result_labels(&self, many: &Labels, one: &Labels) -> Labels {
        let mut builder = many.to_builder();
        if !self.operator.op.is_comparison() {
            builder.retain(|label| !METADATA_LABELS.contains(&label.name.as_str()));
        }
        match (&self.matching.group, &self.matching.on) {
            (Some(group), _) => {
                for name in &group.include {
                    builder.set(name.clone(), one.get_or_empty(name));
                }
            }
            (None, MatchLabels::On(names)) => {
                builder.retain(|label| names.contains(&label.name));
            }
            (None, MatchLabels::Ignoring(names)) => {
                builder.retain(|label| !names.contains(&label.name));
            }
        }
        builder.build()
    }
}

const MANY_TO_ONE: &str = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
const NOT_UNIQUE: &str = "multiple matches for labels: grouping labels must ensure unique matches";
