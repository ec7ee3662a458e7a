//! The tokens that stand in one granule only: most of all tokens (request ids, numbers), so two to four bytes each must do.
//!
//! A static map from the hash of a term to its granule, with 16 bits of the hash as fingerprint: a term that is not
//! there is answered with a wrong granule about once in 4000 times, which costs one needless read.
//! FORMAT.md, "Singletons".

use crate::codec::Reader;

/// Terms per bucket, on average.
#[cfg(test)]
const BUCKET_TERMS: usize = 16;

/// The map, in its stored form.
#[derive(Debug)]
pub(super) struct Singletons {
    bytes: Vec<u8>,
    buckets: usize,
    terms: usize,
    /// Bytes per granule number: 1, 2 or 4.
    width: usize,
}

const HEADER_LEN: usize = 9;
const OFFSET_LEN: usize = 4;
const FINGERPRINT_LEN: usize = 2;

/// Encodes pairs of (term hash, granule), as versions 1 and 2 did.
#[cfg(test)]
fn encode(mut terms: Vec<(u64, u32)>, granules: usize) -> Vec<u8> {
    let buckets = terms.len().div_ceil(BUCKET_TERMS).max(1);
    terms.sort_unstable_by_key(|(hash, granule)| (bucket_of(*hash, buckets), *granule));
    let width = granule_width(granules);
    let mut bytes = Vec::with_capacity(HEADER_LEN + buckets * OFFSET_LEN + terms.len() * (FINGERPRINT_LEN + width));
    bytes.extend_from_slice(&(buckets as u32).to_le_bytes());
    bytes.extend_from_slice(&(terms.len() as u32).to_le_bytes());
    bytes.push(width as u8);
    let mut end = 0;
    for bucket in 0..buckets {
        while terms.get(end).is_some_and(|(hash, _)| bucket_of(*hash, buckets) == bucket) {
            end += 1;
        }
        bytes.extend_from_slice(&(end as u32).to_le_bytes());
    }
    for (hash, _) in &terms {
        bytes.extend_from_slice(&fingerprint(*hash).to_le_bytes());
    }
    for (_, granule) in &terms {
        bytes.extend_from_slice(&granule.to_le_bytes()[..width]);
    }
    bytes
}

impl Singletons {
    /// Takes stored bytes, whose checksum was verified; `None` when their lengths do not fit.
    pub(super) fn decode(bytes: Vec<u8>) -> Option<Singletons> {
        let mut reader = Reader::new(&bytes);
        let buckets = reader.u32()? as usize;
        let terms = reader.u32()? as usize;
        let width = usize::from(reader.u8()?);
        let fits = bytes.len() == HEADER_LEN + buckets * OFFSET_LEN + terms * (FINGERPRINT_LEN + width);
        (fits && buckets > 0 && matches!(width, 1 | 2 | 4)).then_some(Singletons { bytes, buckets, terms, width })
    }

    /// The granules that the term with this hash may stand in.
    pub(super) fn get(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let bucket = bucket_of(hash, self.buckets);
        let start = if bucket == 0 { 0 } else { self.bucket_end(bucket - 1) };
        let wanted = fingerprint(hash).to_le_bytes();
        (start..self.bucket_end(bucket))
            .filter(move |at| self.fingerprint_at(*at) == wanted)
            .map(|at| self.granule_at(at))
    }

    fn bucket_end(&self, bucket: usize) -> usize {
        let at = HEADER_LEN + bucket * OFFSET_LEN;
        let end = Reader::new(&self.bytes[at..]).u32().expect("decode() has checked the length");
        (end as usize).min(self.terms)
    }

    fn fingerprint_at(&self, index: usize) -> [u8; FINGERPRINT_LEN] {
        let at = HEADER_LEN + self.buckets * OFFSET_LEN + index * FINGERPRINT_LEN;
        [self.bytes[at], self.bytes[at + 1]]
    }

    fn granule_at(&self, index: usize) -> u32 {
        let at = HEADER_LEN + self.buckets * OFFSET_LEN + self.terms * FINGERPRINT_LEN + index * self.width;
        let mut granule = [0; 4];
        granule[..self.width].copy_from_slice(&self.bytes[at..at + self.width]);
        u32::from_le_bytes(granule)
    }
}

/// Buckets divide the range of the hash evenly.
fn bucket_of(hash: u64, buckets: usize) -> usize {
    ((u128::from(hash) * buckets as u128) >> 64) as usize
}

/// The low bits, which do not decide the bucket.
fn fingerprint(hash: u64) -> u16 {
    hash as u16
}

#[cfg(test)]
fn granule_width(granules: usize) -> usize {
    match granules {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::token::stable_hash;

    #[track_caller]
    fn check(terms: u32, granules: u32) {
        let hash = |term: u32| stable_hash(&term.to_le_bytes());
        let pairs = (0..terms).map(|term| (hash(term), term % granules)).collect();
        let map = Singletons::decode(encode(pairs, granules as usize)).expect("a fresh map");
        for term in 0..terms {
            assert!(map.get(hash(term)).any(|granule| granule == term % granules), "{term} of {terms}");
        }
        let false_hits = (terms..terms + 10_000).filter(|term| map.get(hash(*term)).next().is_some()).count();
        assert!(false_hits < 30, "{false_hits} of 10000 absent terms are found");
    }

    #[test]
    fn every_term_is_found_and_few_others() {
        check(0, 1);
        check(1, 1);
        check(10_000, 200);
        check(5_000, 300);
    }

    #[test]
    fn wrong_lengths_are_refused() {
        let bytes = encode(vec![(1, 2), (3, 4)], 10);
        assert!(Singletons::decode(bytes[..bytes.len() - 1].to_vec()).is_none());
        assert!(Singletons::decode(Vec::new()).is_none());
    }
}
