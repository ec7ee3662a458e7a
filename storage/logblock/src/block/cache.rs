//! What was read from blocks and may be asked for again: layouts, tokens, decoded columns; bounded in bytes.

use super::{Opened, Summary, TokenIndex};
use crate::message::Messages;
use arrow_array::{Array as _, ArrayRef};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What an item takes on average, for the first size of the cache's tables.
const ITEM_BYTES_GUESS: u64 = 64 << 10;
/// Added to each item, for the tables themselves.
const ITEM_OVERHEAD: u64 = 128;

/// Shared by all blocks of a store.
pub struct BlockCache {
    items: Cache<Key, Item, ByBytes>,
    next_block: AtomicU64,
}

/// Which block, by a number of this process, and what of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) block: u64,
    pub(super) part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Opened,
    Tokens,
    Summary,
    Messages { granule: u32 },
    Column { granule: u32, leaf: u32 },
}

#[derive(Debug, Clone)]
pub(super) enum Item {
    Opened(Arc<Opened>),
    Tokens(Arc<TokenIndex>),
    Summary(Arc<Summary>),
    Messages(Arc<Messages>),
    Column(ArrayRef),
}

#[derive(Debug, Clone, Copy)]
struct ByBytes;

impl Weighter<Key, Item> for ByBytes {
    fn weight(&self, _: &Key, item: &Item) -> u64 {
        let bytes = match item {
            Item::Opened(opened) => opened.memory(),
            Item::Tokens(tokens) => tokens.memory(),
            Item::Summary(summary) => summary.memory(),
            Item::Messages(messages) => messages.memory(),
            Item::Column(column) => column.get_array_memory_size(),
        };
        bytes as u64 + ITEM_OVERHEAD
    }
}

impl BlockCache {
    pub fn new(bytes_max: u64) -> BlockCache {
        let items = Cache::with_weighter((bytes_max / ITEM_BYTES_GUESS) as usize, bytes_max, ByBytes);
        BlockCache { items, next_block: AtomicU64::new(0) }
    }

    /// A number for a block, never given twice.
    pub fn number_block(&self) -> u64 {
        self.next_block.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn get(&self, key: Key) -> Option<Item> {
        self.items.get(&key)
    }

    pub(super) fn insert(&self, key: Key, item: Item) {
        self.items.insert(key, item);
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.items.weight()
    }
}

impl fmt::Debug for BlockCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockCache").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}
