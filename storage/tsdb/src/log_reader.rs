//! Records of the log on their way into a head, in their order.
//!
//! Samples are collected and then pushed series by series: one after the other they would touch the memory of another
//! series each.

use crate::SERIES_MAX;
use crate::deletion::Deletion;
use crate::exemplars::ExemplarStore;
use crate::head::{Collected, Extra, Head, Scratch, Series};
use crate::incoming::Incoming;
use crate::metadata::MetadataTable;
use crate::metrics::Metrics;
use crate::record::Record;
use crate::state::Flush;
use crate::tsdb::SeriesId;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use watchfire_model::{ByteSize, Exemplar, Labels, TimeRange, Timestamp};
use watchfire_wal::Position;

/// Bytes of memory of a collected sample, and of its copy while all are put in order.
const BATCH_SAMPLE_BYTES: u64 = (size_of::<(u32, Collected)>() + size_of::<Collected>()) as u64;

/// Collected samples take this part of what the head may.
const BATCH_PART: u64 = 16;

/// Which samples of the log are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// What this flush has put into blocks is not.
    pub(crate) flush: Option<Flush>,
    /// Nor is what lies outside of this range.
    pub(crate) range: TimeRange,
    /// Length of a block window.
    pub(crate) span: i64,
}

/// Where samples go, and what is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) head: &'a Head,
    pub(crate) metadata: &'a Mutex<MetadataTable>,
    pub(crate) exemplars: &'a Mutex<ExemplarStore>,
    pub(crate) metrics: &'a Metrics,
}

/// Reads records; what it has read is in the head after [`LogReader::push_batch`].
pub(crate) struct LogReader<'a> {
    target: Target<'a>,
    pub(crate) wanted: Wanted,
    /// The session that the definitions hold for.
    session: u64,
    epoch_start: Option<Position>,
    /// Places in `series` by the ids of the epoch that is being read.
    places: HashMap<SeriesId, u32, foldhash::fast::FixedState>,
    series: Vec<Arc<Series>>,
    deletions: Vec<Deletion>,
    /// Of every series what is deleted of the records before a position; empty where there is no deletion at all.
    deleted: Vec<Vec<(Position, TimeRange)>>,
    /// Samples by the place of their series, in order of writing.
    batch: Vec<(u32, Collected)>,
    /// What some of them have beside time and value.
    extras: Vec<Extra>,
    extra_bytes: u64,
    /// Of every window from `until` of the flush on: the start of the epoch in which its first sample came.
    pub(crate) windows: BTreeMap<i64, Position>,
    scratch: Scratch,
}

impl<'a> LogReader<'a> {
    /// Samples of records before a deletion are left out where it concerns them.
    pub(crate) fn new(target: Target<'a>, wanted: Wanted, deletions: Vec<Deletion>) -> LogReader<'a> {
        LogReader {
            target,
            wanted,
            deletions,
            deleted: Vec::new(),
            session: 0,
            epoch_start: None,
            places: HashMap::default(),
            series: Vec::new(),
            batch: Vec::new(),
            extras: Vec::new(),
            extra_bytes: 0,
            windows: BTreeMap::new(),
            scratch: Scratch::default(),
        }
    }

    /// Whether enough samples are collected for a head of so many bytes.
    pub(crate) fn is_batch_full(&self, head_bytes_max: ByteSize) -> bool {
        let bytes = self.batch.len() as u64 * BATCH_SAMPLE_BYTES + self.extra_bytes;
        bytes >= head_bytes_max.0 / BATCH_PART
    }

    /// Where the epoch begins that the last record is of.
    pub(crate) fn epoch_start(&self) -> Option<Position> {
        self.epoch_start
    }

    /// The series that records to come may name.
    pub(crate) fn series_in_use(&self) -> HashSet<SeriesId> {
        self.series.iter().map(|series| series.id).collect()
    }

    pub(crate) fn read(&mut self, position: Position, payload: &[u8]) {
        if position.session != self.session || self.epoch_start.is_none() {
            self.session = position.session;
            self.begin_epoch(position);
        }
        self.target.metrics.replayed_records.inc();
        match Record::decode(payload) {
            Ok(Record::Epoch) => self.begin_epoch(position),
            Ok(Record::Series(definitions)) => {
                for (id, labels) in definitions {
                    // Not the configured limit: these series had passed it when they were written.
                    match self.target.head.register(&labels, SERIES_MAX, 0) {
                        Ok((series, _)) => {
                            self.places.insert(id, self.series.len() as u32);
                            self.series.push(series);
                            self.find_deleted(&labels);
                        }
                        Err(_) => drop(self.target.metrics.refused_series.inc()),
                    }
                }
            }
            Ok(Record::Samples(samples)) => self.collect(position, &samples),
            Ok(Record::Points(points)) => self.collect(position, &points),
            Ok(Record::Exemplars(exemplars)) => self.collect_exemplars(position, exemplars),
            Ok(Record::Metadata(entries)) => {
                let mut metadata = self.target.metadata.lock();
                for (metric, described) in entries {
                    metadata.set(&metric, described);
                }
            }
            Err(_) => drop(self.target.metrics.replay_damaged_records.inc()),
        }
    }

    fn begin_epoch(&mut self, position: Position) {
        self.push_batch();
        self.epoch_start = Some(position);
        self.places.clear();
        self.series.clear();
        self.deleted.clear();
    }

    fn collect<S: Incoming>(&mut self, position: Position, samples: &[(SeriesId, S)]) {
        let Wanted { flush, range, span } = self.wanted;
        let until = flush.map_or(i64::MIN, |flush| flush.until);
        let mut last_window = None;
        for (id, sample) in samples {
            let time = sample.time();
            if flush.is_some_and(|flush| flush.holds(position, time)) || !range.contains(Timestamp(time)) {
                continue;
            }
            let Some(&place) = self.places.get(id) else {
                self.target.metrics.replay_orphan_samples.inc();
                continue;
            };
            if self.is_deleted(place, position, time) {
                continue;
            }
            let (value, extra) = sample.parts();
            if let Some(extra) = extra {
                self.extra_bytes += (size_of::<Extra>() + extra.bytes()) as u64;
                self.extras.push(extra);
                self.batch.push((place, Collected { time, value, extra: self.extras.len() as u32 }));
            } else {
                self.batch.push((place, Collected { time, value, extra: 0 }));
            }
            let window = time - time.rem_euclid(span);
            if time >= until && last_window.replace(window) != Some(window) {
                self.windows.entry(window).or_insert(self.epoch_start.unwrap_or(position));
            }
        }
    }

    fn collect_exemplars(&self, position: Position, given: Vec<(SeriesId, Exemplar)>) {
        let index = self.target.head.index.read();
        let mut exemplars = self.target.exemplars.lock();
        for (id, exemplar) in given {
            if let Some(place) = self.places.get(&id)
                && !self.is_deleted(*place, position, exemplar.time.0)
            {
                exemplars.add(&index.labels(&self.series[*place as usize]), exemplar);
            }
        }
    }

    fn find_deleted(&mut self, labels: &Labels) {
        if !self.deletions.is_empty() {
            let concerned = self.deletions.iter().filter(|deletion| deletion.concerns(labels));
            self.deleted.push(concerned.map(|deletion| (deletion.position, deletion.range)).collect());
        }
    }

    fn is_deleted(&self, place: u32, position: Position, time: i64) -> bool {
        let deleted = self.deleted.get(place as usize).map(Vec::as_slice).unwrap_or_default();
        deleted.iter().any(|(until, range)| position < *until && range.contains(Timestamp(time)))
    }

    /// Pushes what was collected.
    pub(crate) fn push_batch(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        // Sorted by counting: of every series the place behind its last sample, then of its first.
        let mut ends = vec![0; self.series.len()];
        for (place, _) in &self.batch {
            ends[*place as usize] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        let mut sorted = vec![Collected { time: 0, value: 0.0, extra: 0 }; self.batch.len()];
        for &(place, sample) in self.batch.iter().rev() {
            let end = &mut ends[place as usize];
            *end -= 1;
            sorted[*end] = sample;
        }
        let (mut times, mut held, mut strays) = ((i64::MAX, i64::MIN), 0, 0);
        let until = self.wanted.flush.map_or(i64::MIN, |flush| flush.until);
        for (place, series) in self.series.iter().enumerate() {
            let end = ends.get(place + 1).copied().unwrap_or(sorted.len());
            let run = &sorted[ends[place]..end];
            if run.is_empty() {
                continue;
            }
            held += run.len() - series.samples().push_run(run, &self.extras, &mut self.scratch);
            for &Collected { time, .. } in run {
                strays += usize::from(time < until);
                times = (times.0.min(time), times.1.max(time));
            }
        }
        self.batch.clear();
        self.extras.clear();
        self.extra_bytes = 0;
        let head = self.target.head;
        head.note(times, held, strays);
        head.sample_bytes.fetch_add(std::mem::take(&mut self.scratch.grown), Ordering::Relaxed);
    }
}
