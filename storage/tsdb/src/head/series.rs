//! One series of the head: a small ring of raw samples, units that it is sealed into, and what came late.

use super::raw::{Extra, Raw};
use crate::codec::{Columns, UNIT_SAMPLES_MAX, Unit, encode_units};
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

/// Samples of one series, oldest writes first: `frozen`, then `units` and `ring`, then `late`, then `fresh`. Where two
/// parts hold samples of one time, the later part's counts.
#[derive(Debug, Default)]
pub(crate) struct SeriesSamples {
    /// On its way into a block; read from here until the block can be read.
    frozen: Box<[Unit]>,
    /// Samples in order of time, all full but for the last.
    units: Vec<Unit>,
    /// Newer than all `units`.
    ring: Raw,
    /// The newest time that ever went to the ring.
    newest: Option<i64>,
    late: Option<Box<Late>>,
    /// What comes while the log is still being read: it waits here for everything that was written before.
    fresh: Option<Box<Late>>,
}

/// What pushing many samples shares.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Empty between two samples.
    samples: Samples,
    /// Bytes that the series take more than before.
    pub(crate) grown: i64,
}

/// A sample out of the log, on its way into a series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Collected {
    pub(crate) time: i64,
    pub(crate) value: f64,
    /// Place of what it has beside them in a list, from 1 on; 0 where that is nothing.
    pub(crate) extra: u32,
}

impl Collected {
    fn extra(&self, extras: &[Extra]) -> Option<Extra> {
        extras.get((self.extra as usize).checked_sub(1)?).cloned()
    }
}

/// Samples that were not newer than their series' newest.
#[derive(Debug, Default)]
struct Late {
    /// In order of writing; times may overlap.
    units: Vec<Unit>,
    /// In order of writing.
    raw: Raw,
    /// Raw samples that another replaced when they were encoded.
    merged: usize,
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
    pub(crate) samples: usize,
    /// Samples that turned out to be replaced by others.
    pub(crate) replaced: usize,
    /// Bytes that the series takes more than before.
    pub(crate) grown: i64,
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
    /// Adds a sample.
    pub(crate) fn push(&mut self, time: i64, value: f64, extra: Option<Extra>, scratch: &mut Scratch) -> Pushed {
        if self.newest.is_none_or(|newest| newest < time) {
            self.newest = Some(time);
            let bytes = self.ring.bytes();
            if self.ring.is_empty() {
                self.ring.reserve_exact(if self.units.is_empty() { 4 } else { RING_SAMPLES_MAX });
            }
            self.ring.push(time, value, extra);
            scratch.grown += self.ring.bytes() - bytes;
            if self.ring.len() >= RING_SAMPLES_MAX {
                self.seal(scratch);
            }
            return Pushed::Next;
        }
        if self.ring.times().next_back() == Some(time) {
            let bytes = self.ring.bytes();
            self.ring.replace_last(value, extra);
            scratch.grown += self.ring.bytes() - bytes;
            return Pushed::Replaced;
        }
        let duplicate = self.newest == Some(time);
        scratch.grown += Late::push(&mut self.late, time, value, extra);
        if duplicate { Pushed::Duplicate } else { Pushed::Late }
    }

    /// Adds samples in order of writing, and encodes most of them once; returns how many replaced another. The units
    /// may be only half full: the next flush writes them anew. `extras` are what the run names places in.
    pub(crate) fn push_run(&mut self, run: &[Collected], extras: &[Extra], scratch: &mut Scratch) -> usize {
        let mut newest = self.newest.unwrap_or(i64::MIN);
        let is_next = |sample: &&Collected| std::mem::replace(&mut newest, sample.time) < sample.time;
        let next = if self.newest.is_none() { 0 } else { run.iter().take_while(is_next).count() };
        let (next, others) = run.split_at(next);
        if self.ring.len() + next.len() < RING_SAMPLES_MAX {
            return self.push_each(run, extras, scratch);
        }
        let mut samples = std::mem::take(&mut scratch.samples);
        if let Some(open) = self.units.pop_if(|last| last.len() < UNIT_SAMPLES_MAX / 2) {
            scratch.grown -= open.size();
            open.decode(&mut samples);
        }
        self.ring.append_to(&mut samples);
        scratch.grown -= self.ring.bytes();
        self.ring = Raw::default();
        for sample in next {
            Extra::append(sample.time, sample.value, sample.extra(extras).as_ref(), &mut samples);
        }
        self.newest = samples.times.last().copied();
        let whole = samples.len() - samples.len() % UNIT_SAMPLES_MAX;
        let encoded = if samples.len() - whole < RING_SAMPLES_MAX { whole } else { samples.len() };
        for unit in encode_units(Columns::of(&samples).part(0..encoded)) {
            scratch.grown += unit.size();
            self.units.reserve_exact(1);
            self.units.push(unit);
        }
        for place in encoded..samples.len() {
            self.ring.push(samples.times[place], samples.values[place], Extra::of(&samples, place));
        }
        scratch.grown += self.ring.bytes();
        samples.clear();
        scratch.samples = samples;
        self.push_each(others, extras, scratch)
    }

    /// Adds samples one by one; returns how many replaced another.
    fn push_each(&mut self, run: &[Collected], extras: &[Extra], scratch: &mut Scratch) -> usize {
        let mut replaced = 0;
        for sample in run {
            let pushed = self.push(sample.time, sample.value, sample.extra(extras), scratch);
            replaced += usize::from(pushed == Pushed::Replaced);
        }
        replaced
    }

    /// Adds a sample that has to wait for those written before it.
    pub(crate) fn push_fresh(&mut self, time: i64, value: f64, extra: Option<Extra>, scratch: &mut Scratch) {
        scratch.grown += Late::push(&mut self.fresh, time, value, extra);
    }

    /// Nothing written before is missing any more: what waited comes to the others, in order of writing. Returns how many
    /// samples turned out to replace another.
    pub(crate) fn settle_fresh(&mut self, scratch: &mut Scratch) -> usize {
        let Some(fresh) = self.fresh.take() else { return 0 };
        scratch.grown -= fresh.bytes();
        let mut samples = Samples::default();
        let mut replaced = 0;
        // A unit holds raw samples sorted, each time once; only the last written of those ever counted.
        for unit in &fresh.units {
            unit.decode(&mut samples);
        }
        fresh.raw.append_to(&mut samples);
        for place in 0..samples.len() {
            let extra = Extra::of(&samples, place);
            let pushed = self.push(samples.times[place], samples.values[place], extra, scratch);
            replaced += usize::from(pushed == Pushed::Replaced);
        }
        replaced + fresh.merged
    }

    /// Encodes the ring: adds it to the last unit while that has room.
    fn seal(&mut self, scratch: &mut Scratch) {
        let samples = &mut scratch.samples;
        if let Some(open) = self.units.pop_if(|last| last.len() + RING_SAMPLES_MAX <= UNIT_SAMPLES_MAX) {
            scratch.grown -= open.size();
            open.decode(samples);
        }
        self.ring.append_to(samples);
        let bytes = self.ring.bytes();
        self.ring.clear();
        let sealed = Unit::encode(&Columns::of(samples));
        scratch.grown += sealed.size() + self.ring.bytes() - bytes;
        self.units.reserve_exact(1);
        self.units.push(sealed);
        samples.clear();
    }

    /// Adds everything within the range of `merge`, in order of writing.
    pub(crate) fn read(&self, merge: &mut Merge<'_>) -> Result<(), ReadError> {
        for unit in self.frozen().iter().chain(&self.units) {
            merge.add_unit(unit.bytes())?;
        }
        merge.add_run(|run| self.ring.append_to(run))?;
        for late in self.late.iter().chain(&self.fresh) {
            late.read(merge)?;
        }
        Ok(())
    }

    /// Whether there may be samples within `range`.
    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        let within = |first: i64, last: i64| first <= range.end.0 && range.start.0 <= last;
        let late = || self.late.iter().chain(&self.fresh);
        let frozen = self.frozen().iter();
        frozen.chain(&self.units).chain(late().flat_map(|late| &late.units)).any(|unit| within(unit.first, unit.last))
            || self.ring.times().next().is_some_and(|first| within(first, self.newest.unwrap_or(first)))
            || late().any(|late| late.raw.times().any(|time| within(time, time)))
    }

    /// Samples held, also those that another replaces, but for those that wait.
    fn len(&self) -> usize {
        let units = self.frozen().iter().chain(&self.units).map(Unit::len).sum::<usize>();
        units + self.ring.len() + self.late.as_ref().map_or(0, |late| late.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.is_settled_empty() && self.fresh.is_none()
    }

    /// Whether nothing is held but what waits.
    fn is_settled_empty(&self) -> bool {
        self.frozen.is_empty() && self.units.is_empty() && self.ring.is_empty() && self.late.is_none()
    }

    /// Moves all samples before `until` and from `ahead` on to `frozen`, in units that do not cross multiples of `span`.
    /// What waits goes on waiting.
    pub(crate) fn freeze(&mut self, until: i64, ahead: i64, span: i64) -> Frozen {
        if self.is_settled_empty() {
            return Frozen::default();
        }
        let (before, bytes_before) = (self.len(), self.size());
        let fresh = self.fresh.take();
        let mut all = Samples::default();
        let budget = QueryBudget::unlimited();
        let mut merge = Merge::new(TimeRange::ALL, &budget, &mut all);
        self.read(&mut merge).expect("units in memory are whole and the budget has no limit");
        let replaced = before - all.len();
        let live = all.times.partition_point(|time| *time < until)..all.times.partition_point(|time| *time < ahead);
        let columns = Columns::of(&all);
        self.units = encode_units(columns.part(live.clone())).collect();
        self.units.shrink_to_fit();
        self.ring = Raw::default();
        self.late = None;
        let mut frozen = encode_windows(columns.part(0..live.start), span);
        frozen.extend(encode_windows(columns.part(live.end..all.len()), span));
        self.frozen = frozen.into();
        self.fresh = fresh;
        Frozen { samples: all.len() - live.len(), replaced, grown: self.size() - bytes_before }
    }

    /// Removes what is held within a range; returns how many samples that were, those that others replace among them, and
    /// how many bytes more are taken. Nothing may wait, or be on its way into a block.
    pub(crate) fn delete(&mut self, range: TimeRange) -> (usize, i64) {
        if !self.overlaps(range) {
            return (0, 0);
        }
        let (before, bytes_before) = (self.len(), self.size());
        let mut left = Samples::default();
        let budget = QueryBudget::unlimited();
        let mut merge = Merge::new(TimeRange::ALL, &budget, &mut left);
        merge.set_deleted(vec![range]);
        self.read(&mut merge).expect("units in memory are whole and the budget has no limit");
        self.frozen = Box::default();
        self.units = encode_units(Columns::of(&left)).collect();
        self.ring = Raw::default();
        self.late = None;
        (before - left.len(), self.size() - bytes_before)
    }

    pub(crate) fn frozen(&self) -> &[Unit] {
        &self.frozen
    }

    /// Lets go of what is in a block now; returns how many samples that were, and bytes.
    pub(crate) fn thaw(&mut self) -> (usize, i64) {
        let thawed = std::mem::take(&mut self.frozen);
        (thawed.iter().map(Unit::len).sum(), thawed.iter().map(Unit::size).sum())
    }

    /// Bytes of memory beyond the series itself.
    pub(crate) fn size(&self) -> i64 {
        let units: i64 = self.frozen.iter().chain(&self.units).map(Unit::size).sum();
        let late: i64 = self.late.iter().chain(&self.fresh).map(|late| late.bytes()).sum();
        units + self.ring.bytes() + late
    }
}

impl Late {
    /// Adds a sample, returns how many bytes of memory that took.
    fn push(late: &mut Option<Box<Late>>, time: i64, value: f64, extra: Option<Extra>) -> i64 {
        let mut grown = if late.is_none() { size_of::<Late>() as i64 } else { 0 };
        let late = late.get_or_insert_default();
        grown -= late.raw.bytes();
        late.raw.push(time, value, extra);
        if late.raw.len() >= LATE_SAMPLES_MAX {
            let sorted = late.raw.sorted();
            late.merged += late.raw.len() - sorted.len();
            let unit = Unit::encode(&Columns::of(&sorted));
            grown += unit.size();
            late.units.push(unit);
            late.raw.clear();
        }
        grown + late.raw.bytes()
    }

    fn read(&self, merge: &mut Merge<'_>) -> Result<(), ReadError> {
        for unit in &self.units {
            merge.add_unit(unit.bytes())?;
        }
        merge.add_run(|run| *run = self.raw.sorted())
    }

    /// Samples pushed.
    fn len(&self) -> usize {
        self.units.iter().map(Unit::len).sum::<usize>() + self.raw.len() + self.merged
    }

    fn bytes(&self) -> i64 {
        let units: i64 = self.units.iter().map(Unit::size).sum();
        size_of::<Late>() as i64 + units + self.raw.bytes()
    }
}

/// Units that end where a multiple of `span` lies between two samples.
fn encode_windows(samples: Columns<'_>, span: i64) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut start = 0;
    while let Some(first) = samples.times.get(start) {
        let window = first.div_euclid(span);
        let end = start + samples.times[start..].partition_point(|time| time.div_euclid(span) == window);
        units.extend(encode_units(samples.part(start..end)));
        start = end;
    }
    units
}
