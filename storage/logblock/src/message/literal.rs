//! A text that messages must hold to pass, and whether a template allows for it.

use super::PairSet;
use super::template::Template;

/// Characters of a literal that are looked at: one bit each.
const CHARS_MAX: usize = 64;
const ASCII: usize = 128;

/// A folded literal, by its characters: bit n of a mask stands for character n.
#[derive(Debug)]
pub(super) struct Literal {
    /// Where each ASCII character stands in it.
    ascii: [u64; ASCII],
    /// Where others stand.
    others: Vec<(char, u64)>,
    /// Characters that may be part of a variable word.
    in_word: u64,
    /// Characters that may follow the one before in a variable word.
    behind_pair: u64,
    last: u64,
}

impl Literal {
    /// `text` is folded and not empty; `pairs` are those of the variable words.
    pub(super) fn new(text: &str, pairs: &PairSet) -> Literal {
        let chars: Vec<char> = text.chars().take(CHARS_MAX).collect();
        let mut literal = Literal { ascii: [0; ASCII], others: Vec::new(), in_word: 0, behind_pair: 0, last: 0 };
        for (at, c) in chars.iter().enumerate() {
            let bit = 1 << at;
            literal.last = bit;
            literal.in_word |= if c.is_ascii_alphanumeric() { bit } else { 0 };
            if at > 0 && pairs.may_hold_pair(chars[at - 1], *c) {
                literal.behind_pair |= bit;
            }
            match literal.ascii.get_mut(*c as usize) {
                Some(mask) => *mask |= bit,
                None => literal.others.push((*c, bit)),
            }
        }
        literal
    }

    /// Whether a message of the template may hold it, if its variable words hold no other pairs.
    pub(super) fn may_stand_in(&self, template: &Template) -> bool {
        // Bit n: what was read ends with the first n + 1 characters of the literal.
        let mut states = 0u64;
        for (at, piece) in template.pieces().enumerate() {
            if at > 0 {
                states = self.through_word(states);
                if states & self.last != 0 {
                    return true;
                }
            }
            for c in piece.chars().flat_map(char::to_lowercase) {
                states = (states << 1 | 1) & self.places_of(c);
                if states & self.last != 0 {
                    return true;
                }
            }
        }
        false
    }

    fn places_of(&self, c: char) -> u64 {
        let others = || self.others.iter().filter(|(other, _)| *other == c).fold(0, |mask, (_, bit)| mask | bit);
        self.ascii.get(c as usize).copied().unwrap_or_else(others)
    }

    /// The states behind any word of one character at least.
    fn through_word(&self, states: u64) -> u64 {
        // What was read before the word goes on with its first character, and the literal may begin with any.
        let mut next = (states << 1 | 1) & self.in_word;
        let mut reached = next;
        loop {
            next = (next << 1 & self.behind_pair | 1) & self.in_word;
            if next & !reached == 0 {
                return reached;
            }
            reached |= next;
        }
    }
}
