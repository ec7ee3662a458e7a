//! Which tokens a granule holds, in about ten bits each: an XOR filter (Graf and Lemire, "Xor Filters", 2020). A token that
//! is there is always found; one that is not, once in 256 times. FORMAT.md, "Filters".

use super::token::mix;
use crate::codec::{Reader, put_varint};

/// Seeds tried; each fails about once in a hundred times where there are few keys, and hardly ever where there are many.
const SEEDS_MAX: u64 = 256;
const NOTHING: u8 = 0;
const KEYS: u8 = 1;
const ANYTHING: u8 = 2;

/// Encodes distinct keys.
pub(super) fn encode(keys: &[u64]) -> Vec<u8> {
    if keys.is_empty() {
        return vec![NOTHING];
    }
    let part = (32 + keys.len() * 123 / 100) / 3 + 1;
    let found = (0..SEEDS_MAX).find_map(|seed| fingerprints(keys, seed, part).map(|bytes| (seed, bytes)));
    // A granule without a filter is looked at always.
    let Some((seed, bytes)) = found else { return vec![ANYTHING] };
    let mut out = Vec::with_capacity(bytes.len() + 8);
    out.push(KEYS);
    put_varint(&mut out, seed);
    put_varint(&mut out, part as u64);
    out.extend_from_slice(&bytes);
    out
}

/// One place of the table while it is filled.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// XOR of the hashes that fall here.
    hashes: u64,
    count: u32,
}

/// Finds an order in which every key has a place of its own, if this seed allows for one.
fn fingerprints(keys: &[u64], seed: u64, part: usize) -> Option<Vec<u8>> {
    let mut places = vec![Place::default(); 3 * part];
    for key in keys {
        let hash = hash_of(*key, seed);
        for at in places_of(hash, part) {
            places[at].hashes ^= hash;
            places[at].count += 1;
        }
    }
    let mut single: Vec<usize> = (0..places.len()).filter(|at| places[*at].count == 1).collect();
    let mut order: Vec<(u64, usize)> = Vec::with_capacity(keys.len());
    while let Some(own) = single.pop() {
        if places[own].count != 1 {
            continue;
        }
        let hash = places[own].hashes;
        order.push((hash, own));
        for at in places_of(hash, part) {
            places[at].hashes ^= hash;
            places[at].count -= 1;
            if places[at].count == 1 {
                single.push(at);
            }
        }
    }
    if order.len() != keys.len() {
        return None;
    }
    let mut bytes = vec![0; places.len()];
    for (hash, own) in order.into_iter().rev() {
        let others = places_of(hash, part).into_iter().filter(|at| *at != own).fold(0, |sum, at| sum ^ bytes[at]);
        bytes[own] = fingerprint(hash) ^ others;
    }
    Some(bytes)
}

fn hash_of(key: u64, seed: u64) -> u64 {
    mix(key.wrapping_add(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// A place in each third of the table.
fn places_of(hash: u64, part: usize) -> [usize; 3] {
    let place = |turn: u32, third: usize| {
        let low = u64::from(hash.rotate_left(turn) as u32);
        third * part + ((low * part as u64) >> 32) as usize
    };
    [place(0, 0), place(21, 1), place(42, 2)]
}

fn fingerprint(hash: u64) -> u8 {
    (hash ^ (hash >> 32)) as u8
}

/// A filter in its stored form.
#[derive(Debug, Clone, Copy)]
pub(super) enum Filter<'a> {
    Nothing,
    Anything,
    Keys { seed: u64, part: usize, bytes: &'a [u8] },
}

impl<'a> Filter<'a> {
    /// `None` when the bytes make no sense.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Filter<'a>> {
        let mut reader = Reader::new(bytes);
        match reader.u8()? {
            NOTHING => Some(Filter::Nothing),
            ANYTHING => Some(Filter::Anything),
            KEYS => {
                let (seed, part) = (reader.varint()?, usize::try_from(reader.varint()?).ok()?);
                let bytes = reader.take(part.checked_mul(3)?)?;
                (part > 0 && u32::try_from(part).is_ok() && reader.is_empty()).then_some(Filter::Keys {
                    seed,
                    part,
                    bytes,
                })
            }
            _ => None,
        }
    }

    /// Whether the key may be there.
    pub(super) fn may_hold(self, key: u64) -> bool {
        match self {
            Filter::Nothing => false,
            Filter::Anything => true,
            Filter::Keys { seed, part, bytes } => {
                let hash = hash_of(key, seed);
                places_of(hash, part).into_iter().fold(0, |sum, at| sum ^ bytes[at]) == fingerprint(hash)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(count: u64) {
        let bytes = encode(&(0..count).map(mix).collect::<Vec<_>>());
        let filter = Filter::read(&bytes).expect("a fresh filter");
        assert!((0..count).all(|key| filter.may_hold(mix(key))), "{count} keys");
        let false_hits = (count..count + 25_600).filter(|key| filter.may_hold(mix(*key))).count();
        assert!(false_hits < 160, "{false_hits} of 25600 absent keys are found among {count}");
        assert!(bytes.len() as u64 <= 48 + count * 5 / 4, "{} bytes for {count} keys", bytes.len());
    }

    #[test]
    fn every_key_is_found_and_few_others() {
        [0, 1, 2, 3, 10, 100, 1000, 20_000].into_iter().for_each(check);
    }

    #[test]
    fn nonsense_is_refused() {
        let bytes = encode(&[1, 2, 3]);
        assert!(Filter::read(&bytes[..bytes.len() - 1]).is_none());
        assert!(Filter::read(&[]).is_none() && Filter::read(&[9]).is_none() && Filter::read(&[KEYS, 0, 0]).is_none());
        assert!(Filter::read(&[ANYTHING]).is_some_and(|filter| filter.may_hold(7)));
    }
}
