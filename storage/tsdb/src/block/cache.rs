//! What of blocks is held in memory between queries, bounded in bytes.

use super::BlockIndex;
use crate::TsdbOptions;
use bytes::Bytes;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use std::fmt;
use std::sync::Arc;

/// A page of a block: the block's number within this process, the page's within the block.
pub(super) type PageKey = (u64, u32);

/// Indexes and pages. Whoever uses one holds it himself, so evicting is always safe; a query may hold more than fits.
pub(crate) struct Caches {
    pub(super) indexes: Cache<u64, Arc<BlockIndex>, IndexWeighter>,
    pub(super) pages: Cache<PageKey, Bytes, PageWeighter>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct IndexWeighter;

impl Weighter<u64, Arc<BlockIndex>> for IndexWeighter {
    fn weight(&self, _: &u64, index: &Arc<BlockIndex>) -> u64 {
        index.size() as u64
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct PageWeighter;

impl Weighter<PageKey, Bytes> for PageWeighter {
    fn weight(&self, _: &PageKey, page: &Bytes) -> u64 {
        page.len() as u64
    }
}

/// Indexes that the cache is laid out for; a retention of 15 days has 180 blocks.
const INDEXES: usize = 256;

/// Bytes of a page that the cache is laid out for.
const PAGE_BYTES: u64 = super::PAGE_BYTES as u64;

impl Caches {
    pub(crate) fn new(options: &TsdbOptions) -> Caches {
        let pages = usize::try_from(options.page_cache.0 / PAGE_BYTES).unwrap_or(usize::MAX).clamp(16, 1 << 20);
        Caches {
            indexes: cache(INDEXES, options.index_cache.0, IndexWeighter),
            pages: cache(pages, options.page_cache.0, PageWeighter),
        }
    }
}

/// One shard: an entry may then be as large as the whole cache.
fn cache<K, V, W>(items: usize, bytes: u64, weighter: W) -> Cache<K, V, W>
where
    K: Eq + std::hash::Hash + Clone,
    V: Clone,
    W: Weighter<K, V> + Clone,
{
    let options = OptionsBuilder::new()
        .estimated_items_capacity(items)
        .weight_capacity(bytes)
        .shards(1)
        .build()
        .expect("both capacities are given");
    Cache::with_options(options, weighter, DefaultHashBuilder::default(), DefaultLifecycle::default())
}

impl fmt::Debug for Caches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caches")
            .field("index_bytes", &self.indexes.weight())
            .field("page_bytes", &self.pages.weight())
            .finish()
    }
}
