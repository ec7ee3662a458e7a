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
        "changes" => site.reduce(evaluator, 0, &Count(Relation::Change)),
        _ => site.reduce(evaluator, 0, &Count(Relation::Reset)),
    }
}

/// How a sample may stand to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Change,
    Reset,
}

impl Relation {
    fn holds(self, window: Window<'_>, index: usize) -> bool {
        match self {
            Relation::Change => differ(window, index),
            Relation::Reset => is_reset(window, index),
        }
    }

    /// As `holds`, where nothing but two numbers is known.
    fn holds_of(self, before: f64, after: f64) -> bool {
        match self {
            Relation::Change => before != after && !(before.is_nan() && after.is_nan()),
            Relation::Reset => after < before,
        }
    }
}

/// How many samples of a window stand in a relation to the one before them.
struct Count(Relation);

impl Reduce for Count {
    type State = Places;

    fn begin(&self, places: &mut Places, samples: &Samples, overlap: i64) {
        places.begin(samples, overlap, self.0);
    }

    fn reduce(&self, places: &mut Places, _: &mut Annotations, _: &Labels, window: Window<'_>) -> Option<Computed> {
        Some(Computed::Float(places.within(window, self.0).count() as f64))
    }
}

/// Where samples of a series stand in a relation to the one before: found once for all windows, where these cover the
/// series.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Among the samples of the series, ascending.
    found: Vec<usize>,
    /// Of the first one behind the start of the last window.
    first: usize,
    is_searched: bool,
}

impl Places {
    /// Starts a series.
    pub(super) fn begin(&mut self, samples: &Samples, overlap: i64, relation: Relation) {
        self.found.clear();
        (self.first, self.is_searched) = (0, overlap > 0);
        if !self.is_searched {
            return;
        }
        if samples.histograms.is_empty() && samples.starts.is_empty() {
            for (before, pair) in samples.values.windows(2).enumerate() {
                if relation.holds_of(pair[0], pair[1]) {
                    self.found.push(before + 1);
                }
            }
        } else {
            let all = Window::of_all(samples);
            self.found.extend((1..samples.len()).filter(|place| relation.holds(all, *place)));
        }
    }

    /// Indexes within the window, ascending. Windows only move forwards.
    pub(super) fn within<'w>(&'w mut self, window: Window<'w>, relation: Relation) -> impl Iterator<Item = usize> + 'w {
        let len = window.times.len();
        let place = window.place.filter(|_| self.is_searched);
        if let Some(from) = place {
            self.first += self.found[self.first..].iter().take_while(|place| **place <= from).count();
        }
        let from = place.unwrap_or(0);
        let known = self.found[self.first..].iter().map(move |place| place - from);
        let known = known.take_while(move |index| place.is_some() && *index < len);
        let is_plain = window.histograms.is_empty() && window.starts.is_empty();
        let holds = move |index: &usize| {
            let (before, after) = (window.values[*index - 1], window.values[*index]);
            if is_plain { relation.holds_of(before, after) } else { relation.holds(window, *index) }
        };
        known.chain(if place.is_some() { 0..0 } else { 1..len }.filter(holds))
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
