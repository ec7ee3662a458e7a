//! A block read once from front to back, past the caches: for merging, scrubbing and rescue.

use super::{Block, BlockIndex};
use crate::codec::{Cursor, Damage};
use crate::index::Pair;
use crate::merge::{Merge, ReadError};
use bytes::Bytes;
use smol_str::SmolStr;
use std::sync::Arc;
use watchfire_model::QueryBudget;

/// Goes through the series of a block in their order. Holds the index and one page.
#[derive(Debug)]
pub(crate) struct BlockScan {
    pub(crate) block: Arc<Block>,
    index: BlockIndex,
    next: u32,
    /// The page read last.
    page: Option<(u32, Bytes)>,
}

impl BlockScan {
    pub(crate) fn open(block: Arc<Block>) -> Result<BlockScan, ReadError> {
        let index = block.load_index(&QueryBudget::unlimited())?;
        Ok(BlockScan { block, index, next: 0, page: None })
    }

    /// Texts of labels, sorted; the symbols of [`BlockScan::labels`] are places among them.
    pub(crate) fn texts(&self) -> &[SmolStr] {
        self.index.symbols.texts()
    }

    /// Labels of the series at hand, none after the last.
    pub(crate) fn pairs(&self) -> Option<&[Pair]> {
        (self.next < self.index.len()).then(|| self.index.pairs(self.next))
    }

    /// Adds the samples of the series at hand to `merge`.
    pub(crate) fn read(&mut self, merge: &mut Merge<'_>) -> Result<(), ReadError> {
        let extent = self.index.extent(self.next);
        if self.page.as_ref().is_none_or(|(page, _)| *page != extent.page) {
            self.page = None;
            self.page = Some((extent.page, self.block.load_page(extent.page, &self.index)?));
        }
        let page = self.page.as_ref().and_then(|(_, bytes)| bytes.get(extent.start as usize..));
        let units = page.and_then(|rest| rest.get(..extent.len as usize));
        let mut units = Cursor::new(units.ok_or(Damage("a page is too short"))?);
        while !units.is_empty() {
            let len = units.count()?;
            merge.add_unit(units.take(len)?)?;
        }
        Ok(())
    }

    /// Goes to the next series.
    pub(crate) fn advance(&mut self) {
        self.next += 1;
    }
}
