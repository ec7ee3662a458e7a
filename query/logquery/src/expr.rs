//! What a search says, as a tree; prints as a query and lowers to the filter that stores evaluate.

mod print;

pub(crate) use print::write_quoted;

use crate::Problem;
use crate::moment::{Moment, time_range};
use smol_str::SmolStr;
use std::net::IpAddr;
use std::ops::Bound;
use watchfire_model::{
    FieldPattern, LogFilter, NumberRange, Proximity, TextRegex, TimeNs, Unit, ValueTest, Wildcard, WildcardPart, fold,
    words,
};

/// A condition on records. `And` and `Or` hold at least two parts, none of their own kind: build them with
/// [`Expr::and`] and [`Expr::or`].
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// Every record.
    All,
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    /// A field, or any of them when none is named, matches the pattern.
    Term {
        field: Option<SmolStr>,
        pattern: Pattern,
    },
    /// The field is a number within the range, of which at least one end is bounded.
    Range {
        field: SmolStr,
        range: NumberRange,
    },
    /// The record has the field.
    Exists {
        field: SmolStr,
    },
    /// The field's value passes.
    Test {
        field: SmolStr,
        test: Condition,
    },
    /// The event time lies between; at least one end is bounded.
    Time {
        low: Bound<Moment>,
        high: Bound<Moment>,
    },
}

/// What a value must look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// A word or a phrase; never empty.
    Text(String),
    /// At least one wildcard and something else, no two stars next to each other.
    Wildcard(Vec<WildcardPart>),
    /// Found anywhere in the value; never empty.
    Regex { expression: String, ignore_case: bool },
    /// The words of the text in any order, at most so many others between them.
    Near { text: String, distance: usize },
}

/// A condition on a value as it is. Of two bounds at least one is set.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// A length of time, in seconds.
    Duration(NumberRange),
    /// A size, in bytes.
    Size(NumberRange),
    /// A date and time.
    Date { low: Bound<Moment>, high: Bound<Moment> },
    /// An address within a network; `prefix` is at most 32 (IPv4) or 128 bits.
    Cidr { network: IpAddr, prefix: u8 },
    /// Text in order of code points.
    Between { low: Bound<SmolStr>, high: Bound<SmolStr> },
}

impl Expr {
    /// All of `parts`; flattens, and a single part stays itself.
    #[must_use]
    pub fn and(parts: Vec<Expr>) -> Expr {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Expr::And(inner) => flat.extend(inner),
                part => flat.push(part),
            }
        }
        single_or(flat, Expr::And)
    }

    /// Any of `parts`; flattens, and a single part stays itself.
    #[must_use]
    pub fn or(parts: Vec<Expr>) -> Expr {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Expr::Or(inner) => flat.extend(inner),
                part => flat.push(part),
            }
        }
        single_or(flat, Expr::Or)
    }

    /// The filter with this meaning when it is asked at `now`.
    ///
    /// # Errors
    /// A pattern is too large or no regular expression.
    pub fn to_filter(&self, now: TimeNs) -> Result<LogFilter, Problem> {
        let lower = |parts: &[Expr]| parts.iter().map(|part| part.to_filter(now)).collect::<Result<Vec<_>, _>>();
        Ok(match self {
            Expr::All => LogFilter::All,
            Expr::And(parts) => LogFilter::And(lower(parts)?),
            Expr::Or(parts) => LogFilter::Or(lower(parts)?),
            Expr::Not(part) => LogFilter::Not(Box::new(part.to_filter(now)?)),
            Expr::Term { field, pattern } => {
                let pattern = pattern.lower()?;
                match field {
                    Some(name) => LogFilter::Field { name: name.clone(), pattern },
                    None => LogFilter::Any(pattern),
                }
            }
            Expr::Range { field, range } => LogFilter::Range { name: field.clone(), range: *range },
            Expr::Exists { field } => LogFilter::Exists { name: field.clone() },
            Expr::Test { field, test } => LogFilter::Test { name: field.clone(), test: test.lower(field, now) },
            Expr::Time { low, high } => LogFilter::Time(time_range(*low, *high, now)),
        })
    }

    /// Whether its meaning depends on when it is asked.
    pub fn is_relative(&self) -> bool {
        let relative = |bound: &Bound<Moment>| {
            matches!(bound, Bound::Included(Moment::Now { .. }) | Bound::Excluded(Moment::Now { .. }))
        };
        match self {
            Expr::And(parts) | Expr::Or(parts) => parts.iter().any(Expr::is_relative),
            Expr::Not(part) => part.is_relative(),
            Expr::Time { low, high } | Expr::Test { test: Condition::Date { low, high }, .. } => {
                relative(low) || relative(high)
            }
            Expr::All | Expr::Term { .. } | Expr::Range { .. } | Expr::Exists { .. } | Expr::Test { .. } => false,
        }
    }
}

fn single_or(mut parts: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match parts.len() {
        0 => Expr::All,
        1 => parts.swap_remove(0),
        _ => many(parts),
    }
}

impl Pattern {
    fn lower(&self) -> Result<FieldPattern, Problem> {
        Ok(match self {
            Pattern::Text(text) => FieldPattern::text(text),
            Pattern::Wildcard(parts) => FieldPattern::Wildcard(Wildcard::new(parts.iter().copied())?),
            Pattern::Regex { expression, ignore_case } => {
                FieldPattern::Regex(TextRegex::new(expression, *ignore_case)?)
            }
            Pattern::Near { text, distance } => {
                let words: Vec<String> = words(&fold(text)).map(str::to_owned).collect();
                // A single word is near itself.
                if words.len() < 2 {
                    FieldPattern::text(text)
                } else {
                    FieldPattern::Near(Proximity { words, distance: *distance })
                }
            }
        })
    }
}

impl Condition {
    fn lower(&self, field: &str, now: TimeNs) -> ValueTest {
        let resolve = |bound: &Bound<Moment>| bound.map(|moment| moment.resolve(now));
        match self {
            Condition::Duration(range) => ValueTest::Measure { unit: Unit::duration_of(field), range: *range },
            Condition::Size(range) => ValueTest::Measure { unit: Unit::bytes_of(field), range: *range },
            Condition::Date { low, high } => ValueTest::Date { low: resolve(low), high: resolve(high) },
            Condition::Cidr { network, prefix } => ValueTest::Cidr { network: *network, prefix: *prefix },
            Condition::Between { low, high } => ValueTest::Between { low: low.clone(), high: high.clone() },
        }
    }
}
