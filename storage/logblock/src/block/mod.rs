//! The objects of a block and how they are written and read.

mod cache;
mod columns;
mod granules;
mod index;
pub mod layout;
mod reader;
mod scan;
mod singletons;
mod survey;
pub mod token;
mod tokens;
mod union;
mod verify;
mod writer;

pub use cache::BlockCache;
pub use columns::GRANULE_TEXT_BYTES;
pub use granules::GranuleSet;
pub use index::TokenIndex;
pub use reader::{Block, Opened, ReadError, Reads, guarded};
pub use scan::BlockScan;
pub use survey::Survey;
pub use union::Union;
pub use writer::{BlockWriter, Shape};
