//! The names that fields get, remembered from one message to the next.

use crate::json::{JsonError, RawText, Reader};
use smol_str::SmolStr;
use std::borrow::Cow;

/// Names that a record has outside its fields, or that searches give a meaning of their own.
const RESERVED: [&str; 10] =
    ["message", "short_message", "full_message", "host", "source", "stream", "level", "timestamp", "time", "received"];
/// Keys that are remembered, as a power of two; each takes the place of another one.
const KEYS_LOG: u32 = 7;
/// Longer keys, in bytes as written, are forgotten with their message.
const KEY_LEN_MAX: usize = 64;
/// The place of these.
const LONG: usize = 1 << KEYS_LOG;

/// What the value behind a key of a message is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Of no use: the version of the format.
    #[default]
    Version,
    Host,
    ShortMessage,
    FullMessage,
    Message,
    Timestamp,
    Level,
    Field(FieldName),
}

impl Meaning {
    fn of(key: &str) -> Meaning {
        match key {
            "version" => Meaning::Version,
            "host" => Meaning::Host,
            "short_message" => Meaning::ShortMessage,
            "full_message" => Meaning::FullMessage,
            "message" => Meaning::Message,
            "timestamp" => Meaning::Timestamp,
            "level" => Meaning::Level,
            key => Meaning::Field(FieldName::new(&field_name(key))),
        }
    }
}

/// The name of a field, and one bit out of 64 for its kind: names of different kinds are different.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldName {
    pub(crate) name: SmolStr,
    pub(crate) kind: u64,
}

impl FieldName {
    pub(crate) fn new(name: &str) -> FieldName {
        let bytes = name.as_bytes();
        let end = |byte: Option<&u8>| usize::from(byte.copied().unwrap_or(0));
        let kind = 1 << ((bytes.len() * 7 + end(bytes.first()) + end(bytes.last()) * 3) % 64);
        FieldName { name: SmolStr::new(name), kind }
    }
}

/// Keys as they stand in messages, with their meanings. Messages resemble each other, so the key that followed last time is
/// tried first.
#[derive(Debug)]
pub(crate) struct Names {
    /// By a hash of the key; all empty before the first message.
    known: Vec<Known>,
    /// Place of the key before the next one.
    last: usize,
    scratch: String,
}

#[derive(Debug, Clone, Default)]
struct Known {
    /// As written, with its quotes and the colon; empty where the place is.
    written: SmolStr,
    meaning: Meaning,
    /// Place of the key that came behind it.
    next: usize,
}

impl Names {
    pub(crate) fn new() -> Names {
        Names { known: Vec::new(), last: 0, scratch: String::new() }
    }

    /// A message is over.
    pub(crate) fn end(&mut self) {
        self.last = 0;
        if let Some(long) = self.known.get_mut(LONG)
            && long.meaning != Meaning::default()
        {
            *long = Known::default();
        }
    }

    /// The meaning of the next key of the object that the reader is in, or `None` behind its end. It is lent, as moving it
    /// around costs more than finding it.
    #[inline]
    pub(crate) fn next(&mut self, reader: &mut Reader<'_>) -> Result<Option<&Meaning>, JsonError> {
        if self.known.is_empty() {
            self.known.resize_with(LONG + 1, Known::default);
        }
        let expected = self.known[self.last].next;
        if reader.take_key(&self.known[expected].written) {
            self.last = expected;
        } else {
            let Some(key) = reader.next_key()? else { return Ok(None) };
            self.look_up(key);
        }
        Ok(Some(&self.known[self.last].meaning))
    }

    /// Puts the key at its place and goes there.
    fn look_up(&mut self, key: RawText<'_>) {
        let raw = key.raw();
        let is_long = raw.len() > KEY_LEN_MAX;
        let place = if is_long { LONG } else { place_of(raw.as_bytes()) };
        self.known[self.last].next = place;
        self.last = place;
        let known = &mut self.known[place];
        if is_long {
            known.meaning = Meaning::of(&key.to_cow());
        } else if key_of(&known.written) != Some(raw) {
            known.written = smol_str::format_smolstr!("\"{raw}\":");
            known.meaning = Meaning::of(key.resolve(&mut self.scratch));
        }
    }
}

/// The key inside its quotes.
fn key_of(written: &str) -> Option<&str> {
    written.strip_prefix('"')?.strip_suffix("\":")
}

/// By length, both ends and the middle.
fn place_of(key: &[u8]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let byte = |at: usize| u64::from(key.get(at).copied().unwrap_or_default());
    let word = |from: usize| key.get(from..).and_then(<[u8]>::first_chunk).map(|word| u64::from_le_bytes(*word));
    let hash = match (word(0), word(key.len().wrapping_sub(8))) {
        (Some(first), Some(last)) => first ^ last.rotate_left(23) ^ byte(key.len() / 2).rotate_left(41),
        _ => key.iter().fold(0, |hash: u64, byte| hash << 8 | u64::from(*byte)),
    };
    ((hash ^ key.len() as u64).wrapping_mul(FACTOR) >> (u64::BITS - KEYS_LOG)) as usize
}

/// The name of a field in the record: without the one leading underscore that GELF puts before additional fields. A name
/// that means something else without it keeps it, so `_level` does not hide the level; control characters become `_`.
fn field_name(key: &str) -> Cow<'_, str> {
    let key = key.trim();
    let name = key.strip_prefix('_').unwrap_or(key);
    if name.is_empty() {
        return Cow::Borrowed("_");
    }
    if RESERVED.contains(&name) {
        return if name.len() < key.len() { Cow::Borrowed(key) } else { Cow::Owned(format!("_{name}")) };
    }
    if name.bytes().any(|byte| byte.is_ascii_control()) {
        return Cow::Owned(name.replace(|c: char| c.is_ascii_control(), "_"));
    }
    Cow::Borrowed(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Reader;
    use proptest::prelude::*;

    #[track_caller]
    fn check(key: &str, want: &str) {
        assert_eq!(field_name(key), want, "{key:?}");
        assert_eq!(Meaning::of(key), Meaning::Field(FieldName::new(want)), "{key:?}");
    }

    #[test]
    fn names_lose_one_underscore_unless_reserved() {
        check("_container_id", "container_id");
        check("facility", "facility");
        check("__x", "_x");
        check("_", "_");
        check("", "_");
        check("_id", "id");
        check("_level", "_level");
        check("source", "_source");
        check("_app.kubernetes.io/name", "app.kubernetes.io/name");
        check(" _a b ", "a b");
        check("_😀", "😀");
        check("_.", ".");
        check("_a\nb\0", "a_b_");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_remembered_changes_no_meaning(
            messages in proptest::collection::vec(proptest::collection::vec(key(), 0..8), 0..30),
        ) {
            let mut names = Names::new();
            for keys in messages {
                let members: Vec<String> = keys.iter().map(|(key, space)| format!("\"{key}\"{space}:1")).collect();
                let json = format!("{}}}", members.join(","));
                let (mut reader, mut plain) = (Reader::new(&json), Reader::new(&json));
                while let Some(meaning) = names.next(&mut reader).expect("the object is sound") {
                    let key = plain.next_key().expect("the object is sound").expect("there is a key");
                    prop_assert_eq!(meaning, &Meaning::of(&key.to_cow()));
                    prop_assert_eq!(reader.value(), plain.value());
                }
                prop_assert_eq!(plain.next_key(), Ok(None));
                names.end();
                prop_assert!(names.known.iter().all(|known| known.written.len() <= KEY_LEN_MAX + "\"\":".len()));
            }
        }
    }

    /// A key as written, few of them different, and what stands behind it.
    fn key() -> impl Strategy<Value = (String, &'static str)> {
        let key = prop_oneof![
            Just("host".to_owned()),
            Just("h\\u006fst".to_owned()),
            "_?[ab]{0,2}",
            "[a-z]{60,70}",
            "[é:]{0,2}(\\\\[\\\\n:])?"
        ];
        (key, prop_oneof![Just(""), Just(" ")])
    }
}
