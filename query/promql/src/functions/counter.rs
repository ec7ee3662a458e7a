//! `irate`, `idelta`, `changes` and `resets`: from one sample to the next. Prometheus 3.14, `promql/functions.go`,
//! `instantValue`, `funcChanges` and `funcResets`.

use super::reduce::{Reduce, each};
use super::{Site, metric_name};
use crate::engine::{Computed, Evaluator, Point, Vector, Window};
use crate::remarks::{mixed_schemas, mixed_types, not_a_counter, not_a_gauge, reconciled};
use crate::{Annotations, EvalError};
use watchfire_model::{Histogram, Labels, ResetHint, Samples};

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    match site.name {
        "irate" | "idelta" => {
            let is_counter = site.name == "irate";
            let change = each(|remarks, labels, window| last_change(remarks, site, labels, window, is_counter));
            site.reduce(evaluator, 0, &change)
        }
        "changes" => site.reduce(evaluator, 0, &Between(differ)),
        _ => site.reduce(evaluator, 0, &Between(is_reset)),
    }
}

/// How many samples of a window stand in some relation to the one before them.
struct Between(fn(Window<'_>, usize) -> bool);

impl Reduce for Between {
    type State = Places;

    fn begin(&self, places: &mut Places, samples: &Samples, overlaps: bool) {
        places.begin(samples, overlaps, self.0);
    }

    fn reduce(&self, places: &mut Places, _: &mut Annotations, _: &Labels, window: Window<'_>) -> Option<Computed> {
        Some(Computed::Float(places.within(window, self.0).count() as f64))
    }
}

/// Where samples of a series stand in some relation to the one before: found once for all windows that overlap.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Among the samples of the series, ascending.
    found: Vec<usize>,
    /// Of the first one behind the start of the last window.
    first: usize,
    is_found: bool,
}

impl Places {
    /// Starts a series.
    pub(super) fn begin(&mut self, samples: &Samples, overlaps: bool, stands: fn(Window<'_>, usize) -> bool) {
        self.found.clear();
        (self.first, self.is_found) = (0, overlaps);
        if overlaps {
            let all = Window::of_all(samples);
            self.found.extend((1..samples.len()).filter(|place| stands(all, *place)));
        }
    }

    /// Indexes within the window, ascending. Windows only move forwards.
    pub(super) fn within<'w>(
        &'w mut self,
        window: Window<'w>,
        stands: fn(Window<'_>, usize) -> bool,
    ) -> impl Iterator<Item = usize> + 'w {
        let len = window.times.len();
        let found = window.place.filter(|_| self.is_found);
        if let Some(from) = found {
            let passed = self.found[self.first..].iter().take_while(|place| **place <= from).count();
            self.first += passed;
        }
        let from = found.unwrap_or(0);
        let known = self.found[self.first.min(self.found.len())..].iter().map(move |place| place - from);
        let known = known.take_while(move |index| found.is_some() && *index < len);
        let searched = if found.is_some() { 0..0 } else { 1..len };
        known.chain(searched.filter(move |index| stands(window, *index)))
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
    remarks: &mut Annotations,
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
                remarks.warn(&not_a_counter(name), span);
            }
            if !is_counter && gauges.contains(&false) {
                remarks.warn(&not_a_gauge(name), span);
            }
            let mut change = (**after).clone();
            if !is_counter || !is_reset(window, last) {
                let Ok((difference, how)) = after.minus(before) else {
                    remarks.warn(&mixed_schemas(name), span);
                    return None;
                };
                if how.bounds_reconciled {
                    remarks.inform(&reconciled("subtraction"), span);
                }
                change = difference;
            }
            let change = if is_counter { change.divided_by(seconds) } else { change };
            Some(Histogram { hint: ResetHint::Gauge, ..change }.into())
        }
        _ => {
            remarks.warn(&mixed_types(name), span);
            None
        }
    }
}
