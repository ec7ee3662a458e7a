//! `irate`, `idelta`, `changes` and `resets`: from one sample to the next.

use super::Site;
use crate::EvalError;
use crate::engine::{Evaluator, Vector, Window};

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let count = |window: Window<'_>, counts: fn(f64, f64) -> bool| {
        Some(window.values.windows(2).filter(|pair| counts(pair[0], pair[1])).count() as f64)
    };
    match site.name {
        "irate" => site.map_windows(evaluator, 0, |window| {
            let (change, seconds) = last_change(window, true)?;
            Some(change / seconds)
        }),
        "idelta" => site.map_windows(evaluator, 0, |window| last_change(window, false).map(|(change, _)| change)),
        "changes" => site.map_windows(evaluator, 0, |window| {
            count(window, |before, after| before != after && !(before.is_nan() && after.is_nan()))
        }),
        _ => site.map_windows(evaluator, 0, |window| count(window, |before, after| after < before)),
    }
}

/// The change between the last two samples, and the seconds between them.
fn last_change(window: Window<'_>, is_counter: bool) -> Option<(f64, f64)> {
    let ([.., before, after], [.., before_time, after_time]) = (window.values, window.times) else { return None };
    // A counter that fell began anew at zero.
    let change = if is_counter && after < before { *after } else { after - before };
    Some((change, (after_time - before_time) as f64 / 1000.0))
}
