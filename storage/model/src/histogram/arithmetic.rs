//! Adding, subtracting and scaling histograms of different resolutions.

use super::{Histogram, ResetHint, exponential_bound};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why two histograms cannot be added: one has exponential buckets, the other custom ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("histograms with exponential and custom buckets cannot be combined")]
pub struct SchemaMismatch;

/// What had to be done to combine histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compatibility {
    /// A counter that was reset met one that was not.
    pub resets_collide: bool,
    /// Custom bounds differed: only the common ones are left.
    pub bounds_reconciled: bool,
}

/// A number with what rounding lost (Neumaier).
#[derive(Debug, Clone, Copy, Default)]
struct Compensated {
    sum: f64,
    lost: f64,
}

impl Compensated {
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        if sum.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - sum) + value;
        } else {
            self.lost += (value - sum) + self.sum;
        }
        self.sum = sum;
    }

    fn total(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }
}

type Buckets = BTreeMap<i32, Compensated>;

/// Adds histograms up, at the coarsest resolution and the widest zero bucket among them.
#[derive(Debug, Clone)]
pub struct HistogramSum {
    schema: i32,
    hint: ResetHint,
    zero_threshold: f64,
    zero_count: Compensated,
    count: Compensated,
    sum: Compensated,
    positive: Buckets,
    negative: Buckets,
    bounds: Arc<[f64]>,
}

impl HistogramSum {
    pub fn new(first: &Histogram) -> HistogramSum {
        let exactly = |sum: f64| Compensated { sum, lost: 0.0 };
        let buckets = |buckets: &[(i32, f64)]| buckets.iter().map(|(index, count)| (*index, exactly(*count))).collect();
        HistogramSum {
            schema: first.schema,
            hint: first.hint,
            zero_threshold: first.zero_threshold,
            zero_count: exactly(first.zero_count),
            count: exactly(first.count),
            sum: exactly(first.sum),
            positive: buckets(&first.positive),
            negative: buckets(&first.negative),
            bounds: Arc::clone(&first.bounds),
        }
    }

    /// Adds `factor` times `other`.
    pub fn add(&mut self, other: &Histogram, factor: f64) -> Result<Compatibility, SchemaMismatch> {
        let is_custom = self.schema == Histogram::CUSTOM;
        if is_custom != other.is_custom() {
            return Err(SchemaMismatch);
        }
        let resets_collide = self.adjust_hint(other.hint);
        let mut bounds_reconciled = false;
        self.count.add(factor * other.count);
        self.sum.add(factor * other.sum);
        if is_custom {
            if self.bounds == other.bounds {
                merge(&mut self.positive, &other.positive, factor, Some);
            } else {
                bounds_reconciled = true;
                self.reconcile_bounds(other, factor);
            }
            return Ok(Compatibility { resets_collide, bounds_reconciled });
        }
        let schema = self.schema.min(other.schema);
        self.reduce(schema);
        let zero_count = self.reconcile_zero(other);
        self.zero_count.add(factor * zero_count);
        let (threshold, shift) = (self.zero_threshold, other.schema - schema);
        // What the other's zero bucket has swallowed is counted already.
        let place =
            |index: i32| (exponential_bound(index, other.schema) > threshold).then(|| coarser(index, shift as u32));
        merge(&mut self.positive, &other.positive, factor, place);
        merge(&mut self.negative, &other.negative, factor, place);
        Ok(Compatibility { resets_collide, bounds_reconciled })
    }

    /// The sum, each count multiplied by `factor`.
    pub fn finish(self, factor: f64) -> Histogram {
        let buckets = |buckets: Buckets| {
            let scaled = buckets.into_iter().map(|(index, count)| (index, count.total() * factor));
            scaled.filter(|(_, count)| *count != 0.0).collect()
        };
        Histogram {
            schema: self.schema,
            hint: self.hint,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count.total() * factor,
            count: self.count.total() * factor,
            sum: self.sum.total() * factor,
            positive: buckets(self.positive),
            negative: buckets(self.negative),
            bounds: self.bounds,
        }
    }

    /// What is known of both together; `true` where they contradict each other.
    fn adjust_hint(&mut self, other: ResetHint) -> bool {
        use ResetHint::{Gauge, NotReset, Reset, Unknown};
        match (self.hint, other) {
            (mine, theirs) if mine == theirs => {}
            (Gauge, _) => {}
            (_, Gauge) => self.hint = Gauge,
            (Unknown, _) => {}
            (_, Unknown) => self.hint = Unknown,
            (Reset | NotReset, _) => {
                self.hint = Unknown;
                return true;
            }
        }
        false
    }

    fn reduce(&mut self, schema: i32) {
        let shift = (self.schema - schema) as u32;
        if shift > 0 {
            for buckets in [&mut self.positive, &mut self.negative] {
                let mut reduced = Buckets::new();
                for (index, count) in std::mem::take(buckets) {
                    let into = reduced.entry(coarser(index, shift)).or_default();
                    into.add(count.sum);
                    into.lost += count.lost;
                }
                *buckets = reduced;
            }
            self.schema = schema;
        }
    }

    /// Widens the zero bucket of both until they agree; the other's count then.
    fn reconcile_zero(&mut self, other: &Histogram) -> f64 {
        let (mut count, mut threshold) = (other.zero_count, other.zero_threshold);
        while threshold != self.zero_threshold {
            if self.zero_threshold > threshold {
                (count, threshold) = other.zero_for_threshold(self.zero_threshold);
            }
            if threshold > self.zero_threshold {
                let (own, reached) = self.clone().finish(1.0).zero_for_threshold(threshold);
                self.zero_count = Compensated { sum: own, lost: 0.0 };
                self.zero_threshold = reached;
                let schema = self.schema;
                let stays = |index: &i32, _: &mut Compensated| exponential_bound(*index, schema) > reached;
                self.positive.retain(stays);
                self.negative.retain(stays);
            }
        }
        count
    }

    fn reconcile_bounds(&mut self, other: &Histogram, factor: f64) {
        let common: Arc<[f64]> = common_bounds(&self.bounds, &other.bounds);
        let mut reduced = Buckets::new();
        for (index, count) in std::mem::take(&mut self.positive) {
            let into = reduced.entry(bucket_within(index, &self.bounds, &common)).or_default();
            into.add(count.sum);
            into.lost += count.lost;
        }
        self.positive = reduced;
        merge(&mut self.positive, &other.positive, factor, |index| Some(bucket_within(index, &other.bounds, &common)));
        self.bounds = common;
    }
}

impl Histogram {
    /// The sum of two.
    pub fn plus(&self, other: &Histogram) -> Result<(Histogram, Compatibility), SchemaMismatch> {
        let mut sum = HistogramSum::new(self);
        let compatibility = sum.add(other, 1.0)?;
        Ok((sum.finish(1.0), compatibility))
    }

    /// The difference of two, which is a gauge.
    pub fn minus(&self, other: &Histogram) -> Result<(Histogram, Compatibility), SchemaMismatch> {
        let mut sum = HistogramSum::new(self);
        let compatibility = sum.add(other, -1.0)?;
        Ok((Histogram { hint: ResetHint::Gauge, ..sum.finish(1.0) }, compatibility))
    }

    /// Every count and the sum multiplied; by a negative number it becomes a gauge.
    #[must_use]
    pub fn times(&self, factor: f64) -> Histogram {
        self.scaled(factor < 0.0, |value| value * factor)
    }

    /// Every count and the sum divided; by zero, no buckets are left.
    #[must_use]
    pub fn divided_by(&self, divisor: f64) -> Histogram {
        let mut result = self.scaled(divisor < 0.0, |value| value / divisor);
        if divisor == 0.0 {
            result.positive.clear();
            result.negative.clear();
        }
        result
    }

    fn scaled(&self, is_gauge: bool, scale: impl Fn(f64) -> f64) -> Histogram {
        let buckets = |buckets: &[(i32, f64)]| buckets.iter().map(|(index, count)| (*index, scale(*count))).collect();
        let scaled = Histogram {
            schema: self.schema,
            hint: if is_gauge { ResetHint::Gauge } else { self.hint },
            zero_threshold: self.zero_threshold,
            zero_count: scale(self.zero_count),
            count: scale(self.count),
            sum: scale(self.sum),
            positive: buckets(&self.positive),
            negative: buckets(&self.negative),
            bounds: Arc::clone(&self.bounds),
        };
        scaled.compact()
    }

    /// The count of a zero bucket of at least this width, and its width: a bucket that the threshold would cut is taken as
    /// a whole.
    pub(super) fn zero_for_threshold(&self, threshold: f64) -> (f64, f64) {
        let mut wanted = threshold;
        loop {
            let swallowed = |(index, _): &&(i32, f64)| self.lower_bound(*index) < wanted;
            let both = || self.positive.iter().filter(swallowed).chain(self.negative.iter().filter(swallowed));
            let reach = both().map(|(index, _)| self.upper_bound(*index)).fold(wanted, f64::max);
            if reach == wanted {
                return (self.zero_count + both().map(|(_, count)| count).sum::<f64>(), wanted);
            }
            wanted = reach;
        }
    }
}

/// The bucket of a schema that is coarser by `shift` in which bucket `index` lies.
pub(super) fn coarser(index: i32, shift: u32) -> i32 {
    (index.saturating_sub(1) >> shift.min(31)) + 1
}

fn merge(into: &mut Buckets, buckets: &[(i32, f64)], factor: f64, place: impl Fn(i32) -> Option<i32>) {
    for (index, count) in buckets {
        if let Some(index) = place(*index) {
            into.entry(index).or_default().add(factor * count);
        }
    }
}

pub(super) fn common_bounds(a: &[f64], b: &[f64]) -> Arc<[f64]> {
    a.iter().copied().filter(|bound| b.contains(bound)).collect()
}

/// The bucket of fewer bounds in which a bucket of more bounds lies.
pub(super) fn bucket_within(index: i32, bounds: &[f64], common: &[f64]) -> i32 {
    let upper = usize::try_from(index).ok().and_then(|at| bounds.get(at)).copied().unwrap_or(f64::INFINITY);
    common.partition_point(|bound| *bound < upper) as i32
}
