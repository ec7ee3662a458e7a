//! Mends damaged blocks: from the write-ahead log where it still holds their records, otherwise of what is left.

use crate::batch::{check, record_memory};
use crate::state::{LogDelta, LostRows};
use crate::store::Inner;
use crate::write::{BlocksWriter, Held, Job, TOKENS_BYTES_MAX, Uncommitted, Work};
use crate::{LogStoreError, RecordId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use watchfire_logblock::BlockMeta;
use watchfire_logblock::block::{Block, BlockScan, ReadError, Survey, Union};
use watchfire_model::{FieldSelection, LogRecord, TimeNs};
use watchfire_store::{StorageError, crash_point};

/// Where the objects of damaged blocks are kept once there are new blocks in their place.
const DAMAGED_PREFIX: &str = "damaged/";
/// Bytes that they may take; the oldest go first.
const DAMAGED_BYTES_MAX: u64 = 1 << 30;
/// Bytes copied at once.
const COPY_BYTES: usize = 4 << 20;

/// What a repair has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepairReport {
    /// Blocks made anew from the write-ahead log.
    pub rebuilt_blocks: u64,
    /// Blocks made anew of what could be read of them.
    pub salvaged_blocks: u64,
    /// Records in these blocks.
    pub rows: u64,
    /// Records that are gone for good.
    pub lost_rows: u64,
}

/// New blocks in the place of a damaged one.
#[derive(Debug)]
struct Mended {
    blocks: Uncommitted,
    is_rebuilt: bool,
    lost: Option<LostRows>,
}

impl Inner {
    /// Mends every damaged block.
    pub(crate) fn repair(&self) -> Result<RepairReport, LogStoreError> {
        let mut report = RepairReport::default();
        for block in self.damaged_blocks() {
            self.with_reserve(|| {
                let _compaction = self.compaction.lock();
                let mended = self.mend(&block)?;
                self.replace(&block, mended)
            })?
            .add_to(&mut report);
        }
        Ok(report)
    }

    /// Mends, once per block, what can be mended without losing a record. What fails is left to [`Inner::repair`].
    pub(crate) fn repair_without_loss(&self, stop: &AtomicBool) {
        for block in self.damaged_blocks().into_iter().filter(|block| block.begin_repair()) {
            if stop.load(Ordering::SeqCst) {
                return;
            }
            let _compaction = self.compaction.lock();
            let mended = self.mend(&block).and_then(|mended| match &mended.lost {
                Some(_) => Ok(()),
                None => self.replace(&block, mended).map(drop),
            });
            if mended.is_err() {
                self.metrics.repair_failures.inc();
            }
        }
    }

    fn damaged_blocks(&self) -> Vec<Arc<Block>> {
        self.fresh.lock().blocks.iter().filter(|block| block.is_damaged()).cloned().collect()
    }

    fn mend(&self, block: &Arc<Block>) -> Result<Mended, LogStoreError> {
        match self.rebuild(&block.meta)? {
            Some(blocks) => Ok(Mended { blocks, is_rebuilt: true, lost: None }),
            None => self.salvage(block),
        }
    }

    /// Writes the records of the block once more from the write-ahead log, if that still holds all of them.
    fn rebuild(&self, meta: &BlockMeta) -> Result<Option<Uncommitted>, LogStoreError> {
        let Some(logged) = meta.logged else { return Ok(None) };
        let mut held = Held::new(&self.working_bytes);
        let mut memory = 0;
        let mut records: Vec<(RecordId, LogRecord)> = Vec::new();
        let (first, last) = meta.ids();
        let read = self.wal.reread(logged.from, logged.until, &mut |_, payload| {
            // With more records than the block had they are not those of the block: no need for further ones.
            let Some(batch) = check(payload).ok().filter(|_| records.len() as u64 <= meta.rows) else { return };
            let before = records.len();
            let numbered = (batch.first_sequence..).zip(batch.records());
            let named = numbered.map(|(sequence, record)| (RecordId { time: record.time, sequence }, record));
            let own = named.filter(|(id, record)| record.stream == meta.stream && first <= *id && *id <= last);
            records.extend(own.map(|(id, record)| (id, record.to_record(&FieldSelection::All))));
            memory += records[before..].iter().map(|(_, record)| record_memory(record)).sum::<u64>();
            held.set(memory);
        })?;
        records.sort_unstable_by_key(|(id, _)| *id);
        records.dedup_by_key(|(id, _)| *id);
        if !read.complete || records.len() as u64 != meta.rows {
            return Ok(None);
        }
        let survey = Survey::new(records.iter().map(|(_, record)| record));
        let mut job = self.repair_job(meta);
        job.fields.clone_from(&survey.fields);
        job.logged = meta.logged;
        let mut writer = BlocksWriter::new(self, job);
        let mut targets = survey.targets();
        for (id, record) in &records {
            let (of_record, rest) = targets.split_at(record.fields.len());
            targets = rest;
            writer.push_record(*id, record, of_record)?;
        }
        writer.finish().map(Some)
    }

    /// Writes once more what can be read of the block, granule by granule.
    fn salvage(&self, block: &Arc<Block>) -> Result<Mended, LogStoreError> {
        let mut loss = Loss::default();
        let mut writer = None;
        match BlockScan::open(block) {
            Ok(scan) => writer = Some(self.rewrite(scan, &mut loss)?),
            Err(error) => loss.add(error, block.meta.times()).map_err(|error| self.unreadable(block, &error))?,
        }
        let blocks = match writer {
            Some(writer) => writer.finish()?,
            None => Uncommitted::new(Arc::clone(&self.storage)),
        };
        let rows: u64 = blocks.metas().iter().map(|meta| meta.rows).sum();
        Ok(Mended { blocks, is_rebuilt: false, lost: loss.into_lost(&block.meta, rows) })
    }

    fn rewrite(&self, scan: BlockScan, loss: &mut Loss) -> Result<BlocksWriter<'_>, LogStoreError> {
        let block = Arc::clone(&scan.block);
        let failed = |error: ReadError| self.unreadable(&block, &error);
        let mut scans = vec![scan];
        let mut left_out = Vec::new();
        let union = Union::new(&scans, |_, granule, error| {
            left_out.push(granule);
            loss.add(error, block.meta.times())
        });
        let mut union = union.map_err(|(_, error)| failed(error))?;
        let scan = &mut scans[0];
        scan.leave_out(&left_out);
        let mut held = Held::new(&self.working_bytes);
        let mut job = self.repair_job(&block.meta);
        job.fields.clone_from(&union.fields);
        let mut writer = BlocksWriter::new(self, job);
        loop {
            match scan.next_record() {
                Ok(Some((id, record))) => {
                    if writer.push_record(id, &record, union.targets(&record))? {
                        held.set(scan.memory());
                    }
                }
                Ok(None) => return Ok(writer),
                Err(error) => {
                    let times = scan.skip_granule();
                    loss.add(error, times).map_err(failed)?;
                }
            }
        }
    }

    fn repair_job(&self, meta: &BlockMeta) -> Job {
        Job {
            work: Work::Repair,
            stream: meta.stream.clone(),
            time_max: meta.time_max,
            fields: Vec::new(),
            shape: self.shape(),
            tokens_bytes_max: TOKENS_BYTES_MAX,
            logged: None,
        }
    }

    /// Puts the new blocks in the place of the damaged one, whose objects are kept.
    fn replace(&self, block: &Arc<Block>, mended: Mended) -> Result<Replaced, LogStoreError> {
        self.set_aside(&block.meta)?;
        crash_point("logstore.repair.set_aside");
        let rows = mended.blocks.metas().iter().map(|meta| meta.rows).sum();
        let _maintenance = self.maintenance.lock();
        if !self.manifest.state().blocks.contains_key(&block.meta.key) {
            return Ok(Replaced::default());
        }
        let lost_rows = mended.lost.as_ref().map_or(0, |lost| lost.rows);
        let delta = LogDelta {
            remove: vec![block.meta.key.clone()],
            lost: mended.lost.into_iter().collect(),
            ..LogDelta::default()
        };
        self.commit_blocks(mended.blocks, delta, |_| {})?;
        crash_point("logstore.repair.committed");
        self.metrics.repaired_blocks.inc();
        self.metrics.lost_records.inc_by(lost_rows);
        self.measure();
        Ok(Replaced { blocks: 1, is_rebuilt: mended.is_rebuilt, rows, lost_rows })
    }

    /// Copies the objects of a damaged block to where nothing looks for blocks.
    fn set_aside(&self, meta: &BlockMeta) -> Result<(), LogStoreError> {
        for key in [meta.parquet_key(), meta.idx_key()] {
            let size = match self.storage.size(&key) {
                Err(StorageError::NotFound { .. }) => continue,
                size => size?,
            };
            let copy = format!("{DAMAGED_PREFIX}{key}");
            if size > DAMAGED_BYTES_MAX {
                continue;
            }
            self.make_room_for_damaged(size)?;
            match self.copy(&key, &copy, size) {
                Ok(()) => {}
                Err(error) => {
                    drop(self.storage.delete(&copy));
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    fn make_room_for_damaged(&self, size: u64) -> Result<(), LogStoreError> {
        let mut kept = self.storage.list(&format!("{DAMAGED_PREFIX}logs/"))?;
        // The names are made of the time of writing.
        kept.sort_by(|a, b| a.key.rsplit('/').next().cmp(&b.key.rsplit('/').next()));
        let mut bytes: u64 = kept.iter().map(|object| object.size).sum();
        for object in kept {
            if bytes + size <= DAMAGED_BYTES_MAX {
                break;
            }
            self.storage.delete(&object.key)?;
            bytes -= object.size;
        }
        Ok(())
    }

    fn copy(&self, key: &str, copy: &str, size: u64) -> Result<(), StorageError> {
        let mut file = match self.storage.append(copy) {
            // Of an attempt that was cut short.
            Err(StorageError::Exists { .. }) => {
                self.storage.delete(copy)?;
                self.storage.append(copy)?
            }
            file => file?,
        };
        let mut offset = 0;
        while offset < size {
            let bytes = self.storage.read_range(key, offset, COPY_BYTES)?;
            if bytes.is_empty() {
                break;
            }
            file.append(&bytes)?;
            offset += bytes.len() as u64;
        }
        file.sync()
    }

    fn unreadable(&self, block: &Block, error: &ReadError) -> LogStoreError {
        self.metrics.repair_failures.inc();
        LogStoreError::Read { key: block.meta.key.clone(), what: error.to_string() }
    }
}

/// What became of one damaged block.
#[derive(Debug, Default)]
struct Replaced {
    blocks: u64,
    is_rebuilt: bool,
    rows: u64,
    lost_rows: u64,
}

impl Replaced {
    fn add_to(&self, report: &mut RepairReport) {
        let blocks = if self.is_rebuilt { &mut report.rebuilt_blocks } else { &mut report.salvaged_blocks };
        *blocks += self.blocks;
        report.rows += self.rows;
        report.lost_rows += self.lost_rows;
    }
}

/// What cannot be read of a block.
#[derive(Debug, Default)]
struct Loss {
    times: Option<(TimeNs, TimeNs)>,
    what: Option<String>,
}

impl Loss {
    /// Takes account of damage; what may be readable in a moment is handed back.
    fn add(&mut self, error: ReadError, times: (TimeNs, TimeNs)) -> Result<(), ReadError> {
        match error {
            ReadError::Damaged(_) | ReadError::Missing => {
                let known = self.times.get_or_insert(times);
                *known = (known.0.min(times.0), known.1.max(times.1));
                self.what.get_or_insert_with(|| error.to_string());
                Ok(())
            }
            ReadError::Storage(_) | ReadError::Exhausted(_) => Err(error),
        }
    }

    fn into_lost(self, meta: &BlockMeta, rows_left: u64) -> Option<LostRows> {
        let rows = meta.rows.saturating_sub(rows_left);
        (rows > 0).then(|| LostRows {
            key: meta.key.clone(),
            stream: meta.stream.clone(),
            rows,
            times: self.times.unwrap_or(meta.times()),
            what: self.what.unwrap_or_default(),
        })
    }
}
