//! Binary operators between scalars and vectors; `matching` and `set` hold those between two vectors.

mod matching;
mod operator;
mod set;

use crate::ast::{Binary, BinaryOp};
use crate::engine::{Evaluator, Node, Series, Steps, Vector, absent, is_absent};
use crate::{EvalError, Span};
use operator::Operator;

pub(crate) fn eval<'q>(
    evaluator: &mut Evaluator<'q>,
    node: &Binary,
    span: Span,
    steps: Steps,
) -> Result<Node<'q>, EvalError> {
    if matches!(node.op, BinaryOp::TrimUpper | BinaryOp::TrimLower) {
        return Err(EvalError::Unsupported { construct: format!("the trim operator {}", node.op.as_str()), span });
    }
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
        (Node::Scalar(mut lhs), Node::Scalar(rhs)) => {
            for (left, right) in lhs.iter_mut().zip(rhs) {
                *left = operator.apply(*left, right).unwrap_or(0.0);
            }
            Ok(Node::Scalar(lhs))
        }
        (Node::Vector(vector), Node::Scalar(scalars)) => {
            Ok(with_scalar(vector, &scalars, operator, |vector, scalar| {
                operator.apply(vector, scalar).unwrap_or_else(absent)
            }))
        }
        (Node::Scalar(scalars), Node::Vector(vector)) => {
            Ok(with_scalar(vector, &scalars, operator, |vector, scalar| {
                match operator.apply(scalar, vector) {
                    None => absent(),
                    // A filter keeps the vector's value, whichever side it stands on.
                    Some(_) if operator.is_filter() => vector,
                    Some(value) => value,
                }
            }))
        }
        (Node::Vector(lhs), Node::Vector(rhs)) => {
            matching::eval(evaluator, node, operator, (lhs, rhs), steps).map(Node::Vector)
        }
        _ => unreachable!("the type check lets no strings stand here"),
    }
}

fn with_scalar<'q>(
    mut vector: Vector<'q>,
    scalars: &[f64],
    operator: Operator,
    apply: impl Fn(f64, f64) -> f64,
) -> Node<'q> {
    for series in &mut vector.series {
        series.name_dropped |= !operator.is_filter();
        for (value, scalar) in series.values.iter_mut().zip(scalars) {
            if !is_absent(*value) {
                *value = apply(*value, *scalar);
            }
        }
    }
    drop_empty(&mut vector.series);
    Node::Vector(vector)
}

/// Removes series that a filter left without samples.
fn drop_empty(series: &mut Vec<Series>) {
    series.retain(|series| !series.is_empty());
}
