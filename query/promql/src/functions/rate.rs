//! `rate`, `increase` and `delta`: the change over a window, stretched to its edges.
//!
//! The samples cover less than the window; the change that they show is scaled up to the whole of it. Towards an edge
//! that is nearer than 1.1 mean sample distances, the stretch reaches the edge, else it goes half a mean distance: the
//! series then began or ended within the window. A counter is never stretched back beyond the time at which it would
//! have been zero. Prometheus 3.14, `promql/functions.go`, `extrapolatedRate`.

use super::counter::{Places, Relation};
use super::reduce::Reduce;
use super::{Site, extended, histogram_rate, metric_name};
use crate::engine::{Computed, Evaluator, Point, Vector, Window};
use crate::remarks::mixed_types;
use crate::{Annotations, EvalError};
use watchfire_model::{Labels, Samples};

/// How many mean sample distances an edge may be away to be reached.
const EDGE_DISTANCES_MAX: f64 = 1.1;

/// Endings of names that counters usually have.
const COUNTER_ENDINGS: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let is_counter = site.name != "delta";
    let span = site.args[0].span;
    let vector = site.reduce(evaluator, 0, &Change { site, is_counter })?;
    if is_counter {
        let doubtful = vector.series.iter().filter(|series| !series.is_without_floats());
        let mut names: Vec<&str> = doubtful.map(|series| metric_name(&series.labels)).collect();
        names.dedup();
        let is_doubtful =
            |name: &&str| !name.is_empty() && !COUNTER_ENDINGS.iter().any(|ending| name.ends_with(ending));
        for name in names.into_iter().filter(is_doubtful) {
            let message = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket";
            evaluator.annotations.inform(&format!("{message}: {name:?}"), span);
        }
    }
    Ok(vector)
}

struct Change<'s> {
    site: &'s Site<'s>,
    is_counter: bool,
}

impl Reduce for Change<'_> {
    type State = Places;

    fn begin(&self, resets: &mut Places, samples: &Samples, overlap: i64) {
        // Native histograms are compared with each other elsewhere.
        let is_asked = self.is_counter && samples.histograms.is_empty();
        resets.begin(samples, if is_asked { overlap } else { 0 }, Relation::Reset);
    }

    fn reduce(
        &self,
        resets: &mut Places,
        remarks: &mut Annotations,
        labels: &Labels,
        window: Window<'_>,
    ) -> Option<Computed> {
        let (is_counter, span) = (self.is_counter, self.site.args[0].span);
        if window.extension.is_some() {
            return extended::change(remarks, self.site, labels, window, is_counter);
        }
        let scale = if self.site.name == "rate" { 1000.0 / (window.end - window.start) as f64 } else { 1.0 };
        match window.histogram_count() {
            0 => Some(Computed::Float(change(window, is_counter, resets)? * scale)),
            count if count < window.times.len() => {
                remarks.warn(&mixed_types(metric_name(labels)), span);
                None
            }
            count => {
                if count < 2 && !(is_counter && window.start_within().is_some()) {
                    return None;
                }
                let change = histogram_rate::change(remarks, window, is_counter, (metric_name(labels), span))?;
                let Point::Histogram(first) = window.point(0) else { return None };
                let factor = stretch(window, is_counter, first.count, change.count);
                Some(change.times(factor * scale).into())
            }
        }
    }
}

/// The change over the whole window; `None` where there is nothing to compare.
fn change(window: Window<'_>, is_counter: bool, resets: &mut Places) -> Option<f64> {
    let values = window.values;
    let (first, last) = (values.first()?, values.last()?);
    let is_from_nothing = is_counter && window.start_within().is_some();
    if values.len() < 2 && !is_from_nothing {
        return None;
    }
    let mut change = if is_from_nothing { *last } else { last - first };
    if is_counter {
        // What a counter had before each reset is part of its increase.
        change += resets.within(window, Relation::Reset).map(|index| values[index - 1]).sum::<f64>();
    }
    Some(change * stretch(window, is_counter, *first, change))
}

/// How much longer the window is than what its samples (and the beginning of counting) cover, as far as the change may
/// be stretched.
fn stretch(window: Window<'_>, is_counter: bool, first: f64, change: f64) -> f64 {
    let (Some(first_time), Some(last_time)) = (window.times.first(), window.times.last()) else { return 1.0 };
    let distance = match window.times.len() {
        1 => 0.0,
        count => (last_time - first_time) as f64 / 1000.0 / (count - 1) as f64,
    };
    let began = if is_counter { window.start_within() } else { None };
    let sampled = (last_time - began.unwrap_or(*first_time)) as f64 / 1000.0;
    let reach = |to_edge_ms: i64| {
        let to_edge = to_edge_ms as f64 / 1000.0;
        if to_edge >= distance * EDGE_DISTANCES_MAX { distance / 2.0 } else { to_edge }
    };
    let mut before = if began.is_some() { 0.0 } else { reach(first_time - window.start) };
    if is_counter && change > 0.0 && first >= 0.0 {
        before = before.min(sampled * (first / change));
    }
    let after = reach(window.end - last_time);
    (sampled + before + after) / sampled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(samples: &[(i64, f64)], want_counter: Option<f64>, want_gauge: Option<f64>) {
        let (times, values): (Vec<i64>, Vec<f64>) = samples.iter().copied().unzip();
        let window = Window {
            times: &times,
            values: &values,
            histograms: &[],
            starts: &[],
            extension: None,
            start: 0,
            end: 60_000,
            step: 0,
            step_time: 60_000,
            place: None,
        };
        let change = |is_counter| change(window, is_counter, &mut Places::default());
        assert_eq!((change(true), change(false)), (want_counter, want_gauge), "{samples:?}");
    }

    #[test]
    fn changes_are_stretched_to_the_window() {
        check(&[(30_000, 5.0)], None, None);
        check(&[(15_000, 10.0), (30_000, 20.0), (45_000, 30.0)], Some(40.0), Some(40.0));
        // The reset adds 30; towards both edges only half a distance.
        check(&[(20_000, 30.0), (30_000, 10.0)], Some(20.0), Some(-40.0));
        // At zero the counter began: no stretch before that.
        check(&[(15_000, 0.0), (30_000, 10.0), (45_000, 20.0)], Some(30.0), Some(40.0));
    }
}
