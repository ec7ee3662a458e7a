//! Native histograms: the same message in both versions, but for the start of counting.
//! Spec: `prometheus.Histogram` (1.0) and `io.prometheus.write.v2.Histogram`.

use crate::DecodeError;
use watchfire_model::protobuf::{Fields, ProtobufError, Value};
use watchfire_model::{
    BucketSpan, CountKind, Histogram, HistogramFault, Point, PointValue, ResetHint, Timestamp, is_stale, stale_nan,
};

/// A histogram as its message says it, before it is checked.
#[derive(Debug)]
struct Raw {
    kind: CountKind,
    histogram: Histogram,
    positive: Side,
    negative: Side,
    bounds: Vec<f64>,
    time: i64,
    start: i64,
}

/// Positive or negative buckets.
#[derive(Debug, Default)]
struct Side {
    spans: Vec<BucketSpan>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

/// What the parts of all histograms of a message may take: one for each bucket, bound and span.
#[derive(Debug)]
pub(crate) struct Allowance {
    pub(crate) left: usize,
    pub(crate) max: usize,
}

impl Allowance {
    pub(crate) fn new(max: usize) -> Allowance {
        Allowance { left: max, max }
    }

    pub(crate) fn take(&mut self) -> Result<(), DecodeError> {
        let too_many = DecodeError::TooManySamples { max: self.max };
        self.left = self.left.checked_sub(1).ok_or(too_many)?;
        Ok(())
    }
}

/// Reads one histogram. The outer error refuses the message, the inner one this histogram alone.
pub(crate) fn read_histogram(
    mut fields: Fields<'_>,
    allowance: &mut Allowance,
) -> Result<Result<Point, HistogramFault>, DecodeError> {
    allowance.take()?;
    let mut raw = Raw {
        kind: CountKind::Integer,
        histogram: Histogram::empty(),
        positive: Side::default(),
        negative: Side::default(),
        bounds: Vec::new(),
        time: 0,
        start: 0,
    };
    while let Some((number, value)) = fields.next()? {
        let histogram = &mut raw.histogram;
        match (number, value) {
            (1, Value::Varint(count)) => histogram.count = count as f64,
            (2, Value::Fixed64(bits)) => {
                raw.kind = CountKind::Float;
                histogram.count = f64::from_bits(bits);
            }
            (3, Value::Fixed64(bits)) => histogram.sum = f64::from_bits(bits),
            (4, Value::Varint(schema)) => histogram.schema = small(zigzag(schema)),
            (5, Value::Fixed64(bits)) => histogram.zero_threshold = f64::from_bits(bits),
            (6, Value::Varint(count)) => histogram.zero_count = count as f64,
            (7, Value::Fixed64(bits)) => histogram.zero_count = f64::from_bits(bits),
            (8..=10, value) => raw.negative.read(number - 7, value, &fields, allowance)?,
            (11..=13, value) => raw.positive.read(number - 10, value, &fields, allowance)?,
            (14, Value::Varint(hint)) => {
                histogram.hint = match hint {
                    1 => ResetHint::Reset,
                    2 => ResetHint::NotReset,
                    3 => ResetHint::Gauge,
                    _ => ResetHint::Unknown,
                }
            }
            (15, Value::Varint(time)) => raw.time = time as i64,
            (16, value) => each_double(value, &fields, |bound| {
                raw.bounds.push(bound);
                allowance.take()
            })?,
            (17, Value::Varint(time)) => raw.start = time as i64,
            (1..=17, _) => return Err(fields.malformed("wire type of a histogram's field").into()),
            _ => {}
        }
    }
    Ok(raw.check())
}

impl Raw {
    fn check(self) -> Result<Point, HistogramFault> {
        let Raw { kind, mut histogram, positive, negative, bounds, time, start } = self;
        let (time, start) = (Timestamp(time), (start != 0).then_some(Timestamp(start)));
        if is_stale(histogram.sum) {
            return Ok(Point { time, start, value: PointValue::Float(stale_nan()) });
        }
        histogram.positive = positive.buckets(kind)?;
        histogram.negative = negative.buckets(kind)?;
        histogram.bounds = bounds.into();
        histogram.check(kind)?;
        let histogram = histogram.reduce_resolution(Histogram::SCHEMA_MAX);
        Ok(Point { time, start, value: PointValue::Histogram(histogram.into()) })
    }
}

impl Side {
    /// `part`: 1 spans, 2 differences, 3 counts.
    fn read(
        &mut self,
        part: u32,
        value: Value<'_>,
        fields: &Fields<'_>,
        allowance: &mut Allowance,
    ) -> Result<(), DecodeError> {
        match (part, value) {
            (1, Value::Bytes(bytes)) => {
                allowance.take()?;
                self.spans.push(read_span(fields.nested(bytes))?);
                Ok(())
            }
            (2, Value::Varint(delta)) => {
                allowance.take()?;
                self.deltas.push(zigzag(delta));
                Ok(())
            }
            (2, Value::Bytes(bytes)) => {
                let mut packed = fields.nested(bytes);
                while let Some(delta) = packed.next_packed()? {
                    allowance.take()?;
                    self.deltas.push(zigzag(delta));
                }
                Ok(())
            }
            (3, value) => each_double(value, fields, |count| {
                self.counts.push(count);
                allowance.take()
            }),
            _ => Err(fields.malformed("wire type of a histogram's field").into()),
        }
    }

    fn buckets(&self, kind: CountKind) -> Result<Vec<(i32, f64)>, HistogramFault> {
        match kind {
            CountKind::Integer => Histogram::buckets_from_deltas(&self.spans, &self.deltas),
            CountKind::Float => Histogram::buckets_from_counts(&self.spans, &self.counts),
        }
    }
}

fn read_span(mut fields: Fields<'_>) -> Result<BucketSpan, ProtobufError> {
    let mut span = BucketSpan::default();
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Varint(offset)) => span.offset = small(zigzag(offset)),
            (2, Value::Varint(length)) => span.length = u32::try_from(length).unwrap_or(u32::MAX),
            (1 | 2, _) => return Err(fields.malformed("wire type of a span's field")),
            _ => {}
        }
    }
    Ok(span)
}

/// The numbers of a field that repeats, packed or one by one.
fn each_double(
    value: Value<'_>,
    fields: &Fields<'_>,
    mut put: impl FnMut(f64) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    match value {
        Value::Fixed64(bits) => put(f64::from_bits(bits)),
        Value::Bytes(bytes) => {
            let mut packed = fields.nested(bytes);
            while let Some(bits) = packed.next_packed_fixed64()? {
                put(f64::from_bits(bits))?;
            }
            Ok(())
        }
        _ => Err(fields.malformed("wire type of a histogram's field").into()),
    }
}

/// A signed number as protocol buffers keep it short.
fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Numbers beyond are none that a histogram may have.
fn small(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
