//! Recent samples in memory, and the index over their series.
//!
//! Invariants
//! - A slot's series never changes its labels; a slot that is reused gives its series another id.
//! - A sample is in the head from `append` until the block that holds it can be read.

mod raw;
mod series;

pub(crate) use raw::Extra;
pub(crate) use series::{Collected, Pushed, Scratch, Series};

use crate::SERIES_MAX;
use crate::TsdbError;
use crate::index::{Interner, Pair, Postings, hash_labels, same_labels, to_labels};
use crate::tsdb::SeriesId;
use hashbrown::HashTable;
use parking_lot::RwLock;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use watchfire_model::Labels;

/// Bits of a [`SeriesId`] that name the slot; the others count the slot's series, so that an id that was dropped is
/// recognised. Slots are reused in the order in which they became free, so an id comes back after 256 flushes at the
/// earliest.
const SLOT_BITS: u32 = SERIES_MAX.trailing_zeros();
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;

/// The head: its index, and what is known of its samples as a whole.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) index: RwLock<HeadIndex>,
    /// Time of the oldest sample that is in no block; strays of earlier flushes aside.
    pub(crate) min_time: AtomicI64,
    /// Time of the newest sample ever.
    pub(crate) max_time: AtomicI64,
    /// Samples pushed and not yet in a block; one that replaced another still counts.
    pub(crate) samples: AtomicU64,
    /// Samples of windows that are in blocks already.
    pub(crate) strays: AtomicU64,
    /// Bytes of memory that samples take.
    pub(crate) sample_bytes: AtomicI64,
    /// Bytes of memory of series, labels and postings: measured now and then, estimated in between.
    index_bytes: AtomicI64,
    /// Series when `index_bytes` was measured last.
    measured_series: AtomicUsize,
    /// Bytes of the log's records that are kept until they are durable.
    pub(crate) unsynced_bytes: AtomicI64,
}

/// The index is measured anew when this part of the series has come or gone.
const SERIES_CHANGE_PART: usize = 16;

/// Bytes of memory of a series and its Arc, its slot and its place in the table of labels.
const SERIES_BYTES: usize = size_of::<Series>() + 16 + 8 + 8;

/// Bytes of memory of a label in postings and symbols, about: most values are shared by many series.
const LABEL_BYTES: usize = size_of::<Pair>() + 16;

/// The series of the head by id and by label.
#[derive(Debug, Default)]
pub(crate) struct HeadIndex {
    pub(crate) symbols: Interner,
    /// Over slots.
    pub(crate) postings: Postings,
    slots: Vec<Option<Arc<Series>>>,
    by_labels: HashTable<u32>,
    /// Ids to give out again, longest free first.
    free: VecDeque<SeriesId>,
}

impl Default for Head {
    fn default() -> Head {
        Head {
            index: RwLock::default(),
            min_time: AtomicI64::new(i64::MAX),
            max_time: AtomicI64::new(i64::MIN),
            samples: AtomicU64::new(0),
            strays: AtomicU64::new(0),
            sample_bytes: AtomicI64::new(0),
            index_bytes: AtomicI64::new(0),
            measured_series: AtomicUsize::new(0),
            unsynced_bytes: AtomicI64::new(0),
        }
    }
}

impl Head {
    /// Times of the oldest and the newest sample, where there are any.
    pub(crate) fn times(&self) -> Option<(i64, i64)> {
        let (min, max) = (self.min_time.load(Ordering::Relaxed), self.max_time.load(Ordering::Relaxed));
        (min <= max).then_some((min, max))
    }

    /// Bytes of memory of everything.
    pub(crate) fn bytes(&self) -> u64 {
        let parts = [&self.sample_bytes, &self.index_bytes, &self.unsynced_bytes];
        parts.iter().map(|bytes| bytes.load(Ordering::Relaxed).max(0) as u64).sum()
    }

    /// Bytes of memory that a commit and a flush set free.
    pub(crate) fn flushable_bytes(&self) -> u64 {
        let parts = [&self.sample_bytes, &self.unsynced_bytes];
        parts.iter().map(|bytes| bytes.load(Ordering::Relaxed).max(0) as u64).sum()
    }

    /// Finds or adds a series; says whether it is new.
    ///
    /// # Errors
    /// [`TsdbError::SeriesLimit`] when `max` series are there already.
    pub(crate) fn register(&self, labels: &Labels, max: u64, epoch: u32) -> Result<(Arc<Series>, bool), TsdbError> {
        let mut index = self.index.write();
        let texts = index.symbols.texts_bytes();
        let (series, is_new) = index.register(labels, max, epoch)?;
        if is_new {
            let grown = SERIES_BYTES + series.labels.len() * LABEL_BYTES + index.symbols.texts_bytes() - texts;
            self.index_bytes.fetch_add(grown as i64, Ordering::Relaxed);
        }
        Ok((series, is_new))
    }

    /// Measures what is estimated between two calls. That looks at every series: only when their number has changed
    /// enough for the estimate to matter.
    pub(crate) fn measure_index(&self) {
        let index = self.index.read();
        let measured = self.measured_series.load(Ordering::Relaxed);
        if index.len().abs_diff(measured) > measured / SERIES_CHANGE_PART {
            self.index_bytes.store(index.size() as i64, Ordering::Relaxed);
            self.measured_series.store(index.len(), Ordering::Relaxed);
        }
    }

    /// Notes samples that were pushed.
    pub(crate) fn note(&self, times: (i64, i64), samples: usize, strays: usize) {
        self.min_time.fetch_min(times.0, Ordering::Relaxed);
        self.max_time.fetch_max(times.1, Ordering::Relaxed);
        self.samples.fetch_add(samples as u64, Ordering::Relaxed);
        self.strays.fetch_add(strays as u64, Ordering::Relaxed);
    }
}

impl HeadIndex {
    pub(crate) fn len(&self) -> usize {
        self.by_labels.len()
    }

    /// The series that an id names, unless it was dropped.
    pub(crate) fn get(&self, id: SeriesId) -> Option<&Arc<Series>> {
        self.slot(id.0 & SLOT_MASK).filter(|series| series.id == id)
    }

    /// The series in a slot, as postings name it.
    pub(crate) fn slot(&self, slot: u32) -> Option<&Arc<Series>> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Series>> {
        self.slots.iter().flatten()
    }

    pub(crate) fn find(&self, labels: &Labels) -> Option<&Arc<Series>> {
        let is_it =
            |slot: &u32| self.slot(*slot).is_some_and(|series| same_labels(labels, &series.labels, &self.symbols));
        self.slot(*self.by_labels.find(hash_labels(labels), is_it)?)
    }

    pub(crate) fn labels(&self, series: &Series) -> Labels {
        to_labels(&series.labels, &self.symbols)
    }

    /// Finds or adds a series; says whether it is new.
    ///
    /// # Errors
    /// [`TsdbError::SeriesLimit`] when `max` series are there already.
    fn register(&mut self, labels: &Labels, max: u64, epoch: u32) -> Result<(Arc<Series>, bool), TsdbError> {
        if let Some(series) = self.find(labels) {
            return Ok((Arc::clone(series), false));
        }
        let max = max.min(SERIES_MAX);
        if self.len() as u64 >= max {
            return Err(TsdbError::SeriesLimit { max });
        }
        let symbols = &mut self.symbols;
        let pairs: Box<[Pair]> = labels
            .iter()
            .map(|label| Pair { name: symbols.acquire(&label.name), value: symbols.acquire(&label.value) })
            .collect();
        let id = self.free.pop_front().unwrap_or(SeriesId(self.slots.len() as u32));
        let slot = id.0 & SLOT_MASK;
        self.postings.insert(slot, &pairs);
        let series = Arc::new(Series::new(id, hash_labels(labels), pairs, epoch));
        if slot as usize == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot as usize] = Some(Arc::clone(&series));
        let slots = &self.slots;
        let hash = |slot: &u32| slots[*slot as usize].as_ref().map_or(0, |series| series.hash);
        self.by_labels.insert_unique(series.hash, slot, hash);
        Ok((series, true))
    }

    /// Drops the series that hold nothing and were neither appended to nor registered since `epoch` began, but for those
    /// in `keep`; returns how many.
    pub(crate) fn drop_idle(&mut self, epoch: u32, keep: &HashSet<SeriesId>) -> usize {
        let last_use = |series: &Series| series.epoch.load(Ordering::Relaxed).max(series.registered);
        let is_idle =
            |series: &Series| last_use(series) < epoch && series.samples().is_empty() && !keep.contains(&series.id);
        let idle: Vec<Arc<Series>> = self.iter().filter(|series| is_idle(series)).cloned().collect();
        for series in &idle {
            let slot = series.id.0 & SLOT_MASK;
            self.slots[slot as usize] = None;
            if let Ok(entry) = self.by_labels.find_entry(series.hash, |other| *other == slot) {
                entry.remove();
            }
            self.postings.remove(slot, &series.labels);
            for pair in &series.labels {
                self.symbols.release(pair.name);
                self.symbols.release(pair.value);
            }
            self.free.push_back(SeriesId(series.id.0.wrapping_add(1 << SLOT_BITS)));
        }
        idle.len()
    }

    /// Bytes of memory of index and series without their samples, with what allocators round up.
    fn size(&self) -> usize {
        let labels = self.iter().map(|series| series.labels.len() * size_of::<Pair>()).sum::<usize>();
        let tables = self.slots.capacity() * 8 + self.by_labels.allocation_size() + self.free.capacity() * 4;
        self.len() * (size_of::<Series>() + 16) + labels + tables + self.postings.size() + self.symbols.size()
    }
}

/// Notes that a series is in use in an epoch; says whether that was not yet known.
pub(crate) fn enter_epoch(series_epoch: &AtomicU32, epoch: u32) -> bool {
    series_epoch.swap(epoch, Ordering::Relaxed) != epoch
}

#[cfg(test)]
mod tests;
