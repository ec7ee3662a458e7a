//! Reads blocks.

use super::BlockIndex;
use super::cache::Caches;
use super::layout::Layout;
use crate::codec::{Cursor, Damage};
use crate::merge::{Merge, ReadError};
use crate::state::BlockMeta;
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use watchfire_model::QueryBudget;
use watchfire_store::Storage;

/// A block of the store. Its object exists as long as somebody holds the block.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) meta: BlockMeta,
    storage: Arc<dyn Storage>,
    /// Names the block in the caches; never used again within the process.
    number: u64,
    /// What was found first that cannot be read.
    damage: Mutex<Option<String>>,
    /// Retention rules that concern none of its series.
    known_without: Mutex<Vec<String>>,
    /// Whether the manifest has let the block go.
    removed: AtomicBool,
}

static NUMBERS: AtomicU64 = AtomicU64::new(0);

impl Block {
    pub(crate) fn new(meta: BlockMeta, storage: Arc<dyn Storage>) -> Block {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let (damage, known_without) = (Mutex::default(), Mutex::default());
        Block { meta, storage, number, damage, known_without, removed: AtomicBool::new(false) }
    }

    /// The same block, of which the manifest says something else now.
    pub(crate) fn with_meta(&self, meta: BlockMeta) -> Block {
        let Block { storage, number, damage, known_without, .. } = self;
        Block {
            meta,
            storage: Arc::clone(storage),
            number: *number,
            damage: Mutex::new(damage.lock().clone()),
            known_without: Mutex::new(known_without.lock().clone()),
            removed: AtomicBool::new(false),
        }
    }

    /// Reads the fixed parts: whether the block is there and of a version that can be read.
    pub(crate) fn check(&self) -> Result<(), ReadError> {
        self.layout().map(drop)
    }

    pub(crate) fn is_damaged(&self) -> bool {
        self.damage.lock().is_some()
    }

    /// What was found first that cannot be read.
    pub(crate) fn damage(&self) -> Option<String> {
        self.damage.lock().clone()
    }

    /// Notes that a part cannot be read.
    pub(crate) fn set_damaged(&self, reason: &ReadError) {
        self.damage.lock().get_or_insert_with(|| reason.to_string());
    }

    /// Whether it was noted that a retention rule concerns none of the series.
    pub(crate) fn is_known_without(&self, rule: &String) -> bool {
        self.known_without.lock().contains(rule)
    }

    pub(crate) fn note_without(&self, rule: String) {
        self.known_without.lock().push(rule);
    }

    /// Lets the object be deleted once nobody reads it any more.
    pub(crate) fn set_removed(&self) {
        self.removed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn index(&self, caches: &Caches, budget: &QueryBudget) -> Result<Arc<BlockIndex>, ReadError> {
        caches.indexes.get_or_insert_with(&self.number, || self.load_index(budget).map(Arc::new))
    }

    /// Adds the samples of a series to `merge`.
    pub(crate) fn read(
        &self,
        number: u32,
        index: &BlockIndex,
        caches: &Caches,
        budget: &QueryBudget,
        merge: &mut Merge<'_>,
    ) -> Result<(), ReadError> {
        let extent = index.extent(number);
        let load = || self.load_page(extent.page, index).inspect(|page| budget.note_bytes(page.len() as u64));
        let page = caches.pages.get_or_insert_with(&(self.number, extent.page), load)?;
        let units = page.get(extent.start as usize..).and_then(|rest| rest.get(..extent.len as usize));
        let mut units = Cursor::new(units.ok_or(Damage("a page is too short"))?);
        while !units.is_empty() {
            let len = units.count()?;
            merge.add_unit(units.take(len)?)?;
        }
        Ok(())
    }

    /// The index, past the caches.
    pub(crate) fn load_index(&self, budget: &QueryBudget) -> Result<BlockIndex, ReadError> {
        budget.check()?;
        let layout = self.layout()?;
        let bytes = self.storage.read_range(&self.meta.key, layout.sections_offset, layout.sections_len())?;
        budget.note_bytes(bytes.len() as u64);
        let mut cursor = Cursor::new(&bytes);
        let mut section = |(len, checksum): (usize, u32)| {
            let section = cursor.take(len)?;
            if crc32c::crc32c(section) == checksum {
                Ok(section)
            } else {
                Err(Damage("a checksum of the index does not match"))
            }
        };
        let [symbols, series, postings] = layout.sections;
        let (symbols, series, postings) = (section(symbols)?, section(series)?, section(postings)?);
        Ok(BlockIndex::decode(symbols, series, postings, layout.pages_offset)?)
    }

    /// A page, past the caches and checked.
    pub(crate) fn load_page(&self, page: u32, index: &BlockIndex) -> Result<Bytes, ReadError> {
        let page = index.page(page);
        let bytes = self.storage.read_range(&self.meta.key, page.offset, page.len as usize)?;
        if crc32c::crc32c(&bytes) == page.checksum {
            Ok(bytes)
        } else {
            Err(Damage("the checksum of a page does not match").into())
        }
    }

    fn layout(&self) -> Result<Layout, ReadError> {
        Layout::read(&*self.storage, &self.meta.key, self.meta.bytes)
    }
}

impl Drop for Block {
    /// Deletes the object of a removed block. One that stays because of an error is swept when the store opens.
    fn drop(&mut self) {
        if self.removed.load(Ordering::Relaxed) {
            drop(self.storage.delete(&self.meta.key));
        }
    }
}
