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

/// Hands the token of one word to `visit`.
pub(super) fn word_token(word: &str, buffer: &mut Vec<u8>, visit: &mut impl FnMut(&[u8])) {
    fold_into(word, buffer);
    visit(buffer);
}

/// Hands the tokens of a value of any field but the message to `visit`.
pub fn value_tokens(text: &str, buffer: &mut Vec<u8>, visit: &mut impl FnMut(&[u8])) {
    if is_prose(text) {
        return prose_tokens(text, buffer, visit);
    }
    fold_into(text, buffer);
    visit(buffer);
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
    let mut hash = place ^ (token.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut chunks = token.chunks_exact(8);
    for chunk in chunks.by_ref() {
        let chunk = u64::from_le_bytes(chunk.try_into().expect("eight bytes are eight bytes"));
        hash = (hash ^ chunk).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^= hash >> 32;
    }
    let mut last = [0; 8];
    last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    mix(hash ^ u64::from_le_bytes(last))
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

    #[test]
    fn the_hash_of_the_format_never_changes() {
        assert_eq!(stable_hash(b""), 0xefd0_1f60_ba99_2926);
        assert_eq!(place_key(TokenColumn::MESSAGE, ""), mix(1));
        assert_eq!(token_key(1, b"watchfire"), folded_key(1, "watchfire"));
    }
}
