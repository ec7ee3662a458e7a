//! `io.prometheus.write.v2.Request`. Spec: remote write 2.0, "Protobuf message". Texts stand in a table of symbols, which may
//! come behind the series that name them: it is read first.

use crate::histogram::{Allowance, read_histogram};
use crate::series::kind_of;
use crate::v1::read_sample;
use crate::{DecodeError, Limits, Metadata, RawExemplar, Series};
use watchfire_model::protobuf::{Fields, Value};
use watchfire_model::{MetricKind, Point, Timestamp};

/// Reads a message series by series.
#[derive(Debug)]
pub struct DecoderV2<'a> {
    fields: Fields<'a>,
    symbols: Vec<&'a [u8]>,
    allowance: Allowance,
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
                    return Err(fields.malformed("wire type of a field").into());
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
            allowance: Allowance::new(limits.samples_max),
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
        let mut created = 0;
        while let Some(field) = fields.next()? {
            match field {
                (1, value) => read_references(value, &fields, &mut self.references)?,
                (2, Value::Bytes(bytes)) => {
                    self.allowance.take()?;
                    let (sample, start) = read_sample(fields.nested(bytes))?;
                    series.push(sample, start);
                }
                (3, Value::Bytes(bytes)) => {
                    series.push_histogram(read_histogram(fields.nested(bytes), &mut self.allowance)?);
                }
                (4, Value::Bytes(bytes)) => {
                    self.allowance.take()?;
                    series.exemplars.push(self.read_exemplar(fields.nested(bytes))?);
                }
                (5, Value::Bytes(bytes)) => series.metadata = Some(self.read_metadata(fields.nested(bytes))?),
                (6, Value::Varint(time)) => created = time as i64,
                (2..=6, _) => return Err(fields.malformed("wire type of a series' field").into()),
                _ => {}
            }
        }
        if created != 0 {
            start_at(series, created);
        }
        self.pairs(&self.references, &mut series.labels)
    }

    fn read_exemplar(&mut self, mut fields: Fields<'a>) -> Result<RawExemplar<'a>, DecodeError> {
        let (mut exemplar, mut references) = (RawExemplar::default(), Vec::new());
        while let Some(field) = fields.next()? {
            match field {
                (1, value) => read_references(value, &fields, &mut references)?,
                (2, Value::Fixed64(bits)) => exemplar.value = f64::from_bits(bits),
                (3, Value::Varint(time)) => exemplar.time = time as i64,
                (2 | 3, _) => return Err(fields.malformed("wire type of an exemplar's field").into()),
                _ => {}
            }
        }
        for _ in references.chunks(2) {
            self.allowance.take()?;
        }
        self.pairs(&references, &mut exemplar.labels)?;
        Ok(exemplar)
    }

    /// The labels that references name, a name and a value in turn.
    fn pairs(&self, references: &[u64], labels: &mut Vec<(&'a [u8], &'a [u8])>) -> Result<(), DecodeError> {
        let pairs = references.chunks_exact(2);
        if !pairs.remainder().is_empty() {
            return Err(DecodeError::Protocol { what: "a label has a name and no value" });
        }
        for pair in pairs {
            labels.push((self.symbol(pair[0])?, self.symbol(pair[1])?));
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
                (1 | 3 | 4, _) => return Err(fields.malformed("wire type of metadata").into()),
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

/// Packed, or one by one.
fn read_references(value: Value<'_>, fields: &Fields<'_>, into: &mut Vec<u64>) -> Result<(), DecodeError> {
    match value {
        Value::Varint(reference) => into.push(reference),
        Value::Bytes(bytes) => {
            let mut packed = fields.nested(bytes);
            while let Some(reference) = packed.next_packed()? {
                into.push(reference);
            }
        }
        _ => return Err(fields.malformed("wire type of a label's reference").into()),
    }
    Ok(())
}

/// Early senders of version 2.0 say for a whole series when counting began.
fn start_at(series: &mut Series<'_>, created: i64) {
    let start = Some(Timestamp(created));
    series.started.extend(series.samples.drain(..).map(|sample| Point { start, ..Point::from(sample) }));
    for point in series.started.iter_mut().chain(&mut series.histograms) {
        point.start = point.start.or(start);
    }
}
