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

/// Goes through the granules of a block in order of time; those that overlap are read side by side.
#[derive(Debug)]
pub struct BlockScan {
    pub block: Arc<Block>,
    pub opened: Arc<Opened>,
    reads: Reads,
    /// Not read yet, the one that begins last first.
    granules: Vec<usize>,
    /// The granule that was looked at last.
    begun: usize,
    /// Granules in memory that have records left.
    open: Vec<OpenGranule>,
}

/// A granule in memory, and the piece of it that was made last.
#[derive(Debug)]
struct OpenGranule {
    columns: Columns,
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
        let mut granules: Vec<usize> = (0..opened.layout.granules.len()).collect();
        granules.sort_by_key(|granule| std::cmp::Reverse((opened.layout.granules[*granule].times.0, *granule)));
        Ok(BlockScan { block: Arc::clone(block), opened, reads, granules, begun: 0, open: Vec::new() })
    }

    /// Does not read these granules.
    pub fn leave_out(&mut self, granules: &[usize]) {
        self.granules.retain(|granule| !granules.contains(granule));
    }

    /// The id of the next record.
    pub fn peek(&mut self) -> Result<Option<RecordId>, ReadError> {
        loop {
            let first = self.first_open();
            let next = self.granules.last().copied();
            let Some(granule) = next.filter(|granule| {
                let begins = self.opened.layout.granules[*granule].times.0;
                first.is_none_or(|(id, _)| begins <= id.time)
            }) else {
                return Ok(first.map(|(id, _)| id));
            };
            self.granules.pop();
            self.begun = granule;
            let columns = self.read_granule(granule)?;
            self.open.push(OpenGranule { columns, ready: VecDeque::new() });
            self.fill(self.open.len() - 1)?;
        }
    }

    /// The smallest id in memory, and in which open granule it is.
    fn first_open(&self) -> Option<(RecordId, usize)> {
        let heads = self.open.iter().enumerate();
        heads.filter_map(|(at, granule)| granule.ready.front().map(|(id, _)| (*id, at))).min()
    }

    /// The next record, in order of ids.
    pub fn next_record(&mut self) -> Result<Option<(RecordId, LogRecord)>, ReadError> {
        self.peek()?;
        let Some((_, at)) = self.first_open() else { return Ok(None) };
        let record = self.open[at].ready.pop_front();
        if self.open[at].ready.is_empty() {
            self.begun = self.open[at].columns.granule;
            self.fill(at)?;
        }
        Ok(record)
    }

    /// Goes on behind the granule that could not be read; its earliest and latest event time.
    pub fn skip_granule(&mut self) -> (TimeNs, TimeNs) {
        let begun = self.begun;
        self.open.retain(|granule| granule.columns.granule != begun);
        self.opened.layout.granules[self.begun].times
    }

    /// Bytes held.
    pub fn memory(&self) -> u64 {
        let memory = |granule: &OpenGranule| {
            let leaves: usize = granule.columns.leaves.iter().map(Array::get_array_memory_size).sum();
            leaves + granule.columns.times.len() * 2 * size_of::<u64>()
        };
        let open: usize = self.open.iter().map(memory).sum();
        (open + self.opened.memory()) as u64
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

    /// Makes the next piece of records of an open granule; closes it when there is none.
    fn fill(&mut self, at: usize) -> Result<(), ReadError> {
        let columns = &self.open[at].columns;
        if columns.row == columns.times.len() {
            self.open.swap_remove(at);
            return Ok(());
        }
        let end = columns.times.len().min(columns.row + PIECE_RECORDS);
        let rows: Vec<usize> = (columns.row..end).collect();
        let records = guarded(|| read_records(self.granule(columns.granule, Some(&columns.leaves)), &rows))?;
        let id = |row: usize| RecordId { time: TimeNs(columns.times[row]), sequence: columns.sequences[row] };
        let ready: VecDeque<(RecordId, LogRecord)> = rows.iter().map(|row| id(*row)).zip(records).collect();
        self.open[at].ready = ready;
        self.open[at].columns.row = end;
        Ok(())
    }

    pub fn granule<'a>(&'a self, index: usize, held: Option<&'a [ArrayRef]>) -> Granule<'a> {
        Granule { block: &self.block, opened: &self.opened, index, reads: &self.reads, held, budget: None }
    }
}
