//! Range vectors: series that are read and looked at one after the other on all threads, or that are held as a whole.

use super::eval::{Evaluator, Query};
use super::select::{Reference, drop_stale, hint_by_comparison};
use super::steps::{Held, Steps, Ticker};
use super::window::{Frame, RawSeries};
use crate::ast::{Extension, VectorSelector};
use crate::{Annotations, EvalError};
use std::sync::Arc;
use watchfire_model::{Grid, Samples, SeriesReader, TimeRange, Timestamp};

/// A range vector at every step.
#[derive(Clone)]
pub(crate) struct Windows<'q> {
    pub(crate) frame: Frame,
    found: Found<'q>,
}

/// Where the samples come from.
#[derive(Clone)]
enum Found<'q> {
    /// They are read series by series, and dropped again.
    Stored {
        readers: Arc<Vec<Box<dyn SeriesReader>>>,
        range: TimeRange,
        hints_by_comparison: bool,
    },
    Loaded(Arc<Loaded<'q>>),
}

struct Loaded<'q> {
    series: Vec<RawSeries>,
    _held: Held<'q>,
}

/// What one part of the series led to.
pub(crate) struct Part<'q, R> {
    pub(crate) results: Vec<R>,
    pub(crate) held: Held<'q>,
    pub(crate) remarks: Annotations,
}

impl<'q> Evaluator<'q> {
    /// The series that a range selector asks for. With `on_grid`, only sums and extremes of windows are wanted.
    pub(crate) fn select_windows(
        &mut self,
        selector: &VectorSelector,
        range_ms: i64,
        steps: Steps,
        on_grid: bool,
    ) -> Result<Windows<'q>, EvalError> {
        let reference = self.reference(&selector.modifiers)?;
        let lookback_ms = self.query.lookback_ms;
        let (before_ms, after_ms) = match selector.extension {
            None => (0, 0),
            Some(Extension::Anchored) => (lookback_ms, 0),
            Some(Extension::Smoothed) => (lookback_ms, lookback_ms),
        };
        let mut range = reference.range(steps, range_ms.saturating_add(before_ms));
        range.end = Timestamp(range.end.0.saturating_add(after_ms));
        let (source, budget) = (self.query.source, self.query.budget.budget());
        let readers = if on_grid {
            let step_ms = if steps.count == 1 { range_ms } else { greatest_common_divisor(steps.step, range_ms) };
            let grid = Grid { origin: Timestamp(reference.first(steps)), step_ms };
            source.select_on(&selector.matchers, range, grid, budget)?
        } else {
            source.select(&selector.matchers, range, budget)?
        };
        let frame = Frame { reference, range_ms, extension: selector.extension, lookback_ms };
        let hints_by_comparison = self.hints_by_comparison;
        Ok(Windows { frame, found: Found::Stored { readers: Arc::new(readers), range, hints_by_comparison } })
    }
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

impl<'q> Windows<'q> {
    /// Over samples that are there already.
    pub(super) fn loaded(reference: Reference, range_ms: i64, series: Vec<RawSeries>, held: Held<'q>) -> Windows<'q> {
        let frame = Frame { reference, range_ms, extension: None, lookback_ms: 0 };
        Windows { frame, found: Found::Loaded(Arc::new(Loaded { series, _held: held })) }
    }

    /// Reads everything, for those who look at it more than once.
    pub(super) fn load(self, query: &Query<'q>) -> Result<Windows<'q>, EvalError> {
        let Found::Stored { readers, range, hints_by_comparison } = &self.found else { return Ok(self) };
        let mut held = Held::new(query.budget, 0)?;
        let mut series = Vec::new();
        for reader in readers.iter() {
            let mut one = RawSeries::default();
            let read = read(&**reader, *range, *hints_by_comparison, query, &mut one)?;
            if !one.samples.is_empty() {
                held.absorb(read);
                held.add_memory(size_of::<RawSeries>())?;
                series.push(one);
            }
        }
        Ok(Windows { frame: self.frame, found: Found::Loaded(Arc::new(Loaded { series, _held: held })) })
    }

    /// Series and samples, where they are held.
    pub(super) fn size(&self) -> (usize, usize) {
        match &self.found {
            Found::Stored { readers, .. } => (readers.len(), 0),
            Found::Loaded(loaded) => {
                (loaded.series.len(), loaded.series.iter().map(|series| series.samples.len()).sum())
            }
        }
    }

    /// Calls `work` for each series that has samples, on all threads; results come in the order of the series.
    /// `state` is made once per thread.
    pub(crate) fn map<S, R: Send>(
        &self,
        query: &Query<'q>,
        steps: Steps,
        state: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, &RawSeries, &mut Ticker<'q>, &mut Part<'q, R>) -> Result<(), EvalError> + Sync,
    ) -> Result<Part<'q, R>, EvalError> {
        let begin = || -> Result<(Part<'q, R>, Ticker<'q>), EvalError> {
            let held = Held::new(query.budget, 0)?;
            let part = Part { results: Vec::new(), held, remarks: Annotations::default() };
            Ok((part, Ticker::counting(query.budget, query.counts_seen)))
        };
        let parts = match &self.found {
            Found::Stored { readers, range, hints_by_comparison } => {
                let span_ms = range.end.0.saturating_sub(range.start.0);
                let state = || (state(), RawSeries::default());
                query.in_order(readers.len(), (steps.count, span_ms), state, |(state, buffer), places| {
                    let (mut part, mut ticker) = begin()?;
                    for reader in &readers[places] {
                        buffer.samples.clear();
                        let _read = read(&**reader, *range, *hints_by_comparison, query, buffer)?;
                        if !buffer.samples.is_empty() {
                            work(state, buffer, &mut ticker, &mut part)?;
                        }
                    }
                    Ok(part)
                })?
            }
            Found::Loaded(loaded) => {
                let points = loaded.series.first().map_or(0, |series| series.samples.len());
                query.in_order(loaded.series.len(), (steps.count + points, 0), state, |state, places| {
                    let (mut part, mut ticker) = begin()?;
                    for series in &loaded.series[places] {
                        work(state, series, &mut ticker, &mut part)?;
                    }
                    Ok(part)
                })?
            }
        };
        let (mut all, _) = begin()?;
        for part in parts {
            all.results.extend(part.results);
            all.held.absorb(part.held);
            all.remarks.absorb(part.remarks);
        }
        Ok(all)
    }
}

/// Reads one series without its staleness markers; what its samples take is held until the answer is dropped.
fn read<'q>(
    reader: &dyn SeriesReader,
    range: TimeRange,
    hints_by_comparison: bool,
    query: &Query<'q>,
    into: &mut RawSeries,
) -> Result<Held<'q>, EvalError> {
    let samples: &mut Samples = &mut into.samples;
    reader.read(range, query.budget.budget(), samples)?;
    let held = Held::counted(query.budget, samples);
    drop_stale(samples);
    if hints_by_comparison {
        hint_by_comparison(samples);
    }
    query.budget.note_read(usize::from(!samples.is_empty()), samples.len());
    into.labels = reader.labels().clone();
    Ok(held)
}
