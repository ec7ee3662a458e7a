//! Makes one block of several without starting over: a granule that is full is copied with its columns, messages, filter
//! and statistics as they are; only what is known of the whole block (templates, values) gets new numbers. Records of small
//! granules, and of those that cannot be copied, are read and written anew, in order of their ids.
//!
//! In memory are the layouts and the indexes of the inputs, a granule that is copied, and of what is written anew the
//! granules that overlap: at most [`OVERLAP_MAX`] of each input.

use super::layout::{
    FieldColumn, FieldStats, GRANULE_ROWS, GranuleStats, HOST, LEVEL, MESSAGE, RECEIVED, REST, SEQUENCE, TIME,
};
use super::parquet_stream::{CopiedColumn, CopiedGranule};
use super::reader::{Block, Opened, ReadError, Reads};
use super::schema::arrow_schema;
use super::summary::Summary;
use super::writer::BlockWriter;
use super::{BlockScan, TokenIndex, Union};
use crate::{RecordId, WriteError};
use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use watchfire_model::TimeNs;

/// Granules of one block that overlap in time at most, because whoever reads a block through has them in memory together;
/// what would lie across more is written anew.
const OVERLAP_MAX: usize = 4;
/// A granule with less than one row in so many that it may have is written anew, together with others.
const SMALL_PART: usize = 2;
/// Records written in one step at most.
const STEP_RECORDS: usize = 1024;
const FIXED_LEAVES: [usize; 7] = [TIME, RECEIVED, SEQUENCE, HOST, MESSAGE, LEVEL, REST];

/// Several blocks on their way into one.
#[derive(Debug)]
pub struct BlockMerge {
    inputs: Vec<Input>,
    union: Union,
    /// What the columns of the merged block are called, leaf by leaf.
    names: Vec<String>,
    /// Granules to be copied, by input, the one that begins last first.
    copies: Vec<(usize, usize)>,
    scans: Vec<BlockScan>,
    /// Of each scan that has records left the id of the next one, the smallest on top; none before the first step.
    heads: Option<BinaryHeap<Reverse<(RecordId, usize)>>>,
    copied: u64,
    rewritten: u64,
}

#[derive(Debug)]
struct Input {
    block: Arc<Block>,
    opened: Arc<Opened>,
    /// Read when the first granule is copied.
    digest: Option<(Arc<Summary>, Arc<TokenIndex>)>,
}

/// Why a merge ended early.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The input at this place could not be read.
    #[error("input {input} cannot be read")]
    Read { input: usize, source: ReadError },
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl BlockMerge {
    /// Opens the blocks, and decides what is copied; granules of the block to be have so many rows.
    pub fn open(blocks: &[Arc<Block>], granule_rows: usize) -> Result<BlockMerge, MergeError> {
        let failed = |(input, source)| MergeError::Read { input, source };
        let mut scans = Vec::with_capacity(blocks.len());
        for (input, block) in blocks.iter().enumerate() {
            scans.push(BlockScan::open(block).map_err(|source| MergeError::Read { input, source })?);
        }
        let union = Union::new(&scans, |_, _, error| Err(error)).map_err(failed)?;
        let inputs: Vec<Input> = scans
            .iter()
            .map(|scan| Input { block: Arc::clone(&scan.block), opened: Arc::clone(&scan.opened), digest: None })
            .collect();
        let names = arrow_schema(&union.fields).fields().iter().map(|field| field.name().clone()).collect();
        let mut merge =
            BlockMerge { inputs, union, names, copies: Vec::new(), scans, heads: None, copied: 0, rewritten: 0 };
        merge.choose_copies(granule_rows);
        Ok(merge)
    }

    /// The columns that the merged block has to have, sorted by name.
    pub fn fields(&self) -> &[FieldColumn] {
        &self.union.fields
    }

    /// Writes a granule, or some records; false when everything is written. The caller may stop between any two steps.
    pub fn step(&mut self, writer: &mut BlockWriter) -> Result<bool, MergeError> {
        let head = self.head()?;
        if let Some((input, granule)) = self.copies.last().copied() {
            let begins = self.inputs[input].opened.layout.granules[granule].times.0;
            if head.is_none_or(|id| begins <= id.time) {
                self.copies.pop();
                self.copy(input, granule, writer)?;
                return Ok(true);
            }
        }
        self.write_records(writer)
    }

    /// Granules that were copied so far.
    pub fn copied(&self) -> u64 {
        self.copied
    }

    /// Records that were written anew so far.
    pub fn rewritten(&self) -> u64 {
        self.rewritten
    }

    /// Bytes held.
    pub fn memory(&self) -> u64 {
        let digests = self.inputs.iter().filter_map(|input| input.digest.as_ref());
        let digests: usize = digests.map(|(summary, tokens)| summary.memory() + tokens.memory()).sum();
        self.scans.iter().map(BlockScan::memory).sum::<u64>() + digests as u64
    }

    fn choose_copies(&mut self, granule_rows: usize) {
        let mut granules: Vec<(TimeNs, usize, usize)> = Vec::new();
        for (input, Input { opened, .. }) in self.inputs.iter().enumerate() {
            let stats = opened.layout.granules.iter().enumerate();
            granules.extend(stats.map(|(granule, stats)| (stats.times.0, input, granule)));
        }
        granules.sort_unstable();
        // When the granules that lie across the current time end.
        let mut across: Vec<TimeNs> = Vec::new();
        let mut copied: Vec<Vec<usize>> = vec![Vec::new(); self.inputs.len()];
        for (begins, input, granule) in granules {
            across.retain(|ends| *ends >= begins);
            let stats = &self.inputs[input].opened.layout.granules[granule];
            let is_full = stats.rows * SMALL_PART >= granule_rows.min(GRANULE_ROWS) && stats.rows <= granule_rows;
            if is_full && across.len() < OVERLAP_MAX - 1 && self.may_copy(input, stats) {
                across.push(stats.times.1);
                copied[input].push(granule);
                self.copies.push((input, granule));
            }
        }
        self.copies.reverse();
        self.scans.iter_mut().zip(&copied).for_each(|(scan, granules)| scan.leave_out(granules));
    }

    /// Whether every column of the granule has its place in the merged block.
    fn may_copy(&self, input: usize, stats: &GranuleStats) -> bool {
        let leaf = |leaf| self.inputs[input].leaf(&self.union, &self.names, leaf);
        let fits = |(field, of_field): (&FieldColumn, &FieldStats)| {
            let column = || Some(&self.union.fields[self.union.column(&field.name)?]);
            let is_there = |column: &FieldColumn| {
                (0..field.kind.leaves()).all(|at| leaf(column.leaf + at) == Some(field.leaf + at))
            };
            of_field.rows == 0 || column().is_some_and(is_there)
        };
        let fields = &self.inputs[input].opened.layout.fields;
        stats.messages.is_some() && stats.rest_rows == 0 && fields.iter().zip(&stats.fields).all(fits)
    }

    fn head(&mut self) -> Result<Option<RecordId>, MergeError> {
        if self.heads.is_none() {
            let mut heads = BinaryHeap::new();
            for (input, scan) in self.scans.iter_mut().enumerate() {
                let head = scan.peek().map_err(|source| MergeError::Read { input, source })?;
                heads.extend(head.map(|id| Reverse((id, input))));
            }
            self.heads = Some(heads);
        }
        Ok(self.heads.as_ref().and_then(|heads| heads.peek()).map(|Reverse((id, _))| *id))
    }

    fn write_records(&mut self, writer: &mut BlockWriter) -> Result<bool, MergeError> {
        for written in 0..STEP_RECORDS {
            let Some(Reverse((_, input))) = self.heads.as_mut().and_then(BinaryHeap::pop) else {
                return Ok(written > 0 || !self.copies.is_empty());
            };
            let failed = |source| MergeError::Read { input, source };
            let record = self.scans[input].next_record().map_err(failed)?;
            let head = self.scans[input].peek().map_err(failed)?;
            self.heads.iter_mut().for_each(|heads| heads.extend(head.map(|id| Reverse((id, input)))));
            let Some((id, record)) = record else { continue };
            self.rewritten += 1;
            if writer.push(id, &record, self.union.targets(&record))? {
                break;
            }
        }
        Ok(true)
    }

    fn copy(&mut self, input: usize, granule: usize, writer: &mut BlockWriter) -> Result<(), MergeError> {
        let failed = |source| MergeError::Read { input, source };
        let (summary, tokens) = self.inputs[input].digest().map_err(failed)?;
        let source = &self.inputs[input];
        let leaf_of = |leaf: usize| source.leaf(&self.union, &self.names, leaf);
        let copied = source.granule(&self.union, &self.names, granule).map_err(failed)?;
        let filter =
            tokens.filter(granule).ok_or_else(|| failed(ReadError::Damaged("it has no filters".to_owned())))?;
        if writer.copy_granule(copied, &summary, granule, filter, leaf_of)? {
            self.copied += 1;
            return Ok(());
        }
        // Its templates are too many for this block: its records are stored as they come, in a granule of their own,
        // because rows stand in order of ids.
        writer.close_granule()?;
        let mut scan = BlockScan::open(&source.block).map_err(failed)?;
        let others: Vec<usize> = (0..source.opened.layout.granules.len()).filter(|other| *other != granule).collect();
        scan.leave_out(&others);
        while let Some((id, record)) = scan.next_record().map_err(failed)? {
            self.rewritten += 1;
            writer.push(id, &record, self.union.targets(&record))?;
        }
        Ok(writer.close_granule()?)
    }
}

impl Input {
    fn digest(&mut self) -> Result<(Arc<Summary>, Arc<TokenIndex>), ReadError> {
        if let Some(digest) = &self.digest {
            return Ok(digest.clone());
        }
        let reads = Reads::passing();
        let missing = || ReadError::Damaged("it has no statistics".to_owned());
        let summary = self.block.summary(&self.opened, &reads)?.ok_or_else(missing)?;
        let tokens = self.block.tokens(&self.opened, &reads)?;
        Ok(self.digest.insert((summary, tokens)).clone())
    }

    /// The leaf here of a leaf of the merged block, if it holds the same under the same name.
    fn leaf(&self, union: &Union, names: &[String], leaf: usize) -> Option<usize> {
        if FIXED_LEAVES.contains(&leaf) {
            return Some(leaf);
        }
        let target = union.fields.iter().rev().find(|field| field.leaf <= leaf)?;
        let own = &self.opened.layout.fields[self.opened.layout.field(&target.name)?];
        let here = own.leaf + leaf - target.leaf;
        let schema = self.opened.parquet.parquet_schema();
        (own.kind == target.kind && schema.column(here).name() == names[leaf]).then_some(here)
    }

    /// The stored granule, every part of it verified.
    fn granule(&self, union: &Union, names: &[String], granule: usize) -> Result<CopiedGranule, ReadError> {
        let reads = Reads::passing();
        let layout = &self.opened.layout;
        let own = &layout.granules[granule];
        let group = self.opened.parquet.metadata().row_group(granule);
        let mut columns = Vec::with_capacity(names.len());
        for leaf in 0..names.len() {
            let column = |leaf| {
                let bytes = self.block.read_column_bytes(&self.opened, granule, leaf, &reads)?;
                Ok::<_, ReadError>(CopiedColumn { metadata: group.column(leaf).clone(), bytes })
            };
            columns.push(self.leaf(union, names, leaf).map(column).transpose()?);
        }
        let of_field = |name: &str| layout.field(name).map(|field| own.fields[field]);
        let fields = union.fields.iter().map(|field| of_field(&field.name).unwrap_or(FieldStats::EMPTY)).collect();
        let messages = match own.messages {
            Some(place) => self.block.read_messages(place, &reads)?,
            None => Bytes::new(),
        };
        let stats = GranuleStats { fields, checksums: Vec::new(), messages: None, ..own.clone() };
        Ok(CopiedGranule { stats, columns, messages })
    }
}
