//! Patterns with `*` and `?`.

use super::PatternError;

/// `*` stands for any characters, none included; `?` for exactly one. Without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wildcard {
    /// Folded, no two stars next to each other.
    parts: Vec<WildcardPart>,
    /// The pattern as written, folded.
    text: String,
    /// No literal character outside words: then it applies to the single words of prose.
    within_word: bool,
    /// The longest run of literal characters: text without it cannot match.
    literal: String,
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
        let runs = folded.split(|part| !matches!(part, WildcardPart::Literal(_)));
        let literal = runs.max_by_key(|run| run.len()).unwrap_or_default();
        let literal = literal.iter().map(|part| part.as_char()).collect();
        Ok(Wildcard { parts: folded, text, within_word, literal })
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
        /// Shorter texts are looked through as fast as they are searched.
        const LONG_LEN_MIN: usize = 64;
        if folded.len() >= LONG_LEN_MIN && memchr::memmem::find(folded.as_bytes(), self.literal.as_bytes()).is_none() {
            return false;
        }
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
