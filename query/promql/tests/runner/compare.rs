//! Compares results with expectations: relative tolerance 1e-6, NaN equals NaN.

use super::points::Point;
use super::script::{Expected, Pattern};
use std::collections::BTreeMap;
use watchfire_model::Labels;
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
        missing.insert(labels, (index, *point));
    }
    for (position, sample) in got.iter().enumerate() {
        let Some((index, point)) = missing.remove(&sample.labels) else {
            return Err(format!("unexpected {} {}", sample.labels, sample.value));
        };
        if is_ordered && index != position {
            return Err(format!("{} stands at {position} instead of {index}", sample.labels));
        }
        match point {
            Point::Value(value) if almost_equal(value, sample.value) => {}
            other => return Err(format!("{} is {} instead of {other:?}", sample.labels, sample.value)),
        }
    }
    match missing.keys().next() {
        Some(labels) => Err(format!("missing {labels}")),
        None => Ok(()),
    }
}

pub(crate) fn matrix(got: &[MatrixSeries], want: &[(Labels, Vec<Point>)], start: i64, step: i64) -> Result<(), String> {
    if !got.is_sorted_by(|a, b| a.labels < b.labels) {
        return Err("the result is not sorted by labels".to_owned());
    }
    let mut missing: BTreeMap<&Labels, BTreeMap<i64, f64>> = BTreeMap::new();
    for (labels, points) in want {
        let mut by_time = BTreeMap::new();
        for (index, point) in points.iter().enumerate() {
            match point {
                Point::None => {}
                Point::Value(value) => {
                    by_time.insert(start + index as i64 * step, *value);
                }
                Point::Histogram => return Err(format!("{labels} should hold native histograms")),
            }
        }
        if !by_time.is_empty() {
            missing.insert(labels, by_time);
        }
    }
    for series in got {
        let Some(want) = missing.remove(&series.labels) else { return Err(format!("unexpected {series:?}")) };
        let equal = want.len() == series.times.len()
            && want
                .iter()
                .zip(series.times.iter().zip(&series.values))
                .all(|((want_time, want_value), (time, value))| want_time == time && almost_equal(*want_value, *value));
        if !equal {
            return Err(format!("{series:?} instead of {want:?}"));
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
