//! Native histograms of a unit. Neighbours that share everything but their counts make a run; within it every bucket is
//! a column of its own, packed like the values of any counter: integers where the counts are, else bits combined with
//! those before.
//!
//! `histograms := until all are there: run`
//! `run := histograms: u8 | hint: u8 | schema: zigzag | zero threshold: u64 | bounds | indexes | indexes | columns`
//! `bounds := n: varint | n × u64`
//! `indexes := n: varint | n × difference: zigzag` (to the one before; of the positive buckets, then of the negative)
//! `columns := counts | zero counts | sums | those of each bucket, positive then negative` (each `values`)

use super::cursor::{Cursor, Damage, put_varint, put_zigzag};
use super::unit::UNIT_SAMPLES_MAX;
use super::values;
use std::sync::Arc;
use watchfire_model::{Histogram, ResetHint};

/// The order is the format: a hint is written as its index.
const HINTS: [ResetHint; 4] = [ResetHint::Unknown, ResetHint::Reset, ResetHint::NotReset, ResetHint::Gauge];

/// Cells of a run's columns beyond twice the buckets that its histograms have, per histogram. So scattered buckets make
/// more runs rather than many columns that are nearly empty.
const SPARE_CELLS: usize = 32;

/// One side's buckets of a histogram.
type Buckets = fn(&Histogram) -> &[(i32, f64)];
type BucketsMut = fn(&mut Histogram) -> &mut Vec<(i32, f64)>;

/// Buckets that the histograms of a run have together.
#[derive(Debug, Default)]
struct Run {
    len: usize,
    buckets: usize,
    positive: Vec<i32>,
    negative: Vec<i32>,
}

pub(super) fn encode(histograms: &[&Histogram], out: &mut Vec<u8>) {
    let mut rest = histograms;
    while !rest.is_empty() {
        let run = Run::of(rest);
        let (these, others) = rest.split_at(run.len);
        run.encode(these, out);
        rest = others;
    }
}

/// Decodes so many histograms.
pub(super) fn decode(cursor: &mut Cursor<'_>, count: usize) -> Result<Vec<Arc<Histogram>>, Damage> {
    let mut found = Vec::with_capacity(count);
    while found.len() < count {
        let run = usize::from(cursor.u8()?);
        if run == 0 || found.len() + run > count {
            return Err(Damage("a run of histograms is empty or leaves its unit"));
        }
        found.extend(decode_run(cursor, run)?.into_iter().map(Arc::new));
    }
    Ok(found)
}

pub(crate) fn put_hint(out: &mut Vec<u8>, hint: ResetHint) {
    out.push(HINTS.iter().position(|other| *other == hint).unwrap_or(0) as u8);
}

pub(crate) fn read_hint(cursor: &mut Cursor<'_>) -> Result<ResetHint, Damage> {
    HINTS.get(usize::from(cursor.u8()?)).copied().ok_or(Damage("unknown hint of a reset"))
}

pub(crate) fn put_bounds(out: &mut Vec<u8>, bounds: &[f64]) {
    put_varint(out, bounds.len() as u64);
    for bound in bounds {
        out.extend_from_slice(&bound.to_bits().to_le_bytes());
    }
}

pub(crate) fn read_bounds(cursor: &mut Cursor<'_>) -> Result<Arc<[f64]>, Damage> {
    (0..cursor.count()?).map(|_| cursor.f64()).collect()
}

impl Run {
    /// As many histograms as go together.
    fn of(histograms: &[&Histogram]) -> Run {
        let mut run = Run::default();
        for histogram in histograms {
            let positive = extended(&run.positive, &histogram.positive);
            let negative = extended(&run.negative, &histogram.negative);
            let columns =
                positive.as_ref().unwrap_or(&run.positive).len() + negative.as_ref().unwrap_or(&run.negative).len();
            let buckets = run.buckets + histogram.positive.len() + histogram.negative.len();
            let is_alike = run.len == 0 || share_layout(histograms[0], histogram);
            if !is_alike || columns * (run.len + 1) > 2 * buckets + SPARE_CELLS * (run.len + 1) {
                break;
            }
            (run.len, run.buckets) = (run.len + 1, buckets);
            run.positive = positive.unwrap_or(run.positive);
            run.negative = negative.unwrap_or(run.negative);
        }
        run
    }

    fn encode(&self, histograms: &[&Histogram], out: &mut Vec<u8>) {
        let first = histograms[0];
        out.push(self.len as u8);
        put_hint(out, first.hint);
        put_zigzag(out, i64::from(first.schema));
        out.extend_from_slice(&first.zero_threshold.to_bits().to_le_bytes());
        put_bounds(out, &first.bounds);
        for indexes in [&self.positive, &self.negative] {
            put_varint(out, indexes.len() as u64);
            let mut last = 0;
            for index in indexes {
                put_zigzag(out, i64::from(*index) - last);
                last = i64::from(*index);
            }
        }
        let mut column = [0.0; UNIT_SAMPLES_MAX];
        let column = &mut column[..self.len];
        let numbers: [fn(&Histogram) -> f64; 3] = [|h| h.count, |h| h.zero_count, |h| h.sum];
        for read in numbers {
            for (value, histogram) in column.iter_mut().zip(histograms) {
                *value = read(histogram);
            }
            values::encode(column, out);
        }
        let sides: [(&[i32], Buckets); 2] = [(&self.positive, |h| &h.positive), (&self.negative, |h| &h.negative)];
        for (indexes, buckets) in sides {
            // Of every histogram the bucket that comes next: both lists ascend.
            let mut next = [0; UNIT_SAMPLES_MAX];
            for index in indexes {
                for ((value, histogram), next) in column.iter_mut().zip(histograms).zip(&mut next) {
                    *value = match buckets(histogram).get(*next) {
                        Some((own, count)) if own == index => {
                            *next += 1;
                            *count
                        }
                        _ => 0.0,
                    };
                }
                values::encode(column, out);
            }
        }
    }
}

/// Whether two differ in nothing but counts.
fn share_layout(a: &Histogram, b: &Histogram) -> bool {
    let bits = |bounds: &[f64]| bounds.iter().map(|bound| bound.to_bits()).collect::<Vec<_>>();
    let same_bounds = Arc::ptr_eq(&a.bounds, &b.bounds) || bits(&a.bounds) == bits(&b.bounds);
    a.hint == b.hint && a.schema == b.schema && a.zero_threshold.to_bits() == b.zero_threshold.to_bits() && same_bounds
}

/// All indexes of either, ascending; none where `indexes` has them all.
fn extended(indexes: &[i32], buckets: &[(i32, f64)]) -> Option<Vec<i32>> {
    let mut known = indexes.iter();
    if buckets.iter().all(|(index, _)| known.any(|other| other == index)) {
        return None;
    }
    let mut all: Vec<i32> = indexes.iter().copied().chain(buckets.iter().map(|(index, _)| *index)).collect();
    all.sort_unstable();
    all.dedup();
    Some(all)
}

fn decode_run(cursor: &mut Cursor<'_>, len: usize) -> Result<Vec<Histogram>, Damage> {
    let hint = read_hint(cursor)?;
    let schema = i32::try_from(cursor.zigzag()?).map_err(|_| Damage("a schema is larger than 32 bits"))?;
    let zero_threshold = cursor.f64()?;
    let bounds = read_bounds(cursor)?;
    let [positive, negative] = [read_indexes(cursor)?, read_indexes(cursor)?];
    let like = Histogram { hint, schema, zero_threshold, bounds, ..Histogram::empty() };
    let mut histograms = vec![like; len];
    let mut column = [0.0; UNIT_SAMPLES_MAX];
    let column = &mut column[..len];
    let numbers: [fn(&mut Histogram) -> &mut f64; 3] = [|h| &mut h.count, |h| &mut h.zero_count, |h| &mut h.sum];
    for place in numbers {
        values::decode(cursor, column)?;
        for (histogram, value) in histograms.iter_mut().zip(&*column) {
            *place(histogram) = *value;
        }
    }
    let sides: [(Vec<i32>, BucketsMut); 2] = [(positive, |h| &mut h.positive), (negative, |h| &mut h.negative)];
    for (indexes, buckets) in sides {
        for index in indexes {
            values::decode(cursor, column)?;
            for (histogram, value) in histograms.iter_mut().zip(&*column) {
                // Zero says that the histogram has no such bucket.
                if value.to_bits() != 0 {
                    buckets(histogram).push((index, *value));
                }
            }
        }
    }
    Ok(histograms)
}

fn read_indexes(cursor: &mut Cursor<'_>) -> Result<Vec<i32>, Damage> {
    let count = cursor.count()?;
    let mut indexes = Vec::with_capacity(count);
    let mut last = 0i64;
    for _ in 0..count {
        last = last.checked_add(cursor.zigzag()?).ok_or(Damage("the index of a bucket exceeds 64 bits"))?;
        indexes.push(i32::try_from(last).map_err(|_| Damage("the index of a bucket exceeds 32 bits"))?);
    }
    Ok(indexes)
}
