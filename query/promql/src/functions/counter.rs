//! `irate`, `idelta`, `changes` and `resets`: from one sample to the next. Prometheus 3.14, `promql/functions.go`,
//! `instantValue`, `funcChanges` and `funcResets`.

use super::{Site, metric_name};
use crate::EvalError;
use crate::engine::{Computed, Evaluator, Point, Vector, Window};
use crate::remarks::{mixed_schemas, mixed_types, not_a_counter, not_a_gauge, reconciled};
use watchfire_model::{Histogram, Labels, ResetHint};

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let count = |window: Window<'_>, counts: fn(Window<'_>, usize) -> bool| {
        let counted = (1..window.times.len()).filter(|index| counts(window, *index)).count();
        Some(Computed::Float(counted as f64))
    };
    match site.name {
        "irate" => site
            .map_points(evaluator, 0, |evaluator, labels, window| last_change(evaluator, site, labels, window, true)),
        "idelta" => site
            .map_points(evaluator, 0, |evaluator, labels, window| last_change(evaluator, site, labels, window, false)),
        "changes" => site.map_points(evaluator, 0, |_, _, window| count(window, differ)),
        _ => site.map_points(evaluator, 0, |_, _, window| count(window, is_reset)),
    }
}

/// Whether sample `index` differs from the one before.
fn differ(window: Window<'_>, index: usize) -> bool {
    match (window.point(index - 1), window.point(index)) {
        (Point::Float(before), Point::Float(after)) => before != after && !(before.is_nan() && after.is_nan()),
        (Point::Histogram(before), Point::Histogram(after)) => !same(before, after),
        _ => true,
    }
}

/// Equal in all but the hint.
pub(crate) fn same(a: &Histogram, b: &Histogram) -> bool {
    let numbers =
        |it: &Histogram| [it.count, it.sum, it.zero_count, it.zero_threshold].map(|number| (number + 0.0).to_bits());
    a.schema == b.schema
        && numbers(a) == numbers(b)
        && a.bounds == b.bounds
        && a.positive == b.positive
        && a.negative == b.negative
}

/// Whether a counter was reset between sample `index` and the one before.
pub(super) fn is_reset(window: Window<'_>, index: usize) -> bool {
    window.starts_anew(index)
        || match (window.point(index - 1), window.point(index)) {
            (Point::Float(before), Point::Float(after)) => after < before,
            (Point::Histogram(before), Point::Histogram(after)) => after.is_reset_after(before),
            _ => true,
        }
}

/// The change between the last two samples; of a counter per second.
fn last_change(
    evaluator: &mut Evaluator<'_>,
    site: &Site<'_>,
    labels: &Labels,
    window: Window<'_>,
    is_counter: bool,
) -> Option<Computed> {
    let last = window.times.len().checked_sub(1)?;
    let before = last.checked_sub(1)?;
    let seconds = (window.times[last] - window.times[before]) as f64 / 1000.0;
    let (name, span) = (metric_name(labels), site.args[0].span);
    match (window.point(before), window.point(last)) {
        (Point::Float(before), Point::Float(after)) => {
            // A counter that fell began anew at zero.
            let change = if is_counter && is_reset(window, last) { after } else { after - before };
            Some(Computed::Float(if is_counter { change / seconds } else { change }))
        }
        (Point::Histogram(before), Point::Histogram(after)) => {
            let gauges = [before, after].map(|histogram| histogram.hint == ResetHint::Gauge);
            if is_counter && gauges.contains(&true) {
                evaluator.warn(&not_a_counter(name), span);
            }
            if !is_counter && gauges.contains(&false) {
                evaluator.warn(&not_a_gauge(name), span);
            }
            let mut change = (**after).clone();
            if !is_counter || !is_reset(window, last) {
                let Ok((difference, how)) = after.minus(before) else {
                    evaluator.warn(&mixed_schemas(name), span);
                    return None;
                };
                if how.bounds_reconciled {
                    evaluator.inform(&reconciled("subtraction"), span);
                }
                change = difference;
            }
            let change = if is_counter { change.divided_by(seconds) } else { change };
            Some(Histogram { hint: ResetHint::Gauge, ..change }.into())
        }
        _ => {
            evaluator.warn(&mixed_types(name), span);
            None
        }
    }
}
