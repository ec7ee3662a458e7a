//! `io.prometheus.write.v2.Request`. Spec: remote write 2.0, "Protobuf message". Texts stand in a table of symbols, which may
//! come behind the series that name them: it is read first.

use crate::proto::{Fields, Value};
use crate::series::kind_of;
use crate::v1::read_sample;
use crate::{DecodeError, Limits, Metadata, Series};
use watchfire_model::MetricKind;

/// Reads a message series by series.
#[derive(Debug)]
pub struct DecoderV2<'a> {
    fields: Fields<'a>,
    symbols: Vec<&'a [u8]>,
    samples_left: usize,
    samples_max: usize,
    /// Of the series at hand, reused.
    references: Vec<u64>,
}

impl<'a> DecoderV2<'a> {
    /// Reads the table of symbols. `message`: a body after [`crate::decompress`].
    pub fn new(message: &'a [u8], limits: &Limits) -> Result<DecoderV2<'a>, DecodeError> {
        let mut symbols = Vec::new();
        let mut fields = Fields::new(message);
        while let Some(field) = fields.next()? {
            match field {
                (4, Value::Bytes(_)) if symbols.len() == limits.symbols_max => {
                    return Err(DecodeError::TooManySymbols { max: limits.symbols_max });
                }
                (4, Value::Bytes(symbol)) => symbols.push(symbol),
                (4 | 5, value) if !matches!(value, Value::Bytes(_)) => {
                    return Err(fields.malformed("wire type of a field"));
                }
                _ => {}
            }
        }
        if symbols.first().is_some_and(|symbol| !symbol.is_empty()) {
            return Err(DecodeError::Protocol { what: "the first symbol is not the empty text" });
        }
        Ok(DecoderV2 {
            fields: Fields::new(message),
            symbols,
            samples_left: limits.samples_max,
            samples_max: limits.samples_max,
            references: Vec::new(),
        })
    }

    /// Fills `series` with the next one; false at the end.
    pub fn next(&mut self, series: &mut Series<'a>) -> Result<bool, DecodeError> {
        series.clear();
        while let Some(field) = self.fields.next()? {
            if let (5, Value::Bytes(bytes)) = field {
                let fields = self.fields.nested(bytes);
                self.read_series(fields, series)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read_series(&mut self, mut fields: Fields<'a>, series: &mut Series<'a>) -> Result<(), DecodeError> {
        self.references.clear();
        while let Some(field) = fields.next()? {
            match field {
                (1, Value::Bytes(bytes)) => {
                    let mut packed = fields.nested(bytes);
                    while let Some(reference) = packed.next_packed()? {
                        self.references.push(reference);
                    }
                }
                (1, Value::Varint(reference)) => self.references.push(reference),
                (2, Value::Bytes(bytes)) => {
                    let too_many = DecodeError::TooManySamples { max: self.samples_max };
                    self.samples_left = self.samples_left.checked_sub(1).ok_or(too_many)?;
                    series.samples.push(read_sample(fields.nested(bytes))?);
                }
                (3, Value::Bytes(_)) => series.n_histograms += 1,
                (4, Value::Bytes(_)) => series.n_exemplars += 1,
                (5, Value::Bytes(bytes)) => series.metadata = Some(self.read_metadata(fields.nested(bytes))?),
                (1..=5, _) => return Err(fields.malformed("wire type of a series' field")),
                _ => {}
            }
        }
        let pairs = self.references.chunks_exact(2);
        if !pairs.remainder().is_empty() {
            return Err(DecodeError::Protocol { what: "a label has a name and no value" });
        }
        for pair in pairs {
            series.labels.push((self.symbol(pair[0])?, self.symbol(pair[1])?));
        }
        Ok(())
    }

    fn read_metadata(&self, mut fields: Fields<'a>) -> Result<Metadata<'a>, DecodeError> {
        let mut metadata = Metadata { metric: b"", kind: MetricKind::Unknown, help: b"", unit: b"" };
        while let Some(field) = fields.next()? {
            match field {
                (1, Value::Varint(number)) => metadata.kind = kind_of(number),
                (3, Value::Varint(reference)) => metadata.help = self.symbol(reference)?,
                (4, Value::Varint(reference)) => metadata.unit = self.symbol(reference)?,
                (1 | 3 | 4, _) => return Err(fields.malformed("wire type of metadata")),
                _ => {}
            }
        }
        Ok(metadata)
    }

    fn symbol(&self, reference: u64) -> Result<&'a [u8], DecodeError> {
        let index = usize::try_from(reference).unwrap_or(usize::MAX);
        self.symbols.get(index).copied().ok_or(DecodeError::Symbol { reference, len: self.symbols.len() })
    }
}
