//! A set of granules of one block.

use crate::codec::Reader;
#[cfg(test)]
use crate::codec::put_varint;

/// One bit per granule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GranuleSet {
    words: Vec<u64>,
    granules: usize,
}

const WORD_BITS: usize = 64;

impl GranuleSet {
    pub fn none(granules: usize) -> GranuleSet {
        GranuleSet { words: vec![0; granules.div_ceil(WORD_BITS)], granules }
    }

    pub fn all(granules: usize) -> GranuleSet {
        let mut set = GranuleSet::none(granules);
        (0..granules).for_each(|granule| set.insert(granule));
        set
    }

    /// The granules for which `wanted` holds.
    pub fn filter(granules: usize, wanted: impl Fn(usize) -> bool) -> GranuleSet {
        let mut set = GranuleSet::none(granules);
        (0..granules).filter(|granule| wanted(*granule)).for_each(|granule| set.insert(granule));
        set
    }

    /// Granules beyond the last are left out: they can only come from a fingerprint that lies.
    pub fn insert(&mut self, granule: usize) {
        if granule < self.granules {
            self.words[granule / WORD_BITS] |= 1 << (granule % WORD_BITS);
        }
    }

    pub fn contains(&self, granule: usize) -> bool {
        self.words.get(granule / WORD_BITS).is_some_and(|word| word >> (granule % WORD_BITS) & 1 == 1)
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub fn intersect(&mut self, other: &GranuleSet) {
        self.words.iter_mut().zip(&other.words).for_each(|(mine, theirs)| *mine &= theirs);
    }

    pub fn unite(&mut self, other: &GranuleSet) {
        self.words.iter_mut().zip(&other.words).for_each(|(mine, theirs)| *mine |= theirs);
    }

    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.granules).filter(|granule| self.contains(*granule))
    }
}

/// Encodes ascending granules as differences, as versions 1 and 2 did; all granules of the block as nothing.
#[cfg(test)]
fn encode_postings(granules: &[u32], granules_in_block: usize, out: &mut Vec<u8>) {
    if granules.len() == granules_in_block {
        return;
    }
    let mut before = 0;
    for granule in granules {
        put_varint(out, u64::from(granule - before));
        before = *granule;
    }
}

/// Reads ascending granules, as differences; `None` when they make no sense.
pub(super) fn decode_postings(bytes: &[u8], granules_in_block: usize) -> Option<GranuleSet> {
    if bytes.is_empty() {
        return Some(GranuleSet::all(granules_in_block));
    }
    let mut set = GranuleSet::none(granules_in_block);
    let mut reader = Reader::new(bytes);
    let mut granule = 0usize;
    while !reader.is_empty() {
        granule = granule.checked_add(usize::try_from(reader.varint()?).ok()?)?;
        set.insert(granule);
    }
    Some(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(granules: &[u32], granules_in_block: usize) {
        let mut bytes = Vec::new();
        encode_postings(granules, granules_in_block, &mut bytes);
        let set = decode_postings(&bytes, granules_in_block).expect("what was just encoded");
        let got: Vec<u32> = set.iter().map(|granule| granule as u32).collect();
        assert_eq!(got, granules);
    }

    #[test]
    fn postings_are_read_back() {
        check(&[0], 2);
        check(&[0, 1], 2);
        check(&[0, 3, 64, 127, 128, 999], 1000);
    }
}
