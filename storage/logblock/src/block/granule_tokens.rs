//! The tokens of the granule that is being built.

use super::filter;
use super::token::{ascii_key, token_key};

/// Places for keys at first; a power of two.
const SLOTS_MIN: usize = 1 << 10;

/// Distinct keys of tokens. A key is a good hash of itself, so they stand in one table at the first free place from where
/// their low bits say.
#[derive(Debug, Default)]
pub(super) struct GranuleTokens {
    /// 0 where none is; half of them at least.
    slots: Vec<u64>,
    len: usize,
    has_zero: bool,
}

impl GranuleTokens {
    /// Notes a token; `place` is [`super::token::place_key`] of where it stands.
    pub(super) fn add(&mut self, place: u64, token: &[u8]) {
        self.insert(token_key(place, token));
    }

    /// Notes a word or an identifier that need only be folded; false where it is not ASCII, or has to be shortened.
    pub(super) fn add_ascii(&mut self, place: u64, text: &str) -> bool {
        let key = ascii_key(place, text.as_bytes());
        key.is_some_and(|key| {
            self.insert(key);
            true
        })
    }

    fn insert(&mut self, key: u64) {
        if key == 0 {
            self.has_zero = true;
            return;
        }
        if self.len * 2 >= self.slots.len() {
            self.grow();
        }
        self.len += usize::from(put(&mut self.slots, key));
    }

    fn grow(&mut self) {
        let mut slots = vec![0; (self.slots.len() * 2).max(SLOTS_MIN)];
        self.slots.iter().filter(|key| **key != 0).for_each(|key| {
            put(&mut slots, *key);
        });
        self.slots = slots;
    }

    /// The filter of the granule; begins the next one.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let mut keys: Vec<u64> = Vec::with_capacity(self.len + 1);
        keys.extend(self.slots.iter().filter(|key| **key != 0));
        keys.extend(self.has_zero.then_some(0));
        self.slots.fill(0);
        (self.len, self.has_zero) = (0, false);
        filter::encode(&keys)
    }

    /// Bytes held, about.
    pub(super) fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<u64>()
    }
}

/// Whether the key is new.
fn put(slots: &mut [u64], key: u64) -> bool {
    let mask = slots.len() - 1;
    let mut at = key as usize & mask;
    loop {
        match slots[at] {
            0 => {
                slots[at] = key;
                return true;
            }
            known if known == key => return false,
            _ => at = (at + 1) & mask,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::filter::Filter;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_key_is_kept_once(keys in prop::collection::vec(prop_oneof![0u64..4, any::<u64>()], 0..3000)) {
            let mut tokens = GranuleTokens::default();
            keys.iter().chain(&keys).for_each(|key| tokens.insert(*key));
            let distinct: std::collections::BTreeSet<u64> = keys.iter().copied().collect();
            prop_assert_eq!(tokens.len + usize::from(tokens.has_zero), distinct.len());
            let bytes = tokens.finish();
            let filter = Filter::read(&bytes).unwrap();
            prop_assert!(distinct.iter().all(|key| filter.may_hold(*key)));
            prop_assert_eq!(tokens.finish(), filter::encode(&[]));
        }
    }
}
