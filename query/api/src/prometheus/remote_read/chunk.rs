//! Samples as Prometheus' chunks: Gorilla's encoding of times and floats, and one built on it for native histograms.
//! Prometheus 3.14, `tsdb/chunkenc/{xor,float_histogram,histogram_meta}.go`.

use super::bits::{BitWriter, fits_signed};
use super::spans::{Spans, spans};
use std::sync::Arc;
use watchfire_model::{Histogram, ResetHint, Samples};

/// Samples in a chunk, as many as Prometheus' own head puts into one.
const CHUNK_SAMPLES_MAX: usize = 120;

/// `prometheus.Chunk`.
#[derive(Debug, PartialEq)]
pub(super) struct Chunk {
    pub(super) min_time: i64,
    /// Inclusive.
    pub(super) max_time: i64,
    pub(super) encoding: Encoding,
    pub(super) data: Vec<u8>,
}

/// `prometheus.Chunk.Encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Xor = 1,
    FloatHistogram = 3,
}

/// All samples, in order of time: a chunk has samples of one kind, and histograms of one shape.
pub(super) fn chunks(samples: &Samples) -> Vec<Chunk> {
    let histogram = |place: usize| samples.histograms.get(place).and_then(Option::as_ref);
    let mut chunks = Vec::new();
    let mut from = 0;
    while from < samples.len() {
        let goes_on = |place: &usize| match (histogram(from), histogram(*place)) {
            (None, None) => true,
            (Some(first), Some(next)) => has_same_shape(first, next),
            _ => false,
        };
        let len = (from..samples.len()).take(CHUNK_SAMPLES_MAX).take_while(goes_on).count();
        let places = from..from + len;
        let times = &samples.times[places.clone()];
        let (encoding, data) = if histogram(from).is_none() {
            (Encoding::Xor, floats(times, &samples.values[places]))
        } else {
            let histograms: Vec<&Arc<Histogram>> = samples.histograms[places].iter().flatten().collect();
            (Encoding::FloatHistogram, histogram_chunk(times, &histograms))
        };
        chunks.push(Chunk { min_time: times[0], max_time: times[len - 1], encoding, data });
        from += len;
    }
    chunks
}

fn floats(times: &[i64], values: &[f64]) -> Vec<u8> {
    let mut bits = BitWriter::behind((times.len() as u16).to_be_bytes().to_vec());
    let mut value = XorValue::default();
    let (mut last, mut last_delta) = (0, 0);
    for (index, (&time, &number)) in times.iter().zip(values).enumerate() {
        let delta = time.wrapping_sub(last);
        match index {
            0 => bits.zigzag(time),
            1 => bits.varint(delta as u64),
            _ => delta_of_delta(&mut bits, delta.wrapping_sub(last_delta)),
        }
        if index == 0 {
            value.first(&mut bits, number);
        } else {
            value.next(&mut bits, number);
        }
        (last, last_delta) = (time, if index == 0 { 0 } else { delta });
    }
    bits.into_bytes()
}

/// How much the distance of two samples differs from the one before.
fn delta_of_delta(bits: &mut BitWriter, difference: i64) {
    let value = difference as u64;
    match difference {
        0 => bits.bit(false),
        _ if fits_signed(difference, 14) => {
            bits.bits(0b10, 2);
            bits.bits(value, 14);
        }
        _ if fits_signed(difference, 17) => {
            bits.bits(0b110, 3);
            bits.bits(value, 17);
        }
        _ if fits_signed(difference, 20) => {
            bits.bits(0b1110, 4);
            bits.bits(value, 20);
        }
        _ => {
            bits.bits(0b1111, 4);
            bits.bits(value, 64);
        }
    }
}

/// A column of floats, each as its difference from the one before.
#[derive(Debug, Clone, Copy, Default)]
struct XorValue {
    last: u64,
    /// Zero bits on both sides of the last window that was written.
    window: Option<(u32, u32)>,
}

impl XorValue {
    fn first(&mut self, bits: &mut BitWriter, value: f64) {
        self.last = value.to_bits();
        bits.bits(self.last, 64);
    }

    fn next(&mut self, bits: &mut BitWriter, value: f64) {
        let difference = value.to_bits() ^ self.last;
        self.last = value.to_bits();
        if difference == 0 {
            return bits.bit(false);
        }
        bits.bit(true);
        // Five bits say how many zeros lead.
        let (leading, trailing) = (difference.leading_zeros().min(31), difference.trailing_zeros());
        match self.window {
            Some((left, right)) if leading >= left && trailing >= right => {
                bits.bit(false);
                bits.bits(difference >> right, 64 - left - right);
            }
            _ => {
                self.window = Some((leading, trailing));
                bits.bit(true);
                bits.bits(u64::from(leading), 5);
                let width = 64 - leading - trailing;
                bits.bits(u64::from(width & 63), 6); // 64 is written as 0
                bits.bits(difference >> trailing, width);
            }
        }
    }
}

/// Whether histograms can stand in one chunk: it says their schema and buckets once.
fn has_same_shape(a: &Histogram, b: &Histogram) -> bool {
    let same_places =
        |a: &[(i32, f64)], b: &[(i32, f64)]| a.len() == b.len() && a.iter().zip(b).all(|((a, _), (b, _))| a == b);
    a.schema == b.schema
        && a.zero_threshold == b.zero_threshold
        && a.bounds == b.bounds
        && (a.hint == ResetHint::Gauge) == (b.hint == ResetHint::Gauge)
        && b.hint != ResetHint::Reset
        && same_places(&a.positive, &b.positive)
        && same_places(&a.negative, &b.negative)
}

fn histogram_chunk(times: &[i64], histograms: &[&Arc<Histogram>]) -> Vec<u8> {
    let first = histograms[0];
    let mut header = (times.len() as u16).to_be_bytes().to_vec();
    header.push(match first.hint {
        ResetHint::Unknown => 0,
        ResetHint::NotReset => 0b0100_0000,
        ResetHint::Reset => 0b1000_0000,
        ResetHint::Gauge => 0b1100_0000,
    });
    let mut bits = BitWriter::behind(header);
    layout(&mut bits, first);
    let n_columns = 3 + first.positive.len() + first.negative.len();
    let mut columns = vec![XorValue::default(); n_columns];
    let (mut last, mut last_delta) = (0, 0);
    for (index, (&time, histogram)) in times.iter().zip(histograms).enumerate() {
        let delta = time.wrapping_sub(last);
        bits.varbit(delta.wrapping_sub(last_delta));
        (last, last_delta) = (time, if index == 0 { 0 } else { delta });
        let buckets = histogram.positive.iter().chain(&histogram.negative).map(|(_, count)| *count);
        let values = [histogram.count, histogram.zero_count, histogram.sum].into_iter().chain(buckets);
        for (column, value) in columns.iter_mut().zip(values) {
            if index == 0 { column.first(&mut bits, value) } else { column.next(&mut bits, value) }
        }
    }
    bits.into_bytes()
}

/// What all histograms of a chunk share.
fn layout(bits: &mut BitWriter, histogram: &Histogram) {
    zero_threshold(bits, histogram.zero_threshold);
    bits.varbit(i64::from(histogram.schema));
    for buckets in [&histogram.positive, &histogram.negative] {
        let Spans { spans, .. } = spans(buckets);
        bits.varbit_unsigned(spans.len() as u64);
        for span in spans {
            bits.varbit_unsigned(u64::from(span.length));
            bits.varbit(i64::from(span.offset));
        }
    }
    if histogram.is_custom() {
        bits.varbit_unsigned(histogram.bounds.len() as u64);
        histogram.bounds.iter().for_each(|bound| custom_bound(bits, *bound));
    }
}

/// A power of two from 2^-243 to 2^10 takes one byte.
fn zero_threshold(bits: &mut BitWriter, threshold: f64) {
    if threshold == 0.0 {
        return bits.byte(0);
    }
    let raw = threshold.to_bits();
    let (exponent, is_power) = ((raw >> 52) as i64 - 1022, raw & ((1 << 52) - 1) == 0);
    match u8::try_from(exponent + 243) {
        Ok(byte @ 1..=254) if is_power && threshold > 0.0 => bits.byte(byte),
        _ => {
            bits.byte(255);
            bits.bits(raw, 64);
        }
    }
}

/// A bound that is a whole number of thousandths takes few bits.
fn custom_bound(bits: &mut BitWriter, bound: f64) {
    const THOUSANDTHS_MAX: f64 = 33_554_430.0;
    let thousandths = bound * 1000.0;
    let is_whole = thousandths.round() / 1000.0 == bound;
    if is_whole && (0.0..=THOUSANDTHS_MAX).contains(&thousandths) {
        bits.varbit_unsigned(thousandths.round() as u64 + 1);
    } else {
        bits.bit(false);
        bits.bits(bound.to_bits(), 64);
    }
}

#[cfg(test)]
mod tests;
