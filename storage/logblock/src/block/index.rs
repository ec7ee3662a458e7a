//! The index file of a block: a table of contents and its sections, each in a frame of its own with a checksum, so that
//! nothing is looked at before it is verified. What every read needs (contents, layout, the metadata of the columns)
//! stands in two places. FORMAT.md, "Index".

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

const VERSION: u32 = 2;
const CONTENTS_MAGIC: [u8; 4] = *b"WFLI";
const SECTION_MAGICS: [[u8; 4]; SECTIONS] = [*b"WFLL", *b"WFLT", *b"WFLP", *b"WFLS", *b"WFLM"];
const SECTIONS: usize = 5;
/// Sections of version 1, which had no copies.
const SECTIONS_1: usize = 4;
/// Bytes of the framed table of contents.
pub(super) const CONTENTS_LEN: usize = frame::HEADER_LEN + SECTIONS * size_of::<u64>();
const CONTENTS_LEN_1: usize = frame::HEADER_LEN + SECTIONS_1 * size_of::<u64>();

const LAYOUT: usize = 0;
const TERMS: usize = 1;
const POSTINGS: usize = 2;
const SINGLETONS: usize = 3;
const METADATA: usize = 4;

/// Where the layout, the terms, the postings, the singletons and the copy of the Parquet metadata lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    version: u32,
    /// Framed lengths in bytes, in file order; 0 where the version has no such section.
    lens: [u64; SECTIONS],
}

/// Place of bytes in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub offset: u64,
    pub len: usize,
}

/// The tokens of a block.
pub struct TokenIndex {
    terms: TermDictionary,
    postings: Vec<u8>,
    singletons: Singletons,
    granules: usize,
    memory: usize,
}

/// The whole file; `metadata` is the Parquet metadata of the columns.
pub(super) fn encode(layout: &Layout, tokens: &EncodedTokens, metadata: &[u8]) -> Vec<u8> {
    let layout = layout.encode();
    let payloads = [&layout[..], &tokens.terms, &tokens.postings, &tokens.singletons, metadata];
    let mut sections = Vec::with_capacity(SECTIONS);
    let mut contents = Vec::new();
    for (magic, payload) in SECTION_MAGICS.into_iter().zip(payloads) {
        let section = frame::encode(magic, VERSION, payload);
        contents.extend_from_slice(&(section.len() as u64).to_le_bytes());
        sections.push(section);
    }
    let contents = frame::encode(CONTENTS_MAGIC, VERSION, &contents);
    let mut file = contents.clone();
    for section in &sections {
        file.extend_from_slice(section);
    }
    file.extend_from_slice(&sections[LAYOUT]);
    file.extend_from_slice(&contents);
    file
}

impl Contents {
    /// Reads the first [`CONTENTS_LEN`] bytes of the file with this key.
    pub fn decode(key: &str, bytes: &[u8]) -> Result<Contents, StorageError> {
        let first = bytes.get(..CONTENTS_LEN_1).unwrap_or(bytes);
        if let Ok((1, payload)) = frame::decode(key, CONTENTS_MAGIC, 1, first) {
            return read_contents(key, 1, payload, SECTIONS_1);
        }
        let (version, payload) = frame::decode(key, CONTENTS_MAGIC, VERSION, bytes)?;
        read_contents(key, version, payload, SECTIONS)
    }

    /// Where the second copy of the table of contents begins in a file of `file_len` bytes.
    pub fn copy_in(file_len: u64) -> Span {
        Span { offset: file_len.saturating_sub(CONTENTS_LEN as u64), len: CONTENTS_LEN }
    }

    pub fn layout(&self) -> Span {
        Span { offset: self.head_len(), len: self.lens[LAYOUT] as usize }
    }

    /// The second copies of the layout and of the Parquet metadata in a file of `file_len` bytes.
    pub fn layout_copy_in(&self, file_len: u64) -> Option<Span> {
        let len = self.lens[LAYOUT];
        let offset = file_len.checked_sub(CONTENTS_LEN as u64)?.checked_sub(len)?;
        (self.version > 1).then_some(Span { offset, len: len as usize })
    }

    /// Terms, postings and singletons, which follow each other.
    pub fn tokens(&self) -> Span {
        let len = self.lens[TERMS].saturating_add(self.lens[POSTINGS]).saturating_add(self.lens[SINGLETONS]);
        Span { offset: self.head_len().saturating_add(self.lens[LAYOUT]), len: len as usize }
    }

    pub fn metadata(&self) -> Option<Span> {
        let tokens = self.tokens();
        let offset = tokens.offset.saturating_add(tokens.len as u64);
        (self.version > 1).then_some(Span { offset, len: self.lens[METADATA] as usize })
    }

    /// The length that the file has to have.
    pub fn file_len(&self) -> u64 {
        let once = self.lens.iter().fold(self.head_len(), |sum, len| sum.saturating_add(*len));
        if self.version == 1 { once } else { once.saturating_add(self.lens[LAYOUT]).saturating_add(self.head_len()) }
    }

    fn head_len(&self) -> u64 {
        (if self.version == 1 { CONTENTS_LEN_1 } else { CONTENTS_LEN }) as u64
    }
}

fn read_contents(key: &str, version: u32, payload: &[u8], sections: usize) -> Result<Contents, StorageError> {
    let mut reader = Reader::new(payload);
    let mut lens = [0; SECTIONS];
    for len in &mut lens[..sections] {
        *len = reader.u64().ok_or_else(|| damaged(key, "its table of contents is too short"))?;
    }
    Ok(Contents { version, lens })
}

/// Reads the layout from the bytes of its span.
pub(super) fn decode_layout(key: &str, bytes: &[u8]) -> Result<Layout, StorageError> {
    let (_, payload) = frame::decode(key, SECTION_MAGICS[LAYOUT], VERSION, bytes)?;
    Layout::decode(payload).ok_or_else(|| damaged(key, "its layout makes no sense"))
}

/// The copy of the Parquet metadata from the bytes of its span.
pub(super) fn decode_metadata<'a>(key: &str, bytes: &'a [u8]) -> Result<&'a [u8], StorageError> {
    Ok(frame::decode(key, SECTION_MAGICS[METADATA], VERSION, bytes)?.1)
}

impl TokenIndex {
    /// Reads the tokens from the bytes of their span.
    pub fn decode(key: &str, contents: &Contents, granules: usize, bytes: &[u8]) -> Result<TokenIndex, StorageError> {
        let mut rest = bytes;
        let mut section = |number: usize| {
            let (framed, behind) = rest
                .split_at_checked(contents.lens[number] as usize)
                .ok_or_else(|| damaged(key, "it ends inside its tokens"))?;
            rest = behind;
            Ok::<_, StorageError>(frame::decode(key, SECTION_MAGICS[number], VERSION, framed)?.1.to_vec())
        };
        let (terms, postings, singletons) = (section(TERMS)?, section(POSTINGS)?, section(SINGLETONS)?);
        let memory = terms.len() + postings.len() + singletons.len();
        let terms = TermDictionary::open(FileSlice::from(terms))
            .map_err(|error| damaged(key, &format!("its terms cannot be read: {error}")))?;
        let singletons = Singletons::decode(singletons).ok_or_else(|| damaged(key, "its singletons make no sense"))?;
        Ok(TokenIndex { terms, postings, singletons, granules, memory })
    }

    /// The granules that may hold the term: all that do, and few others.
    pub fn granules(&self, term: &[u8]) -> io::Result<GranuleSet> {
        if let Some(info) = self.terms.get(term)? {
            let bytes = self.postings.get(info.postings_range).and_then(|bytes| decode_postings(bytes, self.granules));
            return bytes.ok_or_else(|| io::Error::other("postings of a term are out of range"));
        }
        let mut set = GranuleSet::none(self.granules);
        self.singletons.get(stable_hash(term)).for_each(|granule| set.insert(granule as usize));
        Ok(set)
    }

    /// Bytes in memory, about.
    pub fn memory(&self) -> usize {
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
