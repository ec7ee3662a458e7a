//! Printing a search so that reading it back gives the same tree.

use super::{Condition, Expr, Pattern};
use crate::moment::Moment;
use std::fmt::{self, Write as _};
use std::ops::Bound;
use watchfire_model::{NumberRange, WildcardPart};

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
                write!(f, "{pattern}")
            }
            Expr::Range { field, range } => {
                write_name(f, field)?;
                write_range(f, &range.low, &range.high, |f, number| write!(f, "{number}"))
            }
            Expr::Exists { field } => {
                f.write_str("_exists_:")?;
                write_text(f, field)
            }
            Expr::Test { field, test } => {
                write_name(f, field)?;
                write!(f, "{test}")
            }
            Expr::Time { low, high } => {
                f.write_str("time:")?;
                write_moments(f, low, high)
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Text(text) => write_text(f, text),
            Pattern::Wildcard(parts) => write_wildcard(f, parts),
            Pattern::Regex { expression, ignore_case } => {
                write_regex(f, expression)?;
                if *ignore_case { f.write_char('i') } else { Ok(()) }
            }
            Pattern::Near { text, distance } => {
                write_quoted(f, text)?;
                write!(f, "~{distance}")
            }
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = |f: &mut fmt::Formatter<'_>, range: &NumberRange, unit: &str| {
            write_range(f, &range.low, &range.high, |f, number| write!(f, "{number}{unit}"))
        };
        match self {
            Condition::Duration(range) => numbers(f, range, "s"),
            Condition::Size(range) => numbers(f, range, "B"),
            Condition::Date { low, high } => write_moments(f, low, high),
            Condition::Cidr { network, prefix } => write!(f, "{network}/{prefix}"),
            // A backslash before its first character makes a bound text, whatever it looks like.
            Condition::Between { low, high } => write_range(f, low, high, |f, text| {
                if text.is_empty() {
                    return f.write_str("\"\"");
                }
                text.chars().enumerate().try_for_each(|(index, c)| {
                    if index == 0 || !c.is_alphanumeric() {
                        f.write_char('\\')?;
                    }
                    f.write_char(c)
                })
            }),
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
    write_quoted(f, text)
}

pub(crate) fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
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

/// Prints `/…/` where that is read back as it is, else `~"…"`.
fn write_regex(f: &mut fmt::Formatter<'_>, expression: &str) -> fmt::Result {
    if expression.starts_with(char::is_whitespace) || has_bare_slash(expression) {
        f.write_char('~')?;
        return write_quoted(f, expression);
    }
    write!(f, "/{expression}/")
}

/// Whether `/…/` would end too early, or (with a backslash at the end) not at all.
fn has_bare_slash(expression: &str) -> bool {
    let mut after_backslash = false;
    for c in expression.chars() {
        if c == '/' && !after_backslash {
            return true;
        }
        after_backslash = c == '\\' && !after_backslash;
    }
    after_backslash
}

fn write_moments(f: &mut fmt::Formatter<'_>, low: &Bound<Moment>, high: &Bound<Moment>) -> fmt::Result {
    write_range(f, low, high, |f, moment| write!(f, "{moment}"))
}

fn write_range<T>(
    f: &mut fmt::Formatter<'_>,
    low: &Bound<T>,
    high: &Bound<T>,
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    let (sign, only) = match (low, high) {
        (Bound::Included(low), Bound::Unbounded) => (">=", low),
        (Bound::Excluded(low), Bound::Unbounded) => (">", low),
        (Bound::Unbounded, Bound::Included(high)) => ("<=", high),
        (Bound::Unbounded, Bound::Excluded(high)) => ("<", high),
        (low, high) => {
            f.write_char(if matches!(low, Bound::Excluded(_)) { '{' } else { '[' })?;
            write_end(f, low, &write)?;
            f.write_str(" TO ")?;
            write_end(f, high, &write)?;
            return f.write_char(if matches!(high, Bound::Excluded(_)) { '}' } else { ']' });
        }
    };
    f.write_str(sign)?;
    write(f, only)
}

fn write_end<T>(
    f: &mut fmt::Formatter<'_>,
    end: &Bound<T>,
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    match end {
        Bound::Included(value) | Bound::Excluded(value) => write(f, value),
        Bound::Unbounded => f.write_char('*'),
    }
}
