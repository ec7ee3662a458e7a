//! Prints expressions as PromQL; what is printed parses to an equal tree.

use super::{
    Aggregate, At, Binary, BinaryOp, Call, Duration, DurationKind, Expr, ExprKind, Extension, Grouping, MatchLabels,
    Matching, Modifiers, Number, Side, Subquery, Text, VectorSelector,
};
use smol_str::SmolStr;
use std::fmt::{self, Display, Formatter, Write};
use watchfire_model::DurationMs;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(number) => number.fmt(f),
            ExprKind::String(text) => text.fmt(f),
            ExprKind::Vector(selector) => {
                selector.fmt(f)?;
                selector.extension.map_or(Ok(()), |extension| extension.fmt(f))?;
                selector.modifiers.fmt(f)
            }
            ExprKind::Matrix(matrix) => {
                write!(f, "{}[{}]", matrix.selector, matrix.range)?;
                matrix.selector.extension.map_or(Ok(()), |extension| extension.fmt(f))?;
                matrix.selector.modifiers.fmt(f)
            }
            ExprKind::Subquery(subquery) => {
                write!(f, "{}{}", subquery.operand, subquery.suffix())
            }
            ExprKind::Call(call) => call.fmt(f),
            ExprKind::Aggregate(aggregate) => aggregate.fmt(f),
            ExprKind::Binary(binary) => binary.fmt(f),
            ExprKind::Unary { negative, operand } => write!(f, "{}{operand}", if *negative { '-' } else { '+' }),
            ExprKind::Paren(inner) => write!(f, "({inner})"),
        }
    }
}

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ms = (self.value.abs() * 1000.0).round();
        if self.is_duration && ms < u64::MAX as f64 {
            let sign = if self.value < 0.0 { "-" } else { "" };
            return write!(f, "{sign}{}", DurationMs(ms as u64));
        }
        if self.value.is_infinite() {
            return f.write_str(if self.value > 0.0 { "+Inf" } else { "-Inf" });
        }
        write!(f, "{}", self.value)
    }
}

impl Display for Text {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for chunk in self.0.utf8_chunks() {
            write_escaped(chunk.valid(), f)?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        f.write_char('"')
    }
}

fn write_escaped(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    for char in text.chars() {
        match char {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            _ if char.is_control() => write!(f, "\\u{:04x}", char as u32)?,
            _ => f.write_char(char)?,
        }
    }
    Ok(())
}

/// A string in double quotes.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        write_escaped(self.0, f)?;
        f.write_char('"')
    }
}

/// A label's name, quoted where it needs quotes.
struct Name<'a>(&'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let plain = self.0.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && self.0.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if plain { f.write_str(self.0) } else { Quoted(self.0).fmt(f) }
    }
}

/// Without its modifiers, which stand behind a range.
impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let matchers = match &self.name {
            Some(name) => {
                f.write_str(name)?;
                &self.matchers[1..]
            }
            None => &self.matchers[..],
        };
        if matchers.is_empty() && self.name.is_some() {
            return Ok(());
        }
        f.write_char('{')?;
        for (index, matcher) in matchers.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            write!(f, "{}{}{}", Name(matcher.name()), matcher.op().as_str(), Quoted(matcher.value()))?;
        }
        f.write_char('}')
    }
}

impl Display for Extension {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Extension::Anchored => " anchored",
            Extension::Smoothed => " smoothed",
        })
    }
}

impl Display for Modifiers {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.at {
            None => {}
            Some(At::Start) => f.write_str(" @ start()")?,
            Some(At::End) => f.write_str(" @ end()")?,
            Some(At::Time(ms)) => {
                let sign = if ms < 0 { "-" } else { "" };
                let ms = ms.unsigned_abs();
                write!(f, " @ {sign}{}.{:03}", ms / 1000, ms % 1000)?;
            }
        }
        match &self.offset {
            None => Ok(()),
            Some(offset) => write!(f, " offset {offset}"),
        }
    }
}

impl Display for Duration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DurationKind::Literal(number) => number.fmt(f),
            DurationKind::Step => f.write_str("step()"),
            DurationKind::Range => f.write_str("range()"),
            DurationKind::MinOf(first, second) => write!(f, "min_of({first}, {second})"),
            DurationKind::MaxOf(first, second) => write!(f, "max_of({first}, {second})"),
            DurationKind::Unary { negative, operand } => write!(f, "{}{operand}", if *negative { '-' } else { '+' }),
            DurationKind::Binary { op, lhs, rhs } => write!(f, "{lhs} {} {rhs}", op.as_str()),
            DurationKind::Paren(inner) => write!(f, "({inner})"),
        }
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.function.name)?;
        for (index, arg) in self.args.iter().enumerate() {
            write!(f, "{}{arg}", if index == 0 { "" } else { ", " })?;
        }
        f.write_char(')')
    }
}

impl Subquery {
    /// What stands behind the operand.
    pub(super) fn suffix(&self) -> impl Display {
        fmt::from_fn(move |f| {
            write!(f, "[{}:", self.range)?;
            self.step.as_ref().map_or(Ok(()), |step| step.fmt(f))?;
            write!(f, "]{}", self.modifiers)
        })
    }
}

impl Aggregate {
    /// The operator and its grouping, up to the parenthesis.
    pub(super) fn head(&self) -> impl Display {
        fmt::from_fn(move |f| {
            f.write_str(self.op.as_str())?;
            let (word, labels) = match &self.grouping {
                Grouping::By(labels) if labels.is_empty() => return Ok(()),
                Grouping::By(labels) => (" by ", labels),
                Grouping::Without(labels) => (" without ", labels),
            };
            f.write_str(word)?;
            write_labels(labels, f)?;
            f.write_char(' ')
        })
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.head().fmt(f)?;
        match &self.param {
            Some(param) => write!(f, "({param}, {})", self.operand),
            None => write!(f, "({})", self.operand),
        }
    }
}

impl Binary {
    /// Infinity then goes without its sign, which would take in the whole power.
    pub(super) fn is_power_of_infinity(&self) -> bool {
        self.op == BinaryOp::Pow && matches!(self.lhs.kind, ExprKind::Number(Number { value: f64::INFINITY, .. }))
    }
}

impl Display for Binary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_power_of_infinity() {
            f.write_str("Inf")?;
        } else {
            self.lhs.fmt(f)?;
        }
        write!(f, " {}", self.op.as_str())?;
        if self.returns_bool {
            f.write_str(" bool")?;
        }
        write!(f, "{} {}", self.matching, self.rhs)
    }
}

impl Display for Matching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.on {
            MatchLabels::Ignoring(labels) if labels.is_empty() && self.group.is_none() => {}
            MatchLabels::Ignoring(labels) => {
                f.write_str(" ignoring ")?;
                write_labels(labels, f)?;
            }
            MatchLabels::On(labels) => {
                f.write_str(" on ")?;
                write_labels(labels, f)?;
            }
        }
        if let Some(group) = &self.group {
            f.write_str(if group.many == Side::Left { " group_left " } else { " group_right " })?;
            write_labels(&group.include, f)?;
        }
        if let Some(value) = self.fill.left {
            write!(f, " fill_left({value})")?;
        }
        if let Some(value) = self.fill.right {
            write!(f, " fill_right({value})")?;
        }
        Ok(())
    }
}

fn write_labels(labels: &[SmolStr], f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('(')?;
    for (index, label) in labels.iter().enumerate() {
        write!(f, "{}{}", if index == 0 { "" } else { ", " }, Name(label))?;
    }
    f.write_char(')')
}
