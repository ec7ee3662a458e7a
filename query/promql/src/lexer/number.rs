//! Numbers and durations: `1_000`, `0x1F`, `.5e-3`, `017` (octal), `1h30m`.

use super::TokenKind;
use watchfire_model::DurationMs;

/// Whether `text`, which starts with a digit or dot, starts a number.
pub(super) fn starts(text: &str) -> bool {
    text.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit()) && !text.starts_with("..")
}

/// The number or duration at the start of `text`: its length in bytes and its value, or what is wrong with it.
pub(super) fn scan(text: &str) -> (usize, Result<TokenKind, String>) {
    let len = word_len(text);
    let word = &text[..len];
    let kind = number(word).map(TokenKind::Number).or_else(|| duration(word));
    (len, kind.ok_or_else(|| format!("bad number or duration syntax: {word:?}")))
}

/// Everything that may belong to the number: letters, digits, dots, and a sign behind a decimal exponent.
fn word_len(text: &str) -> usize {
    let is_hex = text.get(..2).is_some_and(|prefix| prefix.eq_ignore_ascii_case("0x"));
    let bytes = text.as_bytes();
    let mut exponent = false;
    let mut len = 0;
    while let Some(byte) = bytes.get(len) {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'.' => {}
            b'+' | b'-' if exponent => {}
            _ => break,
        }
        exponent = !is_hex && matches!(byte, b'e' | b'E') && bytes[..len].iter().all(|b| !b.is_ascii_alphabetic());
        len += 1;
    }
    len
}

fn number(word: &str) -> Option<f64> {
    let bytes = word.as_bytes();
    let separated = bytes.iter().enumerate().all(|(index, byte)| {
        let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
        let before = index.checked_sub(1).and_then(|index| bytes.get(index));
        let behind_prefix = index == 2 && matches!(bytes[1], b'x' | b'X');
        *byte != b'_' || ((is_digit(before) || behind_prefix) && is_digit(bytes.get(index + 1)))
    });
    if !separated {
        return None;
    }
    let digits = word.replace('_', "");
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16).ok().map(|value| value as f64);
    }
    let is_octal = digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
    if is_octal {
        return u64::from_str_radix(&digits, 8).ok().map(|value| value as f64);
    }
    let starts_well = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let only_number = digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if starts_well && only_number { digits.parse().ok() } else { None }
}

fn duration(word: &str) -> Option<TokenKind> {
    DurationMs::parse(word).ok().map(|duration| TokenKind::Duration(duration.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Option<(usize, &TokenKind)>) {
        let (len, kind) = scan(text);
        assert_eq!(kind.as_ref().ok().map(|kind| (len, kind)), want, "{text}");
    }

    #[test]
    fn numbers_and_durations() {
        check("1+2", Some((1, &TokenKind::Number(1.0))));
        check("1e+2+3", Some((4, &TokenKind::Number(100.0))));
        check("2.", Some((2, &TokenKind::Number(2.0))));
        check(".5)", Some((2, &TokenKind::Number(0.5))));
        check("0x1F]", Some((4, &TokenKind::Number(31.0))));
        check("0x_1e-1", Some((5, &TokenKind::Number(30.0))));
        check("1_000_000", Some((9, &TokenKind::Number(1_000_000.0))));
        check("017", Some((3, &TokenKind::Number(15.0))));
        check("018", Some((3, &TokenKind::Number(18.0))));
        check("1h30m*2", Some((5, &TokenKind::Duration(5_400_000))));
        check("0s", Some((2, &TokenKind::Duration(0))));
        check("1_", None);
        check("1__0", None);
        check("1.2.3", None);
        check("1e", None);
        check("5x", None);
        check("1m1h", None);
        check("1.5h", None);
    }
}
