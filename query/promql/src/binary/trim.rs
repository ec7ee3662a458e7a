//! `</` and `>/`: the observations of a native histogram below or above a bound. A bucket that the bound cuts is divided
//! by interpolation: linear in custom and zero buckets, exponential in the others; the sum is estimated anew from the
//! middles of what is left. Prometheus 3.14, `model/histogram/float_histogram.go`, `TrimBuckets`.

use watchfire_model::Histogram;

/// Keeps what is below `bound` (`is_upper`) or above it.
pub(super) fn trim(histogram: &Histogram, bound: f64, is_upper: bool) -> Histogram {
    let mut kept = Kept { count: 0.0, sum: 0.0, is_trimmed: false };
    let mut result = histogram.clone();
    if bound.is_nan() {
        return result;
    }
    let mut trim_one = |bucket: Span, linear: bool| {
        let (share, part) = divide(bucket, bound, is_upper, linear, histogram.is_custom());
        kept.is_trimmed |= share != 1.0 || part != (bucket.lower, bucket.upper);
        let count = bucket.count * share;
        kept.count += count;
        if count != 0.0 {
            kept.sum += count * middle(part, linear);
        }
        count
    };
    let bounds = |index: i32| (histogram.upper_bound(index.saturating_sub(1)), histogram.upper_bound(index));
    for (index, count) in &mut result.negative {
        let (near, far) = bounds(*index);
        *count = trim_one(Span { lower: -far, upper: -near, count: *count }, false);
    }
    let (mut lower, mut upper) = (-histogram.zero_threshold, histogram.zero_threshold);
    if histogram.negative.is_empty() && !histogram.positive.is_empty() {
        lower = 0.0;
    }
    if histogram.positive.is_empty() && !histogram.negative.is_empty() {
        upper = 0.0;
    }
    if histogram.zero_count != 0.0 {
        result.zero_count = trim_one(Span { lower, upper, count: histogram.zero_count }, true);
    }
    for (index, count) in &mut result.positive {
        let (mut near, far) = bounds(*index);
        if histogram.is_custom() && *index == 0 {
            // The first bucket reaches from zero where it can, else from negative infinity.
            let from_zero = far > 0.0 && !histogram.bounds.is_empty() && (is_upper || bound >= 0.0);
            near = if from_zero { 0.0 } else { f64::NEG_INFINITY };
        }
        *count = trim_one(Span { lower: near, upper: far, count: *count }, histogram.is_custom());
    }
    if !kept.is_trimmed {
        return result;
    }
    Histogram { count: kept.count, sum: kept.sum, ..result.compact() }
}

/// A bucket, with the end that it has for this purpose.
#[derive(Clone, Copy)]
struct Span {
    lower: f64,
    upper: f64,
    count: f64,
}

struct Kept {
    count: f64,
    sum: f64,
    is_trimmed: bool,
}

/// The share of a bucket that is kept, and the part of it from which the kept observations come.
fn divide(
    Span { lower, upper, .. }: Span,
    bound: f64,
    is_upper: bool,
    linear: bool,
    is_custom: bool,
) -> (f64, (f64, f64)) {
    let whole = (1.0, (lower, upper));
    let nothing = (0.0, (lower, upper));
    if is_upper && bound >= upper || !is_upper && bound <= lower {
        return whole;
    }
    if is_upper && bound <= lower || !is_upper && bound >= upper {
        return nothing;
    }
    // The bound lies within. A bucket without an end is kept as a whole or not at all.
    if is_custom && (lower.is_infinite() || upper.is_infinite()) {
        let keeps = match (lower.is_infinite(), upper.is_infinite()) {
            (true, true) => false,
            (true, false) => is_upper,
            _ => !is_upper,
        };
        let part = if is_upper { (lower, bound) } else { (bound, upper) };
        return if keeps { (1.0, part) } else { nothing };
    }
    let below = if linear {
        (bound - lower) / (upper - lower)
    } else if lower >= 0.0 {
        (bound.log2() - lower.log2()) / (upper.log2() - lower.log2())
    } else {
        1.0 - (bound.abs().log2() - upper.abs().log2()) / (lower.abs().log2() - upper.abs().log2())
    };
    if is_upper { (below, (lower, bound)) } else { (1.0 - below, (bound, upper)) }
}

/// The value that stands for observations between two bounds.
fn middle((lower, upper): (f64, f64), linear: bool) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) => upper,
        (false, true) => lower,
        _ if linear => f64::midpoint(lower, upper),
        _ if upper <= 0.0 => -(lower * upper).sqrt(),
        _ => (lower * upper).sqrt(),
    }
}
