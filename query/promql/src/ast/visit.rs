//! Walks over a tree, for what other parts want to know of an expression: rule dependencies, the series it reads.

use super::{Expr, ExprKind, VectorSelector};

impl Expr {
    /// Calls `visit` for this expression and everything below it, parents before children, in the order of the text.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Expr)) {
        visit(self);
        match &self.kind {
            ExprKind::Number(_) | ExprKind::String(_) | ExprKind::Vector(_) | ExprKind::Matrix(_) => {}
            ExprKind::Subquery(subquery) => subquery.operand.walk(visit),
            ExprKind::Call(call) => call.args.iter().for_each(|arg| arg.walk(visit)),
            ExprKind::Aggregate(aggregate) => {
                if let Some(param) = &aggregate.param {
                    param.walk(visit);
                }
                aggregate.operand.walk(visit);
            }
            ExprKind::Binary(binary) => {
                binary.lhs.walk(visit);
                binary.rhs.walk(visit);
            }
            ExprKind::Unary { operand, .. } => operand.walk(visit),
            ExprKind::Paren(inner) => inner.walk(visit),
        }
    }

    /// Every series selector, in the order of the text.
    pub fn selectors(&self) -> Vec<&VectorSelector> {
        let mut selectors = Vec::new();
        self.walk(&mut |expr| match &expr.kind {
            ExprKind::Vector(selector) => selectors.push(selector),
            ExprKind::Matrix(matrix) => selectors.push(&matrix.selector),
            _ => {}
        });
        selectors
    }
}
