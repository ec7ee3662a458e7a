//! From head to blocks.
//!
//! A flush takes every sample outside of the windows that stay live: it freezes them in their series, where queries go
//! on reading them, writes them as blocks, makes the blocks known by one manifest transaction, and only then lets the
//! head go of them. A failure at any step leaves them frozen for the next try.

use crate::TsdbError;
use crate::appender::Log;
use crate::block::{Block, BlockBuilder};
use crate::head::Series;
use crate::index::{Pair, Texts};
use crate::open::BLOCK_PREFIX;
use crate::state::{BlockMeta, Flush, TsdbDelta};
use crate::tsdb::Shared;
use smol_str::SmolStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use ulid::Ulid;
use watchfire_store::StorageError;

/// Windows that get a block of their own in one flush; what is older goes to the stray block.
const WINDOW_BLOCKS_MAX: i64 = 4;

/// How long a failed flush is not tried again: it decodes and encodes everything.
const RETRY_MS: i64 = 60_000;

/// Tries to find a free key; two blocks of one millisecond differ in the number.
const KEY_TRIES: u128 = 1000;

/// What stays in the head: windows from `until` to `ahead` (exclusive), none where they are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    until: i64,
    ahead: i64,
}

/// A series on its way into blocks, its labels as places in the sorted texts.
struct Frozen {
    labels: Box<[Pair]>,
    series: Arc<Series>,
}

impl Shared {
    /// Flushes the head if it is time. Returns whether it did.
    pub(crate) fn flush_if_due(&self) -> Result<bool, TsdbError> {
        let Some(cut) = self.due_cut() else { return Ok(false) };
        let failed = self.flush_failed.load(Ordering::Relaxed);
        let now = self.now();
        if failed <= now && now < failed.saturating_add(RETRY_MS) {
            return Ok(false);
        }
        match self.flush(cut) {
            Ok(()) => {
                self.flush_failed.store(i64::MIN, Ordering::Relaxed);
                self.metrics.flushes.inc();
                Ok(true)
            }
            Err(error) => {
                self.flush_failed.store(now, Ordering::Relaxed);
                self.metrics.failed_flushes.inc();
                Err(error)
            }
        }
    }

    /// Where to cut when the head holds more than one and a half windows, or too many strays.
    fn due_cut(&self) -> Option<Cut> {
        let (oldest, newest) = self.head.times()?;
        let span = self.span();
        // A sender whose clock is ahead does not drive the flush.
        let reference = newest.min(self.now());
        let until = self.window(reference - span / 2);
        let ahead = self.window(reference) + 2 * span;
        let Some(last) = self.flushed_until() else {
            return (reference - self.window(oldest) > span + span / 2).then_some(Cut { until, ahead });
        };
        if reference - last > span + span / 2 {
            Some(Cut { until, ahead })
        } else if last - reference > 2 * span {
            // The clock was wrong when `last` was chosen: begin anew, with an empty head.
            Some(Cut { until, ahead: until })
        } else if self.head.strays.load(Ordering::Relaxed) >= self.options.late_samples_max {
            Some(Cut { until: last, ahead: ahead.max(last) })
        } else {
            None
        }
    }

    fn flush(&self, cut: Cut) -> Result<(), TsdbError> {
        let flushed_before = self.flushed_until().unwrap_or(i64::MIN);
        let (position, covered) = {
            let mut appender = self.appender.lock();
            let index = self.head.index.read();
            self.head.strays.store(0, Ordering::Relaxed);
            appender.cut(cut.until, cut.ahead, Log { wal: &self.wal, index: &index, metadata: &self.metadata })?
        };
        let (frozen, texts) = self.freeze(cut);
        let first_window = flushed_before.max(cut.until.saturating_sub(WINDOW_BLOCKS_MAX * self.span()));
        let blocks = self.write_blocks(&frozen, &texts, first_window, cut.until)?;
        let flush = Flush { until: cut.until, ahead: cut.ahead, position, covered };
        self.manifest.commit(TsdbDelta { add: blocks.clone(), remove: Vec::new(), flush: Some(flush) })?;
        let added = blocks.into_iter().map(|meta| Arc::new(Block::new(meta, Arc::clone(&self.storage))));
        {
            let mut blocks = self.blocks.write();
            *blocks = Arc::new(blocks.iter().cloned().chain(added).collect());
        }
        // Readers look for new blocks after they have read the head, so from here on nobody misses what thaws.
        let thawed: usize = frozen.iter().map(|frozen| frozen.series.samples().thaw()).sum();
        let left = self.head.samples.fetch_sub(thawed as u64, Ordering::Relaxed).saturating_sub(thawed as u64);
        let oldest = if left == 0 { i64::MAX } else { cut.until };
        self.head.min_time.fetch_max(oldest, Ordering::Relaxed);
        self.confirm_time();
        self.drop_idle_series();
        self.wal.release(covered)?;
        Ok(())
    }

    /// Freezes every series; returns those with frozen samples, sorted by labels, and the texts that their labels use.
    fn freeze(&self, cut: Cut) -> (Vec<Frozen>, Vec<SmolStr>) {
        let all: Vec<Arc<Series>> = self.head.index.read().iter().cloned().collect();
        let mut frozen_series = Vec::new();
        for series in all {
            let counts = series.samples().freeze(cut.until, cut.ahead, self.span());
            self.head.samples.fetch_sub(counts.replaced as u64, Ordering::Relaxed);
            if counts.frozen > 0 {
                frozen_series.push(series);
            }
        }
        let (ranks, texts) = self.sorted_texts(&frozen_series);
        let rank = |pair: &Pair| Pair { name: ranks[pair.name as usize], value: ranks[pair.value as usize] };
        let mut frozen: Vec<Frozen> = frozen_series
            .into_iter()
            .map(|series| Frozen { labels: series.labels.iter().map(rank).collect(), series })
            .collect();
        frozen.sort_unstable_by(|a, b| {
            let order = |pair: &Pair| (pair.name, pair.value);
            a.labels.iter().map(order).cmp(b.labels.iter().map(order))
        });
        (frozen, texts)
    }

    /// Of every symbol that the series use its place among the sorted texts, and those texts.
    fn sorted_texts(&self, series: &[Arc<Series>]) -> (Vec<u32>, Vec<SmolStr>) {
        let mut symbols: Vec<u32> =
            series.iter().flat_map(|series| &series.labels).flat_map(|pair| [pair.name, pair.value]).collect();
        symbols.sort_unstable();
        symbols.dedup();
        let mut used: Vec<(SmolStr, u32)> = {
            // Only the owner of `maintenance` lets symbols go, so these are still the series' own.
            let index = self.head.index.read();
            symbols.iter().map(|&symbol| (index.symbols.text(symbol).clone(), symbol)).collect()
        };
        used.sort_unstable();
        let mut ranks = vec![0; symbols.last().map_or(0, |last| *last as usize + 1)];
        for (rank, (_, symbol)) in (0..).zip(&used) {
            ranks[*symbol as usize] = rank;
        }
        (ranks, used.into_iter().map(|(text, _)| text).collect())
    }

    /// Writes a block of each window from `first` to `until` and one of everything else.
    fn write_blocks(
        &self,
        frozen: &[Frozen],
        texts: &[SmolStr],
        first: i64,
        until: i64,
    ) -> Result<Vec<BlockMeta>, TsdbError> {
        let mut windows: Vec<Option<i64>> = Vec::new();
        for series in frozen {
            for unit in series.series.samples().frozen() {
                let window = Some(self.window(unit.first)).filter(|window| first <= *window && *window < until);
                if !windows.contains(&window) {
                    windows.push(window);
                }
            }
        }
        windows.sort_unstable();
        let mut blocks = Vec::new();
        for wanted in windows {
            let mut builder = BlockBuilder::new();
            for Frozen { labels, series } in frozen {
                let samples = series.samples();
                let is_wanted = |unit_first: i64| {
                    let window = self.window(unit_first);
                    wanted.map_or(window < first || until <= window, |wanted| wanted == window)
                };
                builder.add(labels, samples.frozen().iter().filter(|unit| is_wanted(unit.first)));
            }
            let Some(built) = builder.finish(texts) else { continue };
            blocks.push(BlockMeta {
                key: self.create_block(&built.bytes)?,
                min_time: built.min_time,
                max_time: built.max_time,
                series: built.series,
                samples: built.samples,
                bytes: built.bytes.len() as u64,
                stray: wanted.is_none(),
            });
        }
        Ok(blocks)
    }

    /// Creates a block under a key made of the time and the manifest's number, which no earlier transaction used.
    fn create_block(&self, bytes: &[u8]) -> Result<String, TsdbError> {
        let time = u64::try_from(self.now()).unwrap_or(0);
        let number = u128::from(self.manifest.number()) * KEY_TRIES;
        for try_number in number..number + KEY_TRIES {
            let key = format!("{BLOCK_PREFIX}{}.block", Ulid::from_parts(time, try_number));
            match self.storage.create(&key, bytes) {
                Ok(()) => return Ok(key),
                Err(StorageError::Exists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StorageError::Exists { key: format!("{BLOCK_PREFIX}{}.block", Ulid::from_parts(time, number)) }.into())
    }

    fn drop_idle_series(&self) {
        let appender = self.appender.lock();
        let mut index = self.head.index.write();
        let dropped = index.drop_idle(appender.epoch());
        self.metrics.dropped_series.inc_by(dropped as u64);
    }
}
