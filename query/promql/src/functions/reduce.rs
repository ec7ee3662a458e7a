//! From windows to results: how a function that looks at range vectors is written.

use super::{Site, extended, metric_name};
use crate::ast::Extension;
use crate::engine::{Computed, Evaluator, Histograms, Point, Series, Vector, Window, absent as absent_value};
use crate::{Annotations, EvalError};
use watchfire_model::{Labels, Samples};

/// Computes a result from each window of a series. Windows come in order; what is worth carrying over from one to the
/// next, and buffers, are in a state that a thread keeps from series to series.
pub(super) trait Reduce: Sync {
    type State: Default;

    /// Called before the first window of a series. `overlap`: how many windows see a sample, 0
    /// where most are seen by none or there is one window only.
    fn begin(&self, _state: &mut Self::State, _samples: &Samples, _overlap: i64) {}

    /// The result of a window that is not empty.
    fn reduce(
        &self,
        state: &mut Self::State,
        remarks: &mut Annotations,
        labels: &Labels,
        window: Window<'_>,
    ) -> Option<Computed>;
}

/// A function of one window alone.
pub(super) struct Each<F>(F);

/// For closures: says what they are given.
pub(super) fn each<F>(reduce: F) -> Each<F>
where
    F: Fn(&mut Annotations, &Labels, Window<'_>) -> Option<Computed> + Sync,
{
    Each(reduce)
}

impl<F> Reduce for Each<F>
where
    F: Fn(&mut Annotations, &Labels, Window<'_>) -> Option<Computed> + Sync,
{
    type State = ();

    fn reduce(&self, (): &mut (), remarks: &mut Annotations, labels: &Labels, window: Window<'_>) -> Option<Computed> {
        (self.0)(remarks, labels, window)
    }
}

/// As [`Reduce`], of numbers only.
pub(super) trait ReduceFloats: Sync {
    type State: Default;

    fn begin(&self, _state: &mut Self::State, _samples: &Samples, _overlap: i64) {}

    fn reduce(&self, state: &mut Self::State, window: Window<'_>) -> Option<f64>;
}

impl<F: Fn(Window<'_>) -> Option<f64> + Sync> ReduceFloats for F {
    type State = ();

    fn reduce(&self, (): &mut (), window: Window<'_>) -> Option<f64> {
        self(window)
    }
}

/// Leaves native histograms among numbers out, with a remark.
struct FloatsOnly<'s, R> {
    site: &'s Site<'s>,
    arg: usize,
    reduce: R,
}

/// Copies of what a mixed window has of numbers.
#[derive(Default)]
struct Floats {
    times: Vec<i64>,
    values: Vec<f64>,
}

impl<R: ReduceFloats> Reduce for FloatsOnly<'_, R> {
    type State = (R::State, Floats);

    fn begin(&self, (state, _): &mut Self::State, samples: &Samples, overlap: i64) {
        self.reduce.begin(state, samples, overlap);
    }

    fn reduce(
        &self,
        (state, floats): &mut Self::State,
        remarks: &mut Annotations,
        labels: &Labels,
        window: Window<'_>,
    ) -> Option<Computed> {
        if window.histogram_count() == 0 {
            return self.reduce.reduce(state, window).map(Computed::Float);
        }
        let Floats { times, values } = floats;
        times.clear();
        values.clear();
        for (time, point) in window.times.iter().zip(window.points()) {
            if let Point::Float(value) = point {
                times.push(*time);
                values.push(value);
            }
        }
        if values.is_empty() {
            return None;
        }
        let message = "ignored histograms in a range containing both floats and histograms for metric name";
        remarks.inform(&format!("{message} {:?}", metric_name(labels)), self.site.args[self.arg].span);
        let floats = Window { times, values, histograms: &[], starts: &[], place: None, ..window };
        self.reduce.reduce(state, floats).map(Computed::Float)
    }
}

impl Site<'_> {
    /// Evaluates the range vector `args[arg]` and reduces each window that has numbers.
    pub(super) fn reduce_floats<'q>(
        &self,
        evaluator: &mut Evaluator<'q>,
        arg: usize,
        reduce: impl ReduceFloats,
    ) -> Result<Vector<'q>, EvalError> {
        self.reduce(evaluator, arg, &FloatsOnly { site: self, arg, reduce })
    }

    /// Evaluates the range vector `args[arg]` and reduces each window that has samples.
    pub(super) fn reduce<'q, R: Reduce>(
        &self,
        evaluator: &mut Evaluator<'q>,
        arg: usize,
        reduce: &R,
    ) -> Result<Vector<'q>, EvalError> {
        let windows = evaluator.windows(&self.args[arg], self.steps, self.looks_at_edges(arg))?;
        if let Some(extension) = windows.frame.extension {
            extended::check(self, extension)?;
        }
        let (steps, frame) = (self.steps, windows.frame);
        let overlap = frame.overlap(steps);
        let part = windows.map(&evaluator.query, steps, R::State::default, |state, raw, ticker, part| {
            part.held.add(steps.count)?;
            reduce.begin(state, &raw.samples, overlap);
            let mut one = Series {
                labels: raw.labels.clone(),
                name_dropped: true,
                values: vec![absent_value(); steps.count],
                histograms: Histograms::default(),
            };
            let mut any = false;
            let mut histogram_bytes = 0;
            frame.each(&raw.samples, steps, ticker, |window| {
                if window.times.is_empty() {
                    return;
                }
                let Some(computed) = reduce.reduce(state, &mut part.remarks, &raw.labels, window) else { return };
                any = true;
                if let Computed::Histogram(histogram) = &computed {
                    histogram_bytes += histogram.bytes();
                }
                one.set(window.step, computed);
            })?;
            if any {
                part.held.add_memory(size_of::<Series>() + histogram_bytes)?;
                part.results.push(one);
            } else {
                part.held.give_back(steps.count);
            }
            Ok(())
        })?;
        evaluator.annotations.absorb(part.remarks);
        Ok(Vector { series: part.results, held: part.held })
    }

    /// Whether all that counts is the sum of a window, its extremes, or what happened from edge to edge: a source that
    /// computes its samples then may answer fewer.
    fn looks_at_edges(&self, arg: usize) -> bool {
        let is_anchored = match &self.args[arg].unparenthesised().kind {
            crate::ast::ExprKind::Matrix(matrix) => matrix.selector.extension == Some(Extension::Anchored),
            _ => false,
        };
        matches!(self.name, "sum_over_time" | "min_over_time" | "max_over_time")
            || (is_anchored && matches!(self.name, "rate" | "increase"))
    }
}
