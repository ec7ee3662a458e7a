//! Builds the messages of one granule: which template each row has, and the words of each template's slots together.

use super::PairSet;
use super::bits::BitWriter;
use super::granule::{NO_TEMPLATE, encode};
use super::slot::{Shape, SlotEncoder};
use super::template::{TemplateSet, split};
use crate::codec::put_varint;
use std::fmt;
use zstd::bulk::Compressor;

/// Takes the messages of a granule, row by row.
pub(crate) struct MessageBuilder {
    /// Template of each row, or [`NO_NUMBER`].
    numbers: Vec<u32>,
    /// For each row the index of its first word.
    first_words: Vec<u32>,
    /// Where each word ends in `text`.
    ends: Vec<u32>,
    text: String,
    template: Vec<u8>,
    words: Vec<(usize, usize)>,
    encoder: SlotEncoder,
    compressor: Compressor<'static>,
}

/// The messages of a granule, written.
#[derive(Debug)]
pub(crate) struct EncodedMessages {
    pub(crate) bytes: Vec<u8>,
    /// Templates and their rows, numbered here by their place.
    pub(crate) templates: Vec<(u32, u32)>,
    pub(crate) pairs: PairSet,
}

/// The row's message is stored as it is.
const NO_NUMBER: u32 = u32::MAX;

impl MessageBuilder {
    pub(crate) fn new(zstd_level: i32) -> MessageBuilder {
        MessageBuilder {
            numbers: Vec::new(),
            first_words: Vec::new(),
            ends: Vec::new(),
            text: String::new(),
            template: Vec::new(),
            words: Vec::new(),
            encoder: SlotEncoder::default(),
            compressor: Compressor::new(zstd_level).expect("levels are constants in the range that zstd has"),
        }
    }

    /// Takes the message of the next row. False when there is no template for it: it has to be stored as it is.
    pub(crate) fn push(&mut self, message: &str, templates: &mut TemplateSet) -> bool {
        let fits = split(message, &mut self.template, &mut self.words);
        let number = if fits { templates.number(&self.template) } else { None };
        self.first_words.push(self.ends.len() as u32);
        self.numbers.push(number.unwrap_or(NO_NUMBER));
        if number.is_some() {
            for (start, end) in &self.words {
                self.text.push_str(&message[*start..*end]);
                self.ends.push(self.text.len() as u32);
            }
        }
        number.is_some()
    }

    /// Bytes held, about.
    pub(crate) fn memory(&self) -> usize {
        self.text.capacity() + (self.ends.capacity() + 2 * self.numbers.capacity()) * size_of::<u32>()
    }

    /// Writes the messages and begins anew; shows every variable word to `visit`, once at least.
    pub(crate) fn finish(
        &mut self,
        templates: &TemplateSet,
        mut visit: impl FnMut(&str),
    ) -> std::io::Result<EncodedMessages> {
        let mut order: Vec<u64> = (0..)
            .zip(&self.numbers)
            .filter(|(_, number)| **number != NO_NUMBER)
            .map(|(row, number)| u64::from(*number) << 32 | row)
            .collect();
        order.sort_unstable();
        let mut locals = vec![NO_TEMPLATE; self.numbers.len()];
        let mut pairs = PairSet::default();
        let mut counts = Vec::new();
        let (mut descriptors, mut descriptor, mut bits) = (Vec::new(), Vec::new(), BitWriter::default());
        let mut words: Vec<&str> = Vec::new();
        for group in order.chunk_by(|a, b| a >> 32 == b >> 32) {
            let number = (group[0] >> 32) as u32;
            let local = counts.len() as u16;
            counts.push((number, group.len() as u32));
            for row in group {
                locals[*row as u32 as usize] = local;
            }
            let slots = templates.slots(number);
            let bits_before = bits.bytes.len();
            descriptor.clear();
            for slot in 0..slots {
                words.clear();
                words.extend(group.iter().map(|row| {
                    let index = self.first_words[*row as u32 as usize] as usize + slot;
                    let start = if index == 0 { 0 } else { self.ends[index - 1] };
                    &self.text[start as usize..self.ends[index] as usize]
                }));
                let shape = self.encoder.encode(&words, &mut descriptor, &mut bits, |word, shape| {
                    visit(word);
                    if shape == Shape::Any {
                        pairs.add(word);
                    }
                });
                match shape {
                    Shape::Any => {}
                    Shape::Decimal => pairs.add_decimals(),
                    Shape::Hexadecimal => pairs.add_hexadecimals(),
                }
            }
            bits.align();
            put_varint(&mut descriptors, group.len() as u64);
            put_varint(&mut descriptors, slots as u64);
            put_varint(&mut descriptors, descriptor.len() as u64);
            put_varint(&mut descriptors, (bits.bytes.len() - bits_before) as u64);
            descriptors.extend_from_slice(&descriptor);
        }
        let bytes = encode(&locals, counts.len(), &descriptors, &bits.bytes, &mut self.compressor)?;
        self.numbers.clear();
        self.first_words.clear();
        self.ends.clear();
        self.text.clear();
        Ok(EncodedMessages { bytes, templates: counts, pairs })
    }
}

impl fmt::Debug for MessageBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageBuilder").field("rows", &self.numbers.len()).finish_non_exhaustive()
    }
}
