//! What a log search asks of each record: the form that every query language lowers to, and its exact meaning.

use crate::{MESSAGE_FIELD, RecordView, STREAM_FIELD, TimeRangeNs, ValueTest, fold, is_prose, stream_names, words};
use regex::Regex;
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

/// A regular expression (the `regex` crate's syntax, linear time); searched in the value as it is, not anchored.
#[derive(Debug, Clone)]
pub struct TextRegex {
    regex: Regex,
    ignore_case: bool,
}

/// Words near each other: Lucene's `"a b"~distance`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proximity {
    /// Folded, two at least.
    pub words: Vec<String>,
    /// Further words that may stand between them.
    pub distance: usize,
}

/// A word, a phrase or a whole identifier, without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPattern {
    /// The text as a whole, folded.
    whole: String,
    /// Its words in order, folded.
    words: Vec<String>,
}

/// `*` stands for any characters, none included; `?` for exactly one. Without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wildcard {
    /// Folded, no two stars next to each other.
    parts: Vec<WildcardPart>,
    /// The pattern as written, folded.
    text: String,
    /// No literal character outside words: then it applies to the single words of prose.
    within_word: bool,
}

/// One element of a wildcard pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WildcardPart {
    /// `*`: any characters, none included.
    Many,
    /// `?`: exactly one character.
    One,
    Literal(char),
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
        match self {
            LogFilter::All => true,
            LogFilter::And(parts) => parts.iter().all(|part| part.matches(record)),
            LogFilter::Or(parts) => parts.iter().any(|part| part.matches(record)),
            LogFilter::Not(part) => !part.matches(record),
            LogFilter::Any(pattern) => record.any_text(&mut |name, text| pattern.matches_field(name, text)),
            LogFilter::Field { name, pattern } => {
                record.text(name).is_some_and(|text| pattern.matches_field(name, &text))
            }
            LogFilter::Range { name, range } => record.number(name).is_some_and(|number| range.contains(number)),
            LogFilter::Exists { name } => record.text(name).is_some_and(|text| !text.is_empty()),
            LogFilter::Test { name, test } => record.value(name).is_some_and(|value| test.passes(&value)),
            LogFilter::Time(range) => record.event_time().is_some_and(|time| range.contains(time)),
        }
    }
}

impl FieldPattern {
    /// A word, phrase or identifier, as typed.
    pub fn text(text: &str) -> FieldPattern {
        let whole = fold(text);
        let words = words(&whole).map(str::to_owned).collect();
        FieldPattern::Text(TextPattern { whole, words })
    }

    /// Applies to the field of this name.
    pub fn matches_field(&self, name: &str, value: &str) -> bool {
        match name {
            MESSAGE_FIELD => self.matches_prose(value),
            STREAM_FIELD => self.matches_streams(value),
            _ => self.matches_value(value),
        }
    }

    /// Applies to text that is always searched by its words: the message.
    pub fn matches_prose(&self, value: &str) -> bool {
        match self {
            FieldPattern::Text(pattern) => pattern.matches_words(value),
            FieldPattern::Wildcard(pattern) if pattern.within_word => {
                words(value).any(|word| pattern.matches(&fold(word)))
            }
            FieldPattern::Wildcard(pattern) => pattern.matches(&fold(value)),
            FieldPattern::Regex(regex) => regex.regex.is_match(value),
            FieldPattern::Near(near) => near.matches(value),
        }
    }

    /// Applies to any other field: by words where the value is prose, else as a whole.
    pub fn matches_value(&self, value: &str) -> bool {
        if is_prose(value) {
            return self.matches_prose(value);
        }
        match self {
            FieldPattern::Text(pattern) => equals_folded(value, &pattern.whole),
            FieldPattern::Wildcard(pattern) => pattern.matches(&fold(value)),
            FieldPattern::Regex(regex) => regex.regex.is_match(value),
            FieldPattern::Near(near) => near.matches(value),
        }
    }
}

impl FieldPattern {
    /// Applies to the streams that a record belongs to: one of them has to match.
    pub fn matches_streams(&self, streams: &str) -> bool {
        stream_names(streams).any(|name| self.matches_value(name))
    }
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

impl Proximity {
    /// Whether some window of `words.len() + distance` words holds each of the words (as often as it is listed).
    pub fn matches(&self, value: &str) -> bool {
        let window = self.words.len() + self.distance;
        let mut recent: std::collections::VecDeque<Option<usize>> = std::collections::VecDeque::with_capacity(window);
        let mut wanted: Vec<(&str, i64)> = Vec::new();
        for word in &self.words {
            match wanted.iter_mut().find(|(known, _)| known == word) {
                Some((_, missing)) => *missing += 1,
                None => wanted.push((word, 1)),
            }
        }
        for candidate in words(value) {
            if recent.len() == window
                && let Some(Some(gone)) = recent.pop_front()
            {
                wanted[gone].1 += 1;
            }
            let found = wanted.iter().position(|(word, _)| equals_folded(candidate, word));
            recent.push_back(found);
            if let Some(found) = found {
                wanted[found].1 -= 1;
                if wanted.iter().all(|(_, missing)| *missing <= 0) {
                    return true;
                }
            }
        }
        false
    }
}

impl TextPattern {
    /// The whole text, folded: what an identifier must equal.
    pub fn whole(&self) -> &str {
        &self.whole
    }

    /// The words, folded, that prose must hold next to each other; empty when the text has none (`->`), and then
    /// prose must hold the text itself.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    fn matches_words(&self, value: &str) -> bool {
        match self.words.as_slice() {
            [] => fold(value).contains(&self.whole),
            [word, ..] if value.is_ascii() && word.is_ascii() => {
                ascii_words(value.as_bytes(), word.as_bytes()).any(|end| self.continues(&value[end..]))
            }
            [word, ..] => {
                let mut candidates = words(value);
                while let Some(candidate) = candidates.next() {
                    if equals_folded(candidate, word) && self.continues(candidates.rest()) {
                        return true;
                    }
                }
                false
            }
        }
    }

    /// Whether `rest`, behind the first word, begins with the further ones.
    fn continues(&self, rest: &str) -> bool {
        let mut candidates = words(rest);
        self.words[1..].iter().all(|word| candidates.next().is_some_and(|candidate| equals_folded(candidate, word)))
    }
}

/// The ends of every whole word in ASCII `text` that equals the folded `word`. Looks for the first letter alone, so most
/// text is skipped at the speed of memory.
fn ascii_words<'a>(text: &'a [u8], word: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let first = word[0];
    let starts = memchr::memchr2_iter(first, first.to_ascii_uppercase(), text);
    let is_word_byte = |at: usize| text.get(at).is_some_and(u8::is_ascii_alphanumeric);
    starts.filter_map(move |start| {
        let end = start + word.len();
        let equal = text.get(start..end).is_some_and(|candidate| candidate.eq_ignore_ascii_case(word));
        let whole = equal && !is_word_byte(end) && (start == 0 || !is_word_byte(start - 1));
        whole.then_some(end)
    })
}

/// Whether `text`, folded, equals `folded`; without allocating for ASCII.
fn equals_folded(text: &str, folded: &str) -> bool {
    if text.is_ascii() { text.eq_ignore_ascii_case(folded) } else { fold(text) == folded }
}

impl WildcardPart {
    fn as_char(self) -> char {
        match self {
            WildcardPart::Many => '*',
            WildcardPart::One => '?',
            WildcardPart::Literal(c) => c,
        }
    }
}

impl Wildcard {
    /// Characters that a pattern may have.
    pub const LEN_MAX: usize = 1024;

    /// Builds a pattern from its elements; the query parser knows which stars were escaped.
    pub fn new(parts: impl IntoIterator<Item = WildcardPart>) -> Result<Wildcard, PatternError> {
        let mut folded: Vec<WildcardPart> = Vec::new();
        for part in parts {
            match part {
                WildcardPart::Literal(c) => folded.extend(c.to_lowercase().map(WildcardPart::Literal)),
                WildcardPart::Many if folded.last() == Some(&WildcardPart::Many) => {}
                WildcardPart::Many | WildcardPart::One => folded.push(part),
            }
        }
        if folded.len() > Wildcard::LEN_MAX {
            return Err(PatternError::TooLong { max: Wildcard::LEN_MAX });
        }
        let within_word = folded.iter().all(|part| !matches!(part, WildcardPart::Literal(c) if !c.is_alphanumeric()));
        let text = folded.iter().map(|part| part.as_char()).collect();
        Ok(Wildcard { parts: folded, text, within_word })
    }

    /// Parses `*` and `?` without any escapes.
    pub fn parse(pattern: &str) -> Result<Wildcard, PatternError> {
        Wildcard::new(pattern.chars().map(|c| match c {
            '*' => WildcardPart::Many,
            '?' => WildcardPart::One,
            c => WildcardPart::Literal(c),
        }))
    }

    /// The pattern, folded, with `*` and `?` in place.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern applies to the single words of prose (it has letters and digits only).
    pub fn is_within_word(&self) -> bool {
        self.within_word
    }

    /// The literal characters before the first wildcard, folded: a prefix that an index can look up.
    pub fn prefix(&self) -> String {
        let literal = |part: &WildcardPart| if let WildcardPart::Literal(c) = part { Some(*c) } else { None };
        self.parts.iter().map_while(literal).collect()
    }

    /// Whether folded text matches from end to end. Takes at most `text.len() * pattern.len()` steps.
    pub fn matches(&self, folded: &str) -> bool {
        let mut text = folded.chars();
        let mut at = 0;
        // Where to resume when the characters after the last star do not fit: one character further on.
        let mut star: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let before = text.clone();
            match (self.parts.get(at), text.next()) {
                (None, None) => return true,
                (Some(WildcardPart::Many), _) => {
                    text = before.clone();
                    at += 1;
                    star = Some((at, before));
                }
                (Some(WildcardPart::One), Some(_)) => at += 1,
                (Some(WildcardPart::Literal(want)), Some(got)) if *want == got => at += 1,
                _ => {
                    let Some((resume, rest)) = &mut star else { return false };
                    if rest.next().is_none() {
                        return false;
                    }
                    at = *resume;
                    text = rest.clone();
                }
            }
        }
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
mod tests {
    use super::*;
    use crate::{FieldValue, Level, LogRecord, TimeNs};

    fn record(message: &str, fields: &[(&str, FieldValue)]) -> LogRecord {
        LogRecord {
            time: TimeNs(0),
            received: TimeNs(0),
            stream: "default".into(),
            host: "node-1".into(),
            message: message.into(),
            level: Level::new(3),
            fields: fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
        }
    }

    #[track_caller]
    fn check_text(pattern: &str, message: &str, want: bool) {
        let filter = LogFilter::Any(FieldPattern::text(pattern));
        assert_eq!(filter.matches(&record(message, &[])), want, "{pattern:?} in {message:?}");
    }

    #[test]
    fn text_matches_words_and_phrases_in_any_case() {
        check_text("Refused", "connection refused", true);
        check_text("refuse", "connection refused", false);
        check_text("connection refused", "Connection-Refused by peer", true);
        check_text("refused connection", "connection refused", false);
        check_text("a a b", "a a a b", true);
        check_text("->", "a -> b", true);
        check_text("node-1", "", true);
        check_text("node", "", false);
    }

    /// The definition, word by word, without any short cut.
    fn naive(pattern: &str, text: &str) -> bool {
        let wanted: Vec<String> = words(&fold(pattern)).map(str::to_owned).collect();
        let found: Vec<String> = words(text).map(fold).collect();
        found.windows(wanted.len()).any(|window| window == wanted)
    }

    #[test]
    fn short_cuts_find_what_the_definition_finds() {
        let texts = ["", "a", "A b", "ab", "a-b a", "xa a", "aa a b", "a b c a b", "ä b", "a ä", "a.b.C", "1a a1 a"];
        for pattern in ["a", "b", "ab", "a b", "A-B", "a b c", "b a", "ä", "a ä"] {
            for text in texts {
                assert_eq!(
                    FieldPattern::text(pattern).matches_prose(text),
                    naive(pattern, text),
                    "{pattern:?} in {text:?}"
                );
            }
        }
    }

    #[track_caller]
    fn check_field(name: &str, pattern: &str, value: &str, want: bool) {
        let filter = LogFilter::Field { name: name.into(), pattern: FieldPattern::text(pattern) };
        assert_eq!(
            filter.matches(&record("", &[(name, FieldValue::Text(value.into()))])),
            want,
            "{name}:{pattern} on {value:?}"
        );
    }

    #[test]
    fn identifiers_match_whole_and_prose_by_words() {
        check_field("service", "order-service", "order-service", true);
        check_field("service", "order", "order-service", false);
        check_field("cause", "refused", "connection refused", true);
        check_field("env", "Prod", "prod", true);
    }

    #[track_caller]
    fn check_wildcard(pattern: &str, text: &str, want: bool) {
        let pattern = Wildcard::parse(pattern).expect("a short pattern");
        assert_eq!(pattern.matches(text), want, "{pattern:?} on {text:?}");
    }

    #[test]
    fn wildcards_match_end_to_end() {
        check_wildcard("*", "", true);
        check_wildcard("?", "", false);
        check_wildcard("a*", "abc", true);
        check_wildcard("*c", "abcbc", true);
        check_wildcard("a*b?", "axbxbc", true);
        check_wildcard("a*b", "abc", false);
        check_wildcard("*ion*", "exception", true);
        check_wildcard("Ü?", "üx", true);
        check_wildcard("**a**", "bab", true);
    }

    #[test]
    fn ranges_take_numbers_and_numeric_text() {
        let filter = LogFilter::Range {
            name: "took".into(),
            range: NumberRange { low: Bound::Excluded(5.0), high: Bound::Unbounded },
        };
        assert!(filter.matches(&record("", &[("took", FieldValue::Text("5.5".into()))])));
        assert!(!filter.matches(&record("", &[("took", FieldValue::I64(5))])));
        assert!(!filter.matches(&record("", &[("took", FieldValue::Bool(true))])));
        assert!(!filter.matches(&record("", &[])));
    }
}
