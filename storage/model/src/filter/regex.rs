//! Regular expressions on values.

use super::PatternError;
use regex::Regex;

/// A regular expression (the `regex` crate's syntax, linear time); searched in the value as it is, not anchored.
#[derive(Debug, Clone)]
pub struct TextRegex {
    regex: Regex,
    ignore_case: bool,
}

impl TextRegex {
    /// Bytes that the compiled expression may take.
    pub const COMPILED_BYTES_MAX: usize = 1 << 20;

    pub fn new(expression: &str, ignore_case: bool) -> Result<TextRegex, PatternError> {
        let built = regex::RegexBuilder::new(expression)
            .case_insensitive(ignore_case)
            .size_limit(TextRegex::COMPILED_BYTES_MAX)
            .dfa_size_limit(TextRegex::COMPILED_BYTES_MAX)
            .build();
        built.map(|regex| TextRegex { regex, ignore_case }).map_err(|error| PatternError::BadRegex(error.to_string()))
    }

    /// The expression as written.
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// Whether it was asked to find letters of either case.
    pub fn ignores_case(&self) -> bool {
        self.ignore_case
    }

    pub fn regex(&self) -> &Regex {
        &self.regex
    }
}

impl PartialEq for TextRegex {
    fn eq(&self, other: &TextRegex) -> bool {
        (self.as_str(), self.ignore_case) == (other.as_str(), other.ignore_case)
    }
}
