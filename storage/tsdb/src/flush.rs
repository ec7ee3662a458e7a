//! From head to blocks.
//!
//! A flush takes every sample outside of the windows that stay live: it freezes them in their series, where queries go
//! on reading them, writes them as blocks, makes the blocks known by one manifest transaction, and only then lets the
//! head go of them. A failure at any step leaves them frozen for the next try.

use crate::TsdbError;
use crate::appender::{Log, Taken};
use crate::block::{BlockWriter, WrittenBlock};
use crate::failures::Work;
use crate::head::{Head, Series};
use crate::index::{Pair, Texts};
use crate::state::{BlockMeta, Flush, LogRange, TsdbDelta};
use crate::tsdb::{SeriesId, Shared};
use smol_str::SmolStr;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use watchfire_store::crash_point;

/// Windows that get a block of their own in one flush, the newest ones; what is older goes to the stray block.
const WINDOW_BLOCKS_MAX: usize = 4;

/// How long a failed flush is not tried again: it decodes and encodes everything.
pub(crate) const RETRY_MS: i64 = 60_000;

/// What stays in the head: windows from `until` to `ahead` (exclusive), none where they are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) until: i64,
    pub(crate) ahead: i64,
}

/// A series on its way into blocks, its labels as places in the sorted texts.
pub(crate) struct Frozen {
    pub(crate) labels: Box<[Pair]>,
    pub(crate) series: Arc<Series>,
}

impl Cut {
    /// Nothing stays.
    pub(crate) fn everything(until: i64) -> Cut {
        Cut { until, ahead: until }
    }
}

impl Shared {
    /// Flushes the head if it is time. Returns whether it did.
    pub(crate) fn flush_if_due(&self) -> Result<bool, TsdbError> {
        if self.replay.is_running() {
            // Whoever reads the log flushes as far as it has come.
            return Ok(false);
        }
        let Some(cut) = self.due_cut() else { return Ok(false) };
        if self.is_too_soon(&self.flush_failed) {
            return Ok(false);
        }
        let flushed = self.with_reserve(|| self.flush_live(cut));
        self.failures.note(Work::Flush, &flushed);
        match flushed {
            Ok(()) => {
                self.flush_failed.store(i64::MIN, Ordering::Relaxed);
                Ok(true)
            }
            Err(error) => {
                self.flush_failed.store(self.now(), Ordering::Relaxed);
                self.metrics.failed_flushes.inc();
                Err(error)
            }
        }
    }

    /// Where to cut when the head holds more than one and a half windows, too many strays or too much memory.
    fn due_cut(&self) -> Option<Cut> {
        let (oldest, newest) = self.head.times()?;
        let span = self.span();
        // A sender whose clock is ahead does not drive the flush.
        let reference = newest.min(self.now());
        let until = self.window(reference.saturating_sub(span / 2));
        let ahead = self.window(reference).saturating_add(2 * span);
        let flushed_until = self.flushed_until();
        let due = match flushed_until {
            None => {
                let is_due = reference.saturating_sub(self.window(oldest)) > span + span / 2;
                is_due.then_some(Cut { until, ahead })
            }
            Some(last) if reference.saturating_sub(last) > span + span / 2 => Some(Cut { until, ahead }),
            // The clock was wrong when `last` was chosen: begin anew, with an empty head.
            Some(last) if last.saturating_sub(reference) > 2 * span => Some(Cut::everything(until)),
            Some(last) if self.head.strays.load(Ordering::Relaxed) >= self.options.late_samples_max => {
                Some(Cut { until: last, ahead: ahead.max(last) })
            }
            Some(_) => None,
        };
        due.or_else(|| self.is_memory_short().then(|| Cut::everything(flushed_until.unwrap_or(self.window(oldest)))))
    }

    /// Whether the head takes much memory of which a flush would set a good part free.
    pub(crate) fn is_memory_short(&self) -> bool {
        let max = self.options.head_bytes_max.0;
        let samples = self.head.sample_bytes.load(Ordering::Relaxed).max(0) as u64;
        self.head.bytes() >= max / 4 * 3 && samples >= max / 8
    }

    /// Flushes what has been appended so far.
    pub(crate) fn flush_live(&self, cut: Cut) -> Result<(), TsdbError> {
        let (taken, leaving) = {
            let mut appender = self.appender.lock();
            let index = self.head.index.read();
            appender.cut(cut.until, cut.ahead, Log { wal: &self.wal, index: &index, metadata: &self.metadata })?
        };
        // Were the log shorter than a manifest says, sessions to come could repeat positions that it takes for flushed.
        let flushed = self.commit().and_then(|()| {
            crash_point("tsdb.flush.committed");
            self.flush(cut, taken, &HashSet::new())
        });
        flushed.inspect_err(|_| self.appender.lock().keep(leaving))
    }

    /// Flushes what stands in the log before `taken`. Series in `keep` stay in the index.
    pub(crate) fn flush(&self, cut: Cut, taken: Taken, keep: &HashSet<SeriesId>) -> Result<(), TsdbError> {
        let flushed = self.manifest.state().flush;
        self.head.strays.store(0, Ordering::Relaxed);
        let (frozen, texts) = self.freeze(&self.head, cut);
        let from = flushed.map_or_else(Default::default, |flush| flush.covered);
        let log = LogRange { from, until: taken.position };
        let blocks = self.write_blocks(&frozen, &texts, flushed.map_or(i64::MIN, |flush| flush.until), cut, log)?;
        let exemplars = self.save_exemplars(taken.position)?;
        crash_point("tsdb.flush.written");
        let flush = Flush { until: cut.until, ahead: cut.ahead, position: taken.position, covered: taken.covered };
        self.transact(TsdbDelta { add: blocks, flush: Some(flush), exemplars, ..TsdbDelta::default() })?;
        crash_point("tsdb.flush.listed");
        // Readers look for new blocks after they have read the head, so from here on nobody misses what thaws.
        let (mut samples, mut bytes) = (0, 0);
        for frozen in &frozen {
            let thawed = frozen.series.samples().thaw();
            (samples, bytes) = (samples + thawed.0 as u64, bytes + thawed.1);
        }
        self.head.sample_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let left = self.head.samples.fetch_sub(samples, Ordering::Relaxed).saturating_sub(samples);
        let oldest = if left == 0 { i64::MAX } else { cut.until };
        self.head.min_time.fetch_max(oldest, Ordering::Relaxed);
        self.confirm_time();
        self.drop_idle_series(taken.idle_before, keep);
        self.metrics.flushes.inc();
        self.wal.release(taken.covered)?;
        crash_point("tsdb.flush.released");
        Ok(())
    }

    /// Freezes every series of a head; returns those with frozen samples, sorted by labels, and the texts that their labels use.
    pub(crate) fn freeze(&self, head: &Head, cut: Cut) -> (Vec<Frozen>, Vec<SmolStr>) {
        let all: Vec<Arc<Series>> = head.index.read().iter().cloned().collect();
        let mut frozen_series = Vec::new();
        let mut grown = 0;
        for series in all {
            let counts = series.samples().freeze(cut.until, cut.ahead, self.span());
            head.samples.fetch_sub(counts.replaced as u64, Ordering::Relaxed);
            grown += counts.grown;
            if counts.samples > 0 {
                frozen_series.push(series);
            }
        }
        head.sample_bytes.fetch_add(grown, Ordering::Relaxed);
        let (ranks, texts) = sorted_texts(head, &frozen_series);
        let rank = |pair: &Pair| Pair { name: ranks[pair.name as usize], value: ranks[pair.value as usize] };
        let mut frozen: Vec<Frozen> = frozen_series
            .into_iter()
            .map(|series| Frozen { labels: series.labels.iter().map(rank).collect(), series })
            .collect();
        frozen.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        (frozen, texts)
    }

    /// Writes a block of each window that is complete now, of windows that an early flush cuts in two, and one of
    /// everything else. Complete are those from `first` on: only their blocks are no strays.
    fn write_blocks(
        &self,
        frozen: &[Frozen],
        texts: &[SmolStr],
        first: i64,
        cut: Cut,
        log: LogRange,
    ) -> Result<Vec<BlockMeta>, TsdbError> {
        let mut windows: Vec<i64> = Vec::new();
        for series in frozen {
            for unit in series.series.samples().frozen() {
                let window = self.window(unit.first);
                if !windows.contains(&window) {
                    windows.push(window);
                }
            }
        }
        windows.sort_unstable();
        let is_complete = |window: &i64| first <= *window && *window < cut.until;
        let complete = windows.iter().rev().copied().filter(is_complete).take(WINDOW_BLOCKS_MAX);
        let is_cut = |window: &i64| cut.until == cut.ahead && cut.until <= *window;
        let own: Vec<i64> = complete.chain(windows.iter().copied().filter(is_cut).take(WINDOW_BLOCKS_MAX)).collect();
        let mut blocks = Vec::new();
        let rest = (own.len() < windows.len()).then_some(None);
        for wanted in own.iter().copied().map(Some).chain(rest) {
            let mut writer = BlockWriter::create(Arc::clone(&self.storage), self.now(), self.manifest.number())?;
            for Frozen { labels, series } in frozen {
                let samples = series.samples();
                let is_wanted = |unit_first: i64| {
                    let window = self.window(unit_first);
                    wanted.map_or_else(|| !own.contains(&window), |wanted| wanted == window)
                };
                writer.add(labels, samples.frozen().iter().filter(|unit| is_wanted(unit.first)))?;
            }
            if let Some(written) = writer.finish(texts)? {
                let is_stray = !wanted.is_some_and(|window| is_complete(&window));
                blocks.push(BlockMeta { stray: is_stray, log: Some(log), ..BlockMeta::of(written) });
            }
        }
        Ok(blocks)
    }

    fn drop_idle_series(&self, idle_before: u32, keep: &HashSet<SeriesId>) {
        // Nobody enters an epoch meanwhile.
        let _appender = self.appender.lock();
        let dropped = self.head.index.write().drop_idle(idle_before, keep);
        self.metrics.dropped_series.inc_by(dropped as u64);
        self.head.measure_index();
    }
}

/// Of every symbol that the series use its place among the sorted texts, and those texts.
fn sorted_texts(head: &Head, series: &[Arc<Series>]) -> (Vec<u32>, Vec<SmolStr>) {
    let mut symbols: Vec<u32> =
        series.iter().flat_map(|series| &series.labels).flat_map(|pair| [pair.name, pair.value]).collect();
    symbols.sort_unstable();
    symbols.dedup();
    let mut used: Vec<(SmolStr, u32)> = {
        // Only the owner of `maintenance` lets symbols go, so these are still the series' own.
        let index = head.index.read();
        symbols.iter().map(|&symbol| (index.symbols.text(symbol).clone(), symbol)).collect()
    };
    used.sort_unstable();
    let mut ranks = vec![0; symbols.last().map_or(0, |last| *last as usize + 1)];
    for (rank, (_, symbol)) in (0..).zip(&used) {
        ranks[*symbol as usize] = rank;
    }
    (ranks, used.into_iter().map(|(text, _)| text).collect())
}

impl BlockMeta {
    /// What a block that was just written says of itself; the rest is that of a block of one window.
    pub(crate) fn of(written: WrittenBlock) -> BlockMeta {
        BlockMeta {
            key: written.key,
            min_time: written.min_time,
            max_time: written.max_time,
            series: written.series,
            samples: written.samples,
            bytes: written.bytes,
            stray: false,
            windows: 1,
            log: None,
            purged: Vec::new(),
            tombstones: Vec::new(),
        }
    }
}
