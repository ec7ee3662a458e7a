//! Blocks: immutable pairs of a Parquet file with the columns and an index file that says which granules to look at.

mod cache;
mod columns;
mod granules;
mod index;
pub(crate) mod layout;
mod reader;
mod singletons;
mod survey;
pub(crate) mod token;
mod tokens;
mod writer;

pub(crate) use cache::BlockCache;
pub(crate) use granules::GranuleSet;
pub(crate) use index::TokenIndex;
pub(crate) use reader::{Block, Opened, ReadError, Reads, guarded};
pub(crate) use writer::{EncodedBlock, encode_block};
