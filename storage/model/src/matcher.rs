//! Label matchers: the atoms of a series selector.

use crate::Labels;
use regex::{Regex, RegexBuilder};
use smol_str::SmolStr;
use std::fmt;

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, anchored at both ends
    Regex,
    /// `!~`, anchored at both ends
    NotRegex,
}

impl MatchOp {
    pub fn as_str(self) -> &'static str {
        match self {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        }
    }
}

/// `name op value`. A label that a series does not have counts as the empty string.
#[derive(Debug, Clone)]
pub struct Matcher {
    name: SmolStr,
    op: MatchOp,
    value: SmolStr,
    /// Present exactly for the two regular-expression operators.
    regex: Option<Regex>,
}

/// Why a matcher cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}` is not a valid regular expression: {reason}")]
pub struct MatcherError {
    pub expression: String,
    pub reason: String,
}

impl Matcher {
    /// Bytes that one compiled expression may take.
    pub const REGEX_BYTES_MAX: usize = 1 << 20;
    /// Bytes that its automaton may take beside that as it meets values, in each thread that matches at the same time.
    pub const REGEX_CACHE_BYTES_MAX: usize = 128 << 10;

    /// Builds a matcher; expressions have the syntax of RE2, `.` also matches a line end, and they are anchored.
    pub fn new(name: impl Into<SmolStr>, op: MatchOp, value: impl Into<SmolStr>) -> Result<Matcher, MatcherError> {
        Matcher::new_within(name, op, value, Matcher::REGEX_BYTES_MAX)
    }

    /// The same, where the compiled expression may take `regex_bytes_max`: for whoever bounds many matchers together.
    pub fn new_within(
        name: impl Into<SmolStr>,
        op: MatchOp,
        value: impl Into<SmolStr>,
        regex_bytes_max: usize,
    ) -> Result<Matcher, MatcherError> {
        let value = value.into();
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(anchored(&value, regex_bytes_max)?),
        };
        Ok(Matcher { name: name.into(), op, value, regex })
    }

    /// `name = value`, which cannot fail.
    pub fn equal(name: impl Into<SmolStr>, value: impl Into<SmolStr>) -> Matcher {
        Matcher { name: name.into(), op: MatchOp::Equal, value: value.into(), regex: None }
    }

    pub fn name(&self) -> &SmolStr {
        &self.name
    }

    pub fn op(&self) -> MatchOp {
        self.op
    }

    pub fn value(&self) -> &SmolStr {
        &self.value
    }

    /// Whether a label with this value passes.
    pub fn matches(&self, value: &str) -> bool {
        let regex_matches = || self.regex.as_ref().is_some_and(|regex| regex.is_match(value));
        match self.op {
            MatchOp::Equal => self.value == value,
            MatchOp::NotEqual => self.value != value,
            MatchOp::Regex => regex_matches(),
            MatchOp::NotRegex => !regex_matches(),
        }
    }

    /// Whether series without this label pass too.
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }

    pub fn matches_labels(&self, labels: &Labels) -> bool {
        self.matches(labels.get_or_empty(&self.name))
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Matcher) -> bool {
        self.name == other.name && self.op == other.op && self.value == other.value
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.op.as_str(), self.value.as_str())
    }
}

fn anchored(expression: &str, bytes_max: usize) -> Result<Regex, MatcherError> {
    RegexBuilder::new(&format!("^(?s:{expression})$"))
        .size_limit(bytes_max)
        .dfa_size_limit(Matcher::REGEX_CACHE_BYTES_MAX)
        .build()
        .map_err(|error| MatcherError { expression: expression.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(op: MatchOp, pattern: &str, value: &str, want: bool) {
        let matcher = Matcher::new("l", op, pattern).expect("a valid matcher");
        assert_eq!(matcher.matches(value), want, "{matcher} on {value:?}");
    }

    #[test]
    fn operators_compare_whole_values() {
        check(MatchOp::Equal, "a", "a", true);
        check(MatchOp::NotEqual, "a", "", true);
        check(MatchOp::Regex, "a|b", "b", true);
        check(MatchOp::Regex, "a", "ab", false);
        check(MatchOp::Regex, ".*", "two\nlines", true);
        check(MatchOp::NotRegex, "a.+", "a", true);
    }

    #[test]
    fn a_large_expression_is_refused() {
        assert!(Matcher::new("l", MatchOp::Regex, r"\pL{1000}").is_err());
        assert!(Matcher::new_within("l", MatchOp::Regex, r"\w", 1000).is_err());
        assert!(Matcher::new_within("l", MatchOp::Equal, r"\w", 0).is_ok());
    }

    #[test]
    fn a_bad_expression_is_named() {
        let error = Matcher::new("l", MatchOp::Regex, "a(").expect_err("unbalanced");
        assert_eq!(error.expression, "a(");
    }
}
