//! Immutable blocks of samples (FORMAT.md, "Block").
//!
//! Invariants
//! - Series of a block are sorted by their labels; a unit lies within one block window, or is in a stray block.
//! - Nothing of a block is used before its checksum was compared.

mod builder;
mod cache;
mod index;
mod reader;

pub(crate) use builder::BlockBuilder;
pub(crate) use cache::Caches;
pub(crate) use index::BlockIndex;
pub(crate) use reader::Block;

/// First bytes of every block.
const MAGIC: [u8; 4] = *b"WFMB";

/// The version that is written, and the newest that can be read.
const VERSION: u32 = 1;

/// Magic, version, two times, the number of samples, three sections and the checksum.
const HEADER_LEN: usize = 4 + 4 + 3 * 8 + 3 * SECTION_LEN + 4;

/// Length and checksum of a section.
const SECTION_LEN: usize = 8 + 4;

/// Bytes of units after which a page ends with the series at hand.
const PAGE_BYTES: usize = 64 << 10;

/// Postings with more series than this are bitmaps.
const LIST_MAX: usize = 32;
