//! Ranges and comparisons: `[1 TO 5}`, `>=5`, `>now-1h`, `[1MiB TO *]`.

use super::Parser;
use super::word::Word;
use crate::expr::Condition;
use crate::fields::is_time;
use crate::moment::Moment;
use crate::{Expr, Problem, QueryError};
use smol_str::SmolStr;
use std::ops::{Bound, Range};
use watchfire_model::{Dimension, LEVEL_FIELD, NumberRange, TimeNs, WildcardPart, duration_ns, measure};

/// One end of a range as written, without its backslashes.
#[derive(Debug)]
struct End {
    span: Range<usize>,
    text: String,
    /// A backslash or quotes say that it is text.
    spelling: Spelling,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Plain,
    Quoted,
    Escaped,
}

/// What an end turned out to be.
#[derive(Debug, Clone, PartialEq)]
enum EndValue {
    Number(f64),
    Measure(Dimension, f64),
    /// `is_day`: a date without a time, which stands for the whole day.
    Moment {
        moment: Moment,
        is_day: bool,
    },
    Text(SmolStr),
}

impl Parser<'_> {
    /// `[low TO high]`, the cursor at the opening bracket.
    pub(super) fn range(&mut self, field: &SmolStr) -> Result<Expr, QueryError> {
        let open = self.at;
        let low_is_included = self.peek() == Some('[');
        self.at += 1;
        let low = self.range_end(open)?;
        let to = self.range_end(open)?;
        let high = self.range_end(open)?;
        self.skip_space();
        let close = self.at;
        let high_is_included = match self.peek() {
            Some(']') => true,
            Some('}') => false,
            None => return Err(self.error(open..open + 1, Problem::UnclosedRange)),
            Some(_) => {
                // The whole of it is meant, as far as it goes.
                self.at = self.rest().find([']', '}']).map_or(self.text.len(), |len| close + len + 1);
                return Err(self.error(open..self.at, Problem::BadRange));
            }
        };
        self.at += 1;
        if to.spelling != Spelling::Plain || !to.text.eq_ignore_ascii_case("to") {
            return Err(self.error(open..self.at, Problem::BadRange));
        }
        let bound = |end: End, is_included: bool| match (end.spelling, end.text.as_str()) {
            (Spelling::Plain, "*") => Bound::Unbounded,
            _ if is_included => Bound::Included(end),
            _ => Bound::Excluded(end),
        };
        self.between(field, open..self.at, bound(low, low_is_included), bound(high, high_is_included))
    }

    /// `>5` and its kind, the cursor at the sign.
    pub(super) fn comparison(&mut self, field: &SmolStr) -> Result<Expr, QueryError> {
        let start = self.at;
        let is_lower_bound = self.peek() == Some('>');
        self.at += 1;
        let is_included = self.peek() == Some('=');
        self.at += usize::from(is_included);
        self.skip_space();
        let end = if self.peek() == Some('"') {
            self.quoted_end()?
        } else {
            let word = self.word(super::word::Colon::Belongs);
            plain_end(word)
        };
        if end.text.is_empty() && end.spelling == Spelling::Plain {
            return Err(self.error(start..self.at, Problem::NotANumber { text: String::new() }));
        }
        let bound = if is_included { Bound::Included(end) } else { Bound::Excluded(end) };
        let (low, high) = if is_lower_bound { (bound, Bound::Unbounded) } else { (Bound::Unbounded, bound) };
        self.between(field, start..self.at, low, high)
    }

    /// One of the three words within brackets; `open` is the bracket.
    fn range_end(&mut self, open: usize) -> Result<End, QueryError> {
        self.skip_space();
        if self.peek() == Some('"') {
            return self.quoted_end();
        }
        let start = self.at;
        let mut text = String::new();
        let mut spelling = Spelling::Plain;
        while let Some(c) = self.peek() {
            match c {
                ']' | '}' => break,
                c if c.is_whitespace() => break,
                '\\' => {
                    spelling = Spelling::Escaped;
                    self.at += 1;
                    text.extend(self.peek());
                }
                c => text.push(c),
            }
            self.at += self.peek().map_or(0, char::len_utf8);
        }
        match self.peek() {
            None => Err(self.error(open..open + 1, Problem::UnclosedRange)),
            Some(c) if text.is_empty() => Err(self.error(open..self.at + c.len_utf8(), Problem::BadRange)),
            Some(_) => Ok(End { span: start..self.at, text, spelling }),
        }
    }

    fn quoted_end(&mut self) -> Result<End, QueryError> {
        let start = self.at;
        let text = self.phrase()?;
        Ok(End { span: start..self.at, text, spelling: Spelling::Quoted })
    }

    /// The condition between two bounds.
    fn between(
        &self,
        field: &SmolStr,
        span: Range<usize>,
        low: Bound<End>,
        high: Bound<End>,
    ) -> Result<Expr, QueryError> {
        let value = |bound: Bound<End>| {
            let (bound, end): (fn(EndValue) -> Bound<EndValue>, End) = match bound {
                Bound::Included(end) => (Bound::Included, end),
                Bound::Excluded(end) => (Bound::Excluded, end),
                Bound::Unbounded => return Ok((Bound::Unbounded, None)),
            };
            Ok((bound(self.end_value(field, &end)?), Some(end)))
        };
        let ((low, low_end), (high, high_end)) = (value(low)?, value(high)?);
        // Which kind of range it is, the first end says; the other has to be of the same kind.
        let (Some(first), Some(last)) =
            (low_end.as_ref().or(high_end.as_ref()), high_end.as_ref().or(low_end.as_ref()))
        else {
            return Ok(if is_time(field) { Expr::All } else { Expr::Exists { field: field.clone() } });
        };
        let mixed = || {
            let other = if matches!(low, Bound::Included(EndValue::Text(_)) | Bound::Excluded(EndValue::Text(_))) {
                first
            } else {
                last
            };
            self.error(other.span.clone(), Problem::MixedRange { text: other.text.clone() })
        };
        let empty = || {
            let problem = Problem::EmptyRange { low: first.text.clone(), high: last.text.clone() };
            self.error(span.clone(), problem)
        };
        let field = field.clone();
        if let Some((low, high)) =
            both(&low, &high, |value| if let EndValue::Number(it) = value { Some(*it) } else { None })
        {
            let range = ordered(low, high).map(|()| NumberRange { low, high }).ok_or_else(empty)?;
            return Ok(Expr::Range { field, range });
        }
        for (dimension, condition) in
            [(Dimension::Time, Condition::Duration as fn(NumberRange) -> Condition), (Dimension::Size, Condition::Size)]
        {
            let of_dimension = |value: &EndValue| match value {
                EndValue::Measure(found, number) if *found == dimension => Some(*number),
                _ => None,
            };
            if let Some((low, high)) = both(&low, &high, of_dimension) {
                let range = ordered(low, high).map(|()| NumberRange { low, high }).ok_or_else(empty)?;
                return Ok(Expr::Test { field, test: condition(range) });
            }
        }
        if let Some((low, high)) = moments(&low, &high) {
            ordered_moments(low, high).ok_or_else(empty)?;
            return Ok(if is_time(&field) {
                Expr::Time { low, high }
            } else {
                Expr::Test { field, test: Condition::Date { low, high } }
            });
        }
        let text = |value: &EndValue| if let EndValue::Text(text) = value { Some(text.clone()) } else { None };
        let (low, high) = both(&low, &high, text).ok_or_else(mixed)?;
        if let (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) =
            (&low, &high)
            && low > high
        {
            return Err(empty());
        }
        Ok(Expr::Test { field, test: Condition::Between { low, high } })
    }

    fn end_value(&self, field: &SmolStr, end: &End) -> Result<EndValue, QueryError> {
        let text = end.text.as_str();
        let moment = || {
            let moment = Moment::parse(text)?;
            let is_relative = matches!(moment, Moment::Now { .. });
            // In quotes, `now` is a word.
            (!is_relative || end.spelling == Spelling::Plain || is_time(field))
                .then_some(EndValue::Moment { moment, is_day: !is_relative && text.len() == DAY_LEN })
        };
        if is_time(field) {
            return moment().ok_or_else(|| self.error(end.span.clone(), Problem::NotATime { text: text.to_owned() }));
        }
        if field == LEVEL_FIELD && text.starts_with(char::is_alphabetic) {
            let number = self.level(end.span.clone(), text)?;
            return Ok(EndValue::Number(finite(&number).expect("the number of a level is 0 to 7")));
        }
        if end.spelling == Spelling::Escaped {
            return Ok(EndValue::Text(text.into()));
        }
        if let Some(number) = finite(text) {
            return Ok(EndValue::Number(number));
        }
        if let Some((dimension, number)) = measure(text) {
            return Ok(EndValue::Measure(dimension, number));
        }
        if let Some(moment) = moment() {
            return Ok(moment);
        }
        // `nan` and `inf` are meant as numbers, and no field is above or below them.
        if end.spelling == Spelling::Plain && text.parse::<f64>().is_ok() {
            return Err(self.error(end.span.clone(), Problem::NotANumber { text: text.to_owned() }));
        }
        Ok(EndValue::Text(text.into()))
    }

    /// `time:"2026-11-20"`: the whole day; with a time: this very moment; `time:5m`: from so long ago on, as in `LogsQL`.
    pub(super) fn moment_term(&self, field: &str, start: usize, text: &str) -> Result<Expr, QueryError> {
        match Moment::parse(text) {
            Some(moment @ Moment::At(_)) if text.len() == DAY_LEN => {
                let high = next_day(moment).map_or(Bound::Unbounded, Bound::Excluded);
                Ok(Expr::Time { low: Bound::Included(moment), high })
            }
            Some(moment) => Ok(Expr::Time { low: Bound::Included(moment), high: Bound::Included(moment) }),
            None => match duration_ns(text) {
                Some(ns) => {
                    Ok(Expr::Time { low: Bound::Included(Moment::Now { offset_ns: -ns }), high: Bound::Unbounded })
                }
                None => Err(self.error(start..self.at, Problem::TimeNeedsRange { field: field.to_owned() })),
            },
        }
    }
}

/// Length of a date without a time.
const DAY_LEN: usize = "2026-11-20".len();
const DAY_NS: i64 = 86_400_000_000_000;

fn plain_end(word: Word) -> End {
    let has_wildcard = word.parts.iter().any(|part| !matches!(part, WildcardPart::Literal(_)));
    let spelling = if word.is_escaped { Spelling::Escaped } else { Spelling::Plain };
    // A lone star is no bound of a comparison, and a pattern has no place in an order.
    let text = if has_wildcard { String::new() } else { word.text() };
    End { text, spelling, span: word.span }
}

/// The midnight after this one, if [`TimeNs`] holds it.
fn next_day(day: Moment) -> Option<Moment> {
    let Moment::At(TimeNs(ns)) = day else { return None };
    ns.checked_add(DAY_NS).map(|ns| Moment::At(TimeNs(ns)))
}

/// Both bounds as what `of` makes of them, if it makes something of each that is set.
fn both<T>(
    low: &Bound<EndValue>,
    high: &Bound<EndValue>,
    of: impl Fn(&EndValue) -> Option<T>,
) -> Option<(Bound<T>, Bound<T>)> {
    let one = |bound: &Bound<EndValue>| {
        Some(match bound {
            Bound::Included(value) => Bound::Included(of(value)?),
            Bound::Excluded(value) => Bound::Excluded(of(value)?),
            Bound::Unbounded => Bound::Unbounded,
        })
    };
    Some((one(low)?, one(high)?))
}

/// Both bounds as points in time. A day as an included upper end, or as an excluded lower one, is meant as a whole.
fn moments(low: &Bound<EndValue>, high: &Bound<EndValue>) -> Option<(Bound<Moment>, Bound<Moment>)> {
    let of = |value: &EndValue| {
        if let EndValue::Moment { moment, is_day } = value { Some((*moment, *is_day)) } else { None }
    };
    let (low, high) = both(low, high, of)?;
    let low = match low {
        Bound::Excluded((day, true)) => next_day(day).map_or(Bound::Excluded(day), Bound::Included),
        low => low.map(|(moment, _)| moment),
    };
    let high = match high {
        Bound::Included((day, true)) => next_day(day).map_or(Bound::Included(day), Bound::Excluded),
        high => high.map(|(moment, _)| moment),
    };
    Some((low, high))
}

fn ordered(low: Bound<f64>, high: Bound<f64>) -> Option<()> {
    match (low, high) {
        (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) if low > high => {
            None
        }
        _ => Some(()),
    }
}

/// Fixed moments have an order, relative ones as well; how one of each lie only shows when the query is asked.
fn ordered_moments(low: Bound<Moment>, high: Bound<Moment>) -> Option<()> {
    match (low, high) {
        (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => {
            match (low, high) {
                (Moment::At(low), Moment::At(high)) if low > high => None,
                (Moment::Now { offset_ns: low }, Moment::Now { offset_ns: high }) if low > high => None,
                _ => Some(()),
            }
        }
        _ => Some(()),
    }
}

fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}
