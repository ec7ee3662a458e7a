//! Changing texts. Whatever a query asks for, a text grows to [`TEXT_LEN_MAX`] at most.

use std::ops::Range;
use watchfire_model::TextRegex;

/// Bytes that a text may grow to; one that was longer before keeps its length. What exceeds this is cut off.
const TEXT_LEN_MAX: usize = 1 << 20;

/// Text that does not grow beyond its bound.
#[derive(Debug)]
pub(super) struct BoundedText {
    text: String,
    max: usize,
}

impl BoundedText {
    /// `before`: bytes of the text that this one takes the place of.
    pub(super) fn new(before: usize) -> BoundedText {
        BoundedText { text: String::with_capacity(before), max: before.max(TEXT_LEN_MAX) }
    }

    pub(super) fn push(&mut self, more: &str) {
        let room = self.max - self.text.len();
        self.text.push_str(&more[..more.floor_char_boundary(room)]);
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// The text with every `old` as `new`; `None` where there is none.
pub(super) fn replace(text: &str, old: &str, new: &str) -> Option<String> {
    let mut pieces = text.split(old);
    let mut out = BoundedText::new(text.len());
    out.push(pieces.next().unwrap_or_default());
    let mut is_changed = false;
    for piece in pieces {
        is_changed = true;
        out.push(new);
        out.push(piece);
    }
    is_changed.then(|| out.into_text())
}

/// What a found text is replaced by: literal text and groups of the expression in turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replacement {
    parts: Vec<ReplacementPart>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum ReplacementPart {
    Literal(String),
    /// Number of a group of the expression.
    Group(usize),
}

impl Replacement {
    /// Reads `$1`, `$name`, `${name}` and `$$`; a group that the expression has not is empty.
    pub(super) fn new(text: &str, regex: &TextRegex) -> Replacement {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            parts.push(ReplacementPart::Literal(before.to_owned()));
            let (name, tail) = group_name(after);
            rest = tail;
            match name {
                _ if after.starts_with('$') => parts.push(ReplacementPart::Literal("$".to_owned())),
                None => parts.push(ReplacementPart::Literal("$".to_owned())),
                Some(name) => {
                    let by_name = || regex.regex().capture_names().position(|group| group == Some(name));
                    if let Some(group) = name.parse().ok().or_else(by_name) {
                        parts.push(ReplacementPart::Group(group));
                    }
                }
            }
        }
        parts.push(ReplacementPart::Literal(rest.to_owned()));
        Replacement { parts }
    }

    /// The text with everything replaced that the expression finds; `None` where it finds nothing.
    pub(super) fn apply(&self, text: &str, regex: &TextRegex) -> Option<String> {
        let mut out = BoundedText::new(text.len());
        let mut copied = 0;
        let mut is_changed = false;
        for captures in regex.regex().captures_iter(text) {
            let Range { start, end } = captures.get_match().range();
            out.push(&text[copied..start]);
            for part in &self.parts {
                match part {
                    ReplacementPart::Literal(literal) => out.push(literal),
                    ReplacementPart::Group(group) => out.push(captures.get(*group).map_or("", |found| found.as_str())),
                }
            }
            copied = end;
            is_changed = true;
        }
        out.push(&text[copied..]);
        is_changed.then(|| out.into_text())
    }
}

/// The name behind a `$`, and what follows it.
fn group_name(text: &str) -> (Option<&str>, &str) {
    if let Some(rest) = text.strip_prefix('$') {
        return (None, rest);
    }
    if let Some((name, rest)) = text.strip_prefix('{').and_then(|braced| braced.split_once('}')) {
        return (Some(name), rest);
    }
    let len = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if len == 0 { (None, text) } else { (Some(&text[..len]), &text[len..]) }
}

/// The text with numbers as `<N>`: runs of digits at the start of a word (a unit may follow), `0x` and hexadecimal digits, and
/// words of hexadecimal digits of which the first is a decimal one or that mix both; `None` where there is none.
pub(super) fn collapse_numbers(text: &str) -> Option<String> {
    let mut out = BoundedText::new(text.len());
    let mut is_changed = false;
    let mut rest = text;
    while !rest.is_empty() {
        let word_start = rest.find(char::is_alphanumeric).unwrap_or(rest.len());
        let (between, tail) = rest.split_at(word_start);
        let word_len = tail.find(|c: char| !c.is_alphanumeric()).unwrap_or(tail.len());
        let (word, tail) = tail.split_at(word_len);
        rest = tail;
        out.push(between);
        let kept = number_len(word).map_or(word, |len| {
            out.push("<N>");
            is_changed = true;
            &word[len..]
        });
        out.push(kept);
    }
    is_changed.then(|| out.into_text())
}

/// Bytes of the number that a word begins with.
fn number_len(word: &str) -> Option<usize> {
    /// Shorter words of hexadecimal digits may well be words (`a1`, `be`).
    const HEX_LEN_MIN: usize = 4;
    let digits = word.strip_prefix("0x").unwrap_or(word);
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let has_digit = digits.bytes().any(|byte| byte.is_ascii_digit());
    if is_hex && has_digit && (digits.len() >= HEX_LEN_MIN || digits.len() < word.len()) {
        return Some(word.len());
    }
    let len = word.bytes().take_while(u8::is_ascii_digit).count();
    (len > 0).then_some(len)
}
