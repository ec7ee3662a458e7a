//! What was read from blocks and may be asked for again: layouts, tokens, decoded columns; bounded in bytes.

use super::{Opened, Summary, TokenIndex};
use crate::message::Messages;
use arrow_array::{Array as _, ArrayRef};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What an item takes on average, for the first size of the cache's tables.
const ITEM_BYTES_GUESS: u64 = 64 << 10;
/// One part in so many is for what belongs to whole blocks.
const BLOCK_PART: u64 = 2;
/// Pieces with a lock of their own; what is larger than a piece is not kept. The index of a large block takes some megabytes,
const BLOCK_SHARDS: usize = 1;
/// and what belongs to a granule seldom one.
const GRANULE_SHARDS: usize = 4;
/// Added to each item, for the tables themselves.
const ITEM_OVERHEAD: u64 = 128;

/// Shared by all blocks of a store. What is asked for by every query of a block has a room of its own, so that no query that
/// reads many columns drives it out.
pub struct BlockCache {
    blocks: Cache<Key, Item, ByBytes>,
    granules: Cache<Key, Item, ByBytes>,
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
        let of_blocks = bytes_max / BLOCK_PART;
        BlockCache {
            blocks: cache(of_blocks, BLOCK_SHARDS),
            granules: cache(bytes_max - of_blocks, GRANULE_SHARDS),
            next_block: AtomicU64::new(0),
        }
    }

    /// A number for a block, never given twice.
    pub fn number_block(&self) -> u64 {
        self.next_block.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn get(&self, key: Key) -> Option<Item> {
        self.of(key.part).get(&key)
    }

    pub(super) fn insert(&self, key: Key, item: Item) {
        self.of(key.part).insert(key, item);
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.blocks.weight() + self.granules.weight()
    }

    fn of(&self, part: Part) -> &Cache<Key, Item, ByBytes> {
        match part {
            Part::Opened | Part::Tokens | Part::Summary => &self.blocks,
            Part::Messages { .. } | Part::Column { .. } => &self.granules,
        }
    }
}

fn cache(bytes_max: u64, shards: usize) -> Cache<Key, Item, ByBytes> {
    let options = OptionsBuilder::new()
        .estimated_items_capacity((bytes_max / ITEM_BYTES_GUESS) as usize)
        .weight_capacity(bytes_max)
        .shards(shards)
        .build()
        .expect("both capacities are given");
    Cache::with_options(options, ByBytes, DefaultHashBuilder::default(), DefaultLifecycle::default())
}

impl fmt::Debug for BlockCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockCache").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Int64Array;

    #[test]
    fn columns_do_not_drive_out_what_belongs_to_blocks() {
        const BYTES_MAX: u64 = 1 << 20;
        let cache = BlockCache::new(BYTES_MAX);
        let summary = Key { block: cache.number_block(), part: Part::Summary };
        cache.insert(summary, Item::Summary(Arc::default()));
        let column: ArrayRef = Arc::new(Int64Array::from(vec![0; 1024]));
        for granule in 0..1000 {
            let part = Part::Column { granule, leaf: 0 };
            cache.insert(Key { part, ..summary }, Item::Column(Arc::clone(&column)));
        }
        assert!(cache.get(summary).is_some());
        assert!((BYTES_MAX / 4..=BYTES_MAX).contains(&cache.bytes()), "{} bytes", cache.bytes());
    }
}
