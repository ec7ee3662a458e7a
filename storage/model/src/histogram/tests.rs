use super::*;

fn exponential(schema: i32, positive: &[(i32, f64)]) -> Histogram {
    let count = positive.iter().map(|(_, count)| count).sum();
    Histogram { schema, count, positive: positive.to_vec(), ..Histogram::empty() }
}

fn custom(bounds: &[f64], positive: &[(i32, f64)]) -> Histogram {
    Histogram { bounds: bounds.into(), ..exponential(Histogram::CUSTOM, positive) }
}

#[test]
fn bounds_follow_the_schema() {
    let bounds = |schema| [-2, -1, 0, 1, 2].map(|index| exponential(schema, &[]).upper_bound(index));
    assert_eq!(bounds(0), [0.25, 0.5, 1.0, 2.0, 4.0]);
    assert_eq!(bounds(-1), [0.0625, 0.25, 1.0, 4.0, 16.0]);
    assert_eq!(bounds(1)[3], 2f64.sqrt());
    assert_eq!(exponential(0, &[]).upper_bound(1024), f64::MAX);
    assert_eq!(exponential(0, &[]).upper_bound(1025), f64::INFINITY);
}

#[test]
fn buckets_ascend_from_the_most_negative() {
    let mut histogram = exponential(0, &[(1, 3.0)]);
    histogram.negative = vec![(0, 1.0), (2, 2.0)];
    (histogram.zero_count, histogram.zero_threshold) = (4.0, 0.1);
    let got: Vec<_> = histogram.buckets().iter().map(|bucket| (bucket.lower, bucket.upper, bucket.count)).collect();
    assert_eq!(got, [(-4.0, -2.0, 2.0), (-1.0, -0.5, 1.0), (-0.1, 0.1, 4.0), (1.0, 2.0, 3.0)]);
    let bounds = custom(&[5.0, 10.0], &[(0, 1.0), (2, 1.0)]);
    let got: Vec<_> = bounds.buckets().iter().map(|bucket| (bucket.lower, bucket.upper)).collect();
    assert_eq!(got, [(f64::NEG_INFINITY, 5.0), (10.0, f64::INFINITY)]);
}

#[test]
fn sums_have_the_coarser_resolution() {
    let (sum, _) = exponential(-1, &[(1, 1.0)]).plus(&exponential(0, &[(1, 2.0), (2, 2.0), (3, 1.0)])).unwrap();
    assert_eq!((sum.schema, sum.positive.as_slice(), sum.count), (-1, [(1, 5.0), (2, 1.0)].as_slice(), 6.0));
    let (difference, _) = sum.minus(&sum).unwrap();
    assert_eq!((difference.positive.len(), difference.hint), (0, ResetHint::Gauge));
}

#[test]
fn wider_zero_buckets_swallow_buckets() {
    let wide = Histogram { zero_threshold: 0.6, zero_count: 1.0, count: 1.0, ..Histogram::empty() };
    let (sum, _) = exponential(0, &[(-1, 2.0), (0, 4.0), (1, 8.0)]).plus(&wide).unwrap();
    // 0.6 cuts the bucket that ends at 1: it goes as a whole.
    assert_eq!((sum.zero_threshold, sum.zero_count, sum.positive.as_slice()), (1.0, 7.0, [(1, 8.0)].as_slice()));
}

#[test]
fn different_bounds_leave_the_common_ones() {
    let few = custom(&[2.0, 6.0], &[(0, 1.0), (1, 1.0), (2, 1.0)]);
    let many = custom(&[2.0, 4.0, 6.0], &[(1, 10.0), (2, 20.0), (3, 30.0)]);
    let (sum, how) = few.plus(&many).unwrap();
    assert!(how.bounds_reconciled);
    assert_eq!(
        (&*sum.bounds, sum.positive.as_slice()),
        ([2.0, 6.0].as_slice(), [(0, 1.0), (1, 31.0), (2, 31.0)].as_slice())
    );
    assert_eq!(few.plus(&exponential(0, &[])), Err(SchemaMismatch));
}

#[test]
fn resets_show_in_any_bucket() {
    let before = exponential(0, &[(1, 1.0), (2, 2.0)]);
    assert!(!exponential(0, &[(1, 1.0), (2, 3.0)]).is_reset_after(&before));
    assert!(exponential(0, &[(1, 0.5), (2, 3.0)]).is_reset_after(&before));
    assert!(!exponential(-1, &[(1, 3.0)]).is_reset_after(&before));
    assert!(exponential(1, &[(2, 1.0), (4, 2.0)]).is_reset_after(&before));
    let hinted = Histogram { hint: ResetHint::NotReset, ..exponential(0, &[]) };
    assert!(!hinted.is_reset_after(&before));
    assert!(!custom(&[5.0, 10.0], &[(1, 3.0)]).is_reset_after(&custom(&[10.0], &[(0, 3.0)])));
}

#[test]
fn sums_do_not_lose_small_parts() {
    let of = |sum: f64| Histogram { sum, ..Histogram::empty() };
    let mut all = HistogramSum::new(&of(1e100));
    for part in [1.0, -1e100, 2.0] {
        all.add(&of(part), 1.0).unwrap();
    }
    assert_eq!(all.finish(0.5).sum, 1.5);
}
