//! Whether native histograms are what a script expects.

use super::compare::almost_equal;
use watchfire_model::Histogram;

/// Equal but for rounding; the hint only counts where `hint` was asked for.
pub(crate) fn equal(got: &Histogram, want: &Histogram, with_hint: bool) -> bool {
    let buckets = |got: &[(i32, f64)], want: &[(i32, f64)]| {
        let equal = |(got, want): (&(i32, f64), &(i32, f64))| got.0 == want.0 && almost_equal(got.1, want.1);
        got.len() == want.len() && got.iter().zip(want).all(equal)
    };
    got.schema == want.schema
        && almost_equal(got.count, want.count)
        && almost_equal(got.sum, want.sum)
        && almost_equal(got.zero_count, want.zero_count)
        && (got.is_custom() || almost_equal(got.zero_threshold, want.zero_threshold))
        && got.bounds == want.bounds
        && buckets(&got.positive, &want.positive)
        && buckets(&got.negative, &want.negative)
        && (!with_hint || got.hint == want.hint)
}
