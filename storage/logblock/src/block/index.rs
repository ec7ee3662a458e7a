//! The index file of a block: a table of contents and its sections, each in a frame of its own with a checksum, so that
//! nothing is looked at before it is verified. What every read needs (contents, layout, the metadata of the columns)
//! stands in two places. FORMAT.md, "Index".

use super::digest::EncodedDigest;
use super::filters::FilterIndex;
use super::granules::GranuleSet;
use super::layout::{Layout, VERSION_OF_TEMPLATES};
use super::summary::{self, Summary};
use super::terms::TermIndex;
use super::token::{TokenColumn, folded_key, place_key, term};
use crate::codec::{Reader, decompress, put_varint};
use crate::message::{PairSet, decode_templates};
use std::io;
use watchfire_store::{StorageError, frame};

const VERSION: u32 = 3;
const CONTENTS_MAGIC: [u8; 4] = *b"WFLI";
const LAYOUT_MAGIC: [u8; 4] = *b"WFLL";
const METADATA_MAGIC: [u8; 4] = *b"WFLM";
/// The sections between layout and metadata: terms, postings and singletons.
const TERM_MAGICS: [[u8; 4]; 3] = [*b"WFLT", *b"WFLP", *b"WFLS"];
/// From version 3 on: templates, statistics and filters.
const DIGEST_MAGICS: [[u8; 4]; 3] = [*b"WFLW", *b"WFLV", *b"WFLF"];
const SECTIONS: usize = 5;
/// Sections of version 1, which had no copies.
const SECTIONS_1: usize = 4;
/// Bytes of the framed table of contents.
pub(super) const CONTENTS_LEN: usize = frame::HEADER_LEN + SECTIONS * size_of::<u64>();
const CONTENTS_LEN_1: usize = frame::HEADER_LEN + SECTIONS_1 * size_of::<u64>();

const LAYOUT: usize = 0;
/// The first of three sections: terms, or templates.
const FIRST: usize = 1;
const FILTERS: usize = 3;
const METADATA: usize = 4;

/// zstd level of templates and statistics, which are small.
const ZSTD_LEVEL: i32 = 3;
/// Longer sections are not believed, decompressed.
const PACKED_LEN_MAX: usize = 256 << 20;

/// Where the sections lie.
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

/// Which tokens stand in which granules of a block.
#[derive(Debug)]
pub struct TokenIndex(Tokens);

#[derive(Debug)]
enum Tokens {
    Terms(TermIndex),
    Filters(FilterIndex),
}

/// The whole file; `metadata` is the Parquet metadata of the columns.
pub(super) fn encode(layout: &Layout, digest: &EncodedDigest, metadata: &[u8]) -> io::Result<Vec<u8>> {
    let [templates, statistics, filters] = DIGEST_MAGICS;
    let sections = [
        frame::encode(LAYOUT_MAGIC, VERSION, &layout.encode()),
        frame::encode(templates, VERSION, &pack(&digest.templates)?),
        frame::encode(statistics, VERSION, &pack(&digest.statistics)?),
        frame::encode(filters, VERSION, &digest.filters),
        frame::encode(METADATA_MAGIC, VERSION, metadata),
    ];
    let contents: Vec<u8> = sections.iter().flat_map(|section| (section.len() as u64).to_le_bytes()).collect();
    let contents = frame::encode(CONTENTS_MAGIC, VERSION, &contents);
    let mut file = contents.clone();
    for section in &sections {
        file.extend_from_slice(section);
    }
    file.extend_from_slice(&sections[LAYOUT]);
    file.extend_from_slice(&contents);
    Ok(file)
}

fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    put_varint(&mut out, bytes.len() as u64);
    out.append(&mut zstd::bulk::compress(bytes, ZSTD_LEVEL)?);
    Ok(out)
}

fn unpack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(bytes);
    let len = usize::try_from(reader.varint()?).ok().filter(|len| *len <= PACKED_LEN_MAX)?;
    let packed = reader.take(reader.len())?;
    decompress(packed, len)
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
        self.section(LAYOUT)
    }

    /// The second copies of the layout and of the Parquet metadata in a file of `file_len` bytes.
    pub fn layout_copy_in(&self, file_len: u64) -> Option<Span> {
        let len = self.lens[LAYOUT];
        let offset = file_len.checked_sub(CONTENTS_LEN as u64)?.checked_sub(len)?;
        (self.version > 1).then_some(Span { offset, len: len as usize })
    }

    /// What finds tokens: terms, postings and singletons, which follow each other, or filters.
    pub fn tokens(&self) -> Span {
        if self.has_digest() { self.section(FILTERS) } else { self.sections(FIRST..METADATA) }
    }

    /// Templates and statistics, if the version has them.
    pub fn digest(&self) -> Option<Span> {
        self.has_digest().then(|| self.sections(FIRST..FILTERS))
    }

    pub fn metadata(&self) -> Option<Span> {
        (self.version > 1).then(|| self.section(METADATA))
    }

    /// The length that the file has to have.
    pub fn file_len(&self) -> u64 {
        let once = self.lens.iter().fold(self.head_len(), |sum, len| sum.saturating_add(*len));
        if self.version == 1 { once } else { once.saturating_add(self.lens[LAYOUT]).saturating_add(self.head_len()) }
    }

    /// Bytes of the sections but for the metadata.
    pub(super) fn sections_by_name(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = if self.has_digest() {
            ["layout", "templates", "statistics", "filters"]
        } else {
            ["layout", "terms", "postings", "singletons"]
        };
        let copies = if self.version > 1 { 2 } else { 1 };
        let lens = self.lens;
        names
            .into_iter()
            .zip(lens)
            .enumerate()
            .map(move |(at, (name, len))| (name, if at == LAYOUT { copies * len } else { len }))
    }

    fn has_digest(&self) -> bool {
        self.version >= VERSION_OF_TEMPLATES
    }

    fn section(&self, number: usize) -> Span {
        self.sections(number..number + 1)
    }

    fn sections(&self, numbers: std::ops::Range<usize>) -> Span {
        let sum = |start: u64, lens: &[u64]| lens.iter().fold(start, |sum, len| sum.saturating_add(*len));
        let offset = sum(self.head_len(), &self.lens[..numbers.start]);
        Span { offset, len: sum(0, &self.lens[numbers]) as usize }
    }

    fn head_len(&self) -> u64 {
        (if self.version == 1 { CONTENTS_LEN_1 } else { CONTENTS_LEN }) as u64
    }

    /// Cuts framed sections that follow each other apart, and takes the frames off.
    fn split<'a, const N: usize>(
        &self,
        key: &str,
        first: usize,
        magics: [[u8; 4]; N],
        bytes: &'a [u8],
    ) -> Result<[&'a [u8]; N], StorageError> {
        let mut rest = bytes;
        let mut payloads: [&[u8]; N] = [&[]; N];
        for ((payload, magic), len) in payloads.iter_mut().zip(magics).zip(&self.lens[first..]) {
            let (framed, behind) =
                rest.split_at_checked(*len as usize).ok_or_else(|| damaged(key, "it ends inside a section"))?;
            rest = behind;
            *payload = frame::decode(key, magic, VERSION, framed)?.1;
        }
        Ok(payloads)
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
    let (version, payload) = frame::decode(key, LAYOUT_MAGIC, VERSION, bytes)?;
    Layout::decode(payload, version).ok_or_else(|| damaged(key, "its layout makes no sense"))
}

/// The copy of the Parquet metadata from the bytes of its span.
pub(super) fn decode_metadata<'a>(key: &str, bytes: &'a [u8]) -> Result<&'a [u8], StorageError> {
    Ok(frame::decode(key, METADATA_MAGIC, VERSION, bytes)?.1)
}

/// Reads templates and statistics from the bytes of their span.
pub(super) fn decode_digest(
    key: &str,
    contents: &Contents,
    layout: &Layout,
    bytes: &[u8],
) -> Result<Summary, StorageError> {
    let [templates, statistics, _] = DIGEST_MAGICS;
    let [templates, statistics] = contents.split(key, FIRST, [templates, statistics], bytes)?;
    let rows: Vec<usize> = layout.granules.iter().map(|granule| granule.rows).collect();
    let decode = || {
        let templates = decode_templates(&unpack(templates)?)?;
        summary::decode(&unpack(statistics)?, templates, &rows)
    };
    decode().ok_or_else(|| damaged(key, "its statistics make no sense"))
}

impl TokenIndex {
    /// Reads the tokens from the bytes of their span.
    pub fn decode(key: &str, contents: &Contents, granules: usize, bytes: &[u8]) -> Result<TokenIndex, StorageError> {
        if contents.has_digest() {
            let [.., filters] = DIGEST_MAGICS;
            let [filters] = contents.split(key, FILTERS, [filters], bytes)?;
            let filters = FilterIndex::decode(filters.to_vec(), granules);
            let filters = filters.ok_or_else(|| damaged(key, "its filters make no sense"))?;
            return Ok(TokenIndex(Tokens::Filters(filters)));
        }
        let [terms, postings, singletons] = contents.split(key, FIRST, TERM_MAGICS, bytes)?;
        TermIndex::decode(terms.to_vec(), postings.to_vec(), singletons.to_vec(), granules)
            .map(|terms| TokenIndex(Tokens::Terms(terms)))
            .map_err(|what| damaged(key, &what))
    }

    /// The granules that may hold the folded text, as a whole or as a word, in this column: all that do, and few others.
    /// `field` is the column's name where it is a field's.
    pub fn granules(&self, column: TokenColumn, field: &str, folded: &str) -> io::Result<GranuleSet> {
        match &self.0 {
            Tokens::Terms(terms) => terms.granules(&term(column, folded)),
            Tokens::Filters(filters) => Ok(filters.granules(folded_key(place_key(column, field), folded))),
        }
    }

    /// Whether a variable word of the granule's messages may hold all these folded parts.
    pub fn may_hold_parts(&self, granule: usize, parts: &[String]) -> bool {
        match &self.0 {
            Tokens::Terms(_) => true,
            Tokens::Filters(filters) => filters.may_hold_parts(granule, parts),
        }
    }

    /// The pairs of neighbours that the variable words of the block hold.
    pub(crate) fn pairs(&self) -> PairSet {
        match &self.0 {
            Tokens::Terms(_) => PairSet::full(),
            Tokens::Filters(filters) => filters.pairs().clone(),
        }
    }

    /// The stored filter of a granule, in blocks that have them.
    pub(super) fn filter(&self, granule: usize) -> Option<(&[u8], &PairSet)> {
        match &self.0 {
            Tokens::Terms(_) => None,
            Tokens::Filters(filters) => Some(filters.granule(granule)),
        }
    }

    /// Bytes in memory, about.
    pub fn memory(&self) -> usize {
        match &self.0 {
            Tokens::Terms(terms) => terms.memory(),
            Tokens::Filters(filters) => filters.memory(),
        }
    }
}

fn damaged(key: &str, what: &str) -> StorageError {
    StorageError::Damaged { key: key.to_owned(), what: what.to_owned() }
}
