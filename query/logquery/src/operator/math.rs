//! Computing with the numbers of a row.

use crate::row::{Cell, Row};
use crate::{MathExpr, MathFunction, MathOperator};
use watchfire_model::FieldValue;

/// The result, where every operand is a number and the result is finite.
pub(super) fn compute(expr: &MathExpr, row: &Row) -> Option<f64> {
    let number = match expr {
        MathExpr::Number(number) => *number,
        MathExpr::Field(name) => row.get(name).and_then(Cell::as_number)?,
        MathExpr::Negative(operand) => -compute(operand, row)?,
        MathExpr::Binary { operator, left, right } => {
            let (left, right) = (compute(left, row)?, compute(right, row)?);
            match operator {
                MathOperator::Plus => left + right,
                MathOperator::Minus => left - right,
                MathOperator::Times => left * right,
                MathOperator::Divided => left / right,
                MathOperator::Remainder => left % right,
                MathOperator::Power => left.powf(right),
            }
        }
        MathExpr::Call { function, arguments } => {
            let mut numbers = arguments.iter().map(|argument| compute(argument, row));
            let first = numbers.next()??;
            match function {
                MathFunction::Min => numbers.try_fold(first, |least, number| Some(least.min(number?)))?,
                MathFunction::Max => numbers.try_fold(first, |most, number| Some(most.max(number?)))?,
                MathFunction::Abs => first.abs(),
                MathFunction::Round => first.round(),
                MathFunction::Floor => first.floor(),
                MathFunction::Ceil => first.ceil(),
            }
        }
    };
    number.is_finite().then_some(number)
}

/// Whole numbers print without a point.
pub(super) fn value(number: f64) -> FieldValue {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT_MAX {
        FieldValue::I64(number as i64)
    } else {
        FieldValue::F64(number)
    }
}
