//! The one way into the write-ahead log: keeps the order of the log that of the head, and every record readable from
//! where a replay may begin.
//!
//! An *epoch* is a stretch of the log that defines every series it uses. One begins with each session, and whenever the
//! first sample of a new block window comes; so once the windows before a time are in blocks, the log can be released up
//! to the epoch in which the oldest window left began.

use crate::TsdbError;
use crate::codec::Damage;
use crate::head::{HeadIndex, enter_epoch};
use crate::incoming::Incoming;
use crate::metadata::MetadataTable;
use crate::record::{Record, begin_series, encode_epoch, encode_metadata, put_series};
use crate::tsdb::SeriesId;
use std::collections::{BTreeMap, VecDeque};
use watchfire_model::MetricMetadata;
use watchfire_wal::{Position, Wal};

/// Bytes after which a record of definitions is closed and another begun.
const SERIES_RECORD_BYTES: usize = 1 << 20;

/// Descriptions in one record.
const METADATA_RECORD_ENTRIES: usize = 1000;

/// State of the log's writing side; its lock is held while a batch goes to log and head.
#[derive(Debug)]
pub(crate) struct Appender {
    /// Counts epochs since the store was opened; 1 before the first, 0 is what a replay defines.
    epoch: u32,
    /// The session that the epoch is in; none when an epoch has to begin before anything is written.
    session: Option<u64>,
    epoch_start: Position,
    /// Of every block window that has samples in the head only: the start of the epoch in which the first of them came.
    windows: BTreeMap<i64, Position>,
    last: Option<Position>,
    /// Records of samples not known to be durable.
    unsynced: VecDeque<(Position, Vec<u8>)>,
    unsynced_bytes: usize,
}

/// What writing needs beside the appender itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Log<'a> {
    pub(crate) wal: &'a Wal,
    pub(crate) index: &'a HeadIndex,
    pub(crate) metadata: &'a parking_lot::Mutex<MetadataTable>,
}

/// Where a flush is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// Records before this one have their samples in blocks then, or in the windows that stay.
    pub(crate) position: Position,
    /// From where the log has to be kept.
    pub(crate) covered: Position,
    /// Series not used since this epoch began are idle.
    pub(crate) idle_before: u32,
}

impl Default for Appender {
    fn default() -> Appender {
        Appender {
            epoch: 1,
            session: None,
            epoch_start: Position::default(),
            windows: BTreeMap::new(),
            last: None,
            unsynced: VecDeque::new(),
            unsynced_bytes: 0,
        }
    }
}

impl Appender {
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Position of the last record written.
    pub(crate) fn last(&self) -> Option<Position> {
        self.last
    }

    /// Bytes of records that are kept because they are not known to be durable.
    pub(crate) fn unsynced_bytes(&self) -> usize {
        self.unsynced_bytes
    }

    /// Notes a window whose samples are to be replayed from `start`.
    pub(crate) fn note_replayed(&mut self, window: i64, start: Position) {
        let noted = self.windows.entry(window).or_insert(start);
        *noted = start.min(*noted);
    }

    /// Makes sure that the epoch is one that covers `windows` from its start.
    pub(crate) fn enter_windows(&mut self, windows: impl Iterator<Item = i64>, log: Log<'_>) -> Result<(), TsdbError> {
        for window in windows {
            if self.windows.contains_key(&window) {
                continue;
            }
            if self.windows.keys().next().is_none_or(|oldest| *oldest < window) {
                self.begin_epoch(log)?;
            }
            self.windows.insert(window, self.epoch_start);
        }
        Ok(())
    }

    /// Writes samples of known series, and before them the definitions that the epoch lacks.
    pub(crate) fn write<S: Incoming>(&mut self, samples: &[(SeriesId, S)], log: Log<'_>) -> Result<(), TsdbError> {
        let mut rest = samples;
        while !rest.is_empty() {
            let mut payload = Vec::new();
            let (these, others) = rest.split_at(S::encode(rest, &mut payload));
            let ids: Vec<SeriesId> = these.iter().map(|(id, _)| *id).collect();
            self.write_record(payload, &ids, log)?;
            rest = others;
        }
        Ok(())
    }

    /// Writes a record about these series, and before it the definitions that the epoch lacks.
    pub(crate) fn write_record(
        &mut self,
        payload: Vec<u8>,
        series: &[SeriesId],
        log: Log<'_>,
    ) -> Result<(), TsdbError> {
        while !self.try_write(&payload, series, log)? {
            self.begin_epoch(log)?;
        }
        self.unsynced_bytes += payload.len();
        self.unsynced.push_back((self.last.unwrap_or_default(), payload));
        Ok(())
    }

    /// Makes sure that what a failed session has lost is in a new one, so that a commit of the last record speaks for
    /// everything before it.
    pub(crate) fn rescue(&mut self, log: Log<'_>) -> Result<(), TsdbError> {
        let kept = self.unsynced.back().map(|(position, _)| *position);
        if kept.into_iter().chain(self.last).any(|position| log.wal.is_lost(position)) {
            self.begin_epoch(log)
        } else {
            Ok(())
        }
    }

    pub(crate) fn write_metadata(
        &mut self,
        metric: &str,
        metadata: &MetricMetadata,
        log: Log<'_>,
    ) -> Result<(), TsdbError> {
        if self.session.is_none() {
            // The epoch to come begins with all descriptions.
            return Ok(());
        }
        let position = log.wal.append(&encode_metadata([(metric, metadata)].into_iter()))?;
        if self.session == Some(position.session) {
            self.last = Some(position);
            Ok(())
        } else {
            self.begin_epoch(log)
        }
    }

    /// Forgets the records up to `durable`, which a commit has covered.
    pub(crate) fn note_durable(&mut self, durable: Position) {
        while self.unsynced.front().is_some_and(|(position, _)| *position <= durable) {
            let Some((_, payload)) = self.unsynced.pop_front() else { break };
            self.unsynced_bytes -= payload.len();
        }
    }

    /// Prepares a flush of everything outside of the windows from `until` to `ahead` (exclusive). Of the windows that leave
    /// it says from where the log has to be kept if the flush fails.
    pub(crate) fn cut(
        &mut self,
        until: i64,
        ahead: i64,
        log: Log<'_>,
    ) -> Result<(Taken, BTreeMap<i64, Position>), TsdbError> {
        let mut idle_before = self.epoch;
        let stays = |window: i64| until <= window && window < ahead;
        if !self.windows.keys().any(|window| stays(*window)) {
            self.begin_epoch(log)?;
            // Nobody can have used the new epoch yet. After an early flush most series come back at once.
            idle_before = if until == ahead { idle_before } else { self.epoch };
        }
        let (staying, leaving) = std::mem::take(&mut self.windows).into_iter().partition(|(window, _)| stays(*window));
        self.windows = staying;
        let covered = self.windows.values().copied().min().unwrap_or(self.epoch_start);
        Ok((Taken { position: log.wal.next_position(), covered, idle_before }, leaving))
    }

    /// Takes windows back whose flush has failed: by another clock the next flush may leave them in the head.
    pub(crate) fn keep(&mut self, windows: BTreeMap<i64, Position>) {
        for (window, start) in windows {
            self.note_replayed(window, start);
        }
    }

    /// Whether definitions and payload went into the epoch's session.
    fn try_write(&mut self, payload: &[u8], series: &[SeriesId], log: Log<'_>) -> Result<bool, TsdbError> {
        if self.session.is_none() {
            return Ok(false);
        }
        self.define(series, log)?;
        let position = log.wal.append(payload)?;
        self.last = Some(position);
        Ok(self.session == Some(position.session))
    }

    fn define(&mut self, ids: &[SeriesId], log: Log<'_>) -> Result<(), TsdbError> {
        let mut definitions = Vec::new();
        for id in ids {
            let Some(series) = log.index.get(*id) else { continue };
            if !enter_epoch(&series.epoch, self.epoch) {
                continue;
            }
            if definitions.is_empty() {
                begin_series(&mut definitions);
            }
            put_series(&mut definitions, *id, &series.labels, &log.index.symbols);
            if definitions.len() > SERIES_RECORD_BYTES {
                log.wal.append(&definitions).inspect_err(|_| self.session = None)?;
                definitions.clear();
            }
        }
        if !definitions.is_empty() {
            log.wal.append(&definitions).inspect_err(|_| self.session = None)?;
        }
        Ok(())
    }

    /// Begins an epoch; the first of a session repeats what the session before may have lost.
    fn begin_epoch(&mut self, log: Log<'_>) -> Result<(), TsdbError> {
        self.session = None;
        self.epoch += 1;
        let start = log.wal.append(&encode_epoch())?;
        let metadata = log.metadata.lock();
        let entries: Vec<(&str, &MetricMetadata)> = metadata
            .iter()
            .flat_map(|(metric, variants)| variants.iter().map(move |variant| (metric, variant)))
            .collect();
        for entries in entries.chunks(METADATA_RECORD_ENTRIES) {
            log.wal.append(&encode_metadata(entries.iter().copied()))?;
        }
        self.epoch_start = start;
        self.session = Some(start.session);
        self.last = Some(start);
        if self.unsynced.back().is_some_and(|(position, _)| position.session != start.session) {
            self.write_unsynced(log)?;
        }
        Ok(())
    }

    /// Writes into this epoch what an earlier session may have lost: whoever commits from now on is told the truth.
    fn write_unsynced(&mut self, log: Log<'_>) -> Result<(), TsdbError> {
        for index in 0..self.unsynced.len() {
            let payload = std::mem::take(&mut self.unsynced[index].1);
            let written = match Record::decode(&payload) {
                Ok(record) => self.define(&record.named_series(), log).and_then(|()| Ok(log.wal.append(&payload)?)),
                Err(Damage(_)) => unreachable!("these records were encoded by this process"),
            };
            self.unsynced[index].1 = payload;
            let position = written.inspect_err(|_| self.session = None)?;
            self.unsynced[index].0 = position;
            self.last = Some(position);
        }
        Ok(())
    }
}
