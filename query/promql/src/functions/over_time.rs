//! `*_over_time`: one value from the samples of a window.

use super::reduce::{Reduce, ReduceFloats, each};
use super::sliding::{Fold, Largest, Least, Sliding, adds_up_in_any_order, fold};
use super::{Site, metric_name};
use crate::aggregate::HistogramTotal;
use crate::engine::{Computed, Evaluator, Point, Vector, Window, is_absent};
use crate::kahan::{KahanSum, Mean, Variance};
use crate::quantile::{SortedWindow, quantile, quantile_of_sorted, quantile_warning};
use crate::remarks::{mixed_schemas, mixed_types};
use crate::{Annotations, EvalError, Span};
use std::marker::PhantomData;
use std::sync::Arc;
use watchfire_model::{Labels, Samples};

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let of_any = |evaluator: &mut Evaluator<'q>, value: fn(Window<'_>) -> f64| {
        site.reduce(evaluator, 0, &each(|_, _, window| Some(Computed::Float(value(window)))))
    };
    let of_floats = |evaluator: &mut Evaluator<'q>, value: fn(Window<'_>) -> f64| {
        site.reduce_floats(evaluator, 0, |window: Window<'_>| Some(value(window)))
    };
    let last_time = |window: Window<'_>| window.times[window.times.len() - 1] as f64 / 1000.0;
    match site.name {
        "quantile_over_time" => quantile_over_time(evaluator, site),
        "mad_over_time" => site.reduce_floats(evaluator, 0, MedianDistance),
        "first_over_time" | "last_over_time" => keeping_name(evaluator, site),
        "sum_over_time" | "avg_over_time" => {
            let total = Total { is_mean: site.name == "avg_over_time", span: site.args[0].span };
            site.reduce(evaluator, 0, &total)
        }
        "min_over_time" => site.reduce_floats(evaluator, 0, Extreme::<Least>::new(|least| least.0)),
        "max_over_time" => site.reduce_floats(evaluator, 0, Extreme::<Largest>::new(|largest| largest.0)),
        "count_over_time" => of_any(evaluator, |window| window.times.len() as f64),
        "present_over_time" => of_any(evaluator, |_| 1.0),
        "ts_of_first_over_time" => of_any(evaluator, |window| window.times[0] as f64 / 1000.0),
        "ts_of_last_over_time" => of_any(evaluator, last_time),
        "stdvar_over_time" => of_floats(evaluator, |window| variance(window.values)),
        "stddev_over_time" => of_floats(evaluator, |window| variance(window.values).sqrt()),
        "ts_of_min_over_time" => of_floats(evaluator, |window| time_of(window, |value, best| value <= best)),
        "ts_of_max_over_time" => of_floats(evaluator, |window| time_of(window, |value, best| value >= best)),
        name => unreachable!("{name} is in the table of functions, but not here"),
    }
}

/// Windows that see a sample, from which on carrying results over from one to the next pays.
const CARRIED_MIN: i64 = 3;

/// The sum or mean, of numbers or of histograms.
struct Total {
    is_mean: bool,
    span: Span,
}

impl Reduce for Total {
    type State = Sliding<KahanSum>;

    fn begin(&self, sums: &mut Sliding<KahanSum>, samples: &Samples, overlap: i64) {
        sums.begin(overlap >= CARRIED_MIN && adds_up_in_any_order(samples));
    }

    fn reduce(
        &self,
        sums: &mut Sliding<KahanSum>,
        remarks: &mut Annotations,
        labels: &Labels,
        window: Window<'_>,
    ) -> Option<Computed> {
        match window.histogram_count() {
            0 if self.is_mean && !sums.is_used() => Some(Computed::Float(fold::<Mean>(window.values).total())),
            0 => {
                let sum = sums.of(window);
                let value = if self.is_mean { sum.mean_of(window.values.len()) } else { sum.total() };
                Some(Computed::Float(value))
            }
            count if count < window.times.len() => {
                remarks.warn(&mixed_types(metric_name(labels)), self.span);
                None
            }
            _ => {
                let mut total = HistogramTotal::default();
                for histogram in window.histograms.iter().flatten() {
                    if total.add(histogram).is_err() {
                        remarks.warn(&mixed_schemas(metric_name(labels)), self.span);
                        return None;
                    }
                }
                total.remark(remarks, self.span);
                total.finish(self.is_mean).map(Computed::from)
            }
        }
    }
}

/// The least or the largest number.
struct Extreme<A> {
    value: fn(A) -> f64,
    kind: PhantomData<fn() -> A>,
}

impl<A> Extreme<A> {
    fn new(value: fn(A) -> f64) -> Extreme<A> {
        Extreme { value, kind: PhantomData }
    }
}

impl<A: Fold> ReduceFloats for Extreme<A> {
    type State = Sliding<A>;

    fn begin(&self, state: &mut Sliding<A>, _samples: &Samples, overlap: i64) {
        state.begin(overlap >= CARRIED_MIN);
    }

    fn reduce(&self, state: &mut Sliding<A>, window: Window<'_>) -> Option<f64> {
        Some((self.value)(state.of(window)))
    }
}

fn variance(values: &[f64]) -> f64 {
    let mut variance = Variance::default();
    for value in values {
        variance.add(*value);
    }
    variance.total()
}

/// The time, in seconds, of the last value that is at least as good as all others; NaN is worse than anything.
fn time_of(window: Window<'_>, beats: fn(f64, f64) -> bool) -> f64 {
    let mut best = 0;
    for (index, value) in window.values.iter().enumerate().skip(1) {
        if window.values[best].is_nan() || beats(*value, window.values[best]) {
            best = index;
        }
    }
    window.times[best] as f64 / 1000.0
}

/// `first_over_time` and `last_over_time` return samples as they are, name included.
fn keeping_name<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let is_first = site.name == "first_over_time";
    let pick = each(|_, _, window| {
        let index = if is_first { 0 } else { window.times.len() - 1 };
        Some(match window.point(index) {
            Point::Float(value) => Computed::Float(value),
            Point::Histogram(histogram) => Computed::Histogram(Arc::clone(histogram)),
        })
    });
    let mut vector = site.reduce(evaluator, 0, &pick)?;
    for series in &mut vector.series {
        series.name_dropped = false;
    }
    Ok(vector)
}

fn quantile_over_time<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let phis = evaluator.scalar(&site.args[0], site.steps)?;
    let vector = site.reduce_floats(evaluator, 1, Quantile { phis: &phis })?;
    // Steps without samples do not ask for a quantile.
    let is_asked = |step: usize| vector.series.iter().any(|series| !is_absent(series.values[step]));
    for (step, phi) in phis.iter().enumerate() {
        if let Some(warning) = quantile_warning(*phi).filter(|_| is_asked(step)) {
            evaluator.annotations.warn(&warning, site.args[0].span);
        }
    }
    Ok(vector)
}

/// The quantile that each step asks for.
struct Quantile<'p> {
    phis: &'p [f64],
}

impl ReduceFloats for Quantile<'_> {
    type State = SortedWindow;

    fn begin(&self, sorted: &mut SortedWindow, _samples: &Samples, overlap: i64) {
        sorted.begin(overlap >= CARRIED_MIN);
    }

    fn reduce(&self, sorted: &mut SortedWindow, window: Window<'_>) -> Option<f64> {
        Some(quantile_of_sorted(self.phis[window.step], sorted.of(window.place, window.values)))
    }
}

/// The median distance from the median; NaN if any value is.
struct MedianDistance;

impl ReduceFloats for MedianDistance {
    type State = Vec<f64>;

    fn reduce(&self, scratch: &mut Vec<f64>, window: Window<'_>) -> Option<f64> {
        if window.values.iter().any(|value| value.is_nan()) {
            return Some(f64::NAN);
        }
        scratch.clear();
        scratch.extend_from_slice(window.values);
        let median = quantile(0.5, scratch);
        for value in scratch.iter_mut() {
            *value = (*value - median).abs();
        }
        Some(quantile(0.5, scratch))
    }
}
