//! Printing pipes so that reading them back gives the same ones.

use super::{Bucket, MathExpr, Pipe, StatsFunction, StatsKey, StatsPipe, StatsResult, stats};
use crate::expr::write_quoted;
use crate::moment::DurationText;
use smol_str::SmolStr;
use std::fmt::{self, Write as _};

/// Words with a meaning between names; as a name they stand in quotes.
const KEYWORDS: [&str; 19] = [
    "AND", "OR", "NOT", "TO", "as", "asc", "at", "before", "after", "by", "desc", "from", "hits", "if", "limit",
    "offset", "prefix", "tz", "with",
];

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pipe::Stats(stats) => write!(f, "{stats}"),
            Pipe::Fields(names) => write!(f, "fields {}", Names(names)),
            Pipe::Drop(names) => write!(f, "drop {}", Names(names)),
            Pipe::Rename(pairs) => {
                f.write_str("rename ")?;
                write_list(f, pairs, |f, (from, to)| write!(f, "{} as {}", Name(from), Name(to)))
            }
            Pipe::Sort { by, limit } => {
                f.write_str("sort by (")?;
                write_list(f, by, |f, key| {
                    write!(f, "{}{}", Name(&key.field), if key.is_descending { " desc" } else { "" })
                })?;
                f.write_char(')')?;
                write_limit(f, *limit)
            }
            Pipe::Limit(limit) => write!(f, "limit {limit}"),
            Pipe::Offset(offset) => write!(f, "offset {offset}"),
            Pipe::Top { limit, by } => write!(f, "top {limit} by ({})", Names(by)),
            Pipe::Uniq { by, limit } => {
                write!(f, "uniq by ({})", Names(by))?;
                write_limit(f, *limit)
            }
            Pipe::Filter(expr) => write!(f, "filter {expr}"),
            Pipe::Extract { template, from } => {
                write!(f, "extract {} from {}", Quoted(&template.to_string()), Name(from))
            }
            Pipe::ExtractRegexp { expression, from } => {
                write!(f, "extract_regexp {} from {}", Quoted(expression), Name(from))
            }
            Pipe::UnpackJson { from, prefix } => write_unpack(f, "unpack_json", from, prefix),
            Pipe::UnpackLogfmt { from, prefix } => write_unpack(f, "unpack_logfmt", from, prefix),
            Pipe::Replace { old, new, at } => {
                write!(f, "replace ({}, {}) at {}", Quoted(old), Quoted(new), Name(at))
            }
            Pipe::ReplaceRegexp { expression, new, at } => {
                write!(f, "replace_regexp ({}, {}) at {}", Quoted(expression), Quoted(new), Name(at))
            }
            Pipe::Format { template, to } => write!(f, "format {} as {}", Quoted(&template.to_string()), Name(to)),
            Pipe::Math { expr, to } => write!(f, "math {expr} as {}", Name(to)),
            Pipe::Context { before, after } if before == after => write!(f, "context {before}"),
            Pipe::Context { before, after } => write!(f, "context before {before} after {after}"),
            Pipe::CollapseNums { at } => write!(f, "collapse_nums at {}", Name(at)),
            Pipe::Sample(n) => write!(f, "sample {n}"),
        }
    }
}

impl fmt::Display for StatsPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stats ")?;
        if !self.by.is_empty() {
            f.write_str("by (")?;
            write_list(f, &self.by, |f, key| match key {
                StatsKey::Field(name) => write!(f, "{}", Name(name)),
                StatsKey::Time(bucket) => write!(f, "{bucket}"),
            })?;
            f.write_str(") ")?;
        }
        write_list(f, &self.results, |f, result| write!(f, "{result}"))
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "time:{}", DurationText(self.step_ns.unsigned_abs()))?;
        if let Some(zone) = &self.zone {
            write!(f, " tz {}", Quoted(zone))?;
        }
        if self.offset_ns != 0 {
            let sign = if self.offset_ns < 0 { "-" } else { "" };
            write!(f, " offset {sign}{}", DurationText(self.offset_ns.unsigned_abs()))?;
        }
        Ok(())
    }
}

impl fmt::Display for StatsResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.function {
            StatsFunction::Quantile(share) => match stats::percent(share) {
                Some(percent) => write!(f, "p{percent}(")?,
                None => write!(f, "quantile({share}, ")?,
            },
            function => write!(f, "{}(", function.name())?,
        }
        if let Some(field) = &self.field {
            write!(f, "{}", Name(field))?;
        }
        f.write_char(')')?;
        if let StatsFunction::Values(max) = self.function {
            write_limit(f, Some(max))?;
        }
        if let Some(only) = &self.only {
            write!(f, " if ({only})")?;
        }
        if self.name == self.default_name() { Ok(()) } else { write!(f, " as {}", Name(&self.name)) }
    }
}

impl fmt::Display for MathExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MathExpr::Number(number) => write!(f, "{number}"),
            MathExpr::Field(name) => write!(f, "{}", Name(name)),
            MathExpr::Negative(operand) => {
                f.write_char('-')?;
                write_operand(f, operand)
            }
            MathExpr::Binary { operator, left, right } => {
                write_operand(f, left)?;
                write!(f, " {} ", operator.sign())?;
                write_operand(f, right)
            }
            MathExpr::Call { function, arguments } => {
                write!(f, "{}(", function.name())?;
                write_list(f, arguments, |f, argument| write!(f, "{argument}"))?;
                f.write_char(')')
            }
        }
    }
}

/// Prints an operand, in parentheses where it has an operator or a sign.
fn write_operand(f: &mut fmt::Formatter<'_>, operand: &MathExpr) -> fmt::Result {
    match operand {
        MathExpr::Binary { .. } | MathExpr::Negative(_) => write!(f, "({operand})"),
        MathExpr::Number(number) if number.is_sign_negative() => write!(f, "({operand})"),
        operand => write!(f, "{operand}"),
    }
}

/// A field's name: as it is where it cannot be mistaken, else in quotes.
pub(crate) struct Name<'a>(pub &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let starts_plain = self.0.starts_with(|c: char| c.is_alphabetic() || c == '_');
        let is_plain = self.0.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '@'));
        if starts_plain && is_plain && !KEYWORDS.contains(&self.0) {
            return f.write_str(self.0);
        }
        write_quoted(f, self.0)
    }
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_quoted(f, self.0)
    }
}

struct Names<'a>(&'a [SmolStr]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, self.0, |f, name| write!(f, "{}", Name(name)))
    }
}

fn write_list<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write(f, item)?;
    }
    Ok(())
}

fn write_limit(f: &mut fmt::Formatter<'_>, limit: Option<usize>) -> fmt::Result {
    limit.map_or(Ok(()), |limit| write!(f, " limit {limit}"))
}

fn write_unpack(f: &mut fmt::Formatter<'_>, pipe: &str, from: &str, prefix: &str) -> fmt::Result {
    write!(f, "{pipe} from {}", Name(from))?;
    if prefix.is_empty() { Ok(()) } else { write!(f, " prefix {}", Quoted(prefix)) }
}
