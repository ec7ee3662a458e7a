//! Words and phrases as typed, with their escapes and wildcards.

use super::Parser;
use crate::error::Unsupported;
use crate::{Pattern, Problem, QueryError};
use std::ops::Range;
use watchfire_model::WildcardPart;

/// A run of characters and where it stood.
#[derive(Debug)]
pub(super) struct Word {
    pub span: Range<usize>,
    /// Wildcards and, already without their backslashes, all other characters.
    pub parts: Vec<WildcardPart>,
    /// Some character was written with a backslash.
    pub is_escaped: bool,
}

/// Whether a colon ends the word (it may name a field) or belongs to it (it is a value).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colon {
    Ends,
    Belongs,
}

impl Word {
    pub(super) fn is_all_stars(&self) -> bool {
        !self.parts.is_empty() && self.parts.iter().all(|part| *part == WildcardPart::Many)
    }

    pub(super) fn has_wildcard(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, WildcardPart::Literal(_)))
    }

    /// The characters, with `*` and `?` for the wildcards.
    pub(super) fn text(&self) -> String {
        let as_char = |part: &WildcardPart| match part {
            WildcardPart::Many => '*',
            WildcardPart::One => '?',
            WildcardPart::Literal(c) => *c,
        };
        self.parts.iter().map(as_char).collect()
    }

    pub(super) fn into_pattern(self) -> Pattern {
        if self.has_wildcard() {
            let mut parts = self.parts;
            parts.dedup_by(|next, before| *next == WildcardPart::Many && *before == WildcardPart::Many);
            Pattern::Wildcard(parts)
        } else {
            Pattern::Text(self.text())
        }
    }
}

impl Parser<'_> {
    /// The word at the cursor; empty when none starts here.
    pub(super) fn word(&mut self, colon: Colon) -> Result<Word, QueryError> {
        let start = self.at;
        let mut parts = Vec::new();
        let mut is_escaped = false;
        while let Some(c) = self.peek() {
            let rest = self.rest();
            match c {
                '\\' => {
                    self.at += 1;
                    // A backslash at the very end stands for itself.
                    let literal = self.peek().unwrap_or('\\');
                    is_escaped = true;
                    parts.push(WildcardPart::Literal(literal));
                    self.at += self.peek().map_or(0, char::len_utf8);
                    continue;
                }
                '(' | ')' | '"' => break,
                ':' if colon == Colon::Ends => break,
                '&' if rest.starts_with("&&") => break,
                '|' if rest.starts_with("||") => break,
                '|' => return Err(self.unsupported(self.at..self.at + 1, Unsupported::Pipe)),
                c if c.is_whitespace() => break,
                '*' => parts.push(WildcardPart::Many),
                '?' => parts.push(WildcardPart::One),
                c => parts.push(WildcardPart::Literal(c)),
            }
            self.at += c.len_utf8();
        }
        Ok(Word { span: start..self.at, parts, is_escaped })
    }

    /// The phrase at the cursor, which stands at its opening quote.
    pub(super) fn phrase(&mut self) -> Result<String, QueryError> {
        let open = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(c) = self.peek() else {
                return Err(self.error(open..open + 1, Problem::UnclosedPhrase));
            };
            self.at += c.len_utf8();
            match c {
                '"' => break,
                '\\' => match self.peek() {
                    Some(next @ ('"' | '\\')) => {
                        text.push(next);
                        self.at += 1;
                    }
                    // Windows paths may be pasted as they are.
                    _ => text.push('\\'),
                },
                c => text.push(c),
            }
        }
        match self.peek() {
            Some('~') => Err(self.unsupported(self.at..self.at + 1, Unsupported::Proximity)),
            Some('^') => Err(self.unsupported(self.at..self.at + 1, Unsupported::Boost)),
            _ if text.is_empty() => Err(self.error(open..self.at, Problem::EmptyPhrase)),
            _ => Ok(text),
        }
    }

    /// Refuses what a plain word would be in the full language.
    pub(super) fn check_supported(&self, word: &Word) -> Result<(), QueryError> {
        let text = &self.text[word.span.clone()];
        let what = if word.is_escaped {
            return Ok(());
        } else if text.len() > 1 && text.starts_with('/') && text.ends_with('/') {
            Unsupported::Regex
        } else if is_fuzzy(text) {
            Unsupported::Fuzzy
        } else if is_cidr(text) {
            Unsupported::Cidr
        } else {
            return Ok(());
        };
        Err(self.unsupported(word.span.clone(), what))
    }
}

/// `word~` or `word~2`.
fn is_fuzzy(text: &str) -> bool {
    text.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
        .strip_suffix('~')
        .is_some_and(|word| word.ends_with(char::is_alphanumeric))
}

/// An IP address, a slash and a number.
fn is_cidr(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, bits)| {
        address.parse::<std::net::IpAddr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= 128)
    })
}
