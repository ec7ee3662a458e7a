//! The words that stand in one slot of one template, in one granule: as one value, as numbers, as hexadecimal digits, by a
//! list of values, or as they are, whatever is shortest. FORMAT.md, "Messages".

use super::bits::{BitWriter, bits_for, read_bits};
use crate::codec::{Reader, put_bytes, put_varint};

const ONE: u8 = 0;
const LIST: u8 = 1;
const NUMBER: u8 = 2;
const HEX_LOWER: u8 = 3;
const HEX_UPPER: u8 = 4;
const TEXT: u8 = 5;

/// More distinct words are not worth a list.
const LIST_MAX: usize = 64;
/// Decimal digits that any number below 2^63 may have.
const DIGITS_MAX: usize = 18;
const HEX_DIGITS: [u8; 16] = *b"0123456789abcdef";
const HEX_DIGITS_UPPER: [u8; 16] = *b"0123456789ABCDEF";
/// Hexadecimal digits written as one number.
const HEX_CHUNK: usize = 16;

/// Looks for a short form of words.
#[derive(Debug, Default)]
pub(super) struct SlotEncoder {
    /// Distinct words in order of appearance: what they begin with, and which word they are; and for each word which of
    /// them it is.
    distinct: Vec<(u64, usize)>,
    keys: Vec<u8>,
    numbers: Vec<u64>,
}

/// What the words of a slot look like, for those who note what a granule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Any,
    /// Decimal digits alone.
    Decimal,
    /// Hexadecimal digits alone.
    Hexadecimal,
}

impl SlotEncoder {
    /// Appends what describes the words (one at least) to `descriptor`, and the rest of them to `bits`; shows every distinct
    /// word, once at least, to `visit`, with what is said of all of them; says so in the end.
    pub(super) fn encode(
        &mut self,
        words: &[&str],
        descriptor: &mut Vec<u8>,
        bits: &mut BitWriter,
        mut visit: impl FnMut(&str, Shape),
    ) -> Shape {
        let first = words[0];
        if words.iter().all(|word| *word == first) {
            descriptor.push(ONE);
            put_bytes(descriptor, first.as_bytes());
            visit(first, Shape::Any);
            return Shape::Any;
        }
        let list_bits = self.list_bits(words);
        let (prefix, suffix) = affixes(words);
        let number = self.number(words, prefix, suffix);
        let number_bits = number.map_or(usize::MAX, |number| 56 + words.len() * number.width as usize);
        let hex = if number.is_some() { None } else { hex_kind(words, prefix, suffix) };
        let hex_bits = hex.map_or(usize::MAX, |_| 40 + words.len() * (first.len() - prefix - suffix) * 4);
        let text_bits: usize = words.iter().map(|word| 6 * (word.len() + 1)).sum();
        let best = list_bits.min(number_bits).min(hex_bits).min(text_bits);
        if best == list_bits {
            self.put_list(words, descriptor, bits, visit);
            return Shape::Any;
        }
        let put_affixes = |descriptor: &mut Vec<u8>| {
            put_bytes(descriptor, &first.as_bytes()[..prefix]);
            put_bytes(descriptor, &first.as_bytes()[first.len() - suffix..]);
        };
        if let Some(number) = number.filter(|_| best == number_bits) {
            descriptor.push(NUMBER);
            put_affixes(descriptor);
            put_varint(descriptor, number.digits as u64);
            put_varint(descriptor, number.min);
            descriptor.push(number.width as u8);
            self.numbers.iter().for_each(|value| bits.put(value - number.min, number.width));
            let shape = if prefix + suffix == 0 { Shape::Decimal } else { Shape::Any };
            for word in words {
                visit(word, shape);
            }
            return shape;
        }
        if let Some(kind) = hex.filter(|_| best == hex_bits) {
            descriptor.push(kind);
            put_affixes(descriptor);
            put_varint(descriptor, (first.len() - prefix - suffix) as u64);
            for word in words {
                let digits = &word.as_bytes()[prefix..word.len() - suffix];
                digits.chunks(HEX_CHUNK).for_each(|chunk| bits.put(hex_number(chunk), 4 * chunk.len() as u32));
            }
            let shape = if prefix + suffix == 0 { Shape::Hexadecimal } else { Shape::Any };
            for word in words {
                visit(word, shape);
            }
            return shape;
        }
        descriptor.push(TEXT);
        for word in words {
            put_bytes(descriptor, word.as_bytes());
            visit(word, Shape::Any);
        }
        Shape::Any
    }

    /// Bits that a list takes, about; the most there are where it does not pay to look further.
    fn list_bits(&mut self, words: &[&str]) -> usize {
        self.distinct.clear();
        self.keys.clear();
        let mut text = 0;
        for (at, word) in words.iter().enumerate() {
            let begins = begin(word);
            // No word has a zero in it, so short ones are told by their beginning alone.
            let is_short = begins >> (u64::BITS - 8) == 0;
            let is_same = |(known, of): &(u64, usize)| *known == begins && (is_short || words[*of] == *word);
            let known = self.distinct.iter().position(is_same);
            if known.is_none() {
                self.distinct.push((begins, at));
                text += 6 * (word.len() + 1);
                // Half of the first words are new: they hardly repeat.
                if self.distinct.len() > LIST_MAX || self.distinct.len() > 8 && self.distinct.len() * 2 > words.len() {
                    return usize::MAX;
                }
            }
            self.keys.push(known.unwrap_or(self.distinct.len() - 1) as u8);
        }
        16 + text + words.len() * bits_for(self.distinct.len() as u64) as usize
    }

    fn put_list(
        &self,
        words: &[&str],
        descriptor: &mut Vec<u8>,
        bits: &mut BitWriter,
        mut visit: impl FnMut(&str, Shape),
    ) {
        descriptor.push(LIST);
        put_varint(descriptor, self.distinct.len() as u64);
        for (_, at) in &self.distinct {
            put_bytes(descriptor, words[*at].as_bytes());
            visit(words[*at], Shape::Any);
        }
        let width = bits_for(self.distinct.len() as u64);
        self.keys.iter().for_each(|key| bits.put(u64::from(*key), width));
    }

    /// The middles of the words as decimal numbers, if all are: none with leading zeros, or all of one length.
    fn number(&mut self, words: &[&str], prefix: usize, suffix: usize) -> Option<NumberForm> {
        self.numbers.clear();
        let first_len = words[0].len();
        let is_fixed = words.iter().all(|word| word.len() == first_len);
        let (mut min, mut max) = (u64::MAX, 0);
        for word in words {
            let middle = &word.as_bytes()[prefix..word.len() - suffix];
            let is_plain = !middle.is_empty() && middle.len() <= DIGITS_MAX && middle.iter().all(u8::is_ascii_digit);
            if !is_plain || !is_fixed && middle.len() > 1 && middle[0] == b'0' {
                return None;
            }
            let value = decimal(middle);
            (min, max) = (min.min(value), max.max(value));
            self.numbers.push(value);
        }
        let digits = if is_fixed { first_len - prefix - suffix } else { 0 };
        Some(NumberForm { digits, min, width: u64::BITS - (max - min).leading_zeros() })
    }
}

#[derive(Debug, Clone, Copy)]
struct NumberForm {
    /// All have so many digits, leading zeros among them; 0: no leading zeros.
    digits: usize,
    min: u64,
    width: u32,
}

/// The first eight bytes of a word, the first one lowest; zeros behind a shorter one.
fn begin(word: &str) -> u64 {
    let bytes = word.as_bytes();
    match bytes.first_chunk() {
        Some(first) => u64::from_le_bytes(*first),
        None => bytes.iter().rev().fold(0, |begin, byte| begin << 8 | u64::from(*byte)),
    }
}

fn decimal(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'))
}

/// Bytes that all words begin with and end with, digits at the edge left out.
fn affixes(words: &[&str]) -> (usize, usize) {
    let first = words[0].as_bytes();
    let mut prefix = first.iter().take_while(|byte| !byte.is_ascii_digit()).count();
    let mut suffix = first.iter().rev().take_while(|byte| !byte.is_ascii_digit()).count();
    if prefix + suffix > first.len() {
        // No digit at all.
        return (0, 0);
    }
    for word in words {
        let word = word.as_bytes();
        prefix = common(&first[..prefix], word.iter());
        suffix = common(first[first.len() - suffix..].iter().rev(), word.iter().rev());
        if prefix + suffix > word.len() {
            return (0, 0);
        }
    }
    (prefix, suffix)
}

fn common<'a>(a: impl IntoIterator<Item = &'a u8>, b: impl IntoIterator<Item = &'a u8>) -> usize {
    a.into_iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// The kind of hexadecimal digits that the middles of the words are, if they are and have one length.
fn hex_kind(words: &[&str], prefix: usize, suffix: usize) -> Option<u8> {
    let len = words[0].len();
    let all = |is_digit: fn(u8) -> bool| {
        words
            .iter()
            .all(|word| word.len() == len && word.as_bytes()[prefix..len - suffix].iter().all(|byte| is_digit(*byte)))
    };
    if all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Some(HEX_LOWER);
    }
    all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')).then_some(HEX_UPPER)
}

fn hex_number(digits: &[u8]) -> u64 {
    let (chunks, rest) = digits.as_chunks::<8>();
    let number = chunks.iter().fold(0, |number, chunk| number << 32 | hex_chunk(*chunk));
    rest.iter().fold(number, |number, digit| number << 4 | u64::from(hex_value(*digit)))
}

/// The number that eight digits are, the first one the most significant.
fn hex_chunk(digits: [u8; 8]) -> u64 {
    let digits = u64::from_le_bytes(digits);
    // Letters have bit 6, and their low bits count from 1 on.
    let fours = (digits & 0x0f0f_0f0f_0f0f_0f0f) + 9 * (digits >> 6 & 0x0101_0101_0101_0101);
    let eights = (fours << 4 | fours >> 8) & 0x00ff_00ff_00ff_00ff;
    let sixteens = (eights << 8 | eights >> 16) & 0x0000_ffff_0000_ffff;
    (sixteens << 16 | sixteens >> 32) & 0xffff_ffff
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a' - 10) & 15,
    }
}

fn decimal_len(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// What the words of a slot may look like.
#[derive(Debug)]
pub(super) enum Language<'a> {
    /// One of these.
    Words(&'a [&'a str]),
    /// Any word of letters and digits.
    Any,
    /// So many digits, from and to, between two texts.
    Decimal {
        prefix: &'a str,
        suffix: &'a str,
        lens: (usize, usize),
    },
    Hexadecimal {
        prefix: &'a str,
        suffix: &'a str,
        len: usize,
        upper: bool,
    },
}

/// The words of a slot, to be read one by one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Slot<'a> {
    One(&'a str),
    List { values: Vec<&'a str>, width: u32 },
    Number { prefix: &'a str, suffix: &'a str, digits: usize, min: u64, width: u32 },
    Hex { prefix: &'a str, suffix: &'a str, digits: usize, upper: bool },
    Text(Vec<&'a str>),
}

impl<'a> Slot<'a> {
    /// Reads the descriptor of a slot of `rows` words.
    pub(super) fn read(reader: &mut Reader<'a>, rows: usize) -> Option<Slot<'a>> {
        match reader.u8()? {
            ONE => Some(Slot::One(reader.text()?)),
            LIST => {
                let count = reader.count()?;
                let values = (0..count).map(|_| reader.text()).collect::<Option<Vec<_>>>()?;
                (count > 0).then_some(Slot::List { values, width: bits_for(count as u64) })
            }
            NUMBER => {
                let (prefix, suffix) = (reader.text()?, reader.text()?);
                let digits = usize::try_from(reader.varint()?).ok().filter(|digits| *digits <= DIGITS_MAX)?;
                let (min, width) = (reader.varint()?, u32::from(reader.u8()?));
                (width <= u64::BITS).then_some(Slot::Number { prefix, suffix, digits, min, width })
            }
            kind @ (HEX_LOWER | HEX_UPPER) => {
                let (prefix, suffix) = (reader.text()?, reader.text()?);
                let digits = usize::try_from(reader.varint()?).ok().filter(|digits| *digits <= 1 << 16)?;
                Some(Slot::Hex { prefix, suffix, digits, upper: kind == HEX_UPPER })
            }
            TEXT => (0..rows).map(|_| reader.text()).collect::<Option<Vec<_>>>().map(Slot::Text),
            _ => None,
        }
    }

    /// Bits that one word takes.
    pub(super) fn width(&self) -> usize {
        match self {
            Slot::One(_) | Slot::Text(_) => 0,
            Slot::List { width, .. } | Slot::Number { width, .. } => *width as usize,
            Slot::Hex { digits, .. } => 4 * digits,
        }
    }

    /// Appends word number `rank`; `start` is the bit where the slot's words begin.
    pub(super) fn put(&self, bits: &[u8], start: usize, rank: usize, out: &mut Vec<u8>) {
        let at = start + rank * self.width();
        match self {
            Slot::One(word) => out.extend_from_slice(word.as_bytes()),
            Slot::List { values, width } => {
                let key = read_bits(bits, at, *width) as usize;
                out.extend_from_slice(values.get(key).copied().unwrap_or_default().as_bytes());
            }
            Slot::Number { prefix, suffix, digits, min, width } => {
                out.extend_from_slice(prefix.as_bytes());
                put_decimal(min.wrapping_add(read_bits(bits, at, *width)), *digits, out);
                out.extend_from_slice(suffix.as_bytes());
            }
            Slot::Hex { prefix, suffix, digits, upper } => {
                let symbols = if *upper { &HEX_DIGITS_UPPER } else { &HEX_DIGITS };
                out.extend_from_slice(prefix.as_bytes());
                let (mut at, mut left) = (at, *digits);
                while left > 0 {
                    let count = left.min(HEX_CHUNK);
                    let mut number = read_bits(bits, at, 4 * count as u32);
                    let mut chunk = [0; HEX_CHUNK];
                    for digit in chunk[..count].iter_mut().rev() {
                        *digit = symbols[number as usize & 15];
                        number >>= 4;
                    }
                    out.extend_from_slice(&chunk[..count]);
                    (at, left) = (at + 4 * count, left - count);
                }
                out.extend_from_slice(suffix.as_bytes());
            }
            Slot::Text(words) => out.extend_from_slice(words.get(rank).copied().unwrap_or_default().as_bytes()),
        }
    }

    /// Texts that the words may be; further ones may be among them.
    pub(super) fn language(&self) -> Language<'_> {
        match self {
            Slot::One(word) => Language::Words(std::slice::from_ref(word)),
            Slot::List { values, .. } => Language::Words(values),
            Slot::Number { prefix, suffix, digits: 0, min, width } => {
                let max = min.saturating_add(if *width == 0 { 0 } else { u64::MAX >> (u64::BITS - width) });
                Language::Decimal { prefix, suffix, lens: (decimal_len(*min), decimal_len(max)) }
            }
            Slot::Number { prefix, suffix, digits, .. } => {
                Language::Decimal { prefix, suffix, lens: (*digits, *digits) }
            }
            Slot::Hex { prefix, suffix, digits, upper } if *digits <= HEX_CHUNK * HEX_CHUNK => {
                Language::Hexadecimal { prefix, suffix, len: *digits, upper: *upper }
            }
            Slot::Hex { .. } | Slot::Text(_) => Language::Any,
        }
    }

    /// What a word has to look like in the bits to be `folded`; the word stands in the slot without regard to case.
    pub(super) fn find(&self, folded: &str) -> Found {
        match self {
            Slot::One(word) => {
                if word.eq_ignore_ascii_case(folded) {
                    Found::Always
                } else {
                    Found::Never
                }
            }
            Slot::List { values, .. } => {
                let equal: Vec<u64> = (0..)
                    .zip(values)
                    .filter(|(_, value)| value.eq_ignore_ascii_case(folded))
                    .map(|(key, _)| key)
                    .collect();
                if equal.is_empty() { Found::Never } else { Found::Keys(equal) }
            }
            Slot::Number { prefix, suffix, digits, min, width } => {
                let middle = middle(folded, prefix, suffix);
                let number = middle.filter(|middle| {
                    !middle.is_empty()
                        && middle.len() <= DIGITS_MAX
                        && middle.iter().all(u8::is_ascii_digit)
                        && if *digits > 0 { middle.len() == *digits } else { middle.len() == 1 || middle[0] != b'0' }
                });
                let key = number.map(decimal).and_then(|number| number.checked_sub(*min));
                let fits = |key: &u64| *width == u64::BITS || key >> width == 0;
                key.filter(fits).map_or(Found::Never, |key| Found::Keys(vec![key]))
            }
            Slot::Hex { prefix, suffix, digits, .. } => {
                let middle = middle(folded, prefix, suffix);
                let fits = |middle: &&[u8]| middle.len() == *digits && middle.iter().all(u8::is_ascii_hexdigit);
                match middle.filter(fits) {
                    Some(middle) if *digits <= HEX_CHUNK => Found::Keys(vec![hex_number(middle)]),
                    Some(_) => Found::Compare,
                    None => Found::Never,
                }
            }
            Slot::Text(words) if words.iter().any(|word| word.eq_ignore_ascii_case(folded)) => Found::Compare,
            Slot::Text(_) => Found::Never,
        }
    }
}

/// What [`Slot::find`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Never,
    Always,
    /// Where the bits of a word are one of these.
    Keys(Vec<u64>),
    /// The words have to be looked at.
    Compare,
}

fn middle<'a>(folded: &'a str, prefix: &str, suffix: &str) -> Option<&'a [u8]> {
    let bytes = folded.as_bytes();
    let middle = bytes.get(prefix.len()..bytes.len().checked_sub(suffix.len())?)?;
    let (head, tail) = (&bytes[..prefix.len()], &bytes[bytes.len() - suffix.len()..]);
    (head.eq_ignore_ascii_case(prefix.as_bytes()) && tail.eq_ignore_ascii_case(suffix.as_bytes())).then_some(middle)
}

/// Appends a number, with leading zeros up to so many digits.
fn put_decimal(mut number: u64, digits: usize, out: &mut Vec<u8>) {
    let mut buffer = [b'0'; 20];
    let mut at = buffer.len();
    while number > 0 || at == buffer.len() {
        at -= 1;
        buffer[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    let start = at.min(buffer.len() - digits.min(buffer.len()));
    out.extend_from_slice(&buffer[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(words: &[&str], want_kind: u8) {
        let (mut descriptor, mut bits) = (Vec::new(), BitWriter::default());
        let mut seen = Vec::new();
        SlotEncoder::default().encode(words, &mut descriptor, &mut bits, |word, _| seen.push(word.to_owned()));
        bits.align();
        assert_eq!(descriptor[0], want_kind, "{words:?}");
        let mut reader = Reader::new(&descriptor);
        let slot = Slot::read(&mut reader, words.len()).expect("what was just written");
        assert!(reader.is_empty());
        for (rank, word) in words.iter().enumerate() {
            let mut got = Vec::new();
            slot.put(&bits.bytes, 0, rank, &mut got);
            assert_eq!(got, word.as_bytes(), "{slot:?}");
            assert!(seen.iter().any(|seen| seen == word));
            let key = read_bits(&bits.bytes, rank * slot.width(), slot.width().min(64) as u32);
            match slot.find(&word.to_ascii_lowercase()) {
                Found::Never => panic!("{word} is said not to be in {slot:?}"),
                Found::Keys(keys) => assert!(keys.contains(&key), "{word} in {slot:?}"),
                Found::Always | Found::Compare => {}
            }
        }
        assert_eq!(slot.find("n0where"), Found::Never);
    }

    #[test]
    fn words_take_their_shortest_form() {
        check(&["x1"; 5], ONE);
        check(&["a1", "b2", "a1", "b2", "a1", "b2", "a1", "b2"], LIST);
        check(&["17012", "1048000", "500000", "99999", "123456", "70000", "10000", "20000", "30000", "4000"], NUMBER);
        check(&["0017", "1048", "0005", "9999", "1234", "0000", "0001", "0002", "0003", "4711"], NUMBER);
        check(&["78ms", "11ms", "1234ms", "99ms", "44ms", "55ms", "66ms", "77ms", "88ms", "90ms"], NUMBER);
        check(&["u100", "u22", "u333", "u4444", "u55", "u66", "u77", "u88", "u99", "u10"], NUMBER);
        check(&["bf045391f5537ec5", "def6b2fc802aa164"], HEX_LOWER);
        check(&["BF045391F5537EC5AAAAAAAAAAAAAAAA1", "DEF6B2FC802AA16400000000000000002"], HEX_UPPER);
        check(&["cafecafe", "deadbeef"], HEX_LOWER);
        check(&["a1Z", "0xq", "7777777777777777777", "01", "1"], TEXT);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_words_are_read_back(words in prop::collection::vec("[0-9a-fA-Fmsu]{1,20}", 1..40)) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let (mut descriptor, mut bits) = (Vec::new(), BitWriter::default());
            bits.put(1, 3);
            SlotEncoder::default().encode(&words, &mut descriptor, &mut bits, |_, _| {});
            bits.align();
            let slot = Slot::read(&mut Reader::new(&descriptor), words.len()).unwrap();
            for (rank, word) in words.iter().enumerate() {
                let mut got = Vec::new();
                slot.put(&bits.bytes, 3, rank, &mut got);
                prop_assert_eq!(&got, word.as_bytes());
                prop_assert_ne!(slot.find(&word.to_ascii_lowercase()), Found::Never);
            }
        }
    }
}
