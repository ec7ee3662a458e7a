//! Evaluates durations: literals and the arithmetic on them. Prometheus 3.14, `promql/durations.go`.

use super::eval::Evaluator;
use crate::ast::{BinaryOp, Duration, DurationKind};
use crate::{EvalError, ParseError};

/// Milliseconds that fit Prometheus' durations (63 bits of nanoseconds).
const DURATION_MS_MAX: f64 = 9_223_372_036_854.0;

impl Evaluator<'_> {
    /// A duration of any sign in milliseconds, cut towards zero.
    pub(crate) fn duration_ms(&self, duration: &Duration) -> Result<i64, EvalError> {
        let ms = self.seconds(duration)? * 1000.0;
        if ms.is_nan() || ms.abs() >= DURATION_MS_MAX {
            return Err(refuse("duration is out of range", duration));
        }
        // A literal such as 0.3 s has no exact number of milliseconds in binary; half a microsecond evens that out.
        Ok((ms + ms.signum() * 0.000_5).trunc() as i64)
    }

    /// A duration of more than zero in milliseconds.
    pub(crate) fn positive_duration_ms(&self, duration: &Duration) -> Result<i64, EvalError> {
        match self.duration_ms(duration)? {
            ms if ms > 0 => Ok(ms),
            _ => Err(refuse("duration must be greater than 0", duration)),
        }
    }

    fn seconds(&self, duration: &Duration) -> Result<f64, EvalError> {
        Ok(match &duration.kind {
            DurationKind::Literal(number) => number.value,
            DurationKind::Step => self.query.step_ms as f64 / 1000.0,
            DurationKind::Range => self.query.end.saturating_sub(self.query.start) as f64 / 1000.0,
            DurationKind::MinOf(first, second) => self.seconds(first)?.min(self.seconds(second)?),
            DurationKind::MaxOf(first, second) => self.seconds(first)?.max(self.seconds(second)?),
            DurationKind::Unary { negative, operand } => {
                let seconds = self.seconds(operand)?;
                if *negative { -seconds } else { seconds }
            }
            DurationKind::Binary { op, lhs, rhs } => {
                let (left, right) = (self.seconds(lhs)?, self.seconds(rhs)?);
                match op {
                    BinaryOp::Add => left + right,
                    BinaryOp::Sub => left - right,
                    BinaryOp::Mul => left * right,
                    BinaryOp::Pow => left.powf(right),
                    BinaryOp::Div if right == 0.0 => return Err(refuse("division by zero", duration)),
                    BinaryOp::Mod if right == 0.0 => return Err(refuse("modulo by zero", duration)),
                    BinaryOp::Mod => left % right,
                    _ => left / right,
                }
            }
            DurationKind::Paren(inner) => self.seconds(inner)?,
        })
    }
}

fn refuse(message: &str, duration: &Duration) -> EvalError {
    EvalError::Parse(ParseError { message: message.to_owned(), span: duration.span })
}
