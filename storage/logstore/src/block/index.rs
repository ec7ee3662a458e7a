//! The index file of a block: a table of contents and four sections, each in a frame of its own with a checksum, so that
//! nothing is looked at before it is verified. FORMAT.md, "Index".

use super::granules::{GranuleSet, decode_postings};
use super::layout::Layout;
use super::singletons::Singletons;
use super::token::stable_hash;
use super::tokens::EncodedTokens;
use crate::codec::Reader;
use std::io;
use tantivy::directory::FileSlice;
use tantivy::termdict::TermDictionary;
use watchfire_store::{StorageError, frame};

const VERSION: u32 = 1;
const CONTENTS_MAGIC: [u8; 4] = *b"WFLI";
const SECTION_MAGICS: [[u8; 4]; SECTIONS] = [*b"WFLL", *b"WFLT", *b"WFLP", *b"WFLS"];
const SECTIONS: usize = 4;
/// Bytes of the framed table of contents.
pub(crate) const CONTENTS_LEN: usize = frame::HEADER_LEN + SECTIONS * size_of::<u64>();

/// Where the layout, the terms, the postings and the singletons lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Framed lengths in bytes, in file order.
    lens: [u64; SECTIONS],
}

/// Place of bytes in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) offset: u64,
    pub(crate) len: usize,
}

/// The tokens of a block.
pub(crate) struct TokenIndex {
    terms: TermDictionary,
    postings: Vec<u8>,
    singletons: Singletons,
    granules: usize,
    memory: usize,
}

pub(crate) fn encode(layout: &Layout, tokens: &EncodedTokens) -> Vec<u8> {
    let layout = layout.encode();
    let payloads = [&layout, &tokens.terms, &tokens.postings, &tokens.singletons];
    let mut sections = Vec::with_capacity(SECTIONS);
    let mut contents = Vec::new();
    for (magic, payload) in SECTION_MAGICS.into_iter().zip(payloads) {
        let section = frame::encode(magic, VERSION, payload);
        contents.extend_from_slice(&(section.len() as u64).to_le_bytes());
        sections.push(section);
    }
    let mut file = frame::encode(CONTENTS_MAGIC, VERSION, &contents);
    for section in &sections {
        file.extend_from_slice(section);
    }
    file
}

impl Contents {
    /// Reads the first [`CONTENTS_LEN`] bytes of the file with this key.
    pub(crate) fn decode(key: &str, bytes: &[u8]) -> Result<Contents, StorageError> {
        let (_, payload) = frame::decode(key, CONTENTS_MAGIC, VERSION, bytes)?;
        let mut reader = Reader::new(payload);
        let mut lens = [0; SECTIONS];
        for len in &mut lens {
            *len = reader.u64().ok_or_else(|| damaged(key, "its table of contents is too short"))?;
        }
        Ok(Contents { lens })
    }

    pub(crate) fn layout(&self) -> Span {
        Span { offset: CONTENTS_LEN as u64, len: self.lens[0] as usize }
    }

    /// Terms, postings and singletons, which follow each other.
    pub(crate) fn tokens(&self) -> Span {
        let len = self.lens[1].saturating_add(self.lens[2]).saturating_add(self.lens[3]);
        Span { offset: (CONTENTS_LEN as u64).saturating_add(self.lens[0]), len: len as usize }
    }
}

/// Reads the layout from the bytes of its span.
pub(crate) fn decode_layout(key: &str, bytes: &[u8]) -> Result<Layout, StorageError> {
    let (_, payload) = frame::decode(key, SECTION_MAGICS[0], VERSION, bytes)?;
    Layout::decode(payload).ok_or_else(|| damaged(key, "its layout makes no sense"))
}

impl TokenIndex {
    /// Reads the tokens from the bytes of their span.
    pub(crate) fn decode(
        key: &str,
        contents: &Contents,
        granules: usize,
        bytes: &[u8],
    ) -> Result<TokenIndex, StorageError> {
        let mut rest = bytes;
        let mut section = |number: usize| {
            let (framed, behind) = rest
                .split_at_checked(contents.lens[number] as usize)
                .ok_or_else(|| damaged(key, "it ends inside its tokens"))?;
            rest = behind;
            Ok::<_, StorageError>(frame::decode(key, SECTION_MAGICS[number], VERSION, framed)?.1.to_vec())
        };
        let (terms, postings, singletons) = (section(1)?, section(2)?, section(3)?);
        let memory = terms.len() + postings.len() + singletons.len();
        let terms = TermDictionary::open(FileSlice::from(terms))
            .map_err(|error| damaged(key, &format!("its terms cannot be read: {error}")))?;
        let singletons = Singletons::decode(singletons).ok_or_else(|| damaged(key, "its singletons make no sense"))?;
        Ok(TokenIndex { terms, postings, singletons, granules, memory })
    }

    /// The granules that may hold the term: all that do, and few others.
    pub(crate) fn granules(&self, term: &[u8]) -> io::Result<GranuleSet> {
        if let Some(info) = self.terms.get(term)? {
            let bytes = self.postings.get(info.postings_range).and_then(|bytes| decode_postings(bytes, self.granules));
            return bytes.ok_or_else(|| io::Error::other("postings of a term are out of range"));
        }
        let mut set = GranuleSet::none(self.granules);
        self.singletons.get(stable_hash(term)).for_each(|granule| set.insert(granule as usize));
        Ok(set)
    }

    /// Bytes in memory, about.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }
}

impl std::fmt::Debug for TokenIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenIndex")
            .field("terms", &self.terms.num_terms())
            .field("granules", &self.granules)
            .finish_non_exhaustive()
    }
}

fn damaged(key: &str, what: &str) -> StorageError {
    StorageError::Damaged { key: key.to_owned(), what: what.to_owned() }
}
