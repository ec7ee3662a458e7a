//! Histograms as they travel: buckets in runs, counts as differences; and what one must keep to that comes from outside.
//! Prometheus 3.14, `model/histogram/histogram.go` and `generic.go` (`checkHistogramSpans`, `Validate`).

use super::Histogram;
use super::arithmetic::coarser;

/// Neighbouring buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BucketSpan {
    /// Buckets left out since the span before; of the first span, the index at which it begins.
    pub offset: i32,
    /// Buckets in the span; may be 0.
    pub length: u32,
}

/// How the counts of a histogram were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountKind {
    /// They have to add up exactly.
    Integer,
    Float,
}

/// Why something is no histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HistogramFault {
    #[error("the schema {0} is not known")]
    Schema(i32),
    #[error("a span of buckets after the first begins before the end of the one before")]
    SpanOffset,
    #[error("its spans have {spans} buckets, but {counts} counts are given")]
    SpanLength { spans: u64, counts: usize },
    #[error("a bucket lies beyond the ends of what can be counted")]
    Index,
    #[error("a bucket's count is negative or no number")]
    NegativeBucket,
    #[error("the count of all or of zero is negative or no number")]
    NegativeCount,
    #[error("its buckets do not add up to its count")]
    CountMismatch,
    #[error("the zero threshold is negative or no number")]
    ZeroThreshold,
    #[error("its bounds do not ascend, or one of them is not finite")]
    Bounds,
    #[error("buckets with bounds of their own have no zero bucket and no negative ones")]
    CustomParts,
}

impl Histogram {
    /// The coarsest and the finest schema of exponential buckets that are stored.
    pub const SCHEMA_MIN: i32 = -4;
    pub const SCHEMA_MAX: i32 = 8;
    /// The finest schema that may come; finer ones than [`Histogram::SCHEMA_MAX`] are made coarser.
    pub const SCHEMA_READ_MAX: i32 = 52;

    /// The buckets of a histogram whose counts are whole numbers, each given as its difference to the one before. Empty ones
    /// are left out.
    pub fn buckets_from_deltas(spans: &[BucketSpan], deltas: &[i64]) -> Result<Vec<(i32, f64)>, HistogramFault> {
        let mut count: i64 = 0;
        let counts = deltas.iter().map(|delta| {
            count = count.checked_add(*delta).filter(|count| *count >= 0).ok_or(HistogramFault::NegativeBucket)?;
            Ok(count as f64)
        });
        placed(spans, counts)
    }

    /// The buckets of a histogram whose counts are given as they are. Empty ones are left out.
    pub fn buckets_from_counts(spans: &[BucketSpan], counts: &[f64]) -> Result<Vec<(i32, f64)>, HistogramFault> {
        let check = |count: &f64| if *count >= 0.0 { Ok(*count) } else { Err(HistogramFault::NegativeBucket) };
        placed(spans, counts.iter().map(check))
    }

    /// Whether it is one: schema, bounds and counts fit each other.
    pub fn check(&self, counts: CountKind) -> Result<(), HistogramFault> {
        if self.is_custom() {
            let ascends = self.bounds.windows(2).all(|pair| pair[0] < pair[1]);
            if !ascends || self.bounds.iter().any(|bound| !bound.is_finite()) {
                return Err(HistogramFault::Bounds);
            }
            if self.zero_count != 0.0 || self.zero_threshold != 0.0 || !self.negative.is_empty() {
                return Err(HistogramFault::CustomParts);
            }
            let last = i32::try_from(self.bounds.len()).unwrap_or(i32::MAX);
            if self.positive.iter().any(|(index, _)| !(0..=last).contains(index)) {
                return Err(HistogramFault::Index);
            }
        } else if !(Histogram::SCHEMA_MIN..=Histogram::SCHEMA_READ_MAX).contains(&self.schema) {
            return Err(HistogramFault::Schema(self.schema));
        } else if !self.bounds.is_empty() {
            return Err(HistogramFault::Bounds);
        }
        if self.zero_threshold.is_nan() || self.zero_threshold < 0.0 {
            return Err(HistogramFault::ZeroThreshold);
        }
        let is_count = |count: f64| count >= 0.0;
        if !self.positive.iter().chain(&self.negative).all(|(_, count)| is_count(*count)) {
            return Err(HistogramFault::NegativeBucket);
        }
        if !is_count(self.count) || !is_count(self.zero_count) {
            return Err(HistogramFault::NegativeCount);
        }
        if counts == CountKind::Integer {
            let total: f64 = self.positive.iter().chain(&self.negative).map(|(_, count)| count).sum();
            let total = total + self.zero_count;
            // Observations that are no numbers are counted, but fall into no bucket; they make the sum NaN.
            let fits = if self.sum.is_nan() { total <= self.count } else { total == self.count };
            if !fits {
                return Err(HistogramFault::CountMismatch);
            }
        }
        Ok(())
    }

    /// The same observations in the wider buckets of a coarser schema; a schema that is not coarser changes nothing, nor
    /// does any where the buckets have bounds of their own.
    #[must_use]
    pub fn reduce_resolution(mut self, schema: i32) -> Histogram {
        if self.is_custom() || schema >= self.schema {
            return self;
        }
        let shift = self.schema.abs_diff(schema).min(31);
        self.schema = schema;
        for buckets in [&mut self.positive, &mut self.negative] {
            for (index, _) in buckets.iter_mut() {
                *index = coarser(*index, shift);
            }
            buckets.dedup_by(|next, kept| {
                let is_same = next.0 == kept.0;
                if is_same {
                    kept.1 += next.1;
                }
                is_same
            });
        }
        self
    }
}

/// Puts counts at the indexes that spans give them. Takes memory by the counts that are there, whatever spans claim.
fn placed(
    spans: &[BucketSpan],
    mut counts: impl ExactSizeIterator<Item = Result<f64, HistogramFault>>,
) -> Result<Vec<(i32, f64)>, HistogramFault> {
    let n_counts = counts.len();
    let n_places: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
    if n_places != n_counts as u64 {
        return Err(HistogramFault::SpanLength { spans: n_places, counts: n_counts });
    }
    let mut buckets = Vec::with_capacity(n_counts);
    let mut index: i64 = 0;
    for (position, span) in spans.iter().enumerate() {
        if position > 0 && span.offset < 0 {
            return Err(HistogramFault::SpanOffset);
        }
        index += i64::from(span.offset);
        for count in counts.by_ref().take(span.length as usize) {
            let count = count?;
            let place = i32::try_from(index).map_err(|_| HistogramFault::Index)?;
            if count != 0.0 {
                buckets.push((place, count));
            }
            index += 1;
        }
    }
    Ok(buckets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn spans(pairs: &[(i32, u32)]) -> Vec<BucketSpan> {
        pairs.iter().map(|(offset, length)| BucketSpan { offset: *offset, length: *length }).collect()
    }

    #[track_caller]
    fn check(pairs: &[(i32, u32)], deltas: &[i64], want: Result<&[(i32, f64)], HistogramFault>) {
        let got = Histogram::buckets_from_deltas(&spans(pairs), deltas);
        assert_eq!(got.as_deref().map_err(|fault| *fault), want, "{pairs:?} {deltas:?}");
    }

    #[test]
    fn spans_place_counts() {
        check(&[], &[], Ok(&[]));
        check(&[(0, 0)], &[], Ok(&[]));
        check(&[(-2, 2), (3, 1)], &[1, 2, -1], Ok(&[(-2, 1.0), (-1, 3.0), (3, 2.0)]));
        check(&[(0, 3)], &[1, -1, 5], Ok(&[(0, 1.0), (2, 5.0)])); // the empty one is left out
        check(&[(0, 1), (-1, 1)], &[1, 1], Err(HistogramFault::SpanOffset));
        check(&[(0, 2)], &[1], Err(HistogramFault::SpanLength { spans: 2, counts: 1 }));
        check(
            &[(0, u32::MAX), (0, u32::MAX)],
            &[],
            Err(HistogramFault::SpanLength { spans: 8_589_934_590, counts: 0 }),
        );
        check(&[(0, 1)], &[-1], Err(HistogramFault::NegativeBucket));
        check(&[(0, 2)], &[i64::MAX, 1], Err(HistogramFault::NegativeBucket));
        check(&[(i32::MAX, 2)], &[1, 0], Err(HistogramFault::Index));
        let counts = |counts: &[f64]| Histogram::buckets_from_counts(&spans(&[(1, 2)]), counts);
        assert_eq!(counts(&[0.5, 0.0]), Ok(vec![(1, 0.5)]));
        assert_eq!(counts(&[0.5, f64::NAN]), Err(HistogramFault::NegativeBucket));
    }

    #[track_caller]
    fn check_fault(change: impl Fn(&mut Histogram), want: Option<HistogramFault>) {
        let mut histogram =
            Histogram { count: 4.0, sum: 3.0, zero_count: 1.0, positive: vec![(0, 3.0)], ..Histogram::empty() };
        change(&mut histogram);
        assert_eq!(histogram.check(CountKind::Integer).err(), want, "{histogram:?}");
    }

    #[test]
    fn faults_are_found() {
        check_fault(|_| {}, None);
        check_fault(|it| it.count = 5.0, Some(HistogramFault::CountMismatch));
        check_fault(|it| (it.count, it.sum) = (5.0, f64::NAN), None);
        check_fault(|it| (it.count, it.sum) = (3.0, f64::NAN), Some(HistogramFault::CountMismatch));
        check_fault(|it| it.schema = 53, Some(HistogramFault::Schema(53)));
        check_fault(|it| it.schema = -5, Some(HistogramFault::Schema(-5)));
        check_fault(|it| it.zero_threshold = -1.0, Some(HistogramFault::ZeroThreshold));
        check_fault(|it| it.zero_count = f64::NAN, Some(HistogramFault::NegativeCount));
        check_fault(|it| it.negative = vec![(1, -1.0)], Some(HistogramFault::NegativeBucket));
        check_fault(|it| it.schema = Histogram::CUSTOM, Some(HistogramFault::CustomParts));
        let custom = |it: &mut Histogram, bounds: &[f64], bucket| {
            (it.schema, it.zero_count, it.bounds) = (Histogram::CUSTOM, 0.0, Arc::from(bounds));
            it.positive = vec![(bucket, 4.0)];
        };
        check_fault(|it| custom(it, &[1.0, 2.0], 2), None);
        check_fault(|it| custom(it, &[1.0, 2.0], 3), Some(HistogramFault::Index));
        check_fault(|it| custom(it, &[1.0, 1.0], 1), Some(HistogramFault::Bounds));
        check_fault(|it| custom(it, &[1.0, f64::INFINITY], 1), Some(HistogramFault::Bounds));
    }

    #[test]
    fn a_coarser_schema_merges_buckets() {
        let positive = vec![(-1, 1.0), (0, 2.0), (1, 3.0), (2, 4.0), (3, 5.0)];
        let fine = Histogram { schema: 1, positive, ..Histogram::empty() };
        assert_eq!(fine.clone().reduce_resolution(0).positive, [(0, 3.0), (1, 7.0), (2, 5.0)]);
        assert_eq!(fine.clone().reduce_resolution(1), fine);
        assert_eq!(fine.clone().reduce_resolution(-4).positive, [(0, 3.0), (1, 12.0)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_spans_and_counts_are_read_or_refused(
            pairs in prop::collection::vec((-5i32..40, 0u32..4), 0..6),
            deltas in prop::collection::vec(-3i64..9, 0..12),
        ) {
            if let Ok(buckets) = Histogram::buckets_from_deltas(&spans(&pairs), &deltas) {
                prop_assert!(buckets.windows(2).all(|pair| pair[0].0 < pair[1].0));
                prop_assert!(buckets.len() <= deltas.len());
            }
        }
    }
}
