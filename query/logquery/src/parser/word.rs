//! Words and phrases as typed, with their escapes and wildcards.

use super::Parser;
use crate::{DISTANCE_MAX, NEAR_WORDS_MAX, Pattern, Problem, QueryError};
use std::net::IpAddr;
use std::ops::Range;
use watchfire_model::{WildcardPart, words};

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
    /// The word at the cursor, without its boost (`^2`); empty when none starts here.
    pub(super) fn word(&mut self, colon: Colon) -> Word {
        let start = self.at;
        let mut parts = Vec::new();
        let mut is_escaped = false;
        // Where the last `^` that may begin a boost stands, in the text and among the parts.
        let mut boost = None;
        while let Some(c) = self.peek() {
            let rest = self.rest();
            match c {
                '\\' => {
                    self.at += 1;
                    // A backslash at the very end stands for itself.
                    let literal = self.peek().unwrap_or('\\');
                    is_escaped = true;
                    boost = None;
                    parts.push(WildcardPart::Literal(literal));
                    self.at += self.peek().map_or(0, char::len_utf8);
                    continue;
                }
                '(' | ')' | '"' | '|' => break,
                ':' if colon == Colon::Ends => break,
                '&' if rest.starts_with("&&") => break,
                c if c.is_whitespace() => break,
                '*' => parts.push(WildcardPart::Many),
                '?' => parts.push(WildcardPart::One),
                '^' => {
                    boost = Some((self.at, parts.len()));
                    parts.push(WildcardPart::Literal(c));
                }
                c => parts.push(WildcardPart::Literal(c)),
            }
            self.at += c.len_utf8();
        }
        let mut span = start..self.at;
        if let Some((at, len)) = boost
            && len > 0
            && is_boost(&self.text[at..self.at])
        {
            parts.truncate(len);
            span.end = at;
        }
        Word { span, parts, is_escaped }
    }

    /// The phrase at the cursor, which stands at its opening quote; possibly empty.
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
                '"' => return Ok(text),
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
    }

    /// What stands behind a phrase: a distance, a boost, or nothing.
    pub(super) fn phrase_pattern(&mut self, open: usize, text: String) -> Result<Pattern, QueryError> {
        if text.is_empty() {
            return Err(self.error(open..self.at, Problem::EmptyPhrase));
        }
        let distance = match self.peek() {
            Some('~') => {
                let sign = self.at;
                self.at += 1;
                let len = self.rest().find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest().len());
                let distance = self.rest()[..len].parse().ok().filter(|distance| *distance <= DISTANCE_MAX);
                self.at += len;
                let few_words = words(&text).take(NEAR_WORDS_MAX + 1).count() <= NEAR_WORDS_MAX;
                let problem = Problem::BadDistance { max: DISTANCE_MAX, words_max: NEAR_WORDS_MAX };
                match distance {
                    Some(distance) if few_words => Some(distance),
                    _ => return Err(self.error(sign..self.at, problem)),
                }
            }
            _ => None,
        };
        self.skip_boost();
        Ok(match distance {
            Some(distance) => Pattern::Near { text, distance },
            None => Pattern::Text(text),
        })
    }

    /// Steps over `^2` behind a phrase or group: records are sorted by time, not by weight.
    pub(super) fn skip_boost(&mut self) {
        let Some(rest) = self.rest().strip_prefix('^') else { return };
        let len = 1 + rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        if is_boost(&self.rest()[..len]) {
            self.at += len;
        }
    }

    /// A slash that opens a regular expression: the next one without a backslash ends it, and the word. A path, whose
    /// next slash has something behind it, is a plain word.
    pub(super) fn regex_len(&self) -> Option<usize> {
        let body = self.rest().strip_prefix('/')?;
        if body.starts_with(|c: char| c.is_whitespace() || c == '/') {
            return None;
        }
        let mut after_backslash = false;
        let end = body.char_indices().find(|(_, c)| {
            let is_end = *c == '/' && !after_backslash;
            after_backslash = *c == '\\' && !after_backslash;
            is_end
        });
        let (len, _) = end?;
        let behind = &body[len + 1..];
        let behind = behind.strip_prefix('i').unwrap_or(behind);
        let ends = behind.is_empty() || behind.starts_with(|c: char| c.is_whitespace() || matches!(c, ')' | '|' | '^'));
        ends.then_some(len)
    }

    /// `/…/`, `/…/i` of the length that [`Parser::regex_len`] found, or `~"…"`.
    pub(super) fn regex(&mut self, len: Option<usize>) -> Result<Pattern, QueryError> {
        let start = self.at;
        self.at += 1;
        let expression = if let Some(len) = len {
            let body = self.rest()[..len].to_owned();
            self.at += len + 1;
            body
        } else {
            let open = self.at;
            let text = self.phrase()?;
            if text.is_empty() {
                return Err(self.error(open..self.at, Problem::EmptyPhrase));
            }
            text
        };
        let ignore_case = self.peek() == Some('i');
        self.at += usize::from(ignore_case);
        self.count_regex(start, &expression)?;
        self.skip_boost();
        if let Err(problem) = watchfire_model::TextRegex::new(&expression, ignore_case) {
            return Err(self.error(start..self.at, problem.into()));
        }
        Ok(Pattern::Regex { expression, ignore_case })
    }
}

/// `^` and a number.
fn is_boost(text: &str) -> bool {
    text.strip_prefix('^').is_some_and(|number| {
        number.starts_with(|c: char| c.is_ascii_digit()) && number.parse::<f64>().is_ok_and(f64::is_finite)
    })
}

/// `word~` or `word~2`.
pub(super) fn is_fuzzy(text: &str) -> bool {
    text.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
        .strip_suffix('~')
        .is_some_and(|word| word.ends_with(char::is_alphanumeric))
}

/// An IP address, a slash and a number: a network.
pub(super) fn network(text: &str) -> Option<(IpAddr, &str)> {
    let (address, prefix) = text.split_once('/')?;
    let is_number = !prefix.is_empty() && prefix.len() <= 3 && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let address = address.parse().ok()?;
    is_number.then_some((address, prefix))
}
