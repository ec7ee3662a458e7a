//! Reads the records of a block one after the other, for rewriting them. One granule is in memory, its records in small
//! pieces.

use super::{Block, Opened, ReadError, Reads, guarded};
use crate::RecordId;
use crate::query::{Granule, read_records};
use arrow_array::{Array, ArrayRef};
use std::collections::VecDeque;
use std::sync::Arc;
use watchfire_model::{LogRecord, TimeNs};

/// Records made at once.
const PIECE_RECORDS: usize = 256;

/// Goes through the granules of a block.
#[derive(Debug)]
pub struct BlockScan {
    pub block: Arc<Block>,
    pub opened: Arc<Opened>,
    reads: Reads,
    /// Not read yet, in reverse.
    granules: Vec<usize>,
    /// The granule that was begun last.
    begun: usize,
    current: Option<Columns>,
    ready: VecDeque<(RecordId, LogRecord)>,
}

/// A granule in memory.
#[derive(Debug)]
struct Columns {
    granule: usize,
    leaves: Vec<ArrayRef>,
    times: Vec<i64>,
    sequences: Vec<u64>,
    row: usize,
}

impl BlockScan {
    /// Opens the block; nothing of it goes into the cache.
    pub fn open(block: &Arc<Block>) -> Result<BlockScan, ReadError> {
        let reads = Reads::passing();
        let opened = block.open(&reads)?;
        let granules = (0..opened.layout.granules.len()).rev().collect();
        let (block, ready) = (Arc::clone(block), VecDeque::new());
        Ok(BlockScan { block, opened, reads, granules, begun: 0, current: None, ready })
    }

    /// Does not read these granules.
    pub fn leave_out(&mut self, granules: &[usize]) {
        self.granules.retain(|granule| !granules.contains(granule));
    }

    /// The id of the next record.
    pub fn peek(&mut self) -> Result<Option<RecordId>, ReadError> {
        while self.ready.is_empty() {
            if self.current.is_none() {
                let Some(granule) = self.granules.pop() else { return Ok(None) };
                self.begun = granule;
                self.current = Some(self.read_granule(granule)?);
            }
            self.fill()?;
        }
        Ok(self.ready.front().map(|(id, _)| *id))
    }

    /// The next record, in order of ids.
    pub fn next_record(&mut self) -> Result<Option<(RecordId, LogRecord)>, ReadError> {
        self.peek()?;
        Ok(self.ready.pop_front())
    }

    /// Goes on behind the granule that could not be read; its earliest and latest event time.
    pub fn skip_granule(&mut self) -> (TimeNs, TimeNs) {
        self.current = None;
        self.ready.clear();
        self.opened.layout.granules[self.begun].times
    }

    /// Bytes held.
    pub fn memory(&self) -> u64 {
        let columns = self.current.as_ref().map_or(0, |columns| {
            let leaves: usize = columns.leaves.iter().map(Array::get_array_memory_size).sum();
            leaves + columns.times.len() * 2 * size_of::<u64>()
        });
        (columns + self.opened.memory()) as u64
    }

    /// Every column is read, and so every checksum of the granule holds, before a record of it is given out.
    fn read_granule(&self, index: usize) -> Result<Columns, ReadError> {
        let granule = self.granule(index, None);
        let leaves: Vec<ArrayRef> =
            (0..self.opened.layout.leaves()).map(|leaf| granule.column(leaf)).collect::<Result<_, _>>()?;
        let granule = self.granule(index, Some(&leaves));
        let (times, sequences) = guarded(|| Ok((granule.times()?, granule.sequences()?)))?;
        Ok(Columns { granule: index, leaves, times, sequences, row: 0 })
    }

    /// Makes the next piece of records.
    fn fill(&mut self) -> Result<(), ReadError> {
        let Some(columns) = &self.current else { return Ok(()) };
        let end = columns.times.len().min(columns.row + PIECE_RECORDS);
        let rows: Vec<usize> = (columns.row..end).collect();
        let records = guarded(|| read_records(self.granule(columns.granule, Some(&columns.leaves)), &rows))?;
        let id = |row: usize| RecordId { time: TimeNs(columns.times[row]), sequence: columns.sequences[row] };
        let ready: VecDeque<(RecordId, LogRecord)> = rows.iter().map(|row| id(*row)).zip(records).collect();
        let is_last = end == columns.times.len();
        self.ready = ready;
        if is_last {
            self.current = None;
        } else if let Some(columns) = &mut self.current {
            columns.row = end;
        }
        Ok(())
    }

    pub fn granule<'a>(&'a self, index: usize, held: Option<&'a [ArrayRef]>) -> Granule<'a> {
        Granule { block: &self.block, opened: &self.opened, index, reads: &self.reads, held, budget: None }
    }
}
