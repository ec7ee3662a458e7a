//! A batch of records as one record of the write-ahead log. FORMAT.md, "Batch".

use smol_str::SmolStr;
use watchfire_logblock::codec::{Reader, put_bytes, put_signed, put_varint};
use watchfire_logblock::field::{put_field, read_field};
use watchfire_model::{FieldValue, Level, LogRecord, TimeNs};

/// Version that this crate writes, and the newest that it reads.
pub(crate) const BATCH_VERSION: u8 = 1;

const HEADER_LEN: usize = 9;
const LEVEL_NONE: u8 = 255;

/// Encodes a batch record by record; the number of its first record is filled in last, under the lock.
#[derive(Debug)]
pub(crate) struct BatchEncoder {
    bytes: Vec<u8>,
    records: usize,
    fields: usize,
}

/// Why a payload is no batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BatchError {
    Newer { found: u8 },
    Malformed,
}

impl BatchEncoder {
    /// `bytes` is emptied and reused.
    pub(crate) fn new(mut bytes: Vec<u8>) -> BatchEncoder {
        bytes.clear();
        bytes.push(BATCH_VERSION);
        bytes.extend_from_slice(&[0; HEADER_LEN - 1]);
        BatchEncoder { bytes, records: 0, fields: 0 }
    }

    pub(crate) fn push(&mut self, record: &LogRecord) {
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
        self.records += 1;
        self.fields += record.fields.len();
    }

    pub(crate) fn records(&self) -> usize {
        self.records
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Memory that the records take, estimated.
    pub(crate) fn memory(&self) -> u64 {
        memory(self.bytes.len(), self.records, self.fields)
    }

    /// The whole payload; the batch's first record has this number.
    pub(crate) fn finish(&mut self, first_sequence: u64) -> &[u8] {
        self.bytes[1..HEADER_LEN].copy_from_slice(&first_sequence.to_le_bytes());
        &self.bytes
    }

    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }
}

/// A decoded batch.
#[derive(Debug, PartialEq)]
pub(crate) struct Batch {
    pub(crate) first_sequence: u64,
    pub(crate) records: Vec<LogRecord>,
    /// Memory that the records take, estimated.
    pub(crate) memory: u64,
}

pub(crate) fn decode(payload: &[u8]) -> Result<Batch, BatchError> {
    match payload.first() {
        Some(&BATCH_VERSION) => {}
        Some(&found) if found > BATCH_VERSION => return Err(BatchError::Newer { found }),
        _ => return Err(BatchError::Malformed),
    }
    decode_body(payload).ok_or(BatchError::Malformed)
}

fn decode_body(payload: &[u8]) -> Option<Batch> {
    let mut reader = Reader::new(payload.get(1..)?);
    let first_sequence = reader.u64()?;
    let mut records = Vec::new();
    let mut fields = 0;
    while !reader.is_empty() {
        let record = read_record(&mut reader)?;
        fields += record.fields.len();
        records.push(record);
    }
    let memory = memory(payload.len(), records.len(), fields);
    Some(Batch { first_sequence, records, memory })
}

fn read_record(reader: &mut Reader<'_>) -> Option<LogRecord> {
    let time = reader.i64()?;
    let received = time.wrapping_add(reader.signed()?);
    let level = match reader.u8()? {
        LEVEL_NONE => None,
        number => Some(Level::new(number)?),
    };
    let stream = SmolStr::new(reader.text()?);
    let host = SmolStr::new(reader.text()?);
    let message = SmolStr::new(reader.text()?);
    let n_fields = reader.count()?;
    let mut fields = Vec::with_capacity(n_fields);
    for _ in 0..n_fields {
        fields.push(read_field(reader)?);
    }
    Some(LogRecord { time: TimeNs(time), received: TimeNs(received), stream, host, message, level, fields })
}

/// Records lie in memory as structures; their texts, if long, behind a pointer with two counters.
fn memory(encoded_len: usize, records: usize, fields: usize) -> u64 {
    let per_field = size_of::<(SmolStr, FieldValue)>();
    (encoded_len + records * (size_of::<LogRecord>() + 2 * size_of::<usize>()) + fields * per_field) as u64
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

    fn encode(records: &[LogRecord], first_sequence: u64) -> Vec<u8> {
        let mut encoder = BatchEncoder::new(Vec::new());
        for record in records {
            encoder.push(record);
        }
        encoder.finish(first_sequence).to_vec()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn batches_are_read_back(records in records(0..20), first_sequence: u64) {
            let batch = decode(&encode(&records, first_sequence)).expect("what was just encoded");
            prop_assert_eq!(batch.first_sequence, first_sequence);
            prop_assert_eq!(batch.records, records);
        }

        #[test]
        fn any_bytes_are_refused_or_read(mut payload: Vec<u8>) {
            if let Some(version) = payload.first_mut() {
                *version = BATCH_VERSION;
            }
            let _ = decode(&payload);
        }
    }

    #[test]
    fn newer_versions_are_told_apart() {
        assert_eq!(decode(&[BATCH_VERSION + 1]), Err(BatchError::Newer { found: BATCH_VERSION + 1 }));
        assert_eq!(decode(&[]), Err(BatchError::Malformed));
        assert_eq!(decode(&[0]), Err(BatchError::Malformed));
    }
}
