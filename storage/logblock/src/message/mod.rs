//! Messages as templates and words: a line is split into static text and its variable words, the static text is stored
//! once per block, the words by template and place. FORMAT.md, "Messages".
//!
//! A *variable word* is a word (`model/words.rs`) of ASCII letters and digits that holds a digit, or four or more letters
//! from `a` to `f` alone. Whether a word is one does not depend on its case; so a query word that is no variable word
//! stands in static text or nowhere, and is decided on the templates of a block, without reading a row.

mod automaton;
mod bits;
mod builder;
mod granule;
mod literal;
mod pairs;
mod slot;
mod template;
mod template_words;
mod verdict;

pub(crate) use automaton::{Automaton, Walker};
pub(crate) use bits::read_bits;
pub(crate) use builder::{EncodedMessages, MessageBuilder};
pub(crate) use granule::{Messages, NO_TEMPLATE, Places, Slots};
pub(crate) use pairs::PairSet;
pub(crate) use template::{Template, TemplateSet, decode_templates};
pub(crate) use template_words::TemplateWords;
pub(crate) use verdict::{MessageQuery, Probe, Verdict};
