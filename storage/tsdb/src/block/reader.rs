//! Reads blocks.

use super::cache::Caches;
use super::{BlockIndex, HEADER_LEN, MAGIC, VERSION};
use crate::codec::{Cursor, Damage};
use crate::merge::{Merge, ReadError};
use crate::state::BlockMeta;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use watchfire_model::QueryBudget;
use watchfire_store::{Storage, StorageError};

/// A block of the store. Its object exists as long as somebody holds the block.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) meta: BlockMeta,
    storage: Arc<dyn Storage>,
    /// Names the block in the caches; never used again within the process.
    number: u64,
    damaged: AtomicBool,
    /// Whether the manifest has let the block go.
    removed: AtomicBool,
}

static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// Lengths and checksums of the sections, in order: symbols, series, postings.
type Sections = [(usize, u32); 3];

impl Block {
    pub(crate) fn new(meta: BlockMeta, storage: Arc<dyn Storage>) -> Block {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Block { meta, storage, number, damaged: AtomicBool::new(false), removed: AtomicBool::new(false) }
    }

    /// Reads the header: whether the block is there and of a version that can be read.
    pub(crate) fn check(&self) -> Result<(), ReadError> {
        self.sections().map(drop)
    }

    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Notes that a part cannot be read; says whether that is news.
    pub(crate) fn set_damaged(&self) -> bool {
        !self.damaged.swap(true, Ordering::Relaxed)
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
        let page = caches
            .pages
            .get_or_insert_with(&(self.number, extent.page), || self.load_page(extent.page, index, budget))?;
        let units = page.get(extent.start as usize..).and_then(|rest| rest.get(..extent.len as usize));
        let mut units = Cursor::new(units.ok_or(Damage("a page is too short"))?);
        while !units.is_empty() {
            let len = units.count()?;
            merge.add_unit(units.take(len)?)?;
        }
        Ok(())
    }

    fn load_index(&self, budget: &QueryBudget) -> Result<BlockIndex, ReadError> {
        budget.check()?;
        let sections = self.sections()?;
        let len = sections.iter().map(|(len, _)| len).sum();
        let bytes = self.storage.read_range(&self.meta.key, HEADER_LEN as u64, len)?;
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
        let [symbols, series, postings] = sections;
        let (symbols, series, postings) = (section(symbols)?, section(series)?, section(postings)?);
        Ok(BlockIndex::decode(symbols, series, postings, (HEADER_LEN + len) as u64)?)
    }

    fn sections(&self) -> Result<Sections, ReadError> {
        let header = self.storage.read_range(&self.meta.key, 0, HEADER_LEN)?;
        let (checked, checksum) = header.split_at_checked(HEADER_LEN - 4).ok_or(Damage("the header ends too early"))?;
        let mut cursor = Cursor::new(checked);
        if cursor.take(MAGIC.len())? != MAGIC {
            return Err(Damage("this is no block").into());
        }
        if Cursor::new(checksum).u32()? != crc32c::crc32c(checked) {
            return Err(Damage("the checksum of the header does not match").into());
        }
        let version = cursor.u32()?;
        if version > VERSION {
            return Err(StorageError::Newer { key: self.meta.key.clone(), found: version, known: VERSION }.into());
        }
        // Times and number of samples, which the manifest says too.
        cursor.take(3 * 8)?;
        let mut sections = [(0, 0); 3];
        for section in &mut sections {
            let len = usize::try_from(cursor.u64()?).ok().filter(|len| *len as u64 <= self.meta.bytes);
            *section = (len.ok_or(Damage("a section is longer than the block"))?, cursor.u32()?);
        }
        Ok(sections)
    }

    fn load_page(&self, page: u32, index: &BlockIndex, budget: &QueryBudget) -> Result<Bytes, ReadError> {
        let page = index.page(page);
        let bytes = self.storage.read_range(&self.meta.key, page.offset, page.len as usize)?;
        budget.note_bytes(bytes.len() as u64);
        if crc32c::crc32c(&bytes) == page.checksum {
            Ok(bytes)
        } else {
            Err(Damage("the checksum of a page does not match").into())
        }
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
