//! Quantiles of a set of values.

/// The φ-quantile of `values` (which are sorted here, NaN first), interpolated between the two nearest; -∞ or +∞ for a
/// φ outside 0 to 1, NaN without values.
pub(crate) fn quantile(phi: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || phi.is_nan() {
        return f64::NAN;
    }
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b)));
    let rank = phi * (values.len() - 1) as f64;
    let lower = rank.floor() as usize;
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// The remark on a φ outside 0 to 1.
pub(crate) fn quantile_warning(phi: f64) -> Option<String> {
    let in_range = (0.0..=1.0).contains(&phi);
    (!in_range).then(|| format!("quantile value should be between 0 and 1, got {}", crate::value::format_number(phi)))
}
