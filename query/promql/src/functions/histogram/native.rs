//! Quantiles, fractions and deviations of one native histogram. Prometheus 3.14, `promql/quantile.go`.

use crate::kahan::KahanSum;
use watchfire_model::{Histogram, HistogramBucket};

/// What is to be remarked on a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remark {
    None,
    /// Observations that are not numbers, which lie in no bucket, made the result NaN.
    NanResult,
    /// They made it larger.
    NanSkew,
}

/// The φ-quantile: exponential within a bucket, linear within custom ones and the zero bucket.
pub(super) fn quantile(phi: f64, histogram: &Histogram) -> (f64, Remark) {
    if phi < 0.0 {
        return (f64::NEG_INFINITY, Remark::None);
    }
    if phi > 1.0 {
        return (f64::INFINITY, Remark::None);
    }
    if histogram.count == 0.0 || phi.is_nan() {
        return (f64::NAN, Remark::None);
    }
    let has_nan = histogram.sum.is_nan();
    // From the nearer end, which loses less to rounding.
    let is_forward = has_nan || phi < 0.5;
    let mut buckets = histogram.buckets();
    if !is_forward {
        buckets.reverse();
    }
    let rank = if is_forward { phi } else { 1.0 - phi } * histogram.count;
    let mut bucket = HistogramBucket { lower: 0.0, upper: 0.0, count: 0.0, includes_lower: true, includes_upper: true };
    let mut count = 0.0;
    for one in buckets {
        bucket = one;
        count += one.count;
        if count >= rank {
            break;
        }
    }
    narrow(&mut bucket, histogram);
    if histogram.is_custom() {
        if bucket.lower == f64::NEG_INFINITY {
            return (bucket.upper, Remark::None);
        }
        if bucket.upper == f64::INFINITY {
            return (bucket.lower, Remark::None);
        }
    }
    count = count.min(histogram.count);
    if count < rank {
        return if has_nan { (f64::NAN, Remark::NanResult) } else { (bucket.upper, Remark::None) };
    }
    let remark = if has_nan { Remark::NanSkew } else { Remark::None };
    let within = if is_forward { rank - (count - bucket.count) } else { count - rank };
    let share = within / bucket.count;
    if is_linear(&bucket, histogram) {
        return (bucket.lower + (bucket.upper - bucket.lower) * share, remark);
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    let value = if bucket.lower > 0.0 {
        (lower + (upper - lower) * share).exp2()
    } else {
        -(upper + (lower - upper) * (1.0 - share)).exp2()
    };
    (value, remark)
}

/// The share of observations between two bounds, and whether observations that are no numbers were left out.
pub(super) fn fraction(lower: f64, upper: f64, histogram: &Histogram) -> (f64, bool) {
    if histogram.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return (f64::NAN, false);
    }
    if lower >= upper {
        return (0.0, false);
    }
    let buckets = histogram.buckets();
    let has_nan = histogram.sum.is_nan();
    let total = if has_nan { buckets.iter().map(|bucket| bucket.count).sum() } else { histogram.count };
    let up_to = |bound: f64| {
        let mut below = 0.0;
        for mut bucket in buckets.iter().copied() {
            narrow(&mut bucket, histogram);
            if bucket.lower >= bound {
                return f64::min(below, total);
            }
            if bucket.upper > bound {
                return f64::min(below + bucket.count * share_below(&bucket, histogram, bound), total);
            }
            below += bucket.count;
        }
        total
    };
    ((up_to(upper) - up_to(lower)) / histogram.count, has_nan)
}

/// The share of a bucket's observations below a bound within it.
fn share_below(bucket: &HistogramBucket, histogram: &Histogram, bound: f64) -> f64 {
    if bucket.lower.is_infinite() {
        return 1.0;
    }
    if bucket.upper.is_infinite() {
        return 0.0;
    }
    if is_linear(bucket, histogram) {
        return (bound - bucket.lower) / (bucket.upper - bucket.lower);
    }
    let (lower, upper, bound_log) = (bucket.lower.abs().log2(), bucket.upper.abs().log2(), bound.abs().log2());
    if bound > 0.0 { (bound_log - lower) / (upper - lower) } else { 1.0 - (bound_log - upper) / (lower - upper) }
}

/// Takes the half away from the zero bucket (or the lower end from the first custom one) in which nothing can be.
fn narrow(bucket: &mut HistogramBucket, histogram: &Histogram) {
    if histogram.is_custom() {
        if bucket.lower == f64::NEG_INFINITY && bucket.upper > 0.0 && bucket.upper.is_finite() {
            bucket.lower = 0.0;
        }
    } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
        if histogram.negative.is_empty() && !histogram.positive.is_empty() {
            bucket.lower = 0.0;
        }
        if histogram.positive.is_empty() && !histogram.negative.is_empty() {
            bucket.upper = 0.0;
        }
    }
}

fn is_linear(bucket: &HistogramBucket, histogram: &Histogram) -> bool {
    histogram.is_custom() || (bucket.lower <= 0.0 && bucket.upper >= 0.0)
}

/// The variance, as if all observations of a bucket were at its middle.
pub(super) fn variance(histogram: &Histogram) -> f64 {
    let mean = histogram.sum / histogram.count;
    let mut squares = KahanSum::default();
    for bucket in histogram.buckets() {
        let middle = if histogram.is_custom() {
            f64::midpoint(bucket.lower, bucket.upper)
        } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            0.0
        } else {
            let middle = (bucket.lower * bucket.upper).sqrt();
            if bucket.upper < 0.0 { -middle } else { middle }
        };
        squares.add(bucket.count * (middle - mean) * (middle - mean));
    }
    squares.total() / histogram.count
}
