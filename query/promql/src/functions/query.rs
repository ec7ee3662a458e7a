//! Functions of the query itself: its times, its type changes, the time of a sample.

use super::Site;
use crate::EvalError;
use crate::ast::ExprKind;
use crate::engine::{Evaluator, Histograms, Node, Pick, Series, Vector, is_absent};
use watchfire_model::Labels;

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Node<'q>, EvalError> {
    let query = evaluator.query;
    let constant = |value: f64| Ok(Node::Scalar(vec![value; site.steps.count]));
    let seconds = |ms: i64| ms as f64 / 1000.0;
    match site.name {
        "pi" => constant(std::f64::consts::PI),
        "start" => constant(seconds(query.start)),
        "end" => constant(seconds(query.end)),
        "step" => constant(seconds(query.step_ms)),
        "range" => constant(seconds(query.end.saturating_sub(query.start))),
        "time" => Ok(Node::Scalar(site.steps.times().map(seconds).collect())),
        "min_of" | "max_of" => {
            let mut values = evaluator.scalar(&site.args[0], site.steps)?;
            let others = evaluator.scalar(&site.args[1], site.steps)?;
            let pick = if site.name == "min_of" { f64::min } else { f64::max };
            for (value, other) in values.iter_mut().zip(others) {
                *value = if value.is_nan() || other.is_nan() { f64::NAN } else { pick(*value, other) };
            }
            Ok(Node::Scalar(values))
        }
        "vector" => {
            let values = evaluator.scalar(&site.args[0], site.steps)?;
            let held = evaluator.hold(values.len())?;
            let series = vec![Series {
                labels: Labels::empty(),
                name_dropped: false,
                values,
                histograms: Histograms::default(),
            }];
            Ok(Node::Vector(Vector { series, held }))
        }
        "scalar" => scalar(evaluator, site),
        _ => timestamp(evaluator, site).map(Node::Vector),
    }
}

/// The value of the only series at each step, else NaN.
fn scalar<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Node<'q>, EvalError> {
    let vector = evaluator.vector(&site.args[0], site.steps)?;
    let mut values = vec![f64::NAN; site.steps.count];
    let mut seen = vec![false; site.steps.count];
    for series in &vector.series {
        for (step, value) in series.values.iter().enumerate().filter(|(_, value)| !is_absent(**value)) {
            values[step] = if seen[step] { f64::NAN } else { *value };
            seen[step] = true;
        }
    }
    Ok(Node::Scalar(values))
}

/// The time of each sample as stored, where the argument is a selector; else the time of the step.
fn timestamp<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let arg = site.args[0].unparenthesised();
    if let ExprKind::Vector(selector) = &arg.kind {
        let mut vector = evaluator.select_instant(selector, arg.span, site.steps, Pick::Time)?;
        vector.series.iter_mut().for_each(|series| series.name_dropped = true);
        return Ok(vector);
    }
    let mut vector = evaluator.vector(arg, site.steps)?;
    for series in &mut vector.series {
        series.name_dropped = true;
        for (step, time) in site.steps.times().enumerate() {
            if series.is_present(step) {
                series.values[step] = time as f64 / 1000.0;
            }
        }
        series.histograms.clear();
    }
    Ok(vector)
}

/// When counting began, for each sample that says so.
pub(super) fn start_timestamp<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let arg = site.args[0].unparenthesised();
    // What is computed has no such time.
    let ExprKind::Vector(selector) = &arg.kind else {
        return Ok(Vector { series: Vec::new(), held: evaluator.hold(0)? });
    };
    let mut vector = evaluator.select_instant(selector, arg.span, site.steps, Pick::Start)?;
    vector.series.iter_mut().for_each(|series| series.name_dropped = true);
    Ok(vector)
}
