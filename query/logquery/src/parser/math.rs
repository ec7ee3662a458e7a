//! Arithmetic: operator precedence by climbing.

use super::Parser;
use super::value::nearest;
use crate::{MATH_NODES_MAX, MathExpr, MathFunction, MathOperator, Problem, QueryError};

impl Parser<'_> {
    /// What stands between `math` and `as`.
    pub(super) fn math(&mut self) -> Result<MathExpr, QueryError> {
        let mut n_nodes = 0;
        self.sum(1, &mut n_nodes)
    }

    /// Operands with operators that bind at least as tightly as `strength`.
    fn sum(&mut self, strength: u8, n_nodes: &mut usize) -> Result<MathExpr, QueryError> {
        let mut left = self.operand(n_nodes)?;
        loop {
            self.skip_space();
            let start = self.at;
            let sign = self.peek();
            let Some(operator) = MathOperator::ALL.into_iter().find(|it| Some(it.sign()) == sign) else { break };
            if operator.strength() < strength {
                break;
            }
            self.at += 1;
            self.count_node(start, n_nodes)?;
            // Powers go from the right, everything else from the left.
            let tighter = if operator == MathOperator::Power { operator.strength() } else { operator.strength() + 1 };
            let right = self.nested(start, |parser| parser.sum(tighter, n_nodes))?;
            left = MathExpr::Binary { operator, left: Box::new(left), right: Box::new(right) };
        }
        Ok(left)
    }

    fn operand(&mut self, n_nodes: &mut usize) -> Result<MathExpr, QueryError> {
        /// Binds looser than powers, tighter than everything else.
        const SIGN_STRENGTH: u8 = 3;
        self.skip_space();
        let start = self.at;
        self.count_node(start, n_nodes)?;
        match self.peek() {
            Some('-') => {
                self.at += 1;
                let operand = self.nested(start, |parser| parser.sum(SIGN_STRENGTH, n_nodes))?;
                Ok(match operand {
                    MathExpr::Number(number) if !number.is_sign_negative() => MathExpr::Number(-number),
                    operand => MathExpr::Negative(Box::new(operand)),
                })
            }
            Some('(') => {
                self.at += 1;
                let inner = self.nested(start, |parser| parser.sum(1, n_nodes))?;
                if !self.eat(')') {
                    return Err(match self.peek() {
                        None => self.error(start..start + 1, Problem::UnclosedGroup),
                        Some(_) => self.expected("an operator or `)`"),
                    });
                }
                Ok(inner)
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some('"') => self.name().map(MathExpr::Field),
            Some(c) if c.is_alphabetic() || matches!(c, '_' | '@') => self.field_or_call(n_nodes),
            _ => Err(self.expected("a number, a field or `(`")),
        }
    }

    /// Digits with a point and an exponent.
    fn number(&mut self) -> Result<MathExpr, QueryError> {
        let start = self.at;
        let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        self.at += digits(self.rest());
        let exponent = self.rest();
        if exponent.starts_with(['e', 'E']) {
            let unsigned = exponent[1..].strip_prefix(['+', '-']).unwrap_or(&exponent[1..]);
            let n_digits = unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len());
            if n_digits > 0 {
                self.at += exponent.len() - unsigned.len() + n_digits;
            }
        }
        let text = &self.text[start..self.at];
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(MathExpr::Number(number)),
            _ => Err(self.error(self.span_from(start), Problem::NotANumber { text: text.to_owned() })),
        }
    }

    fn field_or_call(&mut self, n_nodes: &mut usize) -> Result<MathExpr, QueryError> {
        let start = self.at;
        let rest = self.rest();
        // Without `-` and `/`, which are operators here.
        let len = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '@'))).unwrap_or(rest.len());
        let word = rest[..len].to_owned();
        let is_call = rest[len..].trim_start().starts_with('(');
        if !is_call {
            self.at += len;
            self.count_term(start)?;
            return Ok(MathExpr::Field(crate::fields::canonical(&word)));
        }
        let Some(function) = MathFunction::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(&word)) else {
            // The column that a stats pipe named by its function.
            if let Some(name) = self.column_name()? {
                return Ok(MathExpr::Field(name));
            }
            self.at += len;
            let nearest = nearest(&word, MathFunction::ALL.into_iter().map(MathFunction::name));
            let word = word.chars().take(64).collect();
            return Err(self.error(self.span_from(start), Problem::UnknownFunction { word, place: "math", nearest }));
        };
        self.at += len;
        self.want('(', "`(`")?;
        let mut arguments = Vec::new();
        loop {
            let from = self.at;
            arguments.push(self.nested(from, |parser| parser.sum(1, n_nodes))?);
            if !self.eat(',') {
                break;
            }
            if function.is_of_one() {
                return Err(self.expected("`)`"));
            }
        }
        self.want(')', "`,` or `)`")?;
        Ok(MathExpr::Call { function, arguments })
    }

    fn count_node(&self, start: usize, n_nodes: &mut usize) -> Result<(), QueryError> {
        *n_nodes += 1;
        if *n_nodes > MATH_NODES_MAX {
            return Err(self.error(start..self.at, Problem::MathTooLong { max: MATH_NODES_MAX }));
        }
        Ok(())
    }
}
