//! Matchers of labels as conditions on records.

use smol_str::SmolStr;
use std::ops::Bound;
use watchfire_model::{
    FieldPattern, LogFilter, MatchOp, Matcher, NumberRange, PatternError, STREAM_FIELD, TextRegex, stream_names,
};

/// What a record must meet for its field to pass the matcher. It may let further records pass where [`passes`] looks at the
/// field's text behind it: there, an index can answer this and could not answer the exact condition.
pub(crate) fn condition(matcher: &Matcher) -> Result<LogFilter, PatternError> {
    let name = matcher.name();
    match matcher.op() {
        MatchOp::Equal if matcher.value().is_empty() => Ok(absent(name)),
        MatchOp::NotEqual if matcher.value().is_empty() => Ok(present(name)),
        MatchOp::Equal => Ok(field(name, FieldPattern::text(matcher.value()))),
        MatchOp::NotEqual => {
            let literal = regex_syntax::escape(matcher.value());
            Ok(LogFilter::Not(Box::new(field(name, whole(&literal)?))))
        }
        MatchOp::Regex => {
            let matched = field(name, whole(matcher.value())?);
            Ok(if matcher.matches_empty() { LogFilter::Or(vec![absent(name), matched]) } else { matched })
        }
        MatchOp::NotRegex => {
            let unmatched = LogFilter::Not(Box::new(field(name, whole(matcher.value())?)));
            let is_absent_refused = !matcher.matches_empty();
            Ok(if is_absent_refused { LogFilter::And(vec![present(name), unmatched]) } else { unmatched })
        }
    }
}

/// Whether the text of the matcher's field (empty where a record has none) passes.
pub(crate) fn passes(matcher: &Matcher, text: &str) -> bool {
    let is_positive = matches!(matcher.op(), MatchOp::Equal | MatchOp::Regex);
    if matcher.name() == STREAM_FIELD && is_positive {
        return stream_names(text).any(|stream| matcher.matches(stream));
    }
    matcher.matches(text)
}

/// The field is a number, and not NaN.
pub(crate) fn is_number(name: &SmolStr) -> LogFilter {
    LogFilter::Range { name: name.clone(), range: NumberRange { low: Bound::Unbounded, high: Bound::Unbounded } }
}

fn field(name: &SmolStr, pattern: FieldPattern) -> LogFilter {
    LogFilter::Field { name: name.clone(), pattern }
}

fn present(name: &SmolStr) -> LogFilter {
    LogFilter::Exists { name: name.clone() }
}

fn absent(name: &SmolStr) -> LogFilter {
    LogFilter::Not(Box::new(present(name)))
}

/// As [`Matcher`] anchors its expressions.
fn whole(expression: &str) -> Result<FieldPattern, PatternError> {
    Ok(FieldPattern::Regex(TextRegex::new(&format!("^(?s:{expression})$"), false)?))
}
