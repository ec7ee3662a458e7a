//! What a log search asks of each record: the form that every query language lowers to, and its exact meaning.

mod cut;
mod pattern;
mod regex;
mod text;
mod wildcard;

pub use pattern::FieldPattern;
pub use regex::TextRegex;
pub use text::{Proximity, TextPattern};
pub use wildcard::{Wildcard, WildcardPart};

use crate::{RecordView, TextKind, TimeRangeNs, ValueTest};
use cut::Cuts;
use smol_str::SmolStr;
use std::ops::Bound;

/// A condition on one record.
#[derive(Debug, Clone, PartialEq)]
pub enum LogFilter {
    All,
    And(Vec<LogFilter>),
    Or(Vec<LogFilter>),
    Not(Box<LogFilter>),
    /// Some field (message, host and stream among them) matches.
    Any(FieldPattern),
    /// The named field matches.
    Field {
        name: SmolStr,
        pattern: FieldPattern,
    },
    /// The named field is a number (or text that reads as one) within the range.
    Range {
        name: SmolStr,
        range: NumberRange,
    },
    /// The record has the named field, with any value but the empty text.
    Exists {
        name: SmolStr,
    },
    /// The named field has a value that passes a test on the value as it is.
    Test {
        name: SmolStr,
        test: ValueTest,
    },
    /// The event time lies in the range.
    Time(TimeRangeNs),
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("a wildcard pattern may be at most {max} characters long")]
    TooLong { max: usize },
    /// In the words of the regex parser.
    #[error("{0}")]
    BadRegex(String),
}

/// A numeric interval; numbers compare as 64-bit floats, so integers beyond 2^53 compare by their nearest float.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberRange {
    pub low: Bound<f64>,
    pub high: Bound<f64>,
}

impl LogFilter {
    /// Whether this record passes: the meaning that every faster way must reproduce.
    pub fn matches(&self, record: &impl RecordView) -> bool {
        self.passes(record, &Cuts::new(self.count_patterns(Cuts::COUNTED_MAX)))
    }

    fn passes(&self, record: &impl RecordView, cuts: &Cuts) -> bool {
        match self {
            LogFilter::All => true,
            LogFilter::And(parts) => parts.iter().all(|part| part.passes(record, cuts)),
            LogFilter::Or(parts) => parts.iter().any(|part| part.passes(record, cuts)),
            LogFilter::Not(part) => !part.passes(record, cuts),
            LogFilter::Any(pattern) => record.any_text(&mut |kind, text| holds(pattern, kind, text, cuts)),
            LogFilter::Field { name, pattern } => {
                record.text(name).is_some_and(|text| holds(pattern, TextKind::of(name), &text, cuts))
            }
            LogFilter::Range { name, range } => record.number(name).is_some_and(|number| range.contains(number)),
            LogFilter::Exists { name } => record.text(name).is_some_and(|text| !text.is_empty()),
            LogFilter::Test { name, test } => record.value(name).is_some_and(|value| test.passes(&value)),
            LogFilter::Time(range) => record.event_time().is_some_and(|time| range.contains(time)),
        }
    }

    /// How many patterns there are, as far as `max`.
    fn count_patterns(&self, max: usize) -> usize {
        match self {
            LogFilter::And(parts) | LogFilter::Or(parts) => {
                let mut count = 0;
                for part in parts {
                    if count >= max {
                        break;
                    }
                    count += part.count_patterns(max - count);
                }
                count
            }
            LogFilter::Not(part) => part.count_patterns(max),
            LogFilter::Any(_) | LogFilter::Field { .. } => 1,
            LogFilter::All
            | LogFilter::Range { .. }
            | LogFilter::Exists { .. }
            | LogFilter::Test { .. }
            | LogFilter::Time(_) => 0,
        }
    }
}

/// Whether the pattern matches a text of a record, which has its place there as long as `cuts` lives.
fn holds(pattern: &FieldPattern, kind: TextKind, text: &str, cuts: &Cuts) -> bool {
    let is_prose = match kind {
        TextKind::Streams => return pattern.matches_streams(text),
        TextKind::Message => true,
        TextKind::Value => false,
    };
    match cuts.of(text) {
        Some(cut) if is_prose || crate::is_prose(text) => pattern.matches_cut(text, &cut),
        _ if is_prose => pattern.matches_prose(text),
        _ => pattern.matches_value(text),
    }
}

impl NumberRange {
    pub fn contains(&self, number: f64) -> bool {
        let above = match self.low {
            Bound::Included(low) => number >= low,
            Bound::Excluded(low) => number > low,
            Bound::Unbounded => !number.is_nan(),
        };
        let below = match self.high {
            Bound::Included(high) => number <= high,
            Bound::Excluded(high) => number < high,
            Bound::Unbounded => !number.is_nan(),
        };
        above && below
    }
}

#[cfg(test)]
mod tests;
