//! Merges blocks into one sequence of records, in order of their ids.

use crate::RecordId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use watchfire_logblock::block::{Block, BlockScan, ReadError};
use watchfire_model::LogRecord;

/// Blocks that are read side by side; one granule of each is in memory.
#[derive(Debug)]
pub(crate) struct Merge {
    pub(crate) scans: Vec<BlockScan>,
    /// Of each scan that has records left the id of the next one, the smallest on top.
    heads: BinaryHeap<Reverse<(RecordId, usize)>>,
}

/// The block that could not be read, by its place, and why.
pub(crate) type MergeError = (usize, ReadError);

impl Merge {
    pub(crate) fn open(blocks: &[Arc<Block>]) -> Result<Merge, MergeError> {
        let mut scans = Vec::with_capacity(blocks.len());
        for (index, block) in blocks.iter().enumerate() {
            scans.push(BlockScan::open(block).map_err(|error| (index, error))?);
        }
        Ok(Merge { scans, heads: BinaryHeap::new() })
    }

    /// Reads the first granule of each.
    pub(crate) fn begin(&mut self) -> Result<(), MergeError> {
        for (index, scan) in self.scans.iter_mut().enumerate() {
            let head = scan.peek().map_err(|error| (index, error))?;
            self.heads.extend(head.map(|id| Reverse((id, index))));
        }
        Ok(())
    }

    pub(crate) fn next(&mut self) -> Result<Option<(RecordId, LogRecord)>, MergeError> {
        let Some(Reverse((_, index))) = self.heads.pop() else { return Ok(None) };
        let failed = |error| (index, error);
        let record = self.scans[index].next_record().map_err(failed)?;
        let head = self.scans[index].peek().map_err(failed)?;
        self.heads.extend(head.map(|id| Reverse((id, index))));
        Ok(record)
    }

    /// Bytes held.
    pub(crate) fn memory(&self) -> u64 {
        self.scans.iter().map(BlockScan::memory).sum()
    }
}
