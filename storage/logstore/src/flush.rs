//! From memory to blocks: what a flush writes, and the thread that does it when the memtable is full.

use crate::block::{Block, EncodedBlock, encode_block};
use crate::memtable::Memtable;
use crate::state::{BLOCK_PREFIX, BlockMeta, Covered, LogDelta};
use crate::store::Inner;
use crate::{LogStoreError, RecordId};
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use ulid::Ulid;
use watchfire_model::{LogRecord, TimeNs};
use watchfire_store::StorageError;
use watchfire_wal::Position;

/// Blocks that one flush makes at most, but for the number of streams. Records are split by day, so that retention
/// deletes whole blocks; where senders' clocks spread them over more days than this, the smallest days share a block.
const DAYS_MAX: usize = 32;
const DAY_NS: i64 = 24 * 3600 * 1_000_000_000;
const STREAM_KEY_LEN_MAX: usize = 64;
/// How often a taken key is replaced by the next one.
const KEY_ATTEMPTS_MAX: u64 = 16;

/// A memtable that takes no more records.
#[derive(Debug)]
pub(crate) struct Frozen {
    pub(crate) memtable: Memtable,
    /// The write-ahead log is in blocks up to here once the memtable is.
    pub(crate) covered: Position,
    pub(crate) next_sequence: u64,
}

/// Owns the thread that writes full memtables out.
#[derive(Debug)]
pub(crate) struct Flusher {
    inner: Arc<Inner>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    pub(crate) fn start(inner: &Arc<Inner>) -> Result<Flusher, LogStoreError> {
        let stop = Arc::new(AtomicBool::new(false));
        let work = {
            let (inner, stop) = (Arc::clone(inner), Arc::clone(&stop));
            move || inner.flush_when_full(&stop)
        };
        let spawned = std::thread::Builder::new().name("logstore-flush".to_owned()).spawn(work);
        let thread = spawned.map_err(LogStoreError::Thread)?;
        Ok(Flusher { inner: Arc::clone(inner), stop, thread: Some(thread) })
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Under the lock, so that the thread cannot miss it between its look at the flag and its wait.
        drop(self.inner.fresh.lock());
        self.inner.flush_changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It panics only where a flush does, and has told so.
            let _ = thread.join();
        }
    }
}

type Entry<'a> = (RecordId, &'a LogRecord);

impl Inner {
    fn flush_when_full(&self, stop: &AtomicBool) {
        loop {
            let mut fresh = self.fresh.lock();
            while !stop.load(Ordering::SeqCst) && (fresh.frozen.is_none() || fresh.flush_failed) {
                self.flush_changed.wait(&mut fresh);
            }
            if stop.load(Ordering::SeqCst) {
                return;
            }
            drop(fresh);
            // A failure is counted and noted in `fresh`; `maintain` tries again.
            let _ = self.write_out_frozen();
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
    fn write_out_frozen(&self) -> Result<(), LogStoreError> {
        let _maintenance = self.maintenance.lock();
        let Some(frozen) = self.fresh.lock().frozen.clone() else { return Ok(()) };
        let result = self.write_out(&frozen);
        match &result {
            Ok(()) => self.metrics.flushes.inc(),
            Err(_) => self.metrics.flush_failures.inc(),
        };
        self.fresh.lock().flush_failed = result.is_err();
        self.flush_changed.notify_all();
        self.measure();
        result
    }

    fn write_out(&self, frozen: &Frozen) -> Result<(), LogStoreError> {
        let mut added = Vec::new();
        for (stream, mut records) in partition(&frozen.memtable) {
            records.sort_unstable_by_key(|(id, _)| *id);
            added.push(self.write_block(stream, &records, added.len() as u64)?);
        }
        let blocks: Vec<Arc<Block>> = added
            .iter()
            .map(|meta| Arc::new(Block::new(meta.clone(), Arc::clone(&self.storage), Arc::clone(&self.cache))))
            .collect();
        let covered = Covered { position: frozen.covered, next_sequence: frozen.next_sequence };
        self.manifest.commit(LogDelta { add: added, remove: Vec::new(), covered: Some(covered) })?;
        {
            // Readers see either the memtable or its blocks.
            let mut fresh = self.fresh.lock();
            let mut all = fresh.blocks.to_vec();
            all.extend(blocks);
            fresh.blocks = Arc::new(all);
            fresh.frozen = None;
        }
        self.wal.release(frozen.covered)?;
        Ok(())
    }

    /// Creates the objects of a block of sorted records.
    fn write_block(&self, stream: &SmolStr, records: &[Entry<'_>], number: u64) -> Result<BlockMeta, LogStoreError> {
        let EncodedBlock { parquet, idx } = encode_block(records, self.granule_rows)?;
        let first = records.first().map_or(TimeNs::default(), |(id, _)| id.time);
        let last = records.last().map_or(TimeNs::default(), |(id, _)| id.time);
        let mut meta = BlockMeta {
            key: String::new(),
            stream: stream.clone(),
            rows: records.len() as u64,
            time_min: first,
            time_max: last,
            received_max: records.iter().map(|(_, record)| record.received).max().unwrap_or_default(),
            parquet_bytes: parquet.len() as u64,
            idx_bytes: idx.len() as u64,
        };
        let sequence = records.first().map_or(0, |(id, _)| id.sequence);
        let mut attempt = 0;
        loop {
            meta.key = self.block_key(stream, last, sequence, number * KEY_ATTEMPTS_MAX + attempt);
            attempt += 1;
            match self.storage.create(&meta.parquet_key(), &parquet) {
                // Left over from a flush that failed in the same millisecond.
                Err(StorageError::Exists { .. }) if attempt < KEY_ATTEMPTS_MAX => {}
                created => {
                    created?;
                    break;
                }
            }
        }
        self.storage.create(&meta.idx_key(), &idx)?;
        self.metrics.written_bytes.inc_by(meta.bytes());
        Ok(meta)
    }

    /// `logs/<stream>/<yyyy-mm-dd>/<ulid>`. The ULID holds the time of writing and, instead of chance, what tells the
    /// blocks of one store apart: the first record's number and the block's place in its flush.
    fn block_key(&self, stream: &str, time: TimeNs, sequence: u64, number: u64) -> String {
        let now_ms = u64::try_from(self.clock.now().to_ms().0).unwrap_or(0);
        let ulid = Ulid::from_parts(now_ms, u128::from(sequence) << 16 | u128::from(number & 0xffff));
        format!("{BLOCK_PREFIX}{}/{}/{ulid}", key_part(stream), civil_date(time))
    }
}

/// Splits the records by stream and day.
fn partition(memtable: &Memtable) -> Vec<(&SmolStr, Vec<Entry<'_>>)> {
    let mut parts: HashMap<(&SmolStr, i64), Vec<Entry<'_>>> = HashMap::new();
    let mut last: Option<((&SmolStr, i64), Vec<Entry<'_>>)> = None;
    for chunk in memtable.chunks() {
        for (sequence, record) in (chunk.first_sequence..).zip(&chunk.records) {
            let key = (&record.stream, record.time.0.div_euclid(DAY_NS));
            let entry = (RecordId { time: record.time, sequence }, record);
            match &mut last {
                // Mostly the same as before: no need to hash.
                Some((same, entries)) if *same == key => entries.push(entry),
                _ => {
                    let mut entries = parts.remove(&key).unwrap_or_default();
                    entries.push(entry);
                    if let Some((key, entries)) = last.replace((key, entries)) {
                        parts.insert(key, entries);
                    }
                }
            }
        }
    }
    parts.extend(last);
    let mut by_size: Vec<((&SmolStr, i64), Vec<Entry<'_>>)> = parts.into_iter().collect();
    by_size.sort_by(|(key_a, a), (key_b, b)| b.len().cmp(&a.len()).then_with(|| key_a.cmp(key_b)));
    let small = by_size.split_off(by_size.len().min(DAYS_MAX));
    let mut parts: Vec<(&SmolStr, Vec<Entry<'_>>)> =
        by_size.into_iter().map(|((stream, _), entries)| (stream, entries)).collect();
    let mut shared: BTreeMap<&SmolStr, Vec<Entry<'_>>> = BTreeMap::new();
    for ((stream, _), entries) in small {
        shared.entry(stream).or_default().extend(entries);
    }
    parts.extend(shared);
    parts
}

/// A stream's name as a part of a key: other characters than those that keys may have become hyphens, which is no harm
/// as the key is never read back.
fn key_part(stream: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let part: String = stream.chars().take(STREAM_KEY_LEN_MAX).map(plain).collect();
    if part.is_empty() { "-".to_owned() } else { part }
}

/// The UTC day of a time as `yyyy-mm-dd`, in the proleptic Gregorian calendar. Howard Hinnant's `civil_from_days`.
fn civil_date(time: TimeNs) -> String {
    const DAYS_PER_ERA: i64 = 146_097;
    let days = time.0.div_euclid(DAY_NS) + 719_468;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::record;

    #[track_caller]
    fn check_date(seconds: i64, want: &str) {
        assert_eq!(civil_date(TimeNs(seconds * 1_000_000_000)), want);
    }

    #[test]
    fn days_are_written_as_dates() {
        check_date(0, "1970-01-01");
        check_date(-1, "1969-12-31");
        check_date(951_782_400, "2000-02-29");
        check_date(1_795_046_400, "2026-11-19");
        check_date(9_223_372_036, "2262-04-11");
    }

    #[test]
    fn keys_hold_plain_characters_only() {
        assert_eq!(key_part("audit log/ä"), "audit-log--");
        assert_eq!(key_part(".."), "--");
        assert_eq!(key_part(""), "-");
    }

    #[test]
    fn wild_clocks_do_not_make_a_block_per_day() {
        let mut memtable = Memtable::default();
        let records: Vec<LogRecord> = (0..1000).map(|day| record(day * DAY_NS, "m")).collect();
        memtable.insert(0, records, 1, TimeNs(0));
        let parts = partition(&memtable);
        assert_eq!(parts.len(), DAYS_MAX + 1);
        assert_eq!(parts.iter().map(|(_, entries)| entries.len()).sum::<usize>(), 1000);
    }
}
