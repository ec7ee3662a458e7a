//! A lenient pull reader for JSON, borrowing from its text. RFC 8259, and beyond it what GELF senders write: raw control
//! characters inside strings, missing and trailing commas, `NaN` and other bare words, unknown escapes, NUL bytes and
//! byte-order marks between values.
//!
//! serde's readers take none of these and recurse into nested values. This one never recurses: [`Reader::skip_value`]
//! takes any depth.

use std::borrow::Cow;

/// The text is no JSON at byte `offset`, or ends too early there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JsonError {
    pub offset: usize,
}

/// A value, or the beginning of an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    /// A number or any other bare word, as written.
    Bare(&'a str),
    Text(Cow<'a, str>),
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
    pub(crate) fn next_key(&mut self) -> Result<Option<Cow<'a, str>>, JsonError> {
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
            Some(b'"') => drop(self.raw_string()?),
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
                    self.raw_string()?;
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

    /// The string at the reader, which stands at its opening quote.
    #[inline]
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        let (raw, has_escapes) = self.raw_string()?;
        Ok(if has_escapes { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) })
    }

    /// The string's inside as written, and whether it has escapes.
    #[inline]
    fn raw_string(&mut self) -> Result<(&'a str, bool), JsonError> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut at = start;
        let mut has_escapes = false;
        loop {
            let Some(len) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) else {
                return Err(JsonError { offset: bytes.len() });
            };
            at += len;
            if bytes[at] == b'"' {
                self.at = at + 1;
                return Ok((&self.text[start..at], has_escapes));
            }
            has_escapes = true;
            at += 2;
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

/// Resolves the escapes of a string's inside. Unknown escapes stay as they are (`C:\dir`), lone surrogates become
/// replacement characters.
fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(escape) = rest.chars().next() else {
            text.push('\\');
            break;
        };
        rest = &rest[escape.len_utf8()..];
        match escape {
            '"' | '\\' | '/' => text.push(escape),
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'u' => rest = push_unicode(&mut text, rest),
            other => text.extend(['\\', other]),
        }
    }
    text.push_str(rest);
    text
}

/// Appends the character of a `\u` escape, `rest` being what follows the `u`; returns what remains.
fn push_unicode<'a>(text: &mut String, rest: &'a str) -> &'a str {
    let Some(unit) = hex4(rest) else {
        text.push_str("\\u");
        return rest;
    };
    let rest = &rest[4..];
    if let Some(c) = char::from_u32(unit) {
        text.push(c);
        return rest;
    }
    let low = rest.strip_prefix("\\u").and_then(hex4).filter(|low| (0xdc00..0xe000).contains(low));
    if let (0xd800..0xdc00, Some(low)) = (unit, low) {
        let c = char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
        text.push(c.expect("a surrogate pair encodes a character"));
        return &rest["\\u0000".len()..];
    }
    text.push(char::REPLACEMENT_CHARACTER);
    rest
}

fn hex4(text: &str) -> Option<u32> {
    let digits = text.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}

/// Appends `text` as a JSON string.
pub(crate) fn push_json_string(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if u32::from(c) < 0x20 => {
                let hex = |digit| char::from_digit(digit, 16).expect("a hexadecimal digit is below 16");
                json.extend(['\\', 'u', '0', '0', hex(u32::from(c) >> 4), hex(u32::from(c) & 15)]);
            }
            c => json.push(c),
        }
    }
    json.push('"');
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
        check(json, &Value::Text(Cow::Borrowed(want)));
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
            prop_assert_eq!(Reader::new(&json).value(), Ok(Value::Text(Cow::Borrowed(want.as_str()))));
            let upstream = serde_json::to_string(&want).expect("text is JSON");
            prop_assert_eq!(Reader::new(&upstream).value(), Ok(Value::Text(Cow::Borrowed(want.as_str()))));
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
