//! The static text of messages, and how a message falls into it and its variable words.

use crate::codec::{Reader, put_bytes, put_varint};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// Stands for a variable word in a template's bytes; never part of UTF-8.
const SLOT: u8 = 0xff;
/// A message with a longer template is stored as it is.
const TEMPLATE_LEN_MAX: usize = 8 << 10;
/// As is one with more variable words.
const SLOTS_MAX: usize = 512;
/// Templates of a block at most; further messages without one are stored as they are.
const TEMPLATES_MAX: usize = 1 << 16;
/// Their bytes at most.
const TEMPLATES_BYTES_MAX: usize = 4 << 20;
/// Templates that any block may have; beyond, there is one for so many messages on average.
const TEMPLATES_FREE: usize = 1024;
const MESSAGES_PER_TEMPLATE: usize = 16;
/// A word of letters from `a` to `f` alone is variable from this length on: parts of hexadecimal ids are like that.
const HEX_WORD_LEN_MIN: usize = 4;

const DIGIT: u8 = 1;
const HEX_LETTER: u8 = 2;
const LETTER: u8 = 4;
/// Not ASCII: taken for part of a word here, so that such words, and what touches them, are static.
const FOREIGN: u8 = 8;

/// What each byte may be in a word; 0 for what ends it.
const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        classes[byte] = if b.is_ascii_digit() {
            DIGIT
        } else if b.is_ascii_hexdigit() {
            HEX_LETTER
        } else if b.is_ascii_alphabetic() {
            LETTER
        } else if b >= 0x80 {
            FOREIGN
        } else {
            0
        };
        byte += 1;
    }
    classes
}

/// Whether a word is variable; the same for a word and its folded form but for letters that only fold to ASCII, and words
/// that hold such letters are static whatever they hold.
pub(super) fn is_variable(word: &str) -> bool {
    let class = word.bytes().fold(0, |class, byte| class | CLASSES[usize::from(byte)]);
    is_variable_class(class, word.len())
}

fn is_variable_class(class: u8, len: usize) -> bool {
    class & FOREIGN == 0 && (class & DIGIT != 0 || class == HEX_LETTER && len >= HEX_WORD_LEN_MIN)
}

/// Splits a message: its template's bytes go to `template`, the ends of its variable words to `words`. False where it has
/// more or longer parts than a template may have.
pub(super) fn split(message: &str, template: &mut Vec<u8>, words: &mut Vec<(usize, usize)>) -> bool {
    template.clear();
    words.clear();
    let bytes = message.as_bytes();
    // What was not copied yet begins here.
    let mut from = 0;
    let mut at = 0;
    while at < bytes.len() {
        let mut class = CLASSES[usize::from(bytes[at])];
        if class == 0 {
            at += 1;
            continue;
        }
        let start = at;
        at += 1;
        while let Some(byte) = bytes.get(at) {
            let next = CLASSES[usize::from(*byte)];
            if next == 0 {
                break;
            }
            class |= next;
            at += 1;
        }
        if is_variable_class(class, at - start) {
            template.extend_from_slice(&bytes[from..start]);
            template.push(SLOT);
            words.push((start, at));
            from = at;
        }
    }
    template.extend_from_slice(&bytes[from..]);
    template.len() <= TEMPLATE_LEN_MAX && words.len() <= SLOTS_MAX
}

/// The templates of a block that is being written.
#[derive(Debug, Default)]
pub(crate) struct TemplateSet {
    hasher: RandomState,
    /// Indices of `ends`.
    table: HashTable<u32>,
    /// All templates, one after the other.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    messages: usize,
}

impl TemplateSet {
    /// The number of the template, which is added should it be new; none when there are too many.
    pub(super) fn number(&mut self, template: &[u8]) -> Option<u32> {
        self.messages += 1;
        let room = TEMPLATES_FREE + self.messages / MESSAGES_PER_TEMPLATE;
        self.find_or_add(template, room)
    }

    /// The number of a template that another block has already.
    pub(crate) fn adopt(&mut self, template: &Template, messages: usize) -> Option<u32> {
        self.messages += messages;
        self.find_or_add(&template.bytes(), TEMPLATES_MAX)
    }

    fn find_or_add(&mut self, template: &[u8], room: usize) -> Option<u32> {
        let hash = self.hasher.hash_one(template);
        let (bytes, ends, hasher) = (&self.bytes, &self.ends, &self.hasher);
        let get = |index: u32| template_at(bytes, ends, index as usize);
        if let Some(index) = self.table.find(hash, |index| get(*index) == template) {
            return Some(*index);
        }
        let count = self.ends.len();
        if count >= room.min(TEMPLATES_MAX) || self.bytes.len() + template.len() > TEMPLATES_BYTES_MAX {
            return None;
        }
        self.table.insert_unique(hash, count as u32, |index| hasher.hash_one(get(*index)));
        self.bytes.extend_from_slice(template);
        self.ends.push(self.bytes.len());
        Some(count as u32)
    }

    /// Variable words that a message of this template has.
    pub(super) fn slots(&self, number: u32) -> usize {
        count_slots(template_at(&self.bytes, &self.ends, number as usize))
    }

    /// Bytes held, about.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>() + self.table.capacity() * size_of::<u32>()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len() + 2 * self.ends.len());
        put_varint(&mut out, self.ends.len() as u64);
        for index in 0..self.ends.len() {
            put_bytes(&mut out, template_at(&self.bytes, &self.ends, index));
        }
        out
    }
}

fn template_at<'a>(bytes: &'a [u8], ends: &[usize], index: usize) -> &'a [u8] {
    let start = if index == 0 { 0 } else { ends[index - 1] };
    &bytes[start..ends[index]]
}

fn count_slots(template: &[u8]) -> usize {
    template.split(|byte| *byte == SLOT).count() - 1
}

/// Reads what [`TemplateSet::encode`] wrote; `None` when it makes no sense.
pub(crate) fn decode_templates(bytes: &[u8]) -> Option<Vec<Template>> {
    let mut reader = Reader::new(bytes);
    let count = reader.count()?;
    let mut templates = Vec::with_capacity(count);
    for _ in 0..count {
        templates.push(Template::new(reader.bytes()?)?);
    }
    reader.is_empty().then_some(templates)
}

/// The static text of a message, with slots for its variable words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    /// All pieces, one after the other.
    text: Box<str>,
    /// Where each piece ends in it.
    ends: Box<[usize]>,
}

impl Template {
    /// None when a piece of it is no text.
    fn new(bytes: &[u8]) -> Option<Template> {
        let mut text = String::with_capacity(bytes.len());
        let mut ends = Vec::new();
        for piece in bytes.split(|byte| *byte == SLOT) {
            text.push_str(std::str::from_utf8(piece).ok()?);
            ends.push(text.len());
        }
        Some(Template { text: text.into(), ends: ends.into() })
    }

    /// As it is stored.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.text.len() + self.slots());
        for (at, piece) in self.pieces().enumerate() {
            if at > 0 {
                bytes.push(SLOT);
            }
            bytes.extend_from_slice(piece.as_bytes());
        }
        bytes
    }

    /// Variable words that a message of this template has.
    pub(crate) fn slots(&self) -> usize {
        self.ends.len() - 1
    }

    /// The static pieces: one before, one between every two, and one behind the words; any may be empty.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| &self.text[std::mem::replace(&mut start, *end)..*end])
    }

    /// The message with `word` in every slot.
    pub(crate) fn filled(&self, word: &str) -> String {
        let mut text = String::with_capacity(self.text.len() + self.slots() * word.len());
        for (at, piece) in self.pieces().enumerate() {
            if at > 0 {
                text.push_str(word);
            }
            text.push_str(piece);
        }
        text
    }

    /// Whether the message is empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.slots() == 0
    }

    /// Bytes held, about.
    pub(crate) fn memory(&self) -> usize {
        self.text.len() + self.ends.len() * size_of::<usize>() + size_of::<Template>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use watchfire_model::{fold, words};

    #[track_caller]
    fn check(message: &str, want_template: &str, want_words: &[&str]) {
        let (mut template, mut words) = (Vec::new(), Vec::new());
        assert!(split(message, &mut template, &mut words), "{message:?}");
        let words: Vec<&str> = words.into_iter().map(|(start, end)| &message[start..end]).collect();
        let template = Template::new(&template).expect("pieces of text");
        assert_eq!((template.filled("#").as_str(), words.as_slice()), (want_template, want_words), "{message:?}");
    }

    #[test]
    fn words_with_digits_are_variable() {
        check("", "", &[]);
        check("GET /v1/items 200", "GET /#/items #", &["v1", "200"]);
        check("took 38ms", "took #", &["38ms"]);
        check("id=deadbeef-cafe-add", "id=#-#-add", &["deadbeef", "cafe"]);
        check("größe3 3", "größe3 #", &["3"]);
        check("a—3 7", "a—3 #", &["7"]);
        check("1", "#", &["1"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_message_is_its_template_and_its_words(message in "([a-f0-9 A-Zé\u{212a}:-]|\\PC){0,40}") {
            let (mut template, mut variable) = (Vec::new(), Vec::new());
            prop_assert!(split(&message, &mut template, &mut variable));
            let variable: Vec<&str> = variable.into_iter().map(|(start, end)| &message[start..end]).collect();
            let template = Template::new(&template).unwrap();
            let mut pieces = template.pieces();
            let mut text = pieces.next().unwrap().to_owned();
            for (word, piece) in variable.iter().zip(pieces) {
                text.push_str(word);
                text.push_str(piece);
            }
            prop_assert_eq!(text, message.clone());
            // Every variable word is a word of the message, and folding does not change what it is.
            let all: Vec<&str> = words(&message).collect();
            for word in variable {
                prop_assert!(all.contains(&word), "{} in {}", word, message);
                prop_assert!(is_variable(word) && is_variable(&fold(word)));
            }
        }
    }

    #[test]
    fn templates_are_bounded() {
        let mut set = TemplateSet::default();
        let numbers: Vec<Option<u32>> = (0..2000).map(|n: u32| set.number(format!("{n}").as_bytes())).collect();
        assert_eq!(numbers[1023], Some(1023));
        let added = numbers.iter().flatten().count();
        assert_eq!(added, TEMPLATES_FREE + 2000 / MESSAGES_PER_TEMPLATE);
        assert_eq!(set.number(b"7"), Some(7));
        let decoded = decode_templates(&set.encode()).unwrap();
        assert_eq!((decoded.len(), decoded[7].filled("")), (added, "7".to_owned()));
        assert_eq!(decode_templates(&[1, 1, 0xc3]), None);
        assert!(!split(&"x1 ".repeat(600), &mut Vec::new(), &mut Vec::new()));
    }
}
