//! Quantiles and fractions from the buckets of one classic histogram, linear within a bucket.
//! Prometheus 3.14, `promql/quantile.go`.

/// Observations up to and including `upper`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    pub(super) upper: f64,
    /// Cumulative: smaller buckets are part of larger ones.
    pub(super) count: f64,
}

/// Differences up to this share are rounding errors of what computed the counts.
const SMALL_DELTA: f64 = 1e-12;

/// The φ-quantile, and whether falling counts had to be repaired. NaN without a `+Inf` bucket, another bucket and
/// observations.
pub(super) fn quantile(phi: f64, buckets: &mut Vec<Bucket>) -> (f64, bool) {
    if phi.is_nan() {
        return (f64::NAN, false);
    }
    if !(0.0..=1.0).contains(&phi) {
        return (if phi < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY }, false);
    }
    if !sort(buckets) {
        return (f64::NAN, false);
    }
    let repaired = make_monotonic(buckets);
    let [.., second_last, last] = buckets.as_slice() else { return (f64::NAN, repaired) };
    if last.count == 0.0 || last.count.is_nan() {
        return (f64::NAN, repaired);
    }
    let rank = phi * last.count;
    let index = buckets[..buckets.len() - 1].partition_point(|bucket| bucket.count < rank);
    let bucket = buckets[index];
    if index == buckets.len() - 1 {
        return (second_last.upper, repaired);
    }
    if index == 0 && bucket.upper <= 0.0 {
        return (bucket.upper, repaired);
    }
    let (lower, below) = match index.checked_sub(1) {
        None => (0.0, 0.0),
        Some(before) => (buckets[before].upper, buckets[before].count),
    };
    (lower + (bucket.upper - lower) * ((rank - below) / (bucket.count - below)), repaired)
}

/// The share of observations between two bounds. NaN without a `+Inf` bucket or observations.
pub(super) fn fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if !sort(buckets) {
        return f64::NAN;
    }
    make_monotonic(buckets);
    let total = buckets[buckets.len() - 1].count;
    if total == 0.0 || total.is_nan() || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (observations_up_to(upper, buckets) - observations_up_to(lower, buckets)) / total
}

/// Buckets without an end count as if all their observations were at the finite one.
fn observations_up_to(bound: f64, buckets: &[Bucket]) -> f64 {
    let index = buckets.partition_point(|bucket| bucket.upper < bound).min(buckets.len() - 1);
    let Bucket { upper, count } = buckets[index];
    let (lower, below) = match index.checked_sub(1) {
        Some(before) => (buckets[before].upper, buckets[before].count),
        None if upper > 0.0 => (0.0, 0.0),
        None => (f64::NEG_INFINITY, 0.0),
    };
    if bound >= upper {
        return count;
    }
    if bound <= lower {
        return below;
    }
    if upper.is_infinite() {
        return below;
    }
    if lower.is_infinite() {
        return count;
    }
    below + (count - below) * ((bound - lower) / (upper - lower))
}

/// Sorts by bound and adds up buckets with equal ones; `false` where the largest is not `+Inf`.
fn sort(buckets: &mut Vec<Bucket>) -> bool {
    buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
    buckets.dedup_by(|next, kept| {
        let equal = next.upper == kept.upper;
        if equal {
            kept.count += next.count;
        }
        equal
    });
    buckets.last().is_some_and(|last| last.upper == f64::INFINITY)
}

/// Raises counts that are lower than those of smaller buckets; `true` where that was more than a rounding error.
fn make_monotonic(buckets: &mut [Bucket]) -> bool {
    let mut repaired = false;
    let Some(mut highest) = buckets.first().map(|bucket| bucket.count) else { return false };
    for bucket in buckets.iter_mut().skip(1) {
        if bucket.count == highest {
            continue;
        }
        let is_small = (bucket.count - highest).abs() < SMALL_DELTA * (bucket.count.abs() + highest.abs());
        if is_small || bucket.count < highest {
            repaired |= !is_small;
            bucket.count = highest;
        } else {
            highest = bucket.count;
        }
    }
    repaired
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(bounds: &[(f64, f64)]) -> Vec<Bucket> {
        bounds.iter().map(|(upper, count)| Bucket { upper: *upper, count: *count }).collect()
    }

    #[track_caller]
    fn check(bounds: &[(f64, f64)], phi: f64, want: (f64, bool)) {
        let got = quantile(phi, &mut buckets(bounds));
        assert!(got == want || (got.0.is_nan() && want.0.is_nan() && got.1 == want.1), "{bounds:?} {phi}: {got:?}");
    }

    #[test]
    fn quantiles_lie_within_their_bucket() {
        let inf = f64::INFINITY;
        check(&[(1.0, 2.0), (2.0, 4.0), (inf, 4.0)], 0.75, (1.5, false));
        check(&[(1.0, 2.0), (inf, 4.0)], 0.9, (1.0, false));
        check(&[(-1.0, 2.0), (inf, 2.0)], 0.5, (-1.0, false));
        check(&[(1.0, 2.0), (2.0, 4.0)], 0.5, (f64::NAN, false));
        check(&[(inf, 4.0)], 0.5, (f64::NAN, false));
        check(&[(1.0, 0.0), (inf, 0.0)], 0.5, (f64::NAN, false));
        check(&[(1.0, 2.0), (2.0, 1.0), (inf, 4.0)], 0.5, (1.0, true));
        check(&[(1.0, 2.0), (2.0, 2.0 - 1e-15), (inf, 4.0)], 0.5, (1.0, false));
        check(&[(1.0, 2.0), (inf, 4.0)], -0.1, (-inf, false));
    }

    #[track_caller]
    fn check_fraction(bounds: &[(f64, f64)], lower: f64, upper: f64, want: f64) {
        assert_eq!(fraction(lower, upper, &mut buckets(bounds)), want, "{bounds:?} {lower} {upper}");
    }

    #[test]
    fn fractions_add_up_whole_and_partial_buckets() {
        let inf = f64::INFINITY;
        let positive = [(1.0, 1.0), (2.0, 3.0), (3.0, 6.0), (inf, 100.0)];
        check_fraction(&positive, 0.0, 1.5, 0.02);
        check_fraction(&positive, -inf, inf, 1.0);
        check_fraction(&positive, 4.0, 5.0, 0.0);
        let negative = [(-3.0, 10.0), (-2.0, 12.0), (-1.0, 15.0), (inf, 100.0)];
        check_fraction(&negative, -4.0, -2.0, 0.02);
        check_fraction(&negative, -inf, -1.5, 0.135);
    }
}
