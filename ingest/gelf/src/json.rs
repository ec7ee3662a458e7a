//! A lenient pull reader for JSON, borrowing from its text. RFC 8259, and beyond it what GELF senders write: raw control
//! characters inside strings, missing and trailing commas, `NaN` and other bare words, unknown escapes, NUL bytes and
//! byte-order marks between values.
//!
//! serde's readers take none of these and recurse into nested values. This one never recurses: [`Reader::skip_value`]
//! takes any depth.

mod text;

pub(crate) use text::{RawText, push_json_string};

/// Words of eight bytes that are searched one by one before a vectorised search begins: most strings end within them, and
/// calling it costs more than it saves.
const SHORT_WORDS: usize = 4;

/// The text is no JSON at byte `offset`, or ends too early there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JsonError {
    pub offset: usize,
}

/// A value, or the beginning of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    /// A number or any other bare word, as written.
    Bare(&'a str),
    Text(RawText<'a>),
    /// An array as written.
    Array(&'a str),
    /// The reader stands behind the `{`: take it in with [`Reader::next_key`].
    Object,
}

/// A position in the text.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Reader<'a> {
        Reader { text, at: 0 }
    }

    /// Byte offset in the text.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Continues at a byte offset, which must be a character boundary.
    pub(crate) fn seek(&mut self, offset: usize) {
        debug_assert!(self.text.is_char_boundary(offset), "readers stop at ASCII characters");
        self.at = offset;
    }

    /// The next byte, after white space, commas and padding.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b' ' | b',' | b'\n' | b'\r' | b'\t' | 0 => self.at += 1,
                0xef if bytes[self.at..].starts_with("\u{feff}".as_bytes()) => self.at += '\u{feff}'.len_utf8(),
                byte => return Some(byte),
            }
        }
        None
    }

    /// Steps over one byte that [`Reader::peek`] has shown.
    #[inline]
    pub(crate) fn bump(&mut self) {
        self.at += 1;
    }

    /// The next key of the object that the reader is in, or `None` behind its end.
    #[inline]
    pub(crate) fn next_key(&mut self) -> Result<Option<RawText<'a>>, JsonError> {
        match self.peek() {
            Some(b'"') => {}
            Some(b'}') => {
                self.bump();
                return Ok(None);
            }
            _ => return Err(self.error()),
        }
        let key = self.string()?;
        if self.peek() != Some(b':') {
            return Err(self.error());
        }
        self.bump();
        Ok(Some(key))
    }

    /// Steps over the next key with its colon where it is written like this, quotes and colon included.
    #[inline]
    pub(crate) fn take_key(&mut self, written: &str) -> bool {
        let is_next = self.peek() == Some(b'"') && self.text.as_bytes()[self.at..].starts_with(written.as_bytes());
        if is_next && !written.is_empty() {
            self.at += written.len();
            return true;
        }
        false
    }

    /// The next value.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Value<'a>, JsonError> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'{') => {
                self.bump();
                Ok(Value::Object)
            }
            Some(b'[') => self.skip_value().map(Value::Array),
            Some(_) => Ok(match self.bare_word()? {
                "null" => Value::Null,
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                word => Value::Bare(word),
            }),
            None => Err(self.error()),
        }
    }

    /// Steps over a value of any depth and returns it as written. Brackets are counted, not matched by kind.
    pub(crate) fn skip_value(&mut self) -> Result<&'a str, JsonError> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'{' | b'[') => {
                self.bump();
                self.skip_nested(1)?;
            }
            Some(b'"') => drop(self.string()?),
            Some(_) => drop(self.bare_word()?),
            None => return Err(self.error()),
        }
        Ok(&self.text[start..self.at])
    }

    /// Steps behind the end of the `depth` objects and arrays that the reader is in.
    fn skip_nested(&mut self, mut depth: usize) -> Result<(), JsonError> {
        let bytes = self.text.as_bytes();
        while depth > 0 {
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.string()?;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') => depth -= 1,
                Some(_) => {}
                None => return Err(self.error()),
            }
            self.at += 1;
        }
        Ok(())
    }

    /// The inside of the string at the reader, which stands at its opening quote.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<RawText<'a>, JsonError> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut at = start;
        let mut has_escapes = false;
        loop {
            let Some(end) = find_special(bytes, at) else {
                return Err(JsonError { offset: bytes.len() });
            };
            if bytes[end] == b'"' {
                self.at = end + 1;
                return Ok(RawText::new(&self.text[start..end], has_escapes));
            }
            has_escapes = true;
            at = end + 2;
        }
    }

    #[inline]
    fn bare_word(&mut self) -> Result<&'a str, JsonError> {
        let rest = &self.text.as_bytes()[self.at..];
        let is_in_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_');
        let len = rest.iter().position(|byte| !is_in_word(byte)).unwrap_or(rest.len());
        if len == 0 {
            return Err(self.error());
        }
        let start = self.at;
        self.at += len;
        Ok(&self.text[start..self.at])
    }

    fn error(&self) -> JsonError {
        JsonError { offset: self.at }
    }
}

/// Where the first quote or backslash stands, from `at` on.
#[inline]
fn find_special(bytes: &[u8], mut at: usize) -> Option<usize> {
    for _ in 0..SHORT_WORDS {
        let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) else { break };
        let word = u64::from_le_bytes(*word);
        let hits = zero_bytes(word ^ repeat(b'"')) | zero_bytes(word ^ repeat(b'\\'));
        if hits != 0 {
            return Some(at + hits.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    memchr::memchr2(b'"', b'\\', bytes.get(at..)?).map(|len| at + len)
}

const fn repeat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The top bit of each byte that is zero; bits above the lowest one may be wrong.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(repeat(0x01)) & !word & repeat(0x80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, want: &Value<'_>) {
        assert_eq!(Reader::new(text).value().as_ref(), Ok(want), "{text:?}");
    }

    #[track_caller]
    fn check_text(json: &str, want: &str) {
        let Ok(Value::Text(raw)) = Reader::new(json).value() else { panic!("{json:?} is a string") };
        let mut scratch = "left over".to_owned();
        assert_eq!(raw.resolve(&mut scratch), want, "{json:?}");
        assert_eq!(raw.to_cow(), want, "{json:?}");
    }

    #[test]
    fn values() {
        check("null", &Value::Null);
        check(" true,", &Value::Bool(true));
        check("-1.5e+3]", &Value::Bare("-1.5e+3"));
        check("NaN", &Value::Bare("NaN"));
        check("[1,[2,\"]\"]] 3", &Value::Array("[1,[2,\"]\"]]"));
        check("{", &Value::Object);
        check_text("\u{feff}\"x\"", "x");
        for broken in ["", "'x'", "[1", "\"x", "\"x\\", "\"x\\\""] {
            assert!(Reader::new(broken).value().is_err(), "{broken:?}");
        }
    }

    #[test]
    fn strings() {
        check_text(r#""a\"b\\c\/d\n\t\r\b\f""#, "a\"b\\c/d\n\t\r\u{8}\u{c}");
        check_text("\"raw\nline\t\"", "raw\nline\t");
        check_text(r#""\u0041\u00e9\u0000""#, "Aé\0");
        check_text(r#""\ud83d\ude00""#, "😀");
        check_text(r#""\ud83d""#, "\u{fffd}");
        check_text(r#""\ud83dx\ude00""#, "\u{fffd}x\u{fffd}");
        check_text(r#""\ud83d\u0041""#, "\u{fffd}A");
        check_text(r#""\u00""#, "\\u00");
        check_text(r#""\u00é0""#, "\\u00é0");
        check_text(r#""C:\dir\é""#, "C:\\dir\\é");
    }

    #[test]
    fn any_depth_is_skipped() {
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        assert_eq!(Reader::new(&deep).skip_value(), Ok(deep.as_str()));
        let deep = "{\"a\":".repeat(10_000) + "1" + &"}".repeat(10_000);
        assert_eq!(Reader::new(&deep).skip_value(), Ok(deep.as_str()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn strings_come_back(want in ".{0,20}|[\\\\\"a\u{1}\u{1f}é😀]{0,20}") {
            let mut json = String::new();
            push_json_string(&mut json, &want);
            check_text(&json, &want);
            check_text(&serde_json::to_string(&want).expect("text is JSON"), &want);
        }

        #[test]
        fn the_first_special_byte_is_found(text in "[a-c\u{80}\u{ff}!#\\[\\]\"\\\\]{0,60}|[a\u{ff}]{0,60}\"?", at in 0..70_usize) {
            let bytes = text.as_bytes();
            let want = (at..bytes.len()).find(|at| matches!(bytes[*at], b'"' | b'\\'));
            prop_assert_eq!(find_special(bytes, at), want);
        }

        #[test]
        fn any_text_ends(text in "[{}\\[\\]\",:\\\\au0 \u{feff}é]{0,40}") {
            let mut reader = Reader::new(&text);
            while reader.value().is_ok() {}
            prop_assert!(reader.offset() <= text.len() + 1);
            let _ = Reader::new(&text).skip_value();
        }
    }
}
