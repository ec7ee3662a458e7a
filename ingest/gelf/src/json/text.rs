//! The inside of JSON strings. RFC 8259, section 7.

use std::borrow::Cow;

/// The inside of a string as written; its escapes are resolved only where somebody needs the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawText<'a> {
    raw: &'a str,
    has_escapes: bool,
}

impl<'a> RawText<'a> {
    pub(crate) fn new(raw: &'a str, has_escapes: bool) -> RawText<'a> {
        RawText { raw, has_escapes }
    }

    /// Text that stands for itself.
    pub(crate) fn plain(raw: &'a str) -> RawText<'a> {
        RawText { raw, has_escapes: false }
    }

    /// As written. Equal ones mean equal texts.
    pub(crate) fn raw(self) -> &'a str {
        self.raw
    }

    /// The text; `scratch` is overwritten where there are escapes to resolve.
    pub(crate) fn resolve<'b>(self, scratch: &'b mut String) -> &'b str
    where
        'a: 'b,
    {
        if !self.has_escapes {
            return self.raw;
        }
        scratch.clear();
        unescape(self.raw, scratch);
        scratch
    }

    /// The text, allocated only where there are escapes to resolve.
    pub(crate) fn to_cow(self) -> Cow<'a, str> {
        if !self.has_escapes {
            return Cow::Borrowed(self.raw);
        }
        let mut text = String::with_capacity(self.raw.len());
        unescape(self.raw, &mut text);
        Cow::Owned(text)
    }
}

/// Appends a string's inside with its escapes resolved. Unknown escapes stay as they are (`C:\dir`), lone surrogates become
/// replacement characters.
fn unescape(raw: &str, text: &mut String) {
    text.reserve(raw.len());
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
            'u' => rest = push_unicode(text, rest),
            other => text.extend(['\\', other]),
        }
    }
    text.push_str(rest);
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
