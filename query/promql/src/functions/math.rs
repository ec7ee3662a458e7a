//! Functions from one number to another, for each sample of an instant vector.

use super::Site;
use crate::EvalError;
use crate::engine::{Evaluator, Vector, absent, is_absent};

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    match site.name {
        "clamp" | "clamp_min" | "clamp_max" => return clamp(evaluator, site),
        "round" => return round(evaluator, site),
        _ => {}
    }
    let function: fn(f64) -> f64 = match site.name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "sqrt" => f64::sqrt,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sgn" => |value| {
            if value > 0.0 {
                1.0
            } else if value < 0.0 {
                -1.0
            } else {
                value
            }
        },
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "asinh" => f64::asinh,
        "acosh" => f64::acosh,
        "atanh" => f64::atanh,
        "deg" => |value| value * 180.0 / std::f64::consts::PI,
        "rad" => |value| value * std::f64::consts::PI / 180.0,
        name => unreachable!("{name} is in the table of functions, but not here"),
    };
    let mut vector = evaluator.vector(&site.args[0], site.steps)?;
    evaluator.map(&mut vector, function)?;
    Ok(vector)
}

/// Values are held within bounds that may differ from step to step; with crossed bounds there is no result.
fn clamp<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let mut vector = evaluator.vector(&site.args[0], site.steps)?;
    let first = evaluator.scalar(&site.args[1], site.steps)?;
    let (lower, upper) = match site.name {
        "clamp" => (Some(first), Some(evaluator.scalar(&site.args[2], site.steps)?)),
        "clamp_min" => (Some(first), None),
        _ => (None, Some(first)),
    };
    for series in &mut vector.series {
        series.name_dropped = true;
        series.histograms.clear();
        for (step, value) in series.values.iter_mut().enumerate().filter(|(_, value)| !is_absent(**value)) {
            let lower = lower.as_ref().map_or(f64::NEG_INFINITY, |lower| lower[step]);
            let upper = upper.as_ref().map_or(f64::INFINITY, |upper| upper[step]);
            *value = if lower > upper {
                absent()
            } else if lower.is_nan() || upper.is_nan() || value.is_nan() {
                f64::NAN
            } else {
                value.min(upper).max(lower)
            };
        }
    }
    vector.series.retain(|series| !series.is_empty());
    Ok(vector)
}

/// To the nearest multiple, halves up. The inverse keeps multiples such as 0.1 exact.
fn round<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let mut vector = evaluator.vector(&site.args[0], site.steps)?;
    let nearest = match site.args.get(1) {
        Some(arg) => evaluator.scalar(arg, site.steps)?,
        None => vec![1.0; site.steps.count],
    };
    for series in &mut vector.series {
        series.name_dropped = true;
        series.histograms.clear();
        for (value, to) in series.values.iter_mut().zip(&nearest) {
            if !is_absent(*value) {
                let inverse = 1.0 / to;
                *value = (*value * inverse + 0.5).floor() / inverse;
            }
        }
    }
    Ok(vector)
}
