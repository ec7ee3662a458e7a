//! Samples of either kind as they come in: what is taken of them, and how they go to the log.

use crate::head::Extra;
use crate::record::{encode_points, encode_samples};
use crate::tsdb::SeriesId;
use std::sync::Arc;
use watchfire_model::{Histogram, Point, PointValue, ResetHint, Sample, Timestamp};

/// Floats in one record.
const RECORD_SAMPLES_MAX: usize = 1 << 18;

/// Buckets, or bounds, that one histogram may have.
const BUCKETS_MAX: usize = 1 << 16;

/// What an append is made of.
pub(crate) trait Incoming: Sized {
    fn time(&self) -> i64;

    /// The sample as it is stored; none where it is no sample.
    fn to_stored(&self) -> Option<Self>;

    /// Its value, and what it has beside.
    fn parts(&self) -> (f64, Option<Extra>);

    /// Encodes as many samples, from the first on, as go into one record; returns how many that were.
    fn encode(samples: &[(SeriesId, Self)], out: &mut Vec<u8>) -> usize;
}

impl Incoming for Sample {
    fn time(&self) -> i64 {
        self.time.0
    }

    fn to_stored(&self) -> Option<Sample> {
        Some(*self)
    }

    fn parts(&self) -> (f64, Option<Extra>) {
        (self.value, None)
    }

    fn encode(samples: &[(SeriesId, Sample)], out: &mut Vec<u8>) -> usize {
        let len = samples.len().min(RECORD_SAMPLES_MAX);
        encode_samples(&samples[..len], out);
        len
    }
}

impl Incoming for Point {
    fn time(&self) -> i64 {
        self.time.0
    }

    fn to_stored(&self) -> Option<Point> {
        let value = match &self.value {
            PointValue::Float(value) => PointValue::Float(*value),
            PointValue::Histogram(histogram) => PointValue::Histogram(to_stored(histogram)?),
        };
        Some(Point { time: self.time, start: self.start.filter(|start| *start != Timestamp(0)), value })
    }

    fn parts(&self) -> (f64, Option<Extra>) {
        let start = self.start.map_or(0, |start| start.0);
        match &self.value {
            PointValue::Float(value) => (*value, (start != 0).then_some(Extra { start, histogram: None })),
            PointValue::Histogram(histogram) => (0.0, Some(Extra { start, histogram: Some(Arc::clone(histogram)) })),
        }
    }

    fn encode(samples: &[(SeriesId, Point)], out: &mut Vec<u8>) -> usize {
        encode_points(samples, out)
    }
}

/// Without empty buckets, and without the claim that there was no reset: whoever reads sees that in the histogram before.
/// None where it is no histogram: an unknown schema, too many buckets, or an order that is none.
fn to_stored(histogram: &Arc<Histogram>) -> Option<Arc<Histogram>> {
    let is_known = histogram.is_custom() || (-4..=8).contains(&histogram.schema);
    let is_small = histogram.positive.len().max(histogram.negative.len()).max(histogram.bounds.len()) <= BUCKETS_MAX;
    let ascends = |buckets: &[(i32, f64)]| buckets.is_sorted_by(|a, b| a.0 < b.0);
    let is_ordered = ascends(&histogram.positive) && ascends(&histogram.negative);
    if !(is_known && is_small && is_ordered) {
        return None;
    }
    let is_empty = |bucket: &(i32, f64)| bucket.1 == 0.0;
    let has_empty = histogram.positive.iter().chain(&histogram.negative).any(is_empty);
    if !has_empty && histogram.hint != ResetHint::NotReset {
        return Some(Arc::clone(histogram));
    }
    let hint = if histogram.hint == ResetHint::NotReset { ResetHint::Unknown } else { histogram.hint };
    Some(Arc::new(Histogram { hint, ..Histogram::clone(histogram).compact() }))
}
