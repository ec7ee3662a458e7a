//! Durations and the arithmetic on them that brackets and `offset` allow.

use super::Parser;
use crate::ParseError;
use crate::ast::{BinaryOp, Duration, DurationKind, Number};
use crate::lexer::TokenKind;

/// Seconds that fit Prometheus' durations (63 bits of nanoseconds).
const SECONDS_MAX: f64 = 9_223_372_036.0;

/// Signs bind like `*` among durations too.
const SIGN_OPERAND_PRECEDENCE: u8 = 6;

impl Parser<'_> {
    /// A duration within brackets: any arithmetic, and more than zero as far as is known before evaluation.
    pub(super) fn bracketed_duration(&mut self, context: &str) -> Result<Duration, ParseError> {
        let duration = self.duration(0, context)?;
        match duration.kind {
            DurationKind::Literal(number) if number.value <= 0.0 => {
                Err(ParseError { message: "duration must be greater than 0".to_owned(), span: duration.span })
            }
            _ => Ok(duration),
        }
    }

    /// The duration behind `offset`: arithmetic needs parentheses there, as operators belong to the expression around.
    pub(super) fn offset_duration(&mut self) -> Result<Duration, ParseError> {
        let sign = match self.peek().kind {
            TokenKind::Operator(BinaryOp::Add) => false,
            TokenKind::Operator(BinaryOp::Sub) => true,
            _ => return self.duration_primary("offset"),
        };
        let start = self.advance().span;
        let operand = self.duration_primary("offset")?;
        Ok(signed(sign, start.to(operand.span), operand))
    }

    fn duration(&mut self, precedence_min: u8, context: &str) -> Result<Duration, ParseError> {
        self.nested(|parser| {
            let mut duration = parser.duration_operand(context)?;
            let mut chain = 0;
            while let TokenKind::Operator(op) = parser.peek().kind {
                if !is_arithmetic(op) || op.precedence() < precedence_min {
                    break;
                }
                chain += 1;
                if chain > super::DEPTH_MAX {
                    return Err(parser.error(format!("duration has more than {} operators in a row", super::DEPTH_MAX)));
                }
                parser.advance();
                let rhs = parser.duration(op.precedence() + u8::from(op != BinaryOp::Pow), context)?;
                let span = duration.span.to(rhs.span);
                let kind = DurationKind::Binary { op, lhs: Box::new(duration), rhs: Box::new(rhs) };
                duration = Duration { kind, span };
            }
            Ok(duration)
        })
    }

    fn duration_operand(&mut self, context: &str) -> Result<Duration, ParseError> {
        let sign = match self.peek().kind {
            TokenKind::Operator(BinaryOp::Add) => false,
            TokenKind::Operator(BinaryOp::Sub) => true,
            _ => return self.duration_primary(context),
        };
        let start = self.advance().span;
        let operand = self.duration(SIGN_OPERAND_PRECEDENCE, context)?;
        Ok(signed(sign, start.to(operand.span), operand))
    }

    fn duration_primary(&mut self, context: &str) -> Result<Duration, ParseError> {
        let token = self.peek().clone();
        let mut span = token.span;
        let is_call = self.peek_at(1).kind == TokenKind::LeftParen;
        let kind = match &token.kind {
            TokenKind::Number(_) | TokenKind::Duration(_) => {
                let number = self.number().expect("the token is a number");
                if number.value >= SECONDS_MAX {
                    return Err(ParseError { message: "duration out of range".to_owned(), span });
                }
                DurationKind::Literal(number)
            }
            TokenKind::LeftParen => {
                self.advance();
                let inner = self.duration(0, context)?;
                self.expect(&TokenKind::RightParen, context, "\")\"")?;
                DurationKind::Paren(Box::new(inner))
            }
            TokenKind::Word if is_call && (token.is_word("step") || token.is_word("range")) => {
                self.advance();
                self.advance();
                self.expect(&TokenKind::RightParen, context, "\")\"")?;
                if token.is_word("step") { DurationKind::Step } else { DurationKind::Range }
            }
            TokenKind::Word if is_call && (token.is_word("min_of") || token.is_word("max_of")) => {
                self.advance();
                self.advance();
                let first = Box::new(self.duration(0, context)?);
                self.expect(&TokenKind::Comma, context, "\",\"")?;
                let second = Box::new(self.duration(0, context)?);
                self.expect(&TokenKind::RightParen, context, "\")\"")?;
                if token.is_word("min_of") {
                    DurationKind::MinOf(first, second)
                } else {
                    DurationKind::MaxOf(first, second)
                }
            }
            _ => return Err(token.unexpected(context, "number, duration, step(), or range()")),
        };
        self.extend(&mut span);
        Ok(Duration { kind, span })
    }
}

fn is_arithmetic(op: BinaryOp) -> bool {
    use BinaryOp::{Add, Div, Mod, Mul, Pow, Sub};
    matches!(op, Add | Sub | Mul | Div | Mod | Pow)
}

/// A sign before a literal becomes part of it.
fn signed(negative: bool, span: crate::Span, operand: Duration) -> Duration {
    let kind = match operand.kind {
        DurationKind::Literal(number) => {
            DurationKind::Literal(Number { value: if negative { -number.value } else { number.value }, ..number })
        }
        _ => DurationKind::Unary { negative, operand: Box::new(operand) },
    };
    Duration { kind, span }
}
