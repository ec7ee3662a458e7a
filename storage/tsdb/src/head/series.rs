//! One series of the head: a small ring of raw samples, units that it is sealed into, and what came late.

use crate::codec::{UNIT_SAMPLES_MAX, Unit};
use crate::index::Pair;
use crate::merge::{Merge, ReadError};
use crate::tsdb::SeriesId;
use parking_lot::{Mutex, MutexGuard};
use std::sync::atomic::AtomicU32;
use watchfire_model::{QueryBudget, Samples, TimeRange};

/// Raw samples that a series holds before they are encoded.
const RING_SAMPLES_MAX: usize = 16;

/// Late samples that are held raw before they are encoded.
const LATE_SAMPLES_MAX: usize = UNIT_SAMPLES_MAX;

/// A series of the head, shared with the queries that selected it.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) id: SeriesId,
    pub(crate) hash: u64,
    pub(crate) labels: Box<[Pair]>,
    /// The epoch of the log in which the series was last defined, 0 before the first.
    pub(crate) epoch: AtomicU32,
    /// The epoch in which the series was registered.
    pub(crate) registered: u32,
    samples: Mutex<SeriesSamples>,
}

/// Samples of one series, oldest writes first: `frozen`, then `units` and `ring`, then `late`. Where two parts hold
/// samples of one time, the later part's counts.
#[derive(Debug, Default)]
pub(crate) struct SeriesSamples {
    /// On its way into a block; read from here until the block can be read.
    frozen: Box<[Unit]>,
    /// Samples in order of time, all full but for the last.
    units: Vec<Unit>,
    /// Newer than all `units`.
    ring: Vec<(i64, f64)>,
    /// The newest time that ever went to the ring.
    newest: Option<i64>,
    late: Option<Box<Late>>,
}

/// Samples that were not newer than their series' newest.
#[derive(Debug, Default)]
struct Late {
    /// In order of writing; times may overlap.
    units: Vec<Unit>,
    /// In order of writing.
    raw: Vec<(i64, f64)>,
}

/// Where a sample went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    Next,
    /// In place of the newest.
    Replaced,
    /// Beside the newest, which has been encoded; that it replaces it shows when they are merged.
    Duplicate,
    Late,
}

/// What freezing a series found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Frozen {
    /// Samples that go to a block.
    pub(crate) frozen: usize,
    /// Samples that turned out to be replaced by others.
    pub(crate) replaced: usize,
}

impl Series {
    pub(crate) fn new(id: SeriesId, hash: u64, labels: Box<[Pair]>, registered: u32) -> Series {
        Series { id, hash, labels, epoch: AtomicU32::new(0), registered, samples: Mutex::default() }
    }

    pub(crate) fn samples(&self) -> MutexGuard<'_, SeriesSamples> {
        self.samples.lock()
    }
}

impl SeriesSamples {
    /// Adds a sample; `scratch` is empty and used for nothing else.
    pub(crate) fn push(&mut self, time: i64, value: f64, scratch: &mut Samples) -> Pushed {
        if self.newest.is_none_or(|newest| newest < time) {
            self.newest = Some(time);
            if self.ring.is_empty() {
                self.ring.reserve_exact(if self.units.is_empty() { 4 } else { RING_SAMPLES_MAX });
            }
            self.ring.push((time, value));
            if self.ring.len() >= RING_SAMPLES_MAX {
                self.seal(scratch);
            }
            return Pushed::Next;
        }
        match self.ring.last_mut() {
            Some(last) if last.0 == time => {
                last.1 = value;
                Pushed::Replaced
            }
            _ => {
                let duplicate = self.newest == Some(time);
                self.late.get_or_insert_default().push(time, value);
                if duplicate { Pushed::Duplicate } else { Pushed::Late }
            }
        }
    }

    /// Encodes the ring: adds it to the last unit while that has room.
    fn seal(&mut self, scratch: &mut Samples) {
        if let Some(open) = self.units.pop_if(|last| last.len() + RING_SAMPLES_MAX <= UNIT_SAMPLES_MAX) {
            open.decode(scratch);
        }
        for (time, value) in self.ring.drain(..) {
            scratch.push(time, value);
        }
        self.units.reserve_exact(1);
        self.units.push(Unit::encode(&scratch.times, &scratch.values));
        scratch.clear();
    }

    /// Adds everything within the range of `merge`, in order of writing.
    pub(crate) fn read(&self, merge: &mut Merge<'_>) -> Result<(), ReadError> {
        for unit in self.frozen().iter().chain(&self.units) {
            merge.add_unit(unit.bytes())?;
        }
        merge.add_run(self.ring.iter().copied())?;
        let Some(late) = &self.late else { return Ok(()) };
        for unit in &late.units {
            merge.add_unit(unit.bytes())?;
        }
        merge.add_run(late.sorted().into_iter())
    }

    /// Whether there may be samples within `range`.
    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        let within = |first: i64, last: i64| first <= range.end.0 && range.start.0 <= last;
        let late = self.late.iter().flat_map(|late| &late.units);
        let frozen = self.frozen().iter();
        frozen.chain(&self.units).chain(late).any(|unit| within(unit.first, unit.last))
            || matches!(&self.ring[..], [first, ..] if within(first.0, self.newest.unwrap_or(first.0)))
            || self.late.iter().any(|late| late.raw.iter().any(|(time, _)| within(*time, *time)))
    }

    /// Samples held, also those that another replaces.
    fn len(&self) -> usize {
        let late = self.late.iter().flat_map(|late| &late.units);
        let units = self.frozen().iter().chain(&self.units).chain(late).map(Unit::len).sum::<usize>();
        units + self.ring.len() + self.late.as_ref().map_or(0, |late| late.raw.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frozen.is_empty() && self.units.is_empty() && self.ring.is_empty() && self.late.is_none()
    }

    /// Moves all samples before `until` and from `ahead` on to `frozen`, in units that do not cross multiples of `span`.
    pub(crate) fn freeze(&mut self, until: i64, ahead: i64, span: i64) -> Frozen {
        if self.is_empty() {
            return Frozen::default();
        }
        let before = self.len();
        let mut all = Samples::default();
        let budget = QueryBudget::unlimited();
        let mut merge = Merge::new(TimeRange::ALL, &budget, &mut all);
        self.read(&mut merge).expect("units in memory are whole and the budget has no limit");
        let replaced = before - all.len();
        let live = all.times.partition_point(|time| *time < until)..all.times.partition_point(|time| *time < ahead);
        self.units.clear();
        self.units.extend(encode_all(&all.times[live.clone()], &all.values[live.clone()]));
        self.units.shrink_to_fit();
        self.ring = Vec::new();
        self.late = None;
        all.times.drain(live.clone());
        all.values.drain(live.clone());
        let frozen = encode_windows(&all, span);
        self.frozen = frozen.into();
        Frozen { frozen: all.len(), replaced }
    }

    pub(crate) fn frozen(&self) -> &[Unit] {
        &self.frozen
    }

    /// Lets go of what is in a block now; returns how many samples that were.
    pub(crate) fn thaw(&mut self) -> usize {
        std::mem::take(&mut self.frozen).iter().map(Unit::len).sum()
    }

    /// Memory beyond the series itself, for measurements.
    pub(crate) fn size(&self) -> usize {
        let units = self.units.iter().map(|unit| unit.bytes().len()).sum::<usize>();
        units + self.units.capacity() * size_of::<Unit>() + self.ring.capacity() * 16
    }
}

impl Late {
    fn push(&mut self, time: i64, value: f64) {
        self.raw.push((time, value));
        if self.raw.len() >= LATE_SAMPLES_MAX {
            let sorted = self.sorted();
            let (times, values): (Vec<i64>, Vec<f64>) = sorted.into_iter().unzip();
            self.units.push(Unit::encode(&times, &values));
            self.raw.clear();
        }
    }

    /// The raw samples in order of time; of one time the last written.
    fn sorted(&self) -> Vec<(i64, f64)> {
        let mut sorted = self.raw.clone();
        sorted.reverse();
        sorted.sort_by_key(|(time, _)| *time);
        sorted.dedup_by_key(|(time, _)| *time);
        sorted
    }
}

/// Any number of samples as units that are full but for the last.
fn encode_all(times: &[i64], values: &[f64]) -> impl Iterator<Item = Unit> {
    let chunks = times.chunks(UNIT_SAMPLES_MAX).zip(values.chunks(UNIT_SAMPLES_MAX));
    chunks.map(|(times, values)| Unit::encode(times, values))
}

/// Units that end where a multiple of `span` lies between two samples.
fn encode_windows(samples: &Samples, span: i64) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut start = 0;
    while let Some(first) = samples.times.get(start) {
        let window = first.div_euclid(span);
        let end = start + samples.times[start..].partition_point(|time| time.div_euclid(span) == window);
        units.extend(encode_all(&samples.times[start..end], &samples.values[start..end]));
        start = end;
    }
    units
}
