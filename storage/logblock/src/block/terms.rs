//! The tokens of blocks of index versions 1 and 2: a dictionary of terms in several granules, a map of those in one.
//! FORMAT.md, "Tokens".

use super::granules::{GranuleSet, decode_postings};
use super::singletons::Singletons;
use super::token::stable_hash;
use std::fmt;
use std::io;
use tantivy::directory::FileSlice;
use tantivy::termdict::TermDictionary;

/// Which terms stand in which granules.
pub(super) struct TermIndex {
    terms: TermDictionary,
    postings: Vec<u8>,
    singletons: Singletons,
    granules: usize,
    memory: usize,
}

impl TermIndex {
    /// Reads the three sections, whose checksums were verified; in words what makes no sense in them.
    pub(super) fn decode(
        terms: Vec<u8>,
        postings: Vec<u8>,
        singletons: Vec<u8>,
        granules: usize,
    ) -> Result<TermIndex, String> {
        let memory = terms.len() + postings.len() + singletons.len();
        let terms = TermDictionary::open(FileSlice::from(terms))
            .map_err(|error| format!("its terms cannot be read: {error}"))?;
        let singletons = Singletons::decode(singletons).ok_or("its singletons make no sense")?;
        Ok(TermIndex { terms, postings, singletons, granules, memory })
    }

    /// The granules that may hold the term: all that do, and few others.
    pub(super) fn granules(&self, term: &[u8]) -> io::Result<GranuleSet> {
        if let Some(info) = self.terms.get(term)? {
            let bytes = self.postings.get(info.postings_range).and_then(|bytes| decode_postings(bytes, self.granules));
            return bytes.ok_or_else(|| io::Error::other("postings of a term are out of range"));
        }
        let mut set = GranuleSet::none(self.granules);
        self.singletons.get(stable_hash(term)).for_each(|granule| set.insert(granule as usize));
        Ok(set)
    }

    /// Bytes in memory, about.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }
}

impl fmt::Debug for TermIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TermIndex")
            .field("terms", &self.terms.num_terms())
            .field("granules", &self.granules)
            .finish_non_exhaustive()
    }
}
