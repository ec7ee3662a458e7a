//! `prometheus.WriteRequest`. Spec: remote write 1.0, "Protobuf definition".

use crate::histogram::{Allowance, read_histogram};
use crate::series::kind_of;
use crate::{DecodeError, Limits, Metadata, RawExemplar, Series};
use watchfire_model::protobuf::{Fields, ProtobufError, Value};
use watchfire_model::{MetricKind, Sample, Timestamp};

/// Reads a message series by series.
#[derive(Debug)]
pub struct DecoderV1<'a> {
    fields: Fields<'a>,
    allowance: Allowance,
}

impl<'a> DecoderV1<'a> {
    /// `message`: a body after [`crate::decompress`].
    pub fn new(message: &'a [u8], limits: &Limits) -> DecoderV1<'a> {
        DecoderV1 { fields: Fields::new(message), allowance: Allowance::new(limits.samples_max) }
    }

    /// Fills `series` with the next one; false at the end. Metadata, which stands beside the series, goes to `metadata`.
    pub fn next(
        &mut self,
        series: &mut Series<'a>,
        metadata: &mut impl FnMut(Metadata<'a>),
    ) -> Result<bool, DecodeError> {
        series.clear();
        while let Some(field) = self.fields.next()? {
            match field {
                (1, Value::Bytes(bytes)) => {
                    let fields = self.fields.nested(bytes);
                    self.read_series(fields, series)?;
                    return Ok(true);
                }
                (3, Value::Bytes(bytes)) => metadata(read_metadata(self.fields.nested(bytes))?),
                (1 | 3, _) => return Err(self.fields.malformed("wire type of a field").into()),
                _ => {}
            }
        }
        Ok(false)
    }

    fn read_series(&mut self, mut fields: Fields<'a>, series: &mut Series<'a>) -> Result<(), DecodeError> {
        while let Some(field) = fields.next()? {
            match field {
                (1, Value::Bytes(bytes)) => series.labels.push(read_label(fields.nested(bytes))?),
                (2, Value::Bytes(bytes)) => {
                    self.allowance.take()?;
                    let (sample, _) = read_sample(fields.nested(bytes))?;
                    series.samples.push(sample);
                }
                (3, Value::Bytes(bytes)) => {
                    self.allowance.take()?;
                    series.exemplars.push(read_exemplar(fields.nested(bytes), &mut self.allowance)?);
                }
                (4, Value::Bytes(bytes)) => {
                    series.push_histogram(read_histogram(fields.nested(bytes), &mut self.allowance)?);
                }
                (1..=4, _) => return Err(fields.malformed("wire type of a series' field").into()),
                _ => {}
            }
        }
        Ok(())
    }
}

fn read_exemplar<'a>(mut fields: Fields<'a>, allowance: &mut Allowance) -> Result<RawExemplar<'a>, DecodeError> {
    let mut exemplar = RawExemplar::default();
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(bytes)) => {
                allowance.take()?;
                exemplar.labels.push(read_label(fields.nested(bytes))?);
            }
            (2, Value::Fixed64(bits)) => exemplar.value = f64::from_bits(bits),
            (3, Value::Varint(time)) => exemplar.time = time as i64,
            (1..=3, _) => return Err(fields.malformed("wire type of an exemplar's field").into()),
            _ => {}
        }
    }
    Ok(exemplar)
}

fn read_label<'a>(mut fields: Fields<'a>) -> Result<(&'a [u8], &'a [u8]), ProtobufError> {
    let (mut name, mut value): (&'a [u8], &'a [u8]) = (b"", b"");
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(bytes)) => name = bytes,
            (2, Value::Bytes(bytes)) => value = bytes,
            (1 | 2, _) => return Err(fields.malformed("wire type of a label's field")),
            _ => {}
        }
    }
    Ok((name, value))
}

/// A sample, and in version 2.0 when counting began: Unix milliseconds, 0 where it is not known.
pub(crate) fn read_sample(mut fields: Fields<'_>) -> Result<(Sample, i64), ProtobufError> {
    let (mut sample, mut start) = (Sample { time: Timestamp(0), value: 0.0 }, 0);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Fixed64(bits)) => sample.value = f64::from_bits(bits),
            (2, Value::Varint(time)) => sample.time = Timestamp(time as i64),
            (3, Value::Varint(time)) => start = time as i64,
            (1 | 2, _) => return Err(fields.malformed("wire type of a sample's field")),
            _ => {}
        }
    }
    Ok((sample, start))
}

fn read_metadata(mut fields: Fields<'_>) -> Result<Metadata<'_>, ProtobufError> {
    let mut metadata = Metadata { metric: b"", kind: MetricKind::Unknown, help: b"", unit: b"" };
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Varint(number)) => metadata.kind = kind_of(number),
            (2, Value::Bytes(bytes)) => metadata.metric = bytes,
            (4, Value::Bytes(bytes)) => metadata.help = bytes,
            (5, Value::Bytes(bytes)) => metadata.unit = bytes,
            (1 | 2 | 4 | 5, _) => return Err(fields.malformed("wire type of metadata")),
            _ => {}
        }
    }
    Ok(metadata)
}
