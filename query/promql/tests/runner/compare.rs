//! Compares results with expectations: relative tolerance 1e-6, NaN equals NaN.

use super::histogram;
use super::points::Point;
use super::script::{Expected, Pattern};
use std::collections::BTreeMap;
use std::sync::Arc;
use watchfire_model::{Histogram, Labels};
use watchfire_promql::{MatrixSeries, VectorSample};

const TOLERANCE: f64 = 1e-6;

pub(crate) fn almost_equal(a: f64, b: f64) -> bool {
    if a.is_nan() && b.is_nan() || a == b {
        return true;
    }
    let size = a.abs() + b.abs();
    let difference = (a - b).abs();
    if a == 0.0 || b == 0.0 || size < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / size.min(f64::MAX) < TOLERANCE
}

pub(crate) fn vector(got: &[VectorSample], want: &[(Labels, Vec<Point>)], is_ordered: bool) -> Result<(), String> {
    let mut missing: BTreeMap<&Labels, (usize, Point)> = BTreeMap::new();
    for (index, (labels, points)) in want.iter().enumerate() {
        let [point] = points.as_slice() else { return Err(format!("{labels} needs exactly one value")) };
        missing.insert(labels, (index, point.clone()));
    }
    for (position, sample) in got.iter().enumerate() {
        let Some((index, point)) = missing.remove(&sample.labels) else {
            return Err(format!("unexpected {} {}", sample.labels, sample.value));
        };
        if is_ordered && index != position {
            return Err(format!("{} stands at {position} instead of {index}", sample.labels));
        }
        match point {
            Point::Value(value) if sample.histogram.is_none() && almost_equal(value, sample.value) => {}
            Point::Histogram(want, with_hint)
                if sample.histogram.as_ref().is_some_and(|got| histogram::equal(got, &want, with_hint)) => {}
            other => {
                let got = (sample.value, &sample.histogram);
                return Err(format!("{} is {got:?} instead of {other:?}", sample.labels));
            }
        }
    }
    match missing.keys().next() {
        Some(labels) => Err(format!("missing {labels}")),
        None => Ok(()),
    }
}

/// The points that a series should have, and its native histograms with whether their hints count, by time.
type Wanted = (BTreeMap<i64, f64>, BTreeMap<i64, (Arc<Histogram>, bool)>);

pub(crate) fn matrix(got: &[MatrixSeries], want: &[(Labels, Vec<Point>)], start: i64, step: i64) -> Result<(), String> {
    if !got.is_sorted_by(|a, b| a.labels < b.labels) {
        return Err("the result is not sorted by labels".to_owned());
    }
    let mut missing: BTreeMap<&Labels, Wanted> = BTreeMap::new();
    for (labels, points) in want {
        let (mut by_time, mut histograms) = Wanted::default();
        for (index, point) in points.iter().enumerate() {
            match point {
                Point::None => {}
                Point::Value(value) => {
                    by_time.insert(start + index as i64 * step, *value);
                }
                Point::Histogram(histogram, with_hint) => {
                    histograms.insert(start + index as i64 * step, (Arc::clone(histogram), *with_hint));
                }
            }
        }
        if !by_time.is_empty() || !histograms.is_empty() {
            missing.insert(labels, (by_time, histograms));
        }
    }
    for series in got {
        let Some((want, histograms)) = missing.remove(&series.labels) else {
            return Err(format!("unexpected {series:?}"));
        };
        let equal = want.len() == series.times.len()
            && want
                .iter()
                .zip(series.times.iter().zip(&series.values))
                .all(|((want_time, want_value), (time, value))| want_time == time && almost_equal(*want_value, *value));
        let equal_histograms = histograms.len() == series.histograms.len()
            && histograms.iter().zip(&series.histograms).all(|((want_time, (want, with_hint)), (time, got))| {
                want_time == time && histogram::equal(got, want, *with_hint)
            });
        if !equal || !equal_histograms {
            return Err(format!("{series:?} instead of {want:?} {histograms:?}"));
        }
    }
    match missing.keys().next() {
        Some(labels) => Err(format!("missing {labels}")),
        None => Ok(()),
    }
}

pub(crate) fn annotations(got: &[String], want: &Expected) -> Result<(), String> {
    if want.none && !got.is_empty() {
        return Err(format!("unexpected annotations {got:?}"));
    }
    if want.some.is_empty() {
        return Ok(());
    }
    if let Some(unmet) = want.some.iter().find(|want| !got.iter().any(|got| matches(got, want))) {
        return Err(format!("no annotation matches {unmet:?} in {got:?}"));
    }
    match got.iter().find(|got| !want.some.iter().any(|want| matches(got, want))) {
        Some(unexpected) => Err(format!("unexpected annotation {unexpected}")),
        None => Ok(()),
    }
}

pub(crate) fn matches(got: &str, want: &Pattern) -> bool {
    match want {
        Pattern::Any => true,
        Pattern::Exact(text) => got == text,
        Pattern::Regex(expression) => regex::Regex::new(expression).is_ok_and(|regex| regex.is_match(got)),
    }
}
