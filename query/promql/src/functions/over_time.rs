//! `*_over_time`: one value from the samples of a window.

use super::{Site, metric_name};
use crate::EvalError;
use crate::aggregate::HistogramTotal;
use crate::engine::{Computed, Evaluator, Point, Vector, Window};
use crate::kahan::{KahanSum, Mean, Variance};
use crate::quantile::{quantile, quantile_warning};
use crate::remarks::{mixed_schemas, mixed_types};
use std::sync::Arc;
use watchfire_model::Labels;

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    match site.name {
        "quantile_over_time" => return quantile_over_time(evaluator, site),
        "mad_over_time" => return mad_over_time(evaluator, site),
        "first_over_time" | "last_over_time" => return keeping_name(evaluator, site),
        "sum_over_time" | "avg_over_time" => {
            return site.map_points(evaluator, 0, |evaluator, labels, window| total(evaluator, site, labels, window));
        }
        _ => {}
    }
    let of_any: Option<fn(Window<'_>) -> f64> = match site.name {
        "count_over_time" => Some(|window| window.times.len() as f64),
        "present_over_time" => Some(|_| 1.0),
        "ts_of_first_over_time" => Some(|window| window.times[0] as f64 / 1000.0),
        "ts_of_last_over_time" => Some(|window| window.times[window.times.len() - 1] as f64 / 1000.0),
        _ => None,
    };
    if let Some(reduce) = of_any {
        return site.map_points(evaluator, 0, |_, _, window| Some(Computed::Float(reduce(window))));
    }
    let reduce: fn(Window<'_>) -> f64 = match site.name {
        "min_over_time" => |window| window.values.iter().copied().fold(f64::NAN, f64::min),
        "max_over_time" => |window| window.values.iter().copied().fold(f64::NAN, f64::max),
        "stdvar_over_time" => |window| variance(window.values),
        "stddev_over_time" => |window| variance(window.values).sqrt(),
        "ts_of_min_over_time" => |window| time_of(window, |value, best| value <= best),
        "ts_of_max_over_time" => |window| time_of(window, |value, best| value >= best),
        _ => return Err(site.unsupported()),
    };
    site.map_windows(evaluator, 0, |window| Some(reduce(window)))
}

/// The sum or mean, of numbers or of histograms.
fn total(evaluator: &mut Evaluator<'_>, site: &Site<'_>, labels: &Labels, window: Window<'_>) -> Option<Computed> {
    let is_mean = site.name == "avg_over_time";
    let (name, span) = (metric_name(labels), site.args[0].span);
    match window.histogram_count() {
        0 if is_mean => {
            let mut mean = Mean::default();
            window.values.iter().for_each(|value| mean.add(*value));
            Some(Computed::Float(mean.total()))
        }
        0 => {
            let mut sum = KahanSum::default();
            window.values.iter().for_each(|value| sum.add(*value));
            Some(Computed::Float(sum.total()))
        }
        count if count < window.times.len() => {
            evaluator.warn(&mixed_types(name), span);
            None
        }
        _ => {
            let mut total = HistogramTotal::default();
            for histogram in window.histograms.iter().flatten() {
                if total.add(histogram).is_err() {
                    evaluator.warn(&mixed_schemas(name), span);
                    return None;
                }
            }
            total.remark(evaluator, span);
            total.finish(is_mean).map(Computed::from)
        }
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
    let mut vector = site.map_points(evaluator, 0, |_, _, window| {
        let index = if is_first { 0 } else { window.times.len() - 1 };
        Some(match window.point(index) {
            Point::Float(value) => Computed::Float(value),
            Point::Histogram(histogram) => Computed::Histogram(Arc::clone(histogram)),
        })
    })?;
    for series in &mut vector.series {
        series.name_dropped = false;
    }
    Ok(vector)
}

fn quantile_over_time<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let phis = evaluator.scalar(&site.args[0], site.steps)?;
    let mut scratch = Vec::new();
    let mut seen = vec![false; phis.len()];
    let vector = site.map_windows(evaluator, 1, |window| {
        seen[window.step] = true;
        scratch.clear();
        scratch.extend_from_slice(window.values);
        Some(quantile(phis[window.step], &mut scratch))
    })?;
    // Steps without samples do not ask for a quantile.
    let asked = phis.iter().zip(seen).filter(|(_, seen)| *seen);
    for warning in asked.filter_map(|(phi, _)| quantile_warning(*phi)) {
        evaluator.warn(&warning, site.args[0].span);
    }
    Ok(vector)
}

/// The median distance from the median; NaN if any value is.
fn mad_over_time<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let mut scratch = Vec::new();
    site.map_windows(evaluator, 0, |window| {
        if window.values.iter().any(|value| value.is_nan()) {
            return Some(f64::NAN);
        }
        scratch.clear();
        scratch.extend_from_slice(window.values);
        let median = quantile(0.5, &mut scratch);
        for value in &mut scratch {
            *value = (*value - median).abs();
        }
        Some(quantile(0.5, &mut scratch))
    })
}
