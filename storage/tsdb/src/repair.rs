//! Damaged blocks written anew: out of the log while that holds their samples, else what can be read of them.

use crate::TsdbError;
use crate::block::{BLOCK_PREFIX, Block, BlockScan, BlockWriter, WrittenBlock};
use crate::codec::{Columns, encode_units};
use crate::deletion::Deletion;
use crate::exemplars::ExemplarStore;
use crate::flush::Cut;
use crate::head::Head;
use crate::log_reader::{LogReader, Target, Wanted};
use crate::merge::{Merge, ReadError};
use crate::state::{BlockMeta, LogRange};
use crate::status::{LostSamples, RepairReport};
use crate::tsdb::Shared;
use parking_lot::Mutex;
use std::sync::Arc;
use watchfire_model::{QueryBudget, Samples, TimeRange, Timestamp};
use watchfire_store::crash_point;

/// Where damaged objects are kept for whoever wants to look at them.
const DAMAGED_PREFIX: &str = "damaged/metrics/";

/// Damaged objects that are kept, and their bytes; the oldest go first.
const DAMAGED_OBJECTS_MAX: usize = 16;
const DAMAGED_BYTES_MAX: u64 = 1 << 30;

/// Bytes that are copied at once.
const COPY_BYTES: usize = 1 << 20;

/// The readable part of a block.
struct Salvaged {
    written: Option<WrittenBlock>,
    lost_series: u64,
    lost_samples: u64,
}

impl Shared {
    pub(crate) fn repair(&self) -> Result<RepairReport, TsdbError> {
        let _guard = self.maintenance.lock();
        let mut report = RepairReport::default();
        let blocks = self.blocks();
        for block in blocks.iter().filter(|block| block.is_damaged()) {
            self.check_closing()?;
            self.repair_block(block, &mut report)?;
        }
        self.measure();
        Ok(report)
    }

    fn repair_block(&self, block: &Arc<Block>, report: &mut RepairReport) -> Result<(), TsdbError> {
        match self.set_aside(block) {
            Ok(true) => report.set_aside.push(set_aside_key(block)),
            // There is no room for it, or nothing to be read: what it is about to be replaced by matters more.
            Ok(false) | Err(_) => drop(self.metrics.failed_set_asides.inc()),
        }
        crash_point("tsdb.repair.set-aside");
        let BlockMeta { stray, windows, log, ref key, ref tombstones, .. } = block.meta;
        if let Some(rebuilt) = self.rebuild(&block.meta)? {
            let tombstones = tombstones.clone();
            let meta = BlockMeta { stray, windows, log, tombstones, ..BlockMeta::of(rebuilt) };
            self.replace(std::slice::from_ref(block), vec![meta], Vec::new())?;
            self.metrics.rebuilt_blocks.inc();
            report.rebuilt.push(key.clone());
            return Ok(());
        }
        let salvaged = self.salvage(block)?;
        let lost = (salvaged.lost_samples > 0).then(|| LostSamples {
            block: key.clone(),
            reason: block.damage().unwrap_or_default(),
            series: salvaged.lost_series,
            samples: salvaged.lost_samples,
            min_time: Timestamp(block.meta.min_time),
            max_time: Timestamp(block.meta.max_time),
        });
        let purged = block.meta.purged.clone();
        let tombstones = tombstones.clone();
        let meta =
            salvaged.written.map(|written| BlockMeta { stray, windows, purged, tombstones, ..BlockMeta::of(written) });
        self.replace(std::slice::from_ref(block), meta.into_iter().collect(), lost.iter().cloned().collect())?;
        self.metrics.salvaged_blocks.inc();
        self.metrics.lost_samples.inc_by(salvaged.lost_samples);
        report.salvaged.push(key.clone());
        report.lost.extend(lost);
        Ok(())
    }

    /// Builds the block's samples anew from the log; none where a part of it is gone.
    fn rebuild(&self, meta: &BlockMeta) -> Result<Option<WrittenBlock>, TsdbError> {
        let Some(LogRange { from, until }) = meta.log else { return Ok(None) };
        let (head, metadata, exemplars) = (Head::default(), Mutex::default(), Mutex::new(ExemplarStore::new(0)));
        let target = Target { head: &head, metadata: &metadata, exemplars: &exemplars, metrics: &self.metrics };
        // What was deleted while the block was there stays in it, as its tombstones say.
        let is_older = |deletion: &&Deletion| !meta.tombstones.contains(&deletion.id);
        let deletions = self.deletions().iter().filter(is_older).cloned().collect();
        let wanted = Wanted { flush: None, range: meta.range(), span: self.span() };
        let mut reader = LogReader::new(target, wanted, deletions);
        let reread = self.wal.reread(from, until, &mut |position, payload| {
            reader.read(position, payload);
            if reader.is_batch_full(self.options.head_bytes_max) {
                reader.push_batch();
            }
        });
        let complete = match reread {
            Ok(reread) => reread.complete && reread.damaged_records == 0,
            Err(_) => false,
        };
        if !complete {
            return Ok(None);
        }
        reader.push_batch();
        let (frozen, texts) = self.freeze(&head, Cut::everything(i64::MIN));
        let mut writer = BlockWriter::create(Arc::clone(&self.storage), self.now(), self.manifest.number())?;
        for frozen in &frozen {
            writer.add(&frozen.labels, frozen.series.samples().frozen().iter())?;
        }
        // A log that holds less than the block did is not what it was made of.
        let written = writer.finish(&texts)?;
        if written.as_ref().is_some_and(|written| written.samples >= meta.samples) {
            return Ok(written);
        }
        if let Some(written) = written {
            self.storage.delete(&written.key)?;
        }
        Ok(None)
    }

    /// Writes a block of every series whose page can be read.
    fn salvage(&self, block: &Arc<Block>) -> Result<Salvaged, TsdbError> {
        let nothing = || Salvaged { written: None, lost_series: block.meta.series, lost_samples: block.meta.samples };
        let mut scan = match BlockScan::open(Arc::clone(block)) {
            Err(error) => return if error.is_damage() { Ok(nothing()) } else { Err(read_error(block, error)) },
            Ok(scan) => scan,
        };
        let mut writer = BlockWriter::create(Arc::clone(&self.storage), self.now(), self.manifest.number())?;
        let budget = QueryBudget::unlimited();
        let (mut samples, mut lost_series) = (Samples::default(), 0);
        while scan.pairs().is_some() {
            samples.clear();
            match scan.read(&mut Merge::new(TimeRange::ALL, &budget, &mut samples)) {
                Ok(()) => {
                    let units: Vec<_> = encode_units(Columns::of(&samples)).collect();
                    writer.add(scan.pairs().unwrap_or_default(), units.iter())?;
                }
                Err(error) if !error.is_damage() => return Err(read_error(block, error)),
                Err(_) => lost_series += 1,
            }
            scan.advance();
        }
        let written = writer.finish(scan.texts())?;
        let saved = written.as_ref().map_or(0, |written| written.samples);
        Ok(Salvaged { written, lost_series, lost_samples: block.meta.samples.saturating_sub(saved) })
    }

    /// Copies a damaged object to where it is kept. False where it may not be kept.
    fn set_aside(&self, block: &Block) -> Result<bool, TsdbError> {
        let size = self.storage.size(&block.meta.key)?;
        if size > DAMAGED_BYTES_MAX || !self.storage.has_room() {
            return Ok(false);
        }
        let key = set_aside_key(block);
        let mut kept = self.storage.list(DAMAGED_PREFIX)?;
        if kept.iter().any(|object| object.key == key && object.size == size) {
            return Ok(true);
        }
        while kept.len() >= DAMAGED_OBJECTS_MAX
            || kept.iter().map(|object| object.size).sum::<u64>() + size > DAMAGED_BYTES_MAX
        {
            self.storage.delete(&kept.remove(0).key)?;
        }
        self.storage.delete(&key)?;
        let mut file = self.storage.append(&key)?;
        let mut offset = 0;
        while offset < size {
            let bytes = self.storage.read_range(&block.meta.key, offset, COPY_BYTES)?;
            if bytes.is_empty() {
                break;
            }
            file.append(&bytes)?;
            offset += bytes.len() as u64;
        }
        file.sync()?;
        Ok(true)
    }
}

fn set_aside_key(block: &Block) -> String {
    let name = block.meta.key.strip_prefix(BLOCK_PREFIX).unwrap_or(&block.meta.key);
    format!("{DAMAGED_PREFIX}{name}")
}

fn read_error(block: &Block, error: ReadError) -> TsdbError {
    match error {
        ReadError::Storage(error) => error.into(),
        error => TsdbError::DamagedBlock { key: block.meta.key.clone(), reason: error.to_string() },
    }
}
