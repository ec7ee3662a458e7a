//! What an operator does with two numbers.

use crate::ast::BinaryOp;

#[derive(Debug, Clone, Copy)]
pub(super) struct Operator {
    pub(super) op: BinaryOp,
    pub(super) returns_bool: bool,
}

impl Operator {
    /// Whether the operator keeps or drops its left value instead of computing one.
    pub(super) fn is_filter(self) -> bool {
        self.op.is_comparison() && !self.returns_bool
    }

    /// Whether the operator cuts native histograms; it is not defined for two numbers.
    pub(super) fn is_trim(self) -> bool {
        matches!(self.op, BinaryOp::TrimUpper | BinaryOp::TrimLower)
    }

    /// The result, or `None` where a filter drops it.
    pub(super) fn apply(self, left: f64, right: f64) -> Option<f64> {
        let holds = match self.op {
            BinaryOp::Add => return Some(left + right),
            BinaryOp::Sub => return Some(left - right),
            BinaryOp::Mul => return Some(left * right),
            BinaryOp::Div => return Some(left / right),
            BinaryOp::Mod => return Some(left % right),
            BinaryOp::Pow => return Some(left.powf(right)),
            BinaryOp::Atan2 => return Some(left.atan2(right)),
            BinaryOp::Eq => left == right,
            BinaryOp::Ne => left != right,
            BinaryOp::Gt => left > right,
            BinaryOp::Lt => left < right,
            BinaryOp::Ge => left >= right,
            BinaryOp::Le => left <= right,
            BinaryOp::TrimUpper | BinaryOp::TrimLower | BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => {
                unreachable!("evaluated elsewhere")
            }
        };
        match (self.returns_bool, holds) {
            (true, _) => Some(f64::from(u8::from(holds))),
            (false, true) => Some(left),
            (false, false) => None,
        }
    }
}
