//! What a value must look like, and how it is held against one.

use super::cut::CutText;
use super::{Proximity, TextPattern, TextRegex, Wildcard};
use crate::{fold, is_prose, stream_names, words};

/// What a value must look like.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldPattern {
    Text(TextPattern),
    Wildcard(Wildcard),
    /// Found anywhere in the value, signs and case as they are.
    Regex(TextRegex),
    /// All the words, in any order, within a window.
    Near(Proximity),
}

impl FieldPattern {
    /// A word, phrase or identifier, as typed.
    pub fn text(text: &str) -> FieldPattern {
        FieldPattern::Text(TextPattern::new(text))
    }

    /// Applies to text that is always searched by its words: the message.
    pub fn matches_prose(&self, value: &str) -> bool {
        match self {
            FieldPattern::Text(pattern) => pattern.matches_words(value),
            FieldPattern::Wildcard(pattern) if pattern.is_within_word() => {
                words(value).any(|word| pattern.matches(&fold(word)))
            }
            FieldPattern::Wildcard(pattern) => pattern.matches(&fold(value)),
            FieldPattern::Regex(regex) => regex.regex().is_match(value),
            FieldPattern::Near(near) => near.matches(value),
        }
    }

    /// Applies to any other field: by words where the value is prose, else as a whole.
    pub fn matches_value(&self, value: &str) -> bool {
        if is_prose(value) {
            return self.matches_prose(value);
        }
        match self {
            FieldPattern::Text(pattern) => pattern.equals(value),
            FieldPattern::Wildcard(pattern) => pattern.matches(&fold(value)),
            FieldPattern::Regex(regex) => regex.regex().is_match(value),
            FieldPattern::Near(near) => near.matches(value),
        }
    }

    /// Applies to the streams that a record belongs to: one of them has to match.
    pub fn matches_streams(&self, streams: &str) -> bool {
        stream_names(streams).any(|name| self.matches_value(name))
    }

    /// As [`FieldPattern::matches_prose`], on a text that was cut before.
    pub(super) fn matches_cut(&self, value: &str, cut: &CutText) -> bool {
        match self {
            FieldPattern::Text(pattern) => pattern.matches_cut(value, cut),
            FieldPattern::Wildcard(pattern) if pattern.is_within_word() => {
                cut.vocabulary().any(|word| pattern.matches(word))
            }
            FieldPattern::Wildcard(pattern) => pattern.matches(cut.whole(value)),
            FieldPattern::Regex(regex) => regex.regex().is_match(value),
            FieldPattern::Near(near) => near.matches_cut(cut),
        }
    }
}
