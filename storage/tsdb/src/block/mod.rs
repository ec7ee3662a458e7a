//! Immutable blocks of samples (FORMAT.md, "Block").
//!
//! Invariants
//! - Series of a block are sorted by their labels; units of a series are in order of time and do not overlap.
//! - Nothing of a block is used before its checksum was compared.
//! - Writing a block needs memory for its index and one page, whatever it holds.

mod cache;
mod index;
mod layout;
mod reader;
mod scan;
mod sections;
mod writer;

pub(crate) use cache::Caches;
pub(crate) use index::BlockIndex;
pub(crate) use reader::Block;
pub(crate) use scan::BlockScan;
pub(crate) use writer::{BlockWriter, WrittenBlock};

/// Where blocks are.
pub(crate) const BLOCK_PREFIX: &str = "metrics/";

/// First bytes of every block.
const MAGIC: [u8; 4] = *b"WFMB";

/// The version that is written, and the newest that can be read. Since version 3 units may hold histograms and starts.
const VERSION: u32 = 3;

/// The first version with a front and a footer.
const VERSION_WITH_FRONT: u32 = 2;

/// Bytes of units after which a page ends with the series at hand.
const PAGE_BYTES: usize = 64 << 10;

/// Postings with more series than this are bitmaps.
const LIST_MAX: usize = 32;
