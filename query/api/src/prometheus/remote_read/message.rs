//! Answers of remote read as protocol buffers. Spec: Prometheus 3.14, `prompb/{remote,types}.proto`.

use super::chunk::Chunk;
use super::spans::{Spans, spans};
use watchfire_model::{BucketSpan, Histogram, Labels, ResetHint, Samples};

/// A message being written. Fields of their default are left out by whoever writes.
#[derive(Debug, Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    pub(super) fn varint(&mut self, number: u64, value: u64) {
        self.raw_varint(number << 3);
        self.raw_varint(value);
    }

    /// Small numbers of either sign are short.
    fn zigzag(&mut self, number: u64, value: i64) {
        self.varint(number, (value.wrapping_shl(1) ^ (value >> 63)) as u64);
    }

    fn double(&mut self, number: u64, value: f64) {
        self.raw_varint(number << 3 | 1);
        self.0.extend(value.to_bits().to_le_bytes());
    }

    pub(super) fn bytes(&mut self, number: u64, bytes: &[u8]) {
        self.raw_varint(number << 3 | 2);
        self.raw_varint(bytes.len() as u64);
        self.0.extend(bytes);
    }

    fn doubles(&mut self, number: u64, values: &[f64]) {
        if !values.is_empty() {
            let packed: Vec<u8> = values.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect();
            self.bytes(number, &packed);
        }
    }

    pub(super) fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// The labels of a series, field 1 both of `TimeSeries` and of `ChunkedSeries`.
pub(super) fn labels(labels: &Labels) -> Message {
    let mut series = Message::default();
    for label in labels {
        let mut pair = Message::default();
        pair.bytes(1, label.name.as_bytes());
        pair.bytes(2, label.value.as_bytes());
        series.bytes(1, &pair.0);
    }
    series
}

/// `prometheus.TimeSeries`.
pub(super) fn time_series(of: &Labels, samples: &Samples) -> Message {
    let mut series = labels(of);
    for (place, (time, value)) in samples.times.iter().zip(&samples.values).enumerate() {
        if let Some(Some(one)) = samples.histograms.get(place) {
            series.bytes(4, &histogram(*time, one).0);
        } else {
            let mut sample = Message::default();
            sample.double(1, *value);
            sample.varint(2, *time as u64);
            series.bytes(2, &sample.0);
        }
    }
    series
}

/// `prometheus.Chunk`.
pub(super) fn chunk(chunk: &Chunk) -> Message {
    let mut message = Message::default();
    message.varint(1, chunk.min_time as u64);
    message.varint(2, chunk.max_time as u64);
    message.varint(3, chunk.encoding as u64);
    message.bytes(4, &chunk.data);
    message
}

/// `prometheus.Histogram` with counts that are floats.
fn histogram(time: i64, histogram: &Histogram) -> Message {
    let mut message = Message::default();
    message.double(2, histogram.count);
    message.double(3, histogram.sum);
    message.zigzag(4, i64::from(histogram.schema));
    message.double(5, histogram.zero_threshold);
    message.double(7, histogram.zero_count);
    for (spans_field, counts_field, buckets) in [(8, 10, &histogram.negative), (11, 13, &histogram.positive)] {
        let Spans { spans, counts } = spans(buckets);
        for BucketSpan { offset, length } in spans {
            let mut span = Message::default();
            span.zigzag(1, i64::from(offset));
            span.varint(2, u64::from(length));
            message.bytes(spans_field, &span.0);
        }
        message.doubles(counts_field, &counts);
    }
    let hint = match histogram.hint {
        ResetHint::Unknown => 0,
        ResetHint::Reset => 1,
        ResetHint::NotReset => 2,
        ResetHint::Gauge => 3,
    };
    message.varint(14, hint);
    message.varint(15, time as u64);
    message.doubles(16, &histogram.bounds);
    message
}
