//! `rate`, `increase` and `delta`: the change over a window, stretched to its edges.
//!
//! The samples cover less than the window; the change that they show is scaled up to the whole of it. Towards an edge
//! that is nearer than 1.1 mean sample distances, the stretch reaches the edge, else it goes half a mean distance: the
//! series then began or ended within the window. A counter is never stretched back beyond the time at which it would
//! have been zero. Prometheus 3.14, `promql/functions.go`, `extrapolatedRate`.

use super::Site;
use crate::EvalError;
use crate::engine::{Evaluator, Vector, Window};

/// How many mean sample distances an edge may be away to be reached.
const EDGE_DISTANCES_MAX: f64 = 1.1;

/// Endings of names that counters usually have.
const COUNTER_ENDINGS: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let is_counter = site.name != "delta";
    let is_rate = site.name == "rate";
    let vector = site.map_windows(evaluator, 0, |window| {
        let change = change(window, is_counter)?;
        Some(if is_rate { change / ((window.end - window.start) as f64 / 1000.0) } else { change })
    })?;
    if is_counter {
        let doubtful = vector.series.iter().filter_map(|series| series.labels.metric_name());
        for name in doubtful.filter(|name| !COUNTER_ENDINGS.iter().any(|ending| name.ends_with(ending))) {
            let message = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket";
            evaluator.inform(&format!("{message}: {name:?}"), site.args[0].span);
        }
    }
    Ok(vector)
}

/// The change over the whole window; `None` with fewer than two samples.
fn change(window: Window<'_>, is_counter: bool) -> Option<f64> {
    let (times, values) = (window.times, window.values);
    let [first, .., last] = values else { return None };
    let [first_time, .., last_time] = times else { return None };
    let mut change = last - first;
    if is_counter {
        // What a counter had before each reset is part of its increase.
        change += values.windows(2).filter(|pair| pair[1] < pair[0]).map(|pair| pair[0]).sum::<f64>();
    }
    let sampled = (last_time - first_time) as f64 / 1000.0;
    let distance = sampled / (values.len() - 1) as f64;
    let reach = |to_edge_ms: i64| {
        let to_edge = to_edge_ms as f64 / 1000.0;
        if to_edge >= distance * EDGE_DISTANCES_MAX { distance / 2.0 } else { to_edge }
    };
    let mut before = reach(first_time - window.start);
    if is_counter && change > 0.0 && *first >= 0.0 {
        before = before.min(sampled * (first / change));
    }
    let after = reach(window.end - last_time);
    Some(change * ((sampled + before + after) / sampled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(samples: &[(i64, f64)], want_counter: Option<f64>, want_gauge: Option<f64>) {
        let (times, values): (Vec<i64>, Vec<f64>) = samples.iter().copied().unzip();
        let window = Window { times: &times, values: &values, start: 0, end: 60_000, step: 0, step_time: 60_000 };
        assert_eq!((change(window, true), change(window, false)), (want_counter, want_gauge), "{samples:?}");
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
