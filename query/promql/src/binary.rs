//! Binary operators between scalars and vectors; `matching` and `set` hold those between two vectors.

mod elements;
mod matching;
mod operator;
mod set;
mod trim;

use crate::ast::{Binary, Side};
use crate::engine::{Computed, Evaluator, Node, Series, Steps, Vector, absent, is_absent};
use crate::{EvalError, Span};
use elements::Outcome;
use operator::Operator;

pub(crate) fn eval<'q>(
    evaluator: &mut Evaluator<'q>,
    node: &Binary,
    span: Span,
    steps: Steps,
) -> Result<Node<'q>, EvalError> {
    let lhs = evaluator.eval(&node.lhs, steps)?;
    let rhs = evaluator.eval(&node.rhs, steps)?;
    if node.op.is_set() {
        return match (lhs, rhs) {
            (Node::Vector(lhs), Node::Vector(rhs)) => set::eval(evaluator, node, lhs, rhs, steps).map(Node::Vector),
            _ => unreachable!("the type check lets set operators stand only between vectors"),
        };
    }
    let operator = Operator { op: node.op, returns_bool: node.returns_bool };
    match (lhs, rhs) {
        (Node::Scalar(_), Node::Scalar(_)) if operator.is_trim() => {
            let message = format!("operator {:?} not allowed for Scalar operations", node.op.as_str());
            Err(EvalError::Execution(message))
        }
        (Node::Scalar(mut lhs), Node::Scalar(rhs)) => {
            for (left, right) in lhs.iter_mut().zip(rhs) {
                *left = operator.apply(*left, right).unwrap_or(0.0);
            }
            Ok(Node::Scalar(lhs))
        }
        (Node::Vector(vector), Node::Scalar(scalars)) => {
            with_scalar(evaluator, (vector, &scalars), operator, span, Side::Right).map(Node::Vector)
        }
        (Node::Scalar(scalars), Node::Vector(vector)) => {
            with_scalar(evaluator, (vector, &scalars), operator, span, Side::Left).map(Node::Vector)
        }
        (Node::Vector(lhs), Node::Vector(rhs)) => {
            matching::eval(evaluator, node, (operator, span), (lhs, rhs), steps).map(Node::Vector)
        }
        _ => unreachable!("the type check lets no strings stand here"),
    }
}

/// An operator between a vector and a scalar on the given side.
fn with_scalar<'q>(
    evaluator: &mut Evaluator<'q>,
    (mut vector, scalars): (Vector<'q>, &[f64]),
    operator: Operator,
    span: Span,
    scalar_side: Side,
) -> Result<Vector<'q>, EvalError> {
    let is_trim = operator.is_trim();
    for series in &mut vector.series {
        evaluator.query.budget.check()?;
        series.name_dropped |= !operator.is_filter() && !is_trim;
        if series.histograms.are_none() && !is_trim {
            for (value, scalar) in series.values.iter_mut().zip(scalars).filter(|(value, _)| !is_absent(**value)) {
                let (left, right) = if scalar_side == Side::Left { (*scalar, *value) } else { (*value, *scalar) };
                *value = match operator.apply(left, right) {
                    None => absent(),
                    // A filter keeps the vector's value, whichever side it stands on.
                    Some(_) if operator.is_filter() => *value,
                    Some(value) => value,
                };
            }
            continue;
        }
        for (step, scalar) in scalars.iter().enumerate() {
            let Some(sample) = series.get(step) else { continue };
            let scalar = Computed::Float(*scalar);
            let (left, right) = if scalar_side == Side::Left { (&scalar, &sample) } else { (&sample, &scalar) };
            let outcome = elements::apply(evaluator, operator, span, left, right);
            series.remove(step);
            match outcome {
                Outcome::Dropped => {}
                Outcome::Value(_) if operator.is_filter() => series.set(step, sample),
                Outcome::Value(value) => series.set(step, value),
            }
        }
    }
    drop_empty(&mut vector.series);
    Ok(vector)
}

/// Removes series that a filter left without samples.
fn drop_empty(series: &mut Vec<Series>) {
    series.retain(|series| !series.is_empty());
}
