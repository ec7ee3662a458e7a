//! Long texts, folded and cut into words once for all patterns of a filter.

use crate::{fold, words};
use smol_str::SmolStr;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

/// Bytes from which on a text is worth it.
const LONG_LEN_MIN: usize = 4 << 10;
/// Patterns from which on it is worth it: a single one skips through ASCII text at the speed of memory.
const PATTERNS_MIN: usize = 64;
/// The same for text that is not ASCII, whose words are folded one by one.
const PATTERNS_MIN_UNICODE: usize = 4;

/// A text, cut.
#[derive(Debug)]
pub(super) struct CutText {
    /// Every word, folded, one behind the other, and where each one lies there.
    folded: String,
    spans: Vec<Range<usize>>,
    /// At which places among the words each of them stands, ascending.
    places: HashMap<SmolStr, Vec<usize>>,
    /// The text as a whole, folded, once somebody asks.
    whole: OnceCell<String>,
}

/// The cut texts of the record that a filter looks at.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    n_patterns: usize,
    /// Where a text lies and how long it is tell it from the others: it is borrowed as long as this lives.
    known: RefCell<Vec<(*const u8, usize, Rc<CutText>)>>,
}

impl CutText {
    pub(super) fn new(text: &str) -> CutText {
        let mut cut = CutText {
            folded: String::with_capacity(text.len()),
            spans: Vec::new(),
            places: HashMap::new(),
            whole: OnceCell::new(),
        };
        for word in words(text) {
            let start = cut.folded.len();
            if word.is_ascii() {
                cut.folded.push_str(word);
                cut.folded[start..].make_ascii_lowercase();
            } else {
                cut.folded.extend(word.chars().flat_map(char::to_lowercase));
            }
            let span = start..cut.folded.len();
            match cut.places.get_mut(&cut.folded[span.clone()]) {
                Some(places) => places.push(cut.spans.len()),
                None => drop(cut.places.insert(cut.folded[span.clone()].into(), vec![cut.spans.len()])),
            }
            cut.spans.push(span);
        }
        cut
    }

    /// The words in order.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.spans.iter().map(|span| &self.folded[span.clone()])
    }

    pub(super) fn word(&self, place: usize) -> Option<&str> {
        self.spans.get(place).map(|span| &self.folded[span.clone()])
    }

    /// Each word once, in no order.
    pub(super) fn vocabulary(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(SmolStr::as_str)
    }

    /// The places of a word, ascending.
    pub(super) fn places(&self, word: &str) -> &[usize] {
        self.places.get(word).map_or(&[], Vec::as_slice)
    }

    /// The text, which this was made of, folded.
    pub(super) fn whole(&self, text: &str) -> &str {
        self.whole.get_or_init(|| fold(text))
    }
}

impl Cuts {
    /// `n_patterns`: patterns of the filter, as far as they were counted.
    pub(super) fn new(n_patterns: usize) -> Cuts {
        Cuts { n_patterns, known: RefCell::default() }
    }

    /// Patterns that need to be counted, more make no difference.
    pub(super) const COUNTED_MAX: usize = PATTERNS_MIN;

    /// The text, cut, if that is worth it. The text must not change its place while this lives.
    pub(super) fn of(&self, text: &str) -> Option<Rc<CutText>> {
        if text.len() < LONG_LEN_MIN || self.n_patterns < PATTERNS_MIN_UNICODE {
            return None;
        }
        if self.n_patterns < PATTERNS_MIN && text.is_ascii() {
            return None;
        }
        let mut known = self.known.borrow_mut();
        let found = known.iter().find(|(start, len, _)| (*start, *len) == (text.as_ptr(), text.len()));
        if let Some((_, _, cut)) = found {
            return Some(Rc::clone(cut));
        }
        let cut = Rc::new(CutText::new(text));
        known.push((text.as_ptr(), text.len(), Rc::clone(&cut)));
        Some(cut)
    }
}
