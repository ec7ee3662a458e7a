//! An operator between two samples, of which either may be a native histogram. Prometheus 3.14, `promql/engine.go`,
//! `vectorElemBinop`.

use super::operator::Operator;
use super::trim::trim;
use crate::Span;
use crate::ast::BinaryOp;
use crate::engine::{Computed, Evaluator};
use crate::functions::same;
use crate::remarks::{incompatible_layout, incompatible_types, reconciled, resets_collide};
use std::sync::Arc;
use watchfire_model::{Compatibility, Histogram, SchemaMismatch};

/// What becomes of a pair.
pub(super) enum Outcome {
    Value(Computed),
    /// A filter drops the pair, or the operator is not defined for it.
    Dropped,
}

/// Applies the operator, and remarks on pairs for which it is not defined.
pub(super) fn apply(
    evaluator: &mut Evaluator<'_>,
    operator: Operator,
    span: Span,
    left: &Computed,
    right: &Computed,
) -> Outcome {
    let is_trim = operator.is_trim();
    match (left, right) {
        (Computed::Float(left), Computed::Float(right)) if !is_trim => {
            operator.apply(*left, *right).map_or(Outcome::Dropped, |value| Outcome::Value(Computed::Float(value)))
        }
        (Computed::Float(left), Computed::Histogram(right)) if operator.op == BinaryOp::Mul => {
            Outcome::Value(right.times(*left).into())
        }
        (Computed::Histogram(left), Computed::Float(right)) => match operator.op {
            BinaryOp::Mul => Outcome::Value(left.times(*right).into()),
            BinaryOp::Div => Outcome::Value(left.divided_by(*right).into()),
            BinaryOp::TrimUpper => Outcome::Value(trim(left, *right, true).into()),
            BinaryOp::TrimLower => Outcome::Value(trim(left, *right, false).into()),
            _ => undefined(evaluator, operator, span, ("histogram", "float")),
        },
        (Computed::Histogram(left), Computed::Histogram(right)) => match operator.op {
            BinaryOp::Add => combined(evaluator, operator, span, "addition", left.plus(right)),
            BinaryOp::Sub => combined(evaluator, operator, span, "subtraction", left.minus(right)),
            BinaryOp::Eq | BinaryOp::Ne => {
                let holds = same(left, right) == (operator.op == BinaryOp::Eq);
                match (operator.returns_bool, holds) {
                    (true, _) => Outcome::Value(Computed::Float(f64::from(u8::from(holds)))),
                    (false, true) => Outcome::Value(Computed::Histogram(Arc::clone(left))),
                    (false, false) => Outcome::Dropped,
                }
            }
            _ => undefined(evaluator, operator, span, ("histogram", "histogram")),
        },
        (Computed::Float(_), Computed::Float(_)) => undefined(evaluator, operator, span, ("float", "float")),
        (Computed::Float(_), Computed::Histogram(_)) => undefined(evaluator, operator, span, ("float", "histogram")),
    }
}

fn undefined(evaluator: &mut Evaluator<'_>, operator: Operator, span: Span, (left, right): (&str, &str)) -> Outcome {
    evaluator.annotations.inform(&incompatible_types(left, operator.op.as_str(), right), span);
    Outcome::Dropped
}

fn combined(
    evaluator: &mut Evaluator<'_>,
    operator: Operator,
    span: Span,
    operation: &str,
    result: Result<(Histogram, Compatibility), SchemaMismatch>,
) -> Outcome {
    let Ok((histogram, how)) = result else {
        evaluator.annotations.warn(&incompatible_layout(operator.op.as_str()), span);
        return Outcome::Dropped;
    };
    if how.resets_collide {
        evaluator.annotations.warn(&resets_collide(operation), span);
    }
    if how.bounds_reconciled {
        evaluator.annotations.inform(&reconciled(operation), span);
    }
    Outcome::Value(histogram.into())
}
