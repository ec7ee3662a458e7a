//! `deriv`, `predict_linear` and `double_exponential_smoothing`: trends.

use super::Site;
use crate::EvalError;
use crate::engine::{Evaluator, Vector, Window};
use crate::kahan::KahanSum;

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    match site.name {
        "deriv" => site.reduce_floats(evaluator, 0, |window: Window<'_>| {
            line(window, *window.times.first()?).map(|(slope, _)| slope)
        }),
        "predict_linear" => {
            let ahead = evaluator.scalar(&site.args[1], site.steps)?;
            site.reduce_floats(evaluator, 0, |window: Window<'_>| {
                let (slope, intercept) = line(window, window.step_time)?;
                Some(slope * ahead[window.step] + intercept)
            })
        }
        _ => {
            let smoothing = evaluator.scalar(&site.args[1], site.steps)?;
            let trend = evaluator.scalar(&site.args[2], site.steps)?;
            check_factor("smoothing", "sf", &smoothing)?;
            check_factor("trend", "tf", &trend)?;
            site.reduce_floats(evaluator, 0, |window: Window<'_>| {
                smooth(window, smoothing[window.step], trend[window.step])
            })
        }
    }
}

/// Slope per second and value at `zero_time` of the line nearest to the samples (least squares).
fn line(window: Window<'_>, zero_time: i64) -> Option<(f64, f64)> {
    let [first, _, ..] = window.values else { return None };
    if window.values.iter().all(|value| value == first) {
        return Some(if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, *first) });
    }
    let n = window.values.len() as f64;
    let [mut sum_x, mut sum_y, mut sum_xy, mut sum_xx] = [KahanSum::default(); 4];
    for (time, y) in window.times.iter().zip(window.values) {
        let x = time.saturating_sub(zero_time) as f64 / 1000.0;
        sum_x.add(x);
        sum_y.add(*y);
        sum_xy.add(x * y);
        sum_xx.add(x * x);
    }
    let (sum_x, sum_y) = (sum_x.total(), sum_y.total());
    let slope = (sum_xy.total() - sum_x * sum_y / n) / (sum_xx.total() - sum_x * sum_x / n);
    Some((slope, sum_y / n - slope * sum_x / n))
}

fn check_factor(kind: &str, name: &str, factors: &[f64]) -> Result<(), EvalError> {
    match factors.iter().find(|factor| !(0.0..=1.0).contains(*factor)) {
        None => Ok(()),
        Some(factor) => {
            Err(EvalError::Execution(format!("invalid {kind} factor. Expected: 0 <= {name} <= 1, got: {factor:.6}")))
        }
    }
}

/// Holt's method: a smoothed level and a smoothed trend.
fn smooth(window: Window<'_>, smoothing: f64, trend_factor: f64) -> Option<f64> {
    let [first, second, ..] = window.values else { return None };
    let mut level = *first;
    let mut trend = second - first;
    let mut previous = 0.0;
    for (index, value) in window.values.iter().enumerate().skip(1) {
        if index > 1 {
            trend = trend_factor * (level - previous) + (1.0 - trend_factor) * trend;
        }
        previous = level;
        level = smoothing * value + (1.0 - smoothing) * (level + trend);
    }
    Some(level)
}
