//! Native histograms: how many observations fell into which bucket, in one sample.
//! Prometheus 3.14, `model/histogram/float_histogram.go`.

mod arithmetic;
mod reset;
mod spans;

pub use arithmetic::{Compatibility, HistogramSum, SchemaMismatch};
pub use spans::{BucketSpan, CountKind, HistogramFault};

use std::sync::Arc;

/// Counts per bucket. Standard schemas have exponential buckets; [`Histogram::CUSTOM`] brings its own bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// -4 to 8: bucket bounds grow by the factor `2^(2^-schema)`; or [`Histogram::CUSTOM`].
    pub schema: i32,
    pub hint: ResetHint,
    /// Observations nearer to zero than this (or as near) are in the zero bucket.
    pub zero_threshold: f64,
    pub zero_count: f64,
    pub count: f64,
    pub sum: f64,
    /// Index and count of the buckets that are not empty, ascending. Bucket `i` of a standard schema ends at
    /// `2^(i * 2^-schema)`, both for positive and (mirrored) negative values; of custom ones, at the i-th bound.
    pub positive: Vec<(i32, f64)>,
    pub negative: Vec<(i32, f64)>,
    /// Upper bounds of custom buckets, ascending; one more bucket reaches to infinity.
    pub bounds: Arc<[f64]>,
}

/// What is known of a counter's reset just before a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResetHint {
    #[default]
    Unknown,
    Reset,
    NotReset,
    /// It is no counter.
    Gauge,
}

/// One bucket: observations above `lower` up to and including `upper` (mirrored for negative ones).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HistogramBucket {
    pub lower: f64,
    pub upper: f64,
    pub count: f64,
    /// Whether the bounds belong to the bucket.
    pub includes_lower: bool,
    pub includes_upper: bool,
}

impl Histogram {
    /// The schema of histograms with bounds of their own.
    pub const CUSTOM: i32 = -53;

    /// Without observations, schema 0.
    pub fn empty() -> Histogram {
        Histogram {
            schema: 0,
            hint: ResetHint::Unknown,
            zero_threshold: 0.0,
            zero_count: 0.0,
            count: 0.0,
            sum: 0.0,
            positive: Vec::new(),
            negative: Vec::new(),
            bounds: Arc::from([]),
        }
    }

    pub fn is_custom(&self) -> bool {
        self.schema == Histogram::CUSTOM
    }

    /// Memory that it takes, in bytes.
    pub fn bytes(&self) -> usize {
        size_of::<Histogram>()
            + (self.positive.len() + self.negative.len()) * size_of::<(i32, f64)>()
            + size_of_val(&*self.bounds)
    }

    /// Floats that would take as much memory, at least 1: what a budget counts for it.
    pub fn weight(&self) -> u64 {
        const FLOAT_BYTES: usize = 16;
        (self.bytes() / FLOAT_BYTES).max(1) as u64
    }

    /// The value at which bucket `index` ends.
    pub fn upper_bound(&self, index: i32) -> f64 {
        if self.is_custom() {
            let at = usize::try_from(index).unwrap_or(0);
            return self.bounds.get(at).copied().unwrap_or(f64::INFINITY);
        }
        exponential_bound(index, self.schema)
    }

    fn lower_bound(&self, index: i32) -> f64 {
        if self.is_custom() && index <= 0 { f64::NEG_INFINITY } else { self.upper_bound(index.saturating_sub(1)) }
    }

    /// Every bucket that is not empty, from the most negative to the largest values.
    pub fn buckets(&self) -> Vec<HistogramBucket> {
        let negative = self.negative.iter().rev().map(|(index, count)| HistogramBucket {
            lower: -self.upper_bound(*index),
            upper: -self.lower_bound(*index),
            count: *count,
            includes_lower: true,
            includes_upper: false,
        });
        let zero = (self.zero_count != 0.0).then_some(HistogramBucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            count: self.zero_count,
            includes_lower: true,
            includes_upper: true,
        });
        let positive = self.positive.iter().map(|(index, count)| HistogramBucket {
            lower: self.lower_bound(*index),
            upper: self.upper_bound(*index),
            count: *count,
            includes_lower: self.is_custom() && *index <= 0,
            includes_upper: true,
        });
        negative.chain(zero).chain(positive).collect()
    }

    /// Leaves out empty buckets.
    #[must_use]
    pub fn compact(mut self) -> Histogram {
        self.positive.retain(|(_, count)| *count != 0.0);
        self.negative.retain(|(_, count)| *count != 0.0);
        self
    }
}

/// `2^(index * 2^-schema)`; the last finite bound is the largest number.
fn exponential_bound(index: i32, schema: i32) -> f64 {
    const EXPONENT_MAX: f64 = 1024.0;
    let exponent = f64::from(index) * f64::from(-schema).exp2();
    if exponent == EXPONENT_MAX { f64::MAX } else { exponent.exp2() }
}

#[cfg(test)]
mod tests;
