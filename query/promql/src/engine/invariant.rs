//! Which expressions have one value for all steps, so that one step is enough.

use crate::Expr;
use crate::ast::ExprKind;

/// Functions of the evaluation time itself.
const TIME_DEPENDENT: [&str; 3] = ["time", "timestamp", "predict_linear"];

/// Whether the value does not depend on the step: every selector is pinned by `@`, and nothing asks for the time.
pub(super) fn is_invariant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::String(_) => true,
        ExprKind::Vector(selector) => selector.modifiers.at.is_some(),
        ExprKind::Matrix(matrix) => matrix.selector.modifiers.at.is_some(),
        ExprKind::Subquery(subquery) => subquery.modifiers.at.is_some(),
        ExprKind::Call(call) => {
            let implied_time = call.args.is_empty() && call.function.args.len() == 1;
            !TIME_DEPENDENT.contains(&call.function.name) && !implied_time && call.args.iter().all(is_invariant)
        }
        ExprKind::Aggregate(aggregate) => {
            aggregate.param.as_deref().is_none_or(is_invariant) && is_invariant(&aggregate.operand)
        }
        ExprKind::Binary(binary) => is_invariant(&binary.lhs) && is_invariant(&binary.rhs),
        ExprKind::Unary { operand, .. } => is_invariant(operand),
        ExprKind::Paren(inner) => is_invariant(inner),
    }
}
