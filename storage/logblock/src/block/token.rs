//! Tokens: what the index of a block knows. Said once for writing and looking up.
//!
//! A token is a folded word of prose, or a folded identifier as a whole, together with the column it stands in. The
//! message is always prose; other texts are where they hold white space. Numbers and booleans are identifiers in their
//! text form. This mirrors `LogFilter::matches`; the index may name granules too many, never one too few.

use watchfire_model::{fold, is_prose, words};

/// Longer texts stand in the index by their beginning and a hash.
const TOKEN_LEN_MAX: usize = 128;
const HASH_LEN: usize = 8;

/// Which column a token stands in: the message, the host, the fields that have no column of their own, or a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenColumn(u16);

impl TokenColumn {
    pub const MESSAGE: TokenColumn = TokenColumn(0);
    pub const HOST: TokenColumn = TokenColumn(1);
    pub const REST: TokenColumn = TokenColumn(2);
    const FIELDS_FROM: u16 = 3;

    /// The field column at `index`, below `FIELD_COLUMNS_MAX`.
    pub fn field(index: usize) -> TokenColumn {
        TokenColumn(TokenColumn::FIELDS_FROM + index as u16)
    }

    /// Big-endian, so that the terms of a column stand together.
    pub fn to_bytes(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }
}

/// Hands the tokens of prose to `visit`, folded and shortened.
pub fn prose_tokens(text: &str, buffer: &mut Vec<u8>, visit: &mut impl FnMut(&[u8])) {
    for word in words(text) {
        fold_into(word, buffer);
        visit(buffer);
    }
}

/// Hands the token of one word, or of an identifier as a whole, to `visit`.
pub(super) fn word_token(word: &str, buffer: &mut Vec<u8>, visit: &mut impl FnMut(&[u8])) {
    fold_into(word, buffer);
    visit(buffer);
}

/// Hands the tokens of a value of any field but the message to `visit`.
pub fn value_tokens(text: &str, buffer: &mut Vec<u8>, visit: &mut impl FnMut(&[u8])) {
    if may_be_prose(text) && is_prose(text) {
        return prose_tokens(text, buffer, visit);
    }
    fold_into(text, buffer);
    visit(buffer);
}

/// Whether some byte is no visible ASCII character: quicker to say than [`is_prose`].
pub(super) fn may_be_prose(text: &str) -> bool {
    // Without a branch for each byte.
    text.bytes().fold(0, |odd, byte| odd | u8::from(!byte.is_ascii_graphic())) != 0
}

/// The index's form of folded text, as a term of `column`.
pub fn term(column: TokenColumn, folded: &str) -> Vec<u8> {
    let mut token = folded.as_bytes().to_vec();
    shorten(&mut token);
    let mut term = column.to_bytes().to_vec();
    term.append(&mut token);
    term
}

/// The key of a token in the filters of granules; `place` is [`place_key`] of where it stands.
pub fn token_key(place: u64, token: &[u8]) -> u64 {
    key_of(place, token, |chunk| chunk)
}

/// As [`token_key`] of the folded text; none where that is more than lower-casing ASCII.
pub(super) fn ascii_key(place: u64, text: &[u8]) -> Option<u64> {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    if text.len() > TOKEN_LEN_MAX {
        return None;
    }
    let mut seen = 0;
    let key = key_of(place, text, |chunk| {
        seen |= chunk;
        lower_ascii(chunk)
    });
    (seen & HIGH_BITS == 0).then_some(key)
}

/// Lower-cases eight ASCII characters.
fn lower_ascii(chars: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // The high bit of each byte: from `A` on, and behind `Z`. No sum of ASCII reaches the next byte.
    let from_a = chars.wrapping_add(ONES * u64::from(0x80 - b'A'));
    let behind_z = chars.wrapping_add(ONES * u64::from(0x80 - b'Z' - 1));
    chars | (from_a & !behind_z & (ONES << 7)) >> 2
}

/// The key of bytes that `fold` is applied to, eight at a time; the last ones are filled up with zeros.
fn key_of(place: u64, bytes: &[u8], mut fold: impl FnMut(u64) -> u64) -> u64 {
    let mut hash = place ^ (bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (chunks, rest) = bytes.as_chunks::<8>();
    for chunk in chunks {
        hash = (hash ^ fold(u64::from_le_bytes(*chunk))).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^= hash >> 32;
    }
    let last = match bytes.last_chunk::<8>() {
        // The shift leaves out what was read before.
        Some(last) if !rest.is_empty() => u64::from_le_bytes(*last) >> (64 - 8 * rest.len()),
        Some(_) => 0,
        None => rest.iter().rev().fold(0, |last, byte| last << 8 | u64::from(*byte)),
    };
    mix(hash ^ fold(last))
}

/// The key of a folded text as a whole or of a folded word of it.
pub(crate) fn folded_key(place: u64, folded: &str) -> u64 {
    if folded.len() <= TOKEN_LEN_MAX {
        return token_key(place, folded.as_bytes());
    }
    let mut token = folded.as_bytes().to_vec();
    shorten(&mut token);
    token_key(place, &token)
}

/// Where tokens stand, by names that mean the same in every block.
pub fn place_key(column: TokenColumn, field: &str) -> u64 {
    match column {
        TokenColumn::MESSAGE | TokenColumn::HOST | TokenColumn::REST => mix(u64::from(column.0) + 1),
        _ => stable_hash(field.as_bytes()),
    }
}

/// The 64-bit finalizer of `MurmurHash3`.
pub(super) fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

fn fold_into(text: &str, buffer: &mut Vec<u8>) {
    buffer.clear();
    if text.is_ascii() {
        buffer.extend(text.bytes().map(|byte| byte.to_ascii_lowercase()));
    } else {
        buffer.extend_from_slice(fold(text).as_bytes());
    }
    shorten(buffer);
}

fn shorten(token: &mut Vec<u8>) {
    if token.len() > TOKEN_LEN_MAX {
        let hash = stable_hash(token);
        token.truncate(TOKEN_LEN_MAX - HASH_LEN);
        token.extend_from_slice(&hash.to_le_bytes());
    }
}

/// FNV-1a (64 bit) with a final mix (the 64-bit finalizer of MurmurHash3): part of the format, so it must never change.
pub fn stable_hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    mix(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        let mut got = Vec::new();
        value_tokens(text, &mut Vec::new(), &mut |token| got.push(String::from_utf8_lossy(token).into_owned()));
        assert_eq!(got, want, "{text:?}");
    }

    #[test]
    fn identifiers_are_one_token_and_prose_is_its_words() {
        check("", &[""]);
        check("Order-Service", &["order-service"]);
        check("Order Service-1", &["order", "service", "1"]);
        check("ÄB", &["äb"]);
        check(" ", &[]);
    }

    #[test]
    fn long_tokens_are_found_by_their_term() {
        let long = "X".repeat(1000);
        let mut seen = Vec::new();
        value_tokens(&long, &mut Vec::new(), &mut |token| seen = token.to_vec());
        let term = term(TokenColumn::HOST, &fold(&long));
        assert_eq!(term[2..], seen);
        assert_eq!(seen.len(), TOKEN_LEN_MAX);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn keys_of_texts_are_keys_of_what_they_fold_to(text in "([ -~]{0,20}|\\PC{0,9}|[A-z@\\[`{]{120,130})", place: u64) {
            let mut folded = Vec::new();
            fold_into(&text, &mut folded);
            let key = ascii_key(place, text.as_bytes());
            prop_assert_eq!(key.is_some(), text.is_ascii() && text.len() <= TOKEN_LEN_MAX);
            prop_assert!(key.is_none_or(|key| key == token_key(place, &folded)));
            prop_assert!(may_be_prose(&text) || !is_prose(&text));
            let padded: Vec<u8> = folded.iter().copied().chain([0; 8]).take(folded.len().next_multiple_of(8)).collect();
            let mut hash = place ^ (folded.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let whole = folded.len() / 8 * 8;
            for chunk in padded[..whole].chunks(8) {
                hash = (hash ^ u64::from_le_bytes(chunk.try_into().unwrap())).wrapping_mul(0xff51_afd7_ed55_8ccd);
                hash ^= hash >> 32;
            }
            let last = padded[whole..].try_into().map_or(0, u64::from_le_bytes);
            prop_assert_eq!(token_key(place, &folded), mix(hash ^ last));
        }
    }

    #[test]
    fn the_hash_of_the_format_never_changes() {
        assert_eq!(stable_hash(b""), 0xefd0_1f60_ba99_2926);
        assert_eq!(place_key(TokenColumn::MESSAGE, ""), mix(1));
        assert_eq!(token_key(1, b"watchfire"), folded_key(1, "watchfire"));
    }
}
