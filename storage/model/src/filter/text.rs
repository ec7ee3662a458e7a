//! Words, phrases and words near each other.

use super::cut::CutText;
use crate::{fold, words};
use std::collections::VecDeque;

/// A word, a phrase or a whole identifier, without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPattern {
    /// The text as a whole, folded.
    whole: String,
    /// Its words in order, folded.
    words: Vec<String>,
    /// For each number of words that were found in a row: how many of them may be the beginning of another find, when the
    /// next one does not follow (Knuth, Morris and Pratt). Only of long phrases.
    restarts: Vec<usize>,
}

/// Words from which on a phrase is looked for without ever going back in the text.
const LONG_PHRASE_WORDS: usize = 8;

/// Words near each other: Lucene's `"a b"~distance`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proximity {
    /// Folded, two at least.
    pub words: Vec<String>,
    /// Further words that may stand between them.
    pub distance: usize,
}

impl TextPattern {
    pub(super) fn new(text: &str) -> TextPattern {
        let whole = fold(text);
        let words: Vec<String> = words(&whole).map(str::to_owned).collect();
        let restarts = if words.len() >= LONG_PHRASE_WORDS { restarts(&words) } else { Vec::new() };
        TextPattern { whole, words, restarts }
    }

    /// The whole text, folded: what an identifier must equal.
    pub fn whole(&self) -> &str {
        &self.whole
    }

    /// The words, folded, that prose must hold next to each other; empty when the text has none (`->`), and then
    /// prose must hold the text itself.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Whether the value as a whole is this text.
    pub(super) fn equals(&self, value: &str) -> bool {
        equals_folded(value, &self.whole)
    }

    /// Whether the words stand next to each other in the value.
    pub(super) fn matches_words(&self, value: &str) -> bool {
        match self.words.as_slice() {
            [] => fold(value).contains(&self.whole),
            _ if !self.restarts.is_empty() => self.is_in(words(value), equals_folded),
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

    /// As [`TextPattern::matches_words`], on a value that was cut before.
    pub(super) fn matches_cut(&self, value: &str, cut: &CutText) -> bool {
        match self.words.as_slice() {
            [] => cut.whole(value).contains(&self.whole),
            _ if !self.restarts.is_empty() => self.is_in(cut.words(), |word, wanted| word == wanted),
            [word, further @ ..] => cut.places(word).iter().any(|place| {
                (place + 1..).zip(further).all(|(place, wanted)| cut.word(place).is_some_and(|word| word == wanted))
            }),
        }
    }

    /// Whether the words of a long phrase follow each other among these.
    fn is_in<'a>(&self, candidates: impl Iterator<Item = &'a str>, equal: impl Fn(&str, &str) -> bool) -> bool {
        let mut found = 0;
        for candidate in candidates {
            while found > 0 && !equal(candidate, &self.words[found]) {
                found = self.restarts[found - 1];
            }
            found += usize::from(equal(candidate, &self.words[found]));
            if found == self.words.len() {
                return true;
            }
        }
        false
    }

    /// Whether `rest`, behind the first word, begins with the further ones.
    fn continues(&self, rest: &str) -> bool {
        let mut candidates = words(rest);
        self.words[1..].iter().all(|word| candidates.next().is_some_and(|candidate| equals_folded(candidate, word)))
    }
}

/// For each beginning of the words: the length of the longest shorter beginning that it ends with.
fn restarts(words: &[String]) -> Vec<usize> {
    let mut restarts = vec![0; words.len()];
    for end in 1..words.len() {
        let mut len = restarts[end - 1];
        while len > 0 && words[end] != words[len] {
            len = restarts[len - 1];
        }
        restarts[end] = len + usize::from(words[end] == words[len]);
    }
    restarts
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

impl Proximity {
    /// Whether some window of `words.len() + distance` words holds each of the words (as often as it is listed).
    pub fn matches(&self, value: &str) -> bool {
        self.is_in(words(value), equals_folded)
    }

    /// As [`Proximity::matches`], on a value that was cut before.
    pub(super) fn matches_cut(&self, cut: &CutText) -> bool {
        let has_all = self.words.iter().all(|word| !cut.places(word).is_empty());
        has_all && self.is_in(cut.words(), |word, wanted| word == wanted)
    }

    fn is_in<'a>(&self, candidates: impl Iterator<Item = &'a str>, equal: impl Fn(&str, &str) -> bool) -> bool {
        let window = self.words.len() + self.distance;
        let mut recent: VecDeque<Option<usize>> = VecDeque::new();
        let mut wanted: Vec<(&str, i64)> = Vec::new();
        for word in &self.words {
            match wanted.iter_mut().find(|(known, _)| known == word) {
                Some((_, missing)) => *missing += 1,
                None => wanted.push((word, 1)),
            }
        }
        for candidate in candidates {
            if recent.len() == window
                && let Some(Some(gone)) = recent.pop_front()
            {
                wanted[gone].1 += 1;
            }
            let found = wanted.iter().position(|(word, _)| equal(candidate, word));
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
