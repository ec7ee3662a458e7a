//! The messages of one granule as they are stored and read. FORMAT.md, "Messages".

use super::bits::read_bits;
use super::slot::{Found, Slot};
use super::template::Template;
use crate::codec::{Reader, decompress, put_varint};
use bytes::Bytes;
use std::io;
use zstd::bulk::Compressor;

/// The row's message has no template: it stands in the column of messages.
pub(crate) const NO_TEMPLATE: u16 = u16::MAX;
/// Descriptors of a granule are not longer than this, decompressed.
const DESCRIPTORS_LEN_MAX: usize = 256 << 20;
/// Rows of a granule with messages; more could not be numbered.
const ROWS_MAX: usize = NO_TEMPLATE as usize;

/// Puts the parts together: `rows len | packed rows | packed descriptors | bits`.
pub(super) fn encode(
    locals: &[u16],
    n_templates: usize,
    descriptors: &[u8],
    bits: &[u8],
    compressor: &mut Compressor<'static>,
) -> io::Result<Vec<u8>> {
    // All low bytes, then all high bytes: the latter hardly take any room.
    let mut rows: Vec<u8> = locals.iter().map(|local| *local as u8).collect();
    rows.extend(locals.iter().map(|local| (local >> 8) as u8));
    let rows = compressor.compress(&rows)?;
    let packed = compressor.compress(descriptors)?;
    let mut out = Vec::with_capacity(rows.len() + packed.len() + bits.len() + 32);
    put_varint(&mut out, locals.len() as u64);
    put_varint(&mut out, n_templates as u64);
    put_varint(&mut out, rows.len() as u64);
    put_varint(&mut out, descriptors.len() as u64);
    put_varint(&mut out, packed.len() as u64);
    out.extend_from_slice(&rows);
    out.extend_from_slice(&packed);
    out.extend_from_slice(bits);
    Ok(out)
}

/// The messages of a granule.
#[derive(Debug)]
pub(crate) struct Messages {
    /// For each row the place of its template, or [`NO_TEMPLATE`].
    locals: Vec<u16>,
    /// For each row its number among those of the same template.
    ranks: Vec<u16>,
    groups: Vec<Group>,
    descriptors: Vec<u8>,
    bits: Bytes,
}

/// The rows of one template.
#[derive(Debug)]
struct Group {
    rows: usize,
    slots: usize,
    /// Where its slots are described.
    start: usize,
    end: usize,
    /// The byte where its words begin.
    bits: usize,
}

/// The slots of one template, ready to be read.
#[derive(Debug)]
pub(crate) struct Slots<'a> {
    /// Each with the bit where its words begin.
    slots: Vec<(Slot<'a>, usize)>,
    bits: &'a [u8],
}

impl Messages {
    /// Reads the bytes that [`encode`] gave for so many rows; `None` when they make no sense.
    pub(crate) fn decode(bytes: &Bytes, rows: usize) -> Option<Messages> {
        let mut reader = Reader::new(bytes);
        let mut number = || reader.varint().and_then(|number| usize::try_from(number).ok());
        let (n_rows, n_templates, rows_len) = (number()?, number()?, number()?);
        let (descriptors_len, packed_len) = (number()?, number()?);
        if n_rows != rows || rows > ROWS_MAX || n_templates > rows || descriptors_len > DESCRIPTORS_LEN_MAX {
            return None;
        }
        let packed_rows = reader.take(rows_len)?;
        let packed = reader.take(packed_len)?;
        let bits = bytes.slice(bytes.len() - reader.len()..);
        let low_high = decompress(packed_rows, 2 * rows)?;
        let (low, high) = low_high.split_at(rows);
        let locals: Vec<u16> = low.iter().zip(high).map(|(low, high)| u16::from_le_bytes([*low, *high])).collect();
        let descriptors = decompress(packed, descriptors_len)?;
        let groups = read_groups(&descriptors, n_templates, rows, bits.len())?;
        let mut counts = vec![0u16; groups.len()];
        let mut ranks = Vec::with_capacity(rows);
        for local in &locals {
            if *local == NO_TEMPLATE {
                ranks.push(0);
                continue;
            }
            let count = counts.get_mut(usize::from(*local))?;
            ranks.push(*count);
            *count += 1;
        }
        let whole = groups.iter().zip(&counts).all(|(group, count)| group.rows == usize::from(*count));
        whole.then_some(Messages { locals, ranks, groups, descriptors, bits })
    }

    /// The place of the row's template, or [`NO_TEMPLATE`].
    pub(crate) fn local(&self, row: usize) -> u16 {
        self.locals[row]
    }

    pub(crate) fn rank(&self, row: usize) -> usize {
        usize::from(self.ranks[row])
    }

    /// The slots of the template at this place; `None` when their description makes no sense.
    pub(crate) fn slots(&self, local: u16) -> Option<Slots<'_>> {
        let group = self.groups.get(usize::from(local))?;
        let mut reader = Reader::new(&self.descriptors[group.start..group.end]);
        let mut at = group.bits * 8;
        let mut slots = Vec::with_capacity(group.slots);
        for _ in 0..group.slots {
            let slot = Slot::read(&mut reader, group.rows)?;
            let width = slot.width();
            slots.push((slot, at));
            at = at.checked_add(width.checked_mul(group.rows)?)?;
        }
        reader.is_empty().then_some(Slots { slots, bits: &self.bits })
    }

    /// Whether a message of the template may have the folded word: its letters that are no hexadecimal digits stand as
    /// they are in the description of its slot, whatever form that has.
    pub(crate) fn may_have_letters(&self, local: u16, folded: &str) -> bool {
        let Some(group) = self.groups.get(usize::from(local)) else { return true };
        let descriptors = &self.descriptors[group.start..group.end];
        let letters = folded.bytes().filter(|byte| byte.is_ascii_lowercase() && !byte.is_ascii_hexdigit());
        letters.into_iter().all(|letter| descriptors.iter().any(|byte| byte | 0x20 == letter))
    }

    /// Bytes in memory, about.
    pub(crate) fn memory(&self) -> usize {
        self.locals.len() * 4 + self.groups.len() * size_of::<Group>() + self.descriptors.len() + self.bits.len()
    }
}

fn read_groups(descriptors: &[u8], n_templates: usize, rows: usize, bits_len: usize) -> Option<Vec<Group>> {
    let mut reader = Reader::new(descriptors);
    let mut groups = Vec::with_capacity(n_templates);
    let mut bits: usize = 0;
    for _ in 0..n_templates {
        let mut number = || reader.varint().and_then(|number| usize::try_from(number).ok());
        let (of_group, slots, len, bits_of_group) = (number()?, number()?, number()?, number()?);
        // Every slot takes two bytes of description at least.
        if of_group > rows || slots > len {
            return None;
        }
        reader.take(len)?;
        let end = descriptors.len() - reader.len();
        groups.push(Group { rows: of_group, slots, start: end - len, end, bits });
        bits = bits.checked_add(bits_of_group).filter(|bits| *bits <= bits_len)?;
    }
    (reader.is_empty() && bits == bits_len).then_some(groups)
}

impl<'a> Slots<'a> {
    /// The slot at this place.
    pub(super) fn slot(&self, index: usize) -> Option<&Slot<'a>> {
        self.slots.get(index).map(|(slot, _)| slot)
    }

    /// Appends the message number `rank` of this template.
    pub(crate) fn put(&self, template: &Template, rank: usize, out: &mut Vec<u8>) {
        let mut slots = self.slots.iter();
        for (at, piece) in template.pieces().enumerate() {
            if at > 0
                && let Some((slot, start)) = slots.next()
            {
                slot.put(self.bits, *start, rank, out);
            }
            out.extend_from_slice(piece.as_bytes());
        }
    }

    /// Where `folded` may stand among the variable words.
    pub(crate) fn find(&self, folded: &str) -> Places {
        let mut places = Places { always: false, keys: Vec::new(), compared: Vec::new() };
        for (index, (slot, start)) in self.slots.iter().enumerate() {
            match slot.find(folded) {
                Found::Never => {}
                Found::Always => places.always = true,
                Found::Keys(keys) => places.keys.push((*start, slot.width(), keys)),
                Found::Compare => places.compared.push(index),
            }
        }
        places
    }

    /// Whether message number `rank` has the word that `places` were found for.
    pub(crate) fn hold(&self, places: &Places, rank: usize, folded: &str, buffer: &mut Vec<u8>) -> bool {
        places.always
            || places
                .keys
                .iter()
                .any(|(start, width, keys)| keys.contains(&read_bits(self.bits, start + rank * width, *width as u32)))
            || places.compared.iter().any(|index| {
                let (slot, start) = &self.slots[*index];
                buffer.clear();
                slot.put(self.bits, *start, rank, buffer);
                buffer.eq_ignore_ascii_case(folded.as_bytes())
            })
    }
}

/// Where a word may stand in the messages of a template.
#[derive(Debug)]
pub(crate) struct Places {
    always: bool,
    /// First bit, bits of a word, and what they have to be.
    keys: Vec<(usize, usize, Vec<u64>)>,
    /// Slots whose words have to be looked at.
    compared: Vec<usize>,
}

impl Places {
    /// No message has the word.
    pub(crate) fn is_empty(&self) -> bool {
        !self.always && self.keys.is_empty() && self.compared.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MessageBuilder, TemplateSet, decode_templates};
    use super::*;
    use proptest::prelude::*;

    fn read_back(messages: &[String]) -> Vec<Option<String>> {
        let mut set = TemplateSet::default();
        let mut builder = MessageBuilder::new(1);
        for message in messages {
            builder.push(message, &mut set);
        }
        let encoded = builder.finish(&set, |_| {}).unwrap();
        let templates = decode_templates(&set.encode()).unwrap();
        let decoded = Messages::decode(&Bytes::from(encoded.bytes), messages.len()).unwrap();
        let read = |row| {
            let local = decoded.local(row);
            let mut message = Vec::new();
            let (number, _) = encoded.templates.get(usize::from(local))?;
            decoded.slots(local).unwrap().put(&templates[*number as usize], decoded.rank(row), &mut message);
            String::from_utf8(message).ok()
        };
        (0..messages.len()).map(read).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn messages_come_back_byte_for_byte(
            messages in prop::collection::vec("(user|took|[a-f0-9]{1,20}|[ =:é\u{212a}-]|[0-9]{1,6}ms|\\PC){0,12}", 0..60),
        ) {
            let got = read_back(&messages);
            let want: Vec<Option<String>> = messages.into_iter().map(Some).collect();
            prop_assert_eq!(got, want);
        }

        #[test]
        fn any_bytes_are_refused_or_read(bytes: Vec<u8>, rows in 0usize..100) {
            if let Some(messages) = Messages::decode(&Bytes::from(bytes), rows) {
                (0..rows).filter(|row| messages.local(*row) != NO_TEMPLATE).for_each(|row| {
                    messages.slots(messages.local(row));
                });
            }
        }
    }

    #[test]
    fn a_message_without_a_template_is_left_to_the_column() {
        let long = "x1 ".repeat(600);
        let got = read_back(&["a 1".to_owned(), long, "a 2".to_owned()]);
        assert_eq!(got, [Some("a 1".to_owned()), None, Some("a 2".to_owned())]);
    }
}
