//! What a query says, as a tree; prints as a query and lowers to the filter that stores evaluate.

use smol_str::SmolStr;
use std::fmt::{self, Write as _};
use std::ops::Bound;
use watchfire_model::{FieldPattern, LogFilter, NumberRange, Wildcard, WildcardPart};

use crate::Problem;

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
}

/// What a value must look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// A word or a phrase; never empty.
    Text(String),
    /// At least one wildcard and something else, no two stars next to each other.
    Wildcard(Vec<WildcardPart>),
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

    /// The filter with this meaning.
    pub(crate) fn to_filter(&self) -> Result<LogFilter, Problem> {
        let lower = |parts: &[Expr]| parts.iter().map(Expr::to_filter).collect::<Result<Vec<_>, _>>();
        Ok(match self {
            Expr::All => LogFilter::All,
            Expr::And(parts) => LogFilter::And(lower(parts)?),
            Expr::Or(parts) => LogFilter::Or(lower(parts)?),
            Expr::Not(part) => LogFilter::Not(Box::new(part.to_filter()?)),
            Expr::Term { field, pattern } => {
                let pattern = match pattern {
                    Pattern::Text(text) => FieldPattern::text(text),
                    Pattern::Wildcard(parts) => FieldPattern::Wildcard(Wildcard::new(parts.iter().copied())?),
                };
                match field {
                    Some(name) => LogFilter::Field { name: name.clone(), pattern },
                    None => LogFilter::Any(pattern),
                }
            }
            Expr::Range { field, range } => LogFilter::Range { name: field.clone(), range: *range },
            Expr::Exists { field } => LogFilter::Exists { name: field.clone() },
        })
    }
}

fn single_or(mut parts: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match parts.len() {
        0 => Expr::All,
        1 => parts.swap_remove(0),
        _ => many(parts),
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::All => f.write_char('*'),
            Expr::And(parts) => write_joined(f, parts, " AND "),
            Expr::Or(parts) => write_joined(f, parts, " OR "),
            Expr::Not(part) => {
                f.write_str("NOT ")?;
                write_operand(f, part)
            }
            Expr::Term { field, pattern } => {
                if let Some(field) = field {
                    write_name(f, field)?;
                }
                match pattern {
                    Pattern::Text(text) => write_text(f, text),
                    Pattern::Wildcard(parts) => write_wildcard(f, parts),
                }
            }
            Expr::Range { field, range } => {
                write_name(f, field)?;
                write_range(f, range)
            }
            Expr::Exists { field } => {
                f.write_str("_exists_:")?;
                write_text(f, field)
            }
        }
    }
}

fn write_joined(f: &mut fmt::Formatter<'_>, parts: &[Expr], separator: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write_operand(f, part)?;
    }
    Ok(())
}

/// Prints a part of a larger expression, in parentheses where it has operators between its own parts.
fn write_operand(f: &mut fmt::Formatter<'_>, part: &Expr) -> fmt::Result {
    match part {
        Expr::And(_) | Expr::Or(_) => write!(f, "({part})"),
        part => write!(f, "{part}"),
    }
}

fn write_name(f: &mut fmt::Formatter<'_>, field: &str) -> fmt::Result {
    write_text(f, field)?;
    f.write_char(':')
}

/// Prints a word as it is, anything else in quotes.
fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let starts_plain = text.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let is_plain = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '@'));
    if starts_plain && is_plain && !matches!(text, "AND" | "OR" | "NOT" | "TO" | "_exists_") {
        return f.write_str(text);
    }
    f.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}

fn write_wildcard(f: &mut fmt::Formatter<'_>, parts: &[WildcardPart]) -> fmt::Result {
    for part in parts {
        match part {
            WildcardPart::Many => f.write_char('*')?,
            WildcardPart::One => f.write_char('?')?,
            WildcardPart::Literal(c) if c.is_alphanumeric() => f.write_char(*c)?,
            WildcardPart::Literal(c) => write!(f, "\\{c}")?,
        }
    }
    Ok(())
}

fn write_range(f: &mut fmt::Formatter<'_>, range: &NumberRange) -> fmt::Result {
    match (range.low, range.high) {
        (Bound::Included(low), Bound::Unbounded) => write!(f, ">={low}"),
        (Bound::Excluded(low), Bound::Unbounded) => write!(f, ">{low}"),
        (Bound::Unbounded, Bound::Included(high)) => write!(f, "<={high}"),
        (Bound::Unbounded, Bound::Excluded(high)) => write!(f, "<{high}"),
        (low, high) => {
            match low {
                Bound::Included(low) => write!(f, "[{low} TO ")?,
                Bound::Excluded(low) => write!(f, "{{{low} TO ")?,
                Bound::Unbounded => f.write_str("[* TO ")?,
            }
            match high {
                Bound::Included(high) => write!(f, "{high}]"),
                Bound::Excluded(high) => write!(f, "{high}}}"),
                Bound::Unbounded => f.write_str("*]"),
            }
        }
    }
}
