//! Aggregation operators: series of one group become one, or some of them are picked.

mod count_values;
mod histogram;
mod rank;

pub(crate) use histogram::HistogramTotal;

use crate::ast::{Aggregate, AggregateOp, Grouping};
use crate::engine::{
    Evaluator, Held, Histograms, METADATA_LABELS, Meter, Series, Steps, TABLE_ENTRY_BYTES, Ticker, Vector, absent,
    is_absent, labels_bytes, series_bytes,
};
use crate::functions::metric_name;
use crate::kahan::{KahanSum, Mean, Variance};
use crate::quantile::{quantile, quantile_warning};
use crate::remarks::{ignored_in_aggregation, mixed_schemas, mixed_types_in_aggregation};
use crate::{EvalError, Expr};
use std::collections::HashMap;
use watchfire_model::{Exhausted, Labels};

/// Series that are aggregated together.
struct Members {
    labels: Labels,
    /// Where the group keeps the metric's name, it is dropped if that of its first series is.
    name_dropped: bool,
    series: Vec<Series>,
}

pub(crate) fn eval<'q>(evaluator: &mut Evaluator<'q>, node: &Aggregate, steps: Steps) -> Result<Vector<'q>, EvalError> {
    let param = node.param.as_deref();
    match (node.op, param) {
        (AggregateOp::CountValues, Some(param)) => count_values::eval(evaluator, node, param, steps),
        (AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk | AggregateOp::LimitRatio, Some(param)) => {
            rank::eval(evaluator, node, param, steps)
        }
        (AggregateOp::Quantile, Some(param)) => eval_quantile(evaluator, node, param, steps),
        _ => eval_fold(evaluator, node, steps),
    }
}

/// Splits the operand's series into groups, in the order in which these first appear; `held` is what they take.
fn members(vector: Vec<Series>, grouping: &Grouping, held: &mut Held<'_>) -> Result<Vec<Members>, EvalError> {
    let mut index_by_labels: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<Members> = Vec::new();
    held.add_memory(vector.len() * size_of::<Series>())?;
    for series in vector {
        let labels = group_labels(&series.labels, grouping);
        let index = if let Some(index) = index_by_labels.get(&labels) {
            *index
        } else {
            held.add_memory(size_of::<Members>() + TABLE_ENTRY_BYTES + labels_bytes(&labels))?;
            index_by_labels.insert(labels.clone(), groups.len());
            groups.push(Members { labels, name_dropped: series.name_dropped, series: Vec::new() });
            groups.len() - 1
        };
        groups[index].series.push(series);
    }
    Ok(groups)
}

fn group_labels(labels: &Labels, grouping: &Grouping) -> Labels {
    match grouping {
        Grouping::By(names) => labels.filtered(|label| names.contains(&label.name)),
        Grouping::Without(names) => {
            labels.filtered(|label| !names.contains(&label.name) && !METADATA_LABELS.contains(&label.name.as_str()))
        }
    }
}

fn eval_fold<'q>(evaluator: &mut Evaluator<'q>, node: &Aggregate, steps: Steps) -> Result<Vector<'q>, EvalError> {
    let Vector { series: operand, mut held } = evaluator.vector(&node.operand, steps)?;
    let budget = evaluator.query.budget;
    let mut results = evaluator.hold(0)?;
    let mut series = Vec::new();
    for group in members(operand, &node.grouping, &mut held)? {
        results.add(steps.count)?;
        let members = (group.series.as_slice(), steps, budget);
        let values = match node.op {
            AggregateOp::Sum => fold(members, KahanSum::default(), KahanSum::add, KahanSum::total),
            AggregateOp::Avg => fold(members, Mean::default(), Mean::add, Mean::total),
            AggregateOp::Stdvar => fold(members, Variance::default(), Variance::add, Variance::total),
            AggregateOp::Stddev => {
                fold(members, Variance::default(), Variance::add, |variance| variance.total().sqrt())
            }
            AggregateOp::Count => count(members),
            AggregateOp::Min => fold(members, f64::NAN, |min, value| *min = min.min(value), |min| min),
            AggregateOp::Max => fold(members, f64::NAN, |max, value| *max = max.max(value), |max| max),
            // What is left is `group`: the other operators take a parameter.
            _ => count(members)
                .map(|counts| counts.into_iter().map(|count| if is_absent(count) { count } else { 1.0 }).collect()),
        }?;
        let histograms = Histograms::default();
        let mut one = Series { labels: group.labels, name_dropped: group.name_dropped, values, histograms };
        if group.series.iter().any(|member| !member.histograms.are_none()) {
            add_histograms(evaluator, node, &group.series, &mut one, &mut results)?;
        }
        if !one.is_empty() {
            series.push(one);
        }
    }
    results.add_memory(series.iter().map(|one| series_bytes(&one.labels)).sum())?;
    Ok(Vector { series, held: results })
}

/// Numbers and histograms at each step.
fn count((members, steps, budget): (&[Series], Steps, &Meter<'_>)) -> Result<Vec<f64>, Exhausted> {
    let mut counts = vec![absent(); steps.count];
    for series in members {
        budget.check()?;
        for (_, count) in counts.iter_mut().enumerate().filter(|(step, _)| series.is_present(*step)) {
            *count = if is_absent(*count) { 1.0 } else { *count + 1.0 };
        }
    }
    Ok(counts)
}

/// Takes account of the native histograms of a group whose numbers `into` holds already.
fn add_histograms(
    evaluator: &mut Evaluator<'_>,
    node: &Aggregate,
    members: &[Series],
    into: &mut Series,
    held: &mut Held<'_>,
) -> Result<(), EvalError> {
    let span = node.operand.span;
    match node.op {
        AggregateOp::Sum | AggregateOp::Avg => {}
        AggregateOp::Count | AggregateOp::Group => return Ok(()),
        op => {
            evaluator.annotations.inform(&ignored_in_aggregation(op.as_str()), span);
            return Ok(());
        }
    }
    for step in 0..into.values.len() {
        evaluator.query.budget.check()?;
        let mut present = members.iter().filter_map(|member| member.histograms.get(step)).peekable();
        if present.peek().is_none() {
            continue;
        }
        if !is_absent(into.values[step]) {
            evaluator.annotations.warn(&mixed_types_in_aggregation(), span);
            into.remove(step);
            continue;
        }
        let mut total = HistogramTotal::default();
        if present.any(|histogram| total.add(histogram).is_err()) {
            let name = members.first().map_or("", |member| metric_name(&member.labels));
            evaluator.annotations.warn(&mixed_schemas(name), span);
            continue;
        }
        total.remark(&mut evaluator.annotations, span);
        if let Some(histogram) = total.finish(node.op == AggregateOp::Avg) {
            held.add_memory(histogram.bytes())?;
            into.set(step, histogram.into());
        }
    }
    Ok(())
}

/// Folds the samples of each step; steps without samples stay absent.
fn fold<A: Copy>(
    (members, steps, budget): (&[Series], Steps, &Meter<'_>),
    start: A,
    add: impl Fn(&mut A, f64),
    finish: impl Fn(A) -> f64,
) -> Result<Vec<f64>, Exhausted> {
    let mut folded: Vec<Option<A>> = vec![None; steps.count];
    for series in members {
        budget.check()?;
        for (slot, value) in folded.iter_mut().zip(&series.values) {
            if !is_absent(*value) {
                add(slot.get_or_insert(start), *value);
            }
        }
    }
    Ok(folded.into_iter().map(|slot| slot.map_or_else(absent, &finish)).collect())
}

fn eval_quantile<'q>(
    evaluator: &mut Evaluator<'q>,
    node: &Aggregate,
    param: &Expr,
    steps: Steps,
) -> Result<Vector<'q>, EvalError> {
    let phis = evaluator.scalar(param, steps)?;
    let Vector { series: operand, mut held } = evaluator.vector(&node.operand, steps)?;
    for warning in phis.iter().filter_map(|phi| quantile_warning(*phi)) {
        evaluator.annotations.warn(&warning, param.span);
    }
    let mut ticker = Ticker::new(evaluator.query.budget);
    let mut scratch = Vec::new();
    let mut series = Vec::new();
    for group in members(operand, &node.grouping, &mut held)? {
        let mut values = Vec::with_capacity(steps.count);
        if group.series.iter().any(|series| !series.histograms.are_none()) {
            evaluator.annotations.inform(&ignored_in_aggregation(node.op.as_str()), node.operand.span);
        }
        for (step, phi) in phis.iter().enumerate() {
            ticker.tick(group.series.len())?;
            scratch.clear();
            scratch.extend(group.series.iter().map(|series| series.values[step]).filter(|value| !is_absent(*value)));
            values.push(if scratch.is_empty() { absent() } else { quantile(*phi, &mut scratch) });
        }
        series.push(Series {
            labels: group.labels,
            name_dropped: group.name_dropped,
            values,
            histograms: Histograms::default(),
        });
    }
    let held = evaluator.hold_series(&series, steps)?;
    Ok(Vector { series, held })
}
