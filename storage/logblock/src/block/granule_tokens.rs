//! The tokens of the granule that is being built.

use super::filter;
use super::token::token_key;
use hashbrown::HashTable;

/// Distinct keys of tokens.
#[derive(Debug, Default)]
pub(super) struct GranuleTokens {
    table: HashTable<u64>,
}

impl GranuleTokens {
    /// Notes a token; `place` is [`super::token::place_key`] of where it stands.
    pub(super) fn add(&mut self, place: u64, token: &[u8]) {
        let key = token_key(place, token);
        // The key is a good hash of itself.
        let entry = self.table.entry(key, |known| *known == key, |known| *known);
        entry.or_insert(key);
    }

    /// The filter of the granule; begins the next one.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let keys: Vec<u64> = self.table.drain().collect();
        filter::encode(&keys)
    }

    /// Bytes held, about.
    pub(super) fn memory(&self) -> usize {
        self.table.capacity() * size_of::<u64>()
    }
}
