//! What tells groups apart, as values and as bytes.

use super::GroupKey;
use crate::{RecordView, TimeNs};
use smol_str::SmolStr;

/// One part of what tells a group apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyPart {
    /// Records without the field.
    Absent,
    Text(SmolStr),
    /// The start of a time bucket.
    Time(TimeNs),
}

/// The same, borrowed from wherever it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyPartRef<'a> {
    Absent,
    Text(&'a str),
    Time(TimeNs),
}

/// First byte of each part, in the order in which kinds of parts come.
const ABSENT: u8 = 0;
const TEXT: u8 = 1;
const TIME: u8 = 2;
/// Ends a text; a zero byte within one is followed by [`ZERO`].
const END: [u8; 2] = [0, 0];
const ZERO: u8 = 1;
/// Turns times into bytes that are in their order.
const SIGN: u64 = 1 << 63;

impl KeyPart {
    pub fn as_ref(&self) -> KeyPartRef<'_> {
        match self {
            KeyPart::Absent => KeyPartRef::Absent,
            KeyPart::Text(text) => KeyPartRef::Text(text),
            KeyPart::Time(time) => KeyPartRef::Time(*time),
        }
    }
}

/// Appends a part so that the bytes of keys are in the order of the keys, and none begins with another.
pub(super) fn encode(part: KeyPartRef<'_>, out: &mut Vec<u8>) {
    match part {
        KeyPartRef::Absent => out.push(ABSENT),
        KeyPartRef::Text(text) => {
            out.push(TEXT);
            let mut rest = text.as_bytes();
            while let Some(at) = memchr::memchr(0, rest) {
                out.extend_from_slice(&rest[..=at]);
                out.push(ZERO);
                rest = &rest[at + 1..];
            }
            out.extend_from_slice(rest);
            out.extend_from_slice(&END);
        }
        KeyPartRef::Time(time) => {
            out.push(TIME);
            out.extend_from_slice(&(time.0 as u64 ^ SIGN).to_be_bytes());
        }
    }
}

/// Appends the key of the group that a record belongs to.
pub(super) fn encode_record(by: &[GroupKey], record: &impl RecordView, out: &mut Vec<u8>) {
    for part in by {
        match part {
            GroupKey::Field(name) => {
                let text = record.text(name);
                encode(text.as_deref().map_or(KeyPartRef::Absent, KeyPartRef::Text), out);
            }
            GroupKey::Time(buckets) => {
                let bucket = record.event_time().map(|time| buckets.bucket(time));
                encode(bucket.map_or(KeyPartRef::Absent, KeyPartRef::Time), out);
            }
        }
    }
}

/// The parts of an encoded key.
pub(super) fn decode(key: &[u8]) -> Vec<KeyPart> {
    let mut parts = Vec::new();
    let mut rest = key;
    while let Some((&kind, behind)) = rest.split_first() {
        rest = behind;
        parts.push(match kind {
            TEXT => decode_text(&mut rest),
            TIME => decode_time(&mut rest),
            _ => KeyPart::Absent,
        });
    }
    parts
}

fn decode_text(rest: &mut &[u8]) -> KeyPart {
    let mut text = Vec::new();
    while let Some(at) = memchr::memchr(0, rest) {
        let (piece, behind) = rest.split_at(at);
        let is_end = behind.get(1).is_none_or(|next| *next == END[1]);
        *rest = behind.get(2..).unwrap_or_default();
        if is_end && text.is_empty() {
            return KeyPart::Text(SmolStr::new(str_of(piece)));
        }
        text.extend_from_slice(piece);
        if is_end {
            break;
        }
        text.push(0);
    }
    KeyPart::Text(SmolStr::new(str_of(&text)))
}

fn decode_time(rest: &mut &[u8]) -> KeyPart {
    let (bytes, behind) = rest.split_first_chunk().expect("a time was encoded in eight bytes");
    *rest = behind;
    KeyPart::Time(TimeNs((u64::from_be_bytes(*bytes) ^ SIGN) as i64))
}

fn str_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the bytes were taken from a text, cut at zero bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part() -> impl Strategy<Value = KeyPart> {
        prop_oneof![
            Just(KeyPart::Absent),
            "[ab\u{0}\u{1}é]{0,5}".prop_map(|text| KeyPart::Text(text.into())),
            any::<i64>().prop_map(|time| KeyPart::Time(TimeNs(time))),
            (-2i64..2).prop_map(|time| KeyPart::Time(TimeNs(time))),
        ]
    }

    fn encoded(key: &[KeyPart]) -> Vec<u8> {
        let mut out = Vec::new();
        for part in key {
            encode(part.as_ref(), &mut out);
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn bytes_are_in_the_order_of_keys(
            keys in proptest::collection::vec((part(), part(), part()), 2..12)
        ) {
            let keys: Vec<Vec<KeyPart>> = keys.into_iter().map(|(a, b, c)| vec![a, b, c]).collect();
            for a in &keys {
                prop_assert_eq!(&decode(&encoded(a)), a);
                for b in &keys {
                    prop_assert_eq!(encoded(a).cmp(&encoded(b)), a.cmp(b), "{:?} and {:?}", a, b);
                }
            }
        }
    }
}
