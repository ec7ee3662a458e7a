//! `rate`, `increase` and `delta` over anchored and smoothed windows: no stretching, but what the samples next to the
//! window's edges say. An anchored window begins with the last sample before it; a smoothed one has values at both edges,
//! on the line between the samples around them. Prometheus 3.14, `promql/functions.go`, `extendedRate` and
//! `extendedHistogramRate`.

use super::{Site, metric_name};
use crate::ast::Extension;
use crate::engine::{Computed, Point, Window, between};
use crate::remarks::{mixed_schemas, mixed_types, not_a_counter, not_a_gauge, reconciled};
use crate::{Annotations, EvalError, Span};
use std::sync::Arc;
use watchfire_model::{Histogram, HistogramSum, Labels, ResetHint};

/// Functions that know anchored windows; those from `SMOOTHED` on know smoothed ones too.
const ANCHORED: [&str; 5] = ["changes", "delta", "increase", "rate", "resets"];
const SMOOTHED: [&str; 3] = ["delta", "increase", "rate"];

/// Refuses windows that the function cannot read.
pub(super) fn check(site: &Site<'_>, extension: Extension) -> Result<(), EvalError> {
    let (word, known) = match extension {
        Extension::Anchored => ("anchored", &ANCHORED[..]),
        Extension::Smoothed => ("smoothed", &SMOOTHED[..]),
    };
    if known.contains(&site.name) {
        return Ok(());
    }
    let message = format!("{word} modifier can only be used with: {} - not with {}", known.join(", "), site.name);
    Err(EvalError::Execution(message))
}

/// The change over a window, which holds the samples next to its edges too.
pub(super) fn change(
    remarks: &mut Annotations,
    site: &Site<'_>,
    labels: &Labels,
    window: Window<'_>,
    is_counter: bool,
) -> Option<Computed> {
    let is_smoothed = window.extension == Some(Extension::Smoothed);
    let (name, span) = (metric_name(labels), site.args[0].span);
    let scale = if site.name == "rate" { 1000.0 / (window.end - window.start) as f64 } else { 1.0 };
    let (first, last) = (*window.times.first()?, *window.times.last()?);
    if last <= window.start || first > window.end {
        return None;
    }
    match window.histogram_count() {
        0 => Some(Computed::Float(of_floats(window, is_counter, is_smoothed) * scale)),
        count if count < window.times.len() => {
            remarks.warn(&mixed_types(name), span);
            None
        }
        _ => {
            let change = of_histograms(remarks, window, (is_counter, is_smoothed), (name, span))?;
            Some(Histogram { hint: ResetHint::Gauge, ..change.times(scale) }.into())
        }
    }
}

fn of_floats(window: Window<'_>, is_counter: bool, is_smoothed: bool) -> f64 {
    let (times, values) = (window.times, window.values);
    let last = times.len() - 1;
    let at = |before: usize, time: i64| {
        let (from, to) = (values[before], values[before + 1]);
        // A counter that fell began anew at zero.
        let from = if is_counter && to < from { 0.0 } else { from };
        from + (to - from) * between(times[before], times[before + 1], time)
    };
    let cuts_left = is_smoothed && times[0] < window.start && last > 0;
    let cuts_right = is_smoothed && times[last] > window.end && last > 0;
    let left = if cuts_left { at(0, window.start) } else { values[0] };
    let right = if cuts_right { at(last - 1, window.end) } else { values[last] };
    let mut change = right - left;
    if is_counter {
        let inner = times.iter().zip(values).filter(|(time, _)| window.start < **time && **time < window.end);
        let mut previous = left;
        for value in inner.map(|(_, value)| *value).chain([right]) {
            if value < previous {
                change += previous;
            }
            previous = value;
        }
    }
    change
}

fn of_histograms(
    remarks: &mut Annotations,
    window: Window<'_>,
    (is_counter, is_smoothed): (bool, bool),
    (name, span): (&str, Span),
) -> Option<Histogram> {
    let points = window.points().filter_map(|point| if let Point::Histogram(it) = point { Some(it) } else { None });
    let all: Vec<&Arc<Histogram>> = points.collect();
    let (times, last) = (window.times, all.len() - 1);
    for histogram in &all {
        if histogram.is_custom() != all[0].is_custom() {
            remarks.warn(&mixed_schemas(name), span);
            return None;
        }
        if is_counter && histogram.hint == ResetHint::Gauge {
            remarks.warn(&not_a_counter(name), span);
        }
    }
    let cuts_left = is_smoothed && times[0] < window.start && last > 0;
    let cuts_right = is_smoothed && times[last] > window.end && last > 0;
    let mut at = |before: usize, time: i64| {
        let share = between(times[before], times[before + 1], time);
        interpolate(remarks, (all[before], all[before + 1]), share, is_counter, span)
    };
    let left = if cuts_left { at(0, window.start)? } else { (**all[0]).clone() };
    let right = if cuts_right { at(last - 1, window.end)? } else { (**all[last]).clone() };
    if !is_counter && (left.hint != ResetHint::Gauge || right.hint != ResetHint::Gauge) {
        remarks.warn(&not_a_gauge(name), span);
    }
    let mut sum = HistogramSum::new(&right);
    if sum.add(&left, -1.0).ok()?.bounds_reconciled {
        remarks.inform(&reconciled("subtraction"), span);
    }
    if is_counter {
        let mut previous = &left;
        let mut next = 1;
        if cuts_left && all[1].is_reset_after(all[0]) {
            // The left edge lies behind that reset already.
            previous = all[1];
            next = 2;
        }
        // The last one is the right edge, or gave it its hint.
        if next <= last {
            for histogram in all[next..last].iter().map(|histogram| &***histogram).chain([&right]) {
                if histogram.is_reset_after(previous) && sum.add(previous, 1.0).ok()?.bounds_reconciled {
                    remarks.inform(&reconciled("addition"), span);
                }
                previous = histogram;
            }
        }
    }
    Some(sum.finish(1.0))
}

/// The histogram at a share of the way from one to the next; a counter that was reset between them began at zero.
pub(crate) fn interpolate(
    remarks: &mut Annotations,
    (from, to): (&Histogram, &Histogram),
    share: f64,
    is_counter: bool,
    span: Span,
) -> Option<Histogram> {
    if share == 0.0 {
        return Some(from.clone());
    }
    if share == 1.0 {
        return Some(to.clone());
    }
    if is_counter && to.is_reset_after(from) {
        return Some(to.times(share));
    }
    let (difference, how) = to.minus(from).ok()?;
    if how.bounds_reconciled {
        remarks.inform(&reconciled("subtraction"), span);
    }
    let (sum, how) = difference.times(share).plus(from).ok()?;
    if how.bounds_reconciled {
        remarks.inform(&reconciled("addition"), span);
    }
    Some(Histogram { hint: if is_counter { to.hint } else { ResetHint::Gauge }, ..sum })
}
