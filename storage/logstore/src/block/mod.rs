//! Blocks: immutable pairs of a Parquet file with the columns and an index file that says which granules to look at.

mod cache;
mod columns;
mod granules;
mod index;
mod key;
pub(crate) mod layout;
mod reader;
mod scan;
mod singletons;
mod survey;
pub(crate) mod token;
mod tokens;
mod union;
mod verify;
mod writer;

pub(crate) use cache::BlockCache;
pub(crate) use columns::GRANULE_TEXT_BYTES;
pub(crate) use granules::GranuleSet;
pub(crate) use index::TokenIndex;
pub(crate) use key::{DAY_NS, KeyParts, block_key};
pub(crate) use reader::{Block, Opened, ReadError, Reads, guarded};
pub(crate) use scan::BlockScan;
pub(crate) use survey::Survey;
pub(crate) use union::Union;
pub(crate) use writer::{BlockWriter, Shape};
