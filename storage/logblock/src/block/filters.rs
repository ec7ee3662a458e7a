//! The filters of all granules of a block. FORMAT.md, "Filters".

use super::filter::Filter;
use super::granules::GranuleSet;
use crate::codec::{Reader, put_bytes};
use crate::message::PairSet;
use std::ops::Range;

/// Filters as they are written, granule by granule.
#[derive(Debug, Default)]
pub(super) struct FilterSection {
    bytes: Vec<u8>,
}

impl FilterSection {
    pub(super) fn push(&mut self, filter: &[u8], pairs: &PairSet) {
        put_bytes(&mut self.bytes, filter);
        put_bytes(&mut self.bytes, pairs.as_bytes());
    }

    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// The filters of a block, read.
#[derive(Debug)]
pub(super) struct FilterIndex {
    bytes: Vec<u8>,
    granules: Vec<(Range<usize>, PairSet)>,
    /// Of all granules.
    pairs: PairSet,
}

impl FilterIndex {
    /// `None` when the bytes are not the filters of so many granules.
    pub(super) fn decode(bytes: Vec<u8>, granules: usize) -> Option<FilterIndex> {
        let mut reader = Reader::new(&bytes);
        let mut found = Vec::with_capacity(granules);
        let mut all = PairSet::default();
        for _ in 0..granules {
            let filter = reader.bytes()?;
            Filter::read(filter)?;
            let end = bytes.len() - reader.len();
            let pairs = PairSet::from_bytes(reader.bytes()?)?;
            all.unite(&pairs);
            found.push((end - filter.len()..end, pairs));
        }
        reader.is_empty().then_some(FilterIndex { granules: found, bytes, pairs: all })
    }

    /// The granules that may hold the token with this key.
    pub(super) fn granules(&self, key: u64) -> GranuleSet {
        GranuleSet::filter(self.granules.len(), |granule| self.may_hold(granule, key))
    }

    /// Whether variable words of the granule may hold all these parts.
    pub(super) fn may_hold_parts(&self, granule: usize, parts: &[String]) -> bool {
        self.granules.get(granule).is_none_or(|(_, pairs)| parts.iter().all(|part| pairs.may_hold(part)))
    }

    /// The pairs of all variable words of the block.
    pub(super) fn pairs(&self) -> &PairSet {
        &self.pairs
    }

    /// The stored filter and the pairs of a granule.
    pub(super) fn granule(&self, granule: usize) -> (&[u8], &PairSet) {
        let (range, pairs) = &self.granules[granule];
        (&self.bytes[range.clone()], pairs)
    }

    /// Bytes in memory, about.
    pub(super) fn memory(&self) -> usize {
        self.bytes.len() + self.granules.len() * (size_of::<Range<usize>>() + size_of::<PairSet>())
    }

    fn may_hold(&self, granule: usize, key: u64) -> bool {
        let (range, _) = &self.granules[granule];
        Filter::read(&self.bytes[range.clone()]).is_none_or(|filter| filter.may_hold(key))
    }
}
