//! How blocks come to be: written, then named by one transaction, then shown to readers. A flush, a merge and a repair
//! differ only in where the records come from and what goes for it.

use crate::fresh::Fresh;
use crate::key::{KeyParts, block_key};
use crate::state::LogDelta;
use crate::store::Inner;
use crate::{LogStoreError, RecordId};
use smol_str::SmolStr;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use watchfire_logblock::block::layout::FieldColumn;
use watchfire_logblock::block::{Block, BlockWriter, Shape};
use watchfire_logblock::{BlockMeta, Logged, RecordRef};
use watchfire_model::{LogRecord, TimeNs};
use watchfire_store::{Storage, StorageError, crash_point};

/// zstd level of every block that is written: higher ones do not pay, as measured (ARCHITECTURE.md).
const ZSTD_LEVEL: i32 = 1;
/// How often a taken key is replaced by the next one.
const KEY_ATTEMPTS_MAX: u64 = 64;

/// The most memory that the tokens of one block may take while it is written; half as much again while they are encoded.
pub(crate) const TOKENS_BYTES_MAX: u64 = 96 << 20;

/// What blocks are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Flush,
    Compact,
    Repair,
}

/// What blocks are to be written.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) work: Work,
    pub(crate) stream: SmolStr,
    /// Newest event time; names the day in the keys.
    pub(crate) time_max: TimeNs,
    /// Sorted by name.
    pub(crate) fields: Vec<FieldColumn>,
    pub(crate) shape: Shape,
    /// A block whose tokens take more memory than this ends, and another one begins.
    pub(crate) tokens_bytes_max: u64,
    /// Where in the write-ahead log the records lie.
    pub(crate) logged: Option<Logged>,
}

/// Writes records, in order of their ids, as one block or several.
#[derive(Debug)]
pub(crate) struct BlocksWriter<'a> {
    inner: &'a Inner,
    job: Job,
    current: Option<Current>,
    held: Held<'a>,
    blocks: Uncommitted,
}

#[derive(Debug)]
struct Current {
    meta: BlockMeta,
    writer: BlockWriter,
}

/// Blocks on disk that no manifest names yet. They are deleted with it.
#[derive(Debug)]
pub(crate) struct Uncommitted {
    storage: Arc<dyn Storage>,
    metas: Vec<BlockMeta>,
    /// Objects of the block that is being written.
    begun: Vec<String>,
}

/// Memory that some work holds, told to a gauge.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    gauge: &'a AtomicU64,
    bytes: u64,
}

impl<'a> BlocksWriter<'a> {
    pub(crate) fn new(inner: &'a Inner, job: Job) -> BlocksWriter<'a> {
        let blocks = Uncommitted::new(Arc::clone(&inner.storage));
        BlocksWriter { inner, job, current: None, held: Held::new(&inner.working_bytes), blocks }
    }

    /// Adds a record; `targets` says for each of its fields which column it goes to. Whether a granule has ended with it:
    /// a good moment to look at something else.
    pub(crate) fn push(&mut self, id: RecordId, record: RecordRef<'_>, targets: &[u32]) -> Result<bool, LogStoreError> {
        let current = match &mut self.current {
            Some(current) => current,
            none => none.insert(self.blocks.begin(self.inner, &self.job, id)?),
        };
        current.meta.add_ref(id, record);
        let has_ended = current.writer.push_ref(id, record, targets)?;
        if has_ended {
            self.held.set(current.writer.memory());
            if current.writer.tokens_memory() >= self.job.tokens_bytes_max {
                self.end_block(true)?;
            }
        }
        Ok(has_ended)
    }

    /// The same for a record in one piece.
    pub(crate) fn push_record(
        &mut self,
        id: RecordId,
        record: &LogRecord,
        targets: &[u32],
    ) -> Result<bool, LogStoreError> {
        let fields = RecordRef::fields_of(record);
        self.push(id, RecordRef::new(record, &fields), targets)
    }

    /// Takes a step of merging `inputs` into one block; whether there is more to do.
    pub(crate) fn merge_step(
        &mut self,
        inputs: &[Arc<Block>],
        step: impl FnOnce(&mut BlockWriter) -> Result<bool, LogStoreError>,
    ) -> Result<bool, LogStoreError> {
        let current = match &mut self.current {
            Some(current) => current,
            none => {
                let first = inputs.iter().map(|block| block.meta.ids().0).min();
                let first = first.unwrap_or(RecordId { time: TimeNs(0), sequence: 0 });
                let current = none.insert(self.blocks.begin(self.inner, &self.job, first)?);
                for block in inputs {
                    current.meta.add_block(&block.meta);
                }
                current
            }
        };
        let more = step(&mut current.writer)?;
        self.held.set(current.writer.memory());
        Ok(more)
    }

    /// The blocks, all of them durable.
    pub(crate) fn finish(mut self) -> Result<Uncommitted, LogStoreError> {
        self.end_block(false)?;
        Ok(self.blocks)
    }

    fn end_block(&mut self, is_full: bool) -> Result<(), LogStoreError> {
        let Some(Current { mut meta, writer }) = self.current.take() else { return Ok(()) };
        let finished = writer.finish()?;
        match self.job.work {
            Work::Flush => crash_point("logstore.flush.columns_written"),
            Work::Compact => crash_point("logstore.compact.columns_written"),
            Work::Repair => crash_point("logstore.repair.columns_written"),
        }
        let storage = &self.inner.storage;
        self.blocks.begun.push(meta.idx_key());
        storage.create(&meta.idx_key(), &finished.idx)?;
        match self.job.work {
            Work::Flush => crash_point("logstore.flush.block_written"),
            Work::Compact => crash_point("logstore.compact.block_written"),
            Work::Repair => crash_point("logstore.repair.block_written"),
        }
        meta.parquet_bytes = finished.parquet_bytes;
        meta.idx_bytes = finished.idx.len() as u64;
        meta.full = is_full && self.job.tokens_bytes_max >= TOKENS_BYTES_MAX;
        meta.logged = self.job.logged;
        self.inner.metrics.written_bytes.inc_by(meta.bytes());
        self.blocks.begun.clear();
        self.blocks.metas.push(meta);
        self.held.set(0);
        Ok(())
    }
}

impl Uncommitted {
    pub(crate) fn new(storage: Arc<dyn Storage>) -> Uncommitted {
        Uncommitted { storage, metas: Vec::new(), begun: Vec::new() }
    }

    pub(crate) fn metas(&self) -> &[BlockMeta] {
        &self.metas
    }

    /// Takes over the blocks of `other`.
    pub(crate) fn append(&mut self, mut other: Uncommitted) {
        self.metas.append(&mut other.metas);
    }

    /// The blocks may be named by a manifest now: nothing is deleted any more. The keys of their objects.
    fn keep(&mut self) -> Vec<String> {
        let metas = std::mem::take(&mut self.metas);
        metas.iter().flat_map(|meta| [meta.parquet_key(), meta.idx_key()]).collect()
    }

    fn begin(&mut self, inner: &Inner, job: &Job, first: RecordId) -> Result<Current, LogStoreError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let key = block_key(KeyParts {
                stream: &job.stream,
                time: job.time_max,
                now: inner.clock.now(),
                sequence: first.sequence,
                serial: inner.next_serial.fetch_add(1, Ordering::Relaxed),
            });
            let meta = BlockMeta::new(key, job.stream.clone());
            let file = match self.storage.append(&meta.parquet_key()) {
                // Left over from an earlier opening in the same millisecond.
                Err(StorageError::Exists { .. }) if attempt < KEY_ATTEMPTS_MAX => continue,
                file => file?,
            };
            self.begun.push(meta.parquet_key());
            return Ok(Current { meta, writer: BlockWriter::new(file, job.fields.clone(), job.shape)? });
        }
    }
}

impl Drop for Uncommitted {
    /// What cannot be deleted is swept when the store opens.
    fn drop(&mut self) {
        let written = self.metas.iter().flat_map(|meta| [meta.parquet_key(), meta.idx_key()]);
        for key in written.chain(std::mem::take(&mut self.begun)) {
            drop(self.storage.delete(&key));
        }
    }
}

impl<'a> Held<'a> {
    pub(crate) fn new(gauge: &'a AtomicU64) -> Held<'a> {
        Held { gauge, bytes: 0 }
    }

    pub(crate) fn set(&mut self, bytes: u64) {
        self.gauge.fetch_add(bytes, Ordering::Relaxed);
        self.gauge.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl Inner {
    /// How blocks are written.
    pub(crate) fn shape(&self) -> Shape {
        Shape { granule_rows: self.granule_rows, zstd_level: ZSTD_LEVEL }
    }

    /// One transaction: names the new blocks and lets those of `delta.remove` go, then shows it to readers together with
    /// `change`. The caller holds `maintenance`.
    pub(crate) fn commit_blocks(
        &self,
        mut blocks: Uncommitted,
        mut delta: LogDelta,
        change: impl FnOnce(&mut Fresh),
    ) -> Result<(), LogStoreError> {
        delta.add = blocks.metas().to_vec();
        let added: Vec<Arc<Block>> = delta.add.iter().map(|meta| self.open_block(meta)).collect();
        let removed: HashSet<String> = delta.remove.iter().cloned().collect();
        let result = self.manifest.commit(delta);
        let written = blocks.keep();
        if let Err(error) = result {
            self.undecided.lock().extend(written);
            return Err(error.into());
        }
        self.delete_undecided();
        let mut fresh = self.fresh.lock();
        let (gone, mut all): (Vec<Arc<Block>>, Vec<Arc<Block>>) =
            fresh.blocks.iter().cloned().partition(|block| removed.contains(&block.meta.key));
        all.extend(added);
        fresh.blocks = Arc::new(all);
        change(&mut fresh);
        drop(fresh);
        for block in gone {
            block.set_removed();
        }
        Ok(())
    }

    /// A transaction that was reported as failed may still be found at the next opening, unless another one has succeeded
    /// since: until then the objects that it names stay.
    fn delete_undecided(&self) {
        for key in std::mem::take(&mut *self.undecided.lock()) {
            drop(self.storage.delete(&key));
        }
    }

    pub(crate) fn open_block(&self, meta: &BlockMeta) -> Arc<Block> {
        Arc::new(Block::new(meta.clone(), Arc::clone(&self.storage), Arc::clone(&self.cache)))
    }

    /// Does work that makes room in the end; when the disk is full, once more with the space that is kept for it.
    pub(crate) fn with_reserve<T>(&self, work: impl Fn() -> Result<T, LogStoreError>) -> Result<T, LogStoreError> {
        match work() {
            Err(LogStoreError::Storage(StorageError::Full { .. })) if self.storage.release_reserve() => work(),
            done => done,
        }
    }
}
