//! A batch of records as one record of the write-ahead log. FORMAT.md, "Batch".

use crate::encoded::{EncodedRecord, LEVEL_NONE};
use smol_str::SmolStr;
use watchfire_logblock::Arrivals;
use watchfire_logblock::codec::{Reader, put_bytes, put_signed, put_varint};
use watchfire_logblock::field::put_field;
use watchfire_model::{FieldValue, Level, LogRecord, TimeNs};

/// Version that this crate writes, and the newest that it reads.
pub(crate) const BATCH_VERSION: u8 = 1;

const HEADER_LEN: usize = 9;

/// Encodes a batch record by record; the number of its first record is filled in last, under the lock.
#[derive(Debug, Default)]
pub(crate) struct BatchEncoder {
    bytes: Vec<u8>,
    summary: Summary,
}

/// What is known of the records of a batch without looking at them again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Where each record begins, counted from the first one.
    pub(crate) starts: Vec<u32>,
    /// Earliest and latest event time.
    pub(crate) times: (TimeNs, TimeNs),
    pub(crate) arrivals: Arrivals,
}

/// The records of a batch, encoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoded<'a> {
    /// Behind the header.
    pub(crate) bytes: &'a [u8],
    pub(crate) summary: &'a Summary,
}

/// A batch whose records make sense, all of them.
#[derive(Debug, PartialEq)]
pub(crate) struct Checked<'a> {
    pub(crate) first_sequence: u64,
    bytes: &'a [u8],
    summary: Summary,
}

/// Why a payload is no batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BatchError {
    Newer { found: u8 },
    Malformed,
}

impl BatchEncoder {
    /// Begins a batch; buffers are kept.
    pub(crate) fn begin(&mut self) {
        self.bytes.clear();
        self.bytes.push(BATCH_VERSION);
        self.bytes.extend_from_slice(&[0; HEADER_LEN - 1]);
        self.summary.clear();
    }

    pub(crate) fn push(&mut self, record: &LogRecord) {
        self.summary.add(self.bytes.len() - HEADER_LEN, record.time, record.received);
        let out = &mut self.bytes;
        out.extend_from_slice(&record.time.0.to_le_bytes());
        put_signed(out, record.received.0.wrapping_sub(record.time.0));
        out.push(record.level.map_or(LEVEL_NONE, Level::number));
        put_bytes(out, record.stream.as_bytes());
        put_bytes(out, record.host.as_bytes());
        put_bytes(out, record.message.as_bytes());
        put_varint(out, record.fields.len() as u64);
        for (name, value) in &record.fields {
            put_field(out, name, value);
        }
    }

    pub(crate) fn records(&self) -> usize {
        self.summary.starts.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The whole payload; the batch's first record has this number.
    pub(crate) fn finish(&mut self, first_sequence: u64) -> &[u8] {
        self.bytes[1..HEADER_LEN].copy_from_slice(&first_sequence.to_le_bytes());
        &self.bytes
    }

    pub(crate) fn encoded(&self) -> Encoded<'_> {
        Encoded { bytes: &self.bytes[HEADER_LEN..], summary: &self.summary }
    }
}

impl Summary {
    fn clear(&mut self) {
        self.starts.clear();
        let starts = std::mem::take(&mut self.starts);
        *self = Summary { starts, ..Summary::default() };
    }

    /// Adds the record that begins at `start`. Batches are far below 4 GiB.
    fn add(&mut self, start: usize, time: TimeNs, received: TimeNs) {
        self.starts.push(start as u32);
        self.times = (self.times.0.min(time), self.times.1.max(time));
        self.arrivals.add(received);
    }
}

impl Default for Summary {
    fn default() -> Summary {
        Summary { starts: Vec::new(), times: (TimeNs::MAX, TimeNs::MIN), arrivals: Arrivals::default() }
    }
}

impl Encoded<'_> {
    pub(crate) fn records(self) -> u64 {
        self.summary.starts.len() as u64
    }

    /// Memory that the records take, estimated.
    pub(crate) fn memory(self) -> u64 {
        (self.bytes.len() + self.summary.starts.len() * size_of::<u32>()) as u64
    }
}

impl<'a> Checked<'a> {
    pub(crate) fn encoded(&self) -> Encoded<'_> {
        Encoded { bytes: self.bytes, summary: &self.summary }
    }

    /// The records in order.
    pub(crate) fn records(&self) -> impl Iterator<Item = EncodedRecord<'a>> {
        let bytes = self.bytes;
        // All of them were read when the batch was checked.
        self.summary.starts.iter().map_while(move |start| EncodedRecord::read(Reader::new(&bytes[*start as usize..])))
    }
}

/// Reads a payload through and looks at every record in it.
pub(crate) fn check(payload: &[u8]) -> Result<Checked<'_>, BatchError> {
    match payload.first() {
        Some(&BATCH_VERSION) => {}
        Some(&found) if found > BATCH_VERSION => return Err(BatchError::Newer { found }),
        _ => return Err(BatchError::Malformed),
    }
    check_body(payload).ok_or(BatchError::Malformed)
}

fn check_body(payload: &[u8]) -> Option<Checked<'_>> {
    let mut reader = Reader::new(payload.get(1..)?);
    let first_sequence = reader.u64()?;
    let bytes = payload.get(HEADER_LEN..)?;
    let mut summary = Summary::default();
    while !reader.is_empty() {
        let record = EncodedRecord::read(reader)?;
        summary.add(bytes.len() - reader.len(), record.time, record.received);
        reader = record.end()?;
    }
    Some(Checked { first_sequence, bytes, summary })
}

/// Memory that a record takes, estimated.
pub(crate) fn record_memory(record: &LogRecord) -> u64 {
    let text = |text: &SmolStr| if text.is_heap_allocated() { text.len() + 2 * size_of::<usize>() } else { 0 };
    let field = |(name, value): &(SmolStr, FieldValue)| {
        let value = if let FieldValue::Text(value) = value { text(value) } else { 0 };
        size_of::<(SmolStr, FieldValue)>() + text(name) + value
    };
    let texts = text(&record.stream) + text(&record.host) + text(&record.message);
    (size_of::<LogRecord>() + texts + record.fields.iter().map(field).sum::<usize>()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::records;
    use proptest::prelude::*;
    use watchfire_model::{FieldSelection, RecordView, TextKind};

    fn encoded(records: &[LogRecord], first_sequence: u64) -> BatchEncoder {
        let mut encoder = BatchEncoder::default();
        encoder.begin();
        for record in records {
            encoder.push(record);
        }
        encoder.finish(first_sequence);
        encoder
    }

    fn texts(record: &impl RecordView) -> Vec<(TextKind, String)> {
        let mut seen = Vec::new();
        record.any_text(&mut |kind, text| {
            seen.push((kind, text.to_owned()));
            false
        });
        seen
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn batches_are_read_back(records in records(0..20), first_sequence: u64) {
            let mut encoder = encoded(&records, first_sequence);
            let payload = encoder.finish(first_sequence).to_vec();
            let batch = check(&payload).expect("what was just encoded");
            prop_assert_eq!(batch.first_sequence, first_sequence);
            prop_assert_eq!(&batch.summary, encoder.encoded().summary);
            let got: Vec<LogRecord> = batch.records().map(|record| record.to_record(&FieldSelection::All)).collect();
            prop_assert_eq!(got, records);
        }

        /// Filters and groupings see the same in memory as in the record that came in.
        #[test]
        fn an_encoded_record_looks_like_itself(records in records(1..5), name in "[a-z]{0,7}") {
            let mut encoder = encoded(&records, 0);
            let payload = encoder.finish(0).to_vec();
            for (got, want) in check(&payload).expect("what was just encoded").records().zip(&records) {
                let names = want.fields.iter().map(|(name, _)| name.as_str());
                for name in names.chain([name.as_str(), "message", "host", "stream", "level", "took", "service"]) {
                    prop_assert_eq!(got.value(name), want.value(name));
                    prop_assert_eq!(got.text(name), want.text(name));
                    prop_assert_eq!(got.number(name).map(f64::to_bits), want.number(name).map(f64::to_bits));
                }
                prop_assert_eq!(texts(&got), texts(want));
                prop_assert_eq!(got.event_time(), want.event_time());
            }
        }

        #[test]
        fn any_bytes_are_refused_or_read(mut payload: Vec<u8>) {
            if let Some(version) = payload.first_mut() {
                *version = BATCH_VERSION;
            }
            if let Ok(batch) = check(&payload) {
                prop_assert_eq!(batch.records().count() as u64, batch.encoded().records());
            }
        }
    }

    #[test]
    fn newer_versions_are_told_apart() {
        assert_eq!(check(&[BATCH_VERSION + 1]), Err(BatchError::Newer { found: BATCH_VERSION + 1 }));
        assert_eq!(check(&[]), Err(BatchError::Malformed));
        assert_eq!(check(&[0]), Err(BatchError::Malformed));
    }
}
