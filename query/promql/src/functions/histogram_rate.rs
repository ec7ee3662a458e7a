//! The change of a native histogram over a window. Prometheus 3.14, `promql/functions.go`, `histogramRate`.

use super::counter::is_reset;
use crate::engine::{Point, Window};
use crate::remarks::{mixed_schemas, not_a_counter, not_a_gauge, reconciled};
use crate::{Annotations, Span};
use std::sync::Arc;
use watchfire_model::{Histogram, HistogramSum, ResetHint};

/// What happened between the first and the last histogram of a window that holds nothing else; a gauge. With one histogram
/// only, and for counters that began within the window, from nothing on.
pub(super) fn change(
    remarks: &mut Annotations,
    window: Window<'_>,
    is_counter: bool,
    (name, span): (&str, Span),
) -> Option<Histogram> {
    let points = window.points().filter_map(|point| if let Point::Histogram(it) = point { Some(it) } else { None });
    let all: Vec<&Arc<Histogram>> = points.collect();
    let (first, last) = (all.first()?, all.last()?);
    let is_gauge = |histogram: &Histogram| histogram.hint == ResetHint::Gauge;
    if is_counter && all.iter().any(|histogram| is_gauge(histogram)) {
        remarks.warn(&not_a_counter(name), span);
    }
    // After a reset the first one does not matter, nor does its layout; nor if all counting began within the window.
    let is_from_nothing = is_counter && window.start_within().is_some();
    let is_first_moot = is_counter && all.len() > 1 && is_reset(window, 1);
    let mut previous = (***first).clone();
    if is_first_moot && !is_from_nothing {
        previous = Histogram { schema: all[1].schema, bounds: Arc::clone(&all[1].bounds), ..Histogram::empty() };
    }
    let is_custom = previous.is_custom();
    let between = if is_counter { &all[1..] } else { &all[all.len() - 1..] };
    if between.iter().any(|histogram| histogram.is_custom() != is_custom) {
        remarks.warn(&mixed_schemas(name), span);
        return None;
    }
    let mut sum = HistogramSum::new(last);
    if !is_from_nothing && sum.add(&previous, -1.0).ok()?.bounds_reconciled {
        remarks.inform(&reconciled("subtraction"), span);
    }
    if is_counter {
        for (index, histogram) in all.iter().enumerate().skip(1) {
            // What a counter had before each reset is part of its increase.
            if is_reset(window, index) && sum.add(&previous, 1.0).ok()?.bounds_reconciled {
                remarks.inform(&reconciled("addition"), span);
            }
            previous = (***histogram).clone();
        }
    } else if !is_gauge(first) || !is_gauge(last) {
        remarks.warn(&not_a_gauge(name), span);
    }
    Some(Histogram { hint: ResetHint::Gauge, ..sum.finish(1.0) })
}
