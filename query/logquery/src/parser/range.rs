//! Numeric ranges and comparisons: `[1 TO 5}`, `>=5`.

use super::Parser;
use crate::error::Unsupported;
use crate::{Expr, Problem, QueryError};
use smol_str::SmolStr;
use std::ops::{Bound, Range};
use watchfire_model::{LEVEL_FIELD, NumberRange};

impl Parser<'_> {
    /// `[low TO high]`, the cursor at the opening bracket.
    pub(super) fn range(&mut self, field: &SmolStr) -> Result<Expr, QueryError> {
        let open = self.at;
        let Some(len) = self.rest().find([']', '}']) else {
            return Err(self.error(open..open + 1, Problem::UnclosedRange));
        };
        let close = open + len;
        self.at = close + 1;
        let ends = &self.text[open + 1..close];
        let base = open + 1;
        let mut words = ends.split_whitespace();
        let (Some(low), Some(to), Some(high), None) = (words.next(), words.next(), words.next(), words.next()) else {
            return Err(self.error(open..close + 1, Problem::BadRange));
        };
        if !to.eq_ignore_ascii_case("to") {
            return Err(self.error(open..close + 1, Problem::BadRange));
        }
        // The words are slices of `ends`, so their distance from its start is their offset.
        let span = |word: &str| {
            let offset = base + (word.as_ptr() as usize - ends.as_ptr() as usize);
            offset..offset + word.len()
        };
        let low_number = self.bound(field, low, span(low))?;
        let high_number = self.bound(field, high, span(high))?;
        if let (Some(low), Some(high)) = (low_number, high_number)
            && low > high
        {
            let problem = Problem::EmptyRange { low: low.to_string(), high: high.to_string() };
            return Err(self.error(open..close + 1, problem));
        }
        let low_bound = if self.text[open..].starts_with('[') { Bound::Included } else { Bound::Excluded };
        let high_bound = if self.text[close..].starts_with(']') { Bound::Included } else { Bound::Excluded };
        let range = NumberRange {
            low: low_number.map_or(Bound::Unbounded, low_bound),
            high: high_number.map_or(Bound::Unbounded, high_bound),
        };
        Ok(match (range.low, range.high) {
            (Bound::Unbounded, Bound::Unbounded) => Expr::Exists { field: field.clone() },
            _ => Expr::Range { field: field.clone(), range },
        })
    }

    /// `>5` and its kind, the cursor at the sign.
    pub(super) fn comparison(&mut self, field: &SmolStr) -> Result<Expr, QueryError> {
        let start = self.at;
        let is_lower_bound = self.peek() == Some('>');
        self.at += 1;
        let is_included = self.peek() == Some('=');
        self.at += usize::from(is_included);
        self.skip_space();
        let len = self.rest().find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"'));
        let end = len.map_or(self.text.len(), |len| self.at + len);
        let span = if end == self.at { start..end } else { self.at..end };
        let text = &self.text[self.at..end];
        self.at = end;
        let number = self.number(field, text, span)?;
        let bound = if is_included { Bound::Included(number) } else { Bound::Excluded(number) };
        let range = if is_lower_bound {
            NumberRange { low: bound, high: Bound::Unbounded }
        } else {
            NumberRange { low: Bound::Unbounded, high: bound }
        };
        Ok(Expr::Range { field: field.clone(), range })
    }

    fn bound(&self, field: &SmolStr, text: &str, span: Range<usize>) -> Result<Option<f64>, QueryError> {
        if text == "*" { Ok(None) } else { self.number(field, text, span).map(Some) }
    }

    fn number(&self, field: &SmolStr, text: &str, span: Range<usize>) -> Result<f64, QueryError> {
        if let Some(number) = finite(text) {
            return Ok(number);
        }
        if field == LEVEL_FIELD && text.starts_with(char::is_alphabetic) {
            let number = self.level(span.start, text)?;
            return Ok(finite(&number).expect("the number of a level is 0 to 7"));
        }
        let digits = text.trim_end_matches(char::is_alphabetic);
        if digits.len() < text.len() && finite(digits).is_some() {
            return Err(self.unsupported(span, Unsupported::Unit));
        }
        Err(self.error(span, Problem::NotANumber { text: text.to_owned() }))
    }
}

fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}
