//! String literals: `"…"` and `'…'` with Go's escapes, and raw `` `…` ``.

/// The bytes that the literal at the start of `text` stands for, and its length in `text`.
pub(super) fn unquote(text: &str) -> Result<(Vec<u8>, usize), String> {
    let mut chars = text.char_indices();
    let Some((_, quote)) = chars.next() else { return Err("unterminated quoted string".to_owned()) };
    if quote == '`' {
        let end = text[1..].find('`').ok_or("unterminated raw string")?;
        return Ok((text.as_bytes()[1..=end].to_vec(), end + 2));
    }
    let mut bytes = Vec::new();
    while let Some((index, char)) = chars.next() {
        match char {
            '\n' => break,
            '\\' => escape(&mut chars, quote, &mut bytes)?,
            _ if char == quote => return Ok((bytes, index + 1)),
            _ => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err("unterminated quoted string".to_owned())
}

/// Reads what stands behind a backslash.
fn escape(chars: &mut std::str::CharIndices<'_>, quote: char, bytes: &mut Vec<u8>) -> Result<(), String> {
    let (_, char) = chars.next().ok_or("escape sequence not terminated")?;
    let plain = match char {
        'a' => Some(b'\x07'),
        'b' => Some(b'\x08'),
        'f' => Some(b'\x0c'),
        'n' => Some(b'\n'),
        'r' => Some(b'\r'),
        't' => Some(b'\t'),
        'v' => Some(b'\x0b'),
        '\\' => Some(b'\\'),
        _ if char == quote => Some(quote as u8),
        _ => None,
    };
    if let Some(byte) = plain {
        bytes.push(byte);
        return Ok(());
    }
    let (digits, radix) = match char {
        '0'..='7' => (2, 8),
        'x' => (2, 16),
        'u' => (4, 16),
        'U' => (8, 16),
        _ => return Err(format!("unknown escape sequence U+{:04X} {char:?}", char as u32)),
    };
    let mut value: u64 = if radix == 8 { u64::from(char as u32 - u32::from(b'0')) } else { 0 };
    for _ in 0..digits {
        let (_, digit) = chars.next().ok_or("escape sequence not terminated")?;
        let Some(digit_value) = digit.to_digit(radix) else {
            return Err(format!("illegal character U+{:04X} {digit:?} in escape sequence", digit as u32));
        };
        value = value * u64::from(radix) + u64::from(digit_value);
    }
    let invalid = || "escape sequence is an invalid Unicode code point".to_owned();
    if matches!(char, 'u' | 'U') {
        let scalar = u32::try_from(value).ok().and_then(char::from_u32).ok_or_else(invalid)?;
        bytes.extend_from_slice(scalar.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        bytes.push(u8::try_from(value).map_err(|_| invalid())?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<&[u8], &str>) {
        let got = unquote(text).map(|(bytes, _)| bytes);
        assert_eq!(got.as_deref(), want.map_err(str::to_owned).as_deref(), "{text}");
    }

    #[test]
    fn quotes_and_escapes() {
        check(r#""a\"b" + 1"#, Ok(b"a\"b"));
        check(r#"'a"b\''"#, Ok(b"a\"b'"));
        check("`raw\\n\n`", Ok(b"raw\\n\n"));
        check(r#""\a\b\f\n\r\t\v\\\x41\101\u00e9\U0001F600""#, Ok("\x07\x08\x0c\n\r\t\x0b\\AAé😀".as_bytes()));
        check(r#""\xff""#, Ok(b"\xff"));
        check(r#""\q""#, Err("unknown escape sequence U+0071 'q'"));
        check(r#""\xg0""#, Err("illegal character U+0067 'g' in escape sequence"));
        check(r#""\ud800""#, Err("escape sequence is an invalid Unicode code point"));
        check("\"open\n\"", Err("unterminated quoted string"));
        check("`open", Err("unterminated raw string"));
    }
}
