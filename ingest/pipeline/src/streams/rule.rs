//! One rule: a name, and the condition on which a record gets it.

use smol_str::SmolStr;
use std::fmt;
use watchfire_model::{LogFilter, LogRecord};

/// Rules at a time.
pub const STREAMS_MAX: usize = 100;
/// Bytes of a stream's name.
pub const STREAM_NAME_LEN_MAX: usize = 63;

/// The name of a stream: `[a-z0-9][a-z0-9_-]{0,62}`, so that it needs no escapes in queries, labels, paths and lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName(SmolStr);

/// What records belong to a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamRule {
    pub name: StreamName,
    /// On the record as it arrives.
    pub filter: LogFilter,
    /// Whether the records leave the `default` stream.
    pub remove_from_default: bool,
}

/// Why rules cannot be put in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamRuleError {
    #[error("`{name}` is no name of a stream: write at most {max} lower-case letters, digits, `-` and `_`, the first a letter or a digit",
        max = STREAM_NAME_LEN_MAX)]
    Name { name: String },
    #[error("`default` is the stream of all records that no rule takes out of it, a rule needs another name")]
    Reserved,
    #[error("there are two streams `{name}`: give one of them another name, or join their queries by OR")]
    Duplicate { name: StreamName },
    #[error("there are {count} streams, at most {max} are possible", max = STREAMS_MAX)]
    TooMany { count: usize },
}

impl StreamName {
    /// # Errors
    /// [`StreamRuleError::Name`] when it has other characters, none or too many; [`StreamRuleError::Reserved`] for
    /// `default`.
    pub fn parse(name: &str) -> Result<StreamName, StreamRuleError> {
        let is_letter_or_digit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let begins_well = name.bytes().next().is_some_and(is_letter_or_digit);
        let goes_on_well = name.bytes().all(|byte| is_letter_or_digit(byte) || matches!(byte, b'-' | b'_'));
        if !begins_well || !goes_on_well || name.len() > STREAM_NAME_LEN_MAX {
            return Err(StreamRuleError::Name { name: name.to_owned() });
        }
        if name == LogRecord::DEFAULT_STREAM {
            return Err(StreamRuleError::Reserved);
        }
        Ok(StreamName(SmolStr::new(name)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, is_good: bool) {
        assert_eq!(StreamName::parse(name).is_ok(), is_good, "{name:?}");
    }

    #[test]
    fn names_are_short_and_plain() {
        check("audit", true);
        check("0-day_x", true);
        check(&"a".repeat(63), true);
        check(&"a".repeat(64), false);
        for bad in ["", "-a", "_a", "Audit", "a,b", "a b", "a.b", "ä", "a\0", "default"] {
            check(bad, false);
        }
    }
}
