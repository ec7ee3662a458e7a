//! From memory to blocks: what a flush writes, and the thread that does it when the memtable is full.

mod partition;

use crate::LogStoreError;
use crate::encoded::EncodedRecord;
use crate::memtable::Memtable;
use crate::state::{Covered, LogDelta};
use crate::store::Inner;
use crate::worker::Worker;
use crate::write::{BlocksWriter, Held, Job, Uncommitted, Work};
use partition::{Part, partition};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use watchfire_logblock::block::Survey;
use watchfire_logblock::{Logged, RecordRef, ValueRef};
use watchfire_store::crash_point;
use watchfire_wal::{Position, WalError};

/// The tokens of the block that is being written take at most this part of a memtable, or [`TOKENS_BYTES_MIN`].
const TOKENS_PART: u64 = 4;
const TOKENS_BYTES_MIN: u64 = 8 << 20;

/// A second thread helps to write so many records.
const HELPED_ROWS_MIN: usize = 32_768;

/// How long the thread waits after a failure, unless something changes.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// A memtable that takes no more records.
#[derive(Debug)]
pub(crate) struct Frozen {
    pub(crate) memtable: Memtable,
    /// The write-ahead log is in blocks up to here once the memtable is.
    pub(crate) covered: Position,
    /// No record that comes later has a smaller number.
    pub(crate) next_sequence: u64,
}

/// Starts the thread that writes full memtables out.
pub(crate) fn start(inner: &Arc<Inner>) -> Result<Worker, LogStoreError> {
    Worker::start("logstore-flush", inner, Inner::flush_when_full)
}

impl Inner {
    fn flush_when_full(&self, stop: &AtomicBool) {
        loop {
            let mut fresh = self.fresh.lock();
            while !stop.load(Ordering::SeqCst) && fresh.frozen.is_none() {
                self.changed.wait(&mut fresh);
            }
            if fresh.flush_failed {
                self.changed.wait_for(&mut fresh, RETRY_PAUSE);
            }
            if stop.load(Ordering::SeqCst) {
                return;
            }
            drop(fresh);
            // A failure is counted and noted in `fresh`; it is tried again in a while, or by `maintain`.
            drop(self.write_out_frozen());
        }
    }

    /// Writes out what is in memory now.
    pub(crate) fn flush(&self) -> Result<(), LogStoreError> {
        // First what is frozen already, should there be anything, then the rest.
        self.write_out_frozen()?;
        self.freeze();
        self.write_out_frozen()
    }

    /// Writes the frozen memtable out, if there is one.
    pub(crate) fn write_out_frozen(&self) -> Result<(), LogStoreError> {
        let _maintenance = self.maintenance.lock();
        if self.fresh.lock().frozen.is_none() {
            return Ok(());
        }
        let result = self.with_reserve(|| self.write_out());
        match &result {
            Ok(()) => self.metrics.flushes.inc(),
            Err(_) => self.metrics.flush_failures.inc(),
        };
        self.fresh.lock().flush_failed = result.is_err();
        self.changed.notify_all();
        self.measure();
        result
    }

    fn write_out(&self) -> Result<(), LogStoreError> {
        let Some(covered) = self.fresh.lock().frozen.as_ref().map(|frozen| frozen.covered) else { return Ok(()) };
        // Afterwards it is certain of every record whether it is durable, and what is not is not written out.
        match self.wal.commit(covered) {
            Ok(()) | Err(WalError::Sealed { .. }) => self.drop_lost(),
            Err(error) => return Err(error.into()),
        }
        crash_point("logstore.flush.log_durable");
        let Some(frozen) = self.fresh.lock().frozen.clone() else { return Ok(()) };
        let from = frozen.memtable.first_position();
        let logged = from.map(|from| Logged { from, until: frozen.covered });
        let blocks = self.write_parts(&partition(&frozen.memtable, self.granule_rows), logged)?;
        crash_point("logstore.flush.blocks_written");
        let covered = Covered { position: frozen.covered, next_sequence: frozen.next_sequence };
        let delta = LogDelta { covered: Some(covered), ..LogDelta::default() };
        self.commit_blocks(blocks, delta, |fresh| fresh.frozen = None)?;
        crash_point("logstore.flush.committed");
        // What cannot be deleted now is deleted after the next flush.
        if self.wal.release(frozen.covered).is_err() {
            self.metrics.release_failures.inc();
        }
        crash_point("logstore.flush.log_released");
        Ok(())
    }

    /// Writes blocks, two at once where there is much to write.
    fn write_parts(&self, parts: &[Part<'_>], logged: Option<Logged>) -> Result<Uncommitted, LogStoreError> {
        let next = AtomicUsize::new(0);
        let write = || {
            let mut blocks = Uncommitted::new(Arc::clone(&self.storage));
            while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                blocks.append(self.write_part(part, logged)?);
            }
            Ok(blocks)
        };
        let rows: usize = parts.iter().map(|part| part.records.len()).sum();
        std::thread::scope(|scope| {
            let helper = (parts.len() > 1 && rows >= HELPED_ROWS_MIN)
                .then(|| std::thread::Builder::new().name("logstore-flush".to_owned()).spawn_scoped(scope, write));
            let own: Result<Uncommitted, LogStoreError> = write();
            // Without a helper the work is done all the same.
            let Some(Ok(helper)) = helper else { return own };
            let others = helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let mut blocks = own?;
            blocks.append(others?);
            Ok(blocks)
        })
    }

    fn write_part(&self, part: &Part<'_>, logged: Option<Logged>) -> Result<Uncommitted, LogStoreError> {
        let mut fields = Vec::new();
        let mut survey = Survey::begin();
        for (_, chunk, at) in &part.records {
            survey.look(borrowed(&chunk.record(*at as usize), &mut fields));
        }
        let survey = survey.finish();
        let mut held = Held::new(&self.working_bytes);
        held.set((size_of_val(part.records.as_slice()) + size_of_val(survey.targets())) as u64);
        let job = Job {
            work: Work::Flush,
            stream: part.stream.into(),
            time_max: part.records.last().map(|(id, ..)| id.time).unwrap_or_default(),
            shape: self.shape(),
            tokens_bytes_max: TOKENS_BYTES_MIN.max(self.options.memtable_bytes_max.0 / TOKENS_PART),
            logged,
            fields: survey.fields.clone(),
        };
        let mut writer = BlocksWriter::new(self, job);
        let mut targets = survey.targets();
        for (id, chunk, at) in &part.records {
            let record = borrowed(&chunk.record(*at as usize), &mut fields);
            let (of_record, rest) = targets.split_at(record.fields.len());
            targets = rest;
            writer.push(*id, record, of_record)?;
        }
        writer.finish()
    }
}

/// The record as blocks take it; `fields` is emptied and holds its fields.
fn borrowed<'a, 'b>(record: &EncodedRecord<'a>, fields: &'b mut Vec<(&'a str, ValueRef<'a>)>) -> RecordRef<'b>
where
    'a: 'b,
{
    fields.clear();
    fields.extend(record.fields());
    RecordRef {
        time: record.time,
        received: record.received,
        host: record.host,
        message: record.message,
        level: record.level,
        fields,
    }
}
