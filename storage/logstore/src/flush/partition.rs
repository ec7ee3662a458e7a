//! Which records go into one block.

use crate::RecordId;
use crate::key::DAY_NS;
use crate::memtable::{Chunk, Memtable};
use std::collections::{BTreeMap, HashMap};

/// Blocks that one flush makes at most, but for the number of streams. Records are split by day, so that retention
/// deletes whole blocks; where senders' clocks spread them over more days than this, the smallest days share a block.
const DAYS_MAX: usize = 32;

/// So many records of one stream and day become two blocks.
const SPLIT_ROWS_MIN: usize = 32_768;

/// A record's name and where it lies.
pub(super) type Entry<'a> = (RecordId, &'a Chunk, u32);

/// Records of one stream, in order of their ids.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) stream: &'a str,
    pub(super) records: Vec<Entry<'a>>,
}

/// Splits the records by stream and day, and what is much in two, by time, so that two threads have something to do.
/// `granule_rows`: blocks end with a whole granule where they can.
pub(super) fn partition(memtable: &Memtable, granule_rows: usize) -> Vec<Part<'_>> {
    let mut by_size: Vec<((&str, i64), Vec<Entry<'_>>)> = by_stream_and_day(memtable).into_iter().collect();
    by_size.sort_by(|(key_a, a), (key_b, b)| b.len().cmp(&a.len()).then_with(|| key_a.cmp(key_b)));
    let small = by_size.split_off(by_size.len().min(DAYS_MAX));
    let mut shared: BTreeMap<&str, Vec<Entry<'_>>> = BTreeMap::new();
    for ((stream, _), entries) in small {
        shared.entry(stream).or_default().extend(entries);
    }
    let own = by_size.into_iter().map(|((stream, _), records)| Part { stream, records });
    let mut parts: Vec<Part<'_>> =
        own.chain(shared.into_iter().map(|(stream, records)| Part { stream, records })).collect();
    let mut halves = Vec::new();
    for part in &mut parts {
        part.records.sort_unstable_by_key(|(id, ..)| *id);
        if part.records.len() >= SPLIT_ROWS_MIN {
            let middle = (part.records.len() / 2).next_multiple_of(granule_rows).min(part.records.len());
            halves.push(Part { stream: part.stream, records: part.records.split_off(middle) });
        }
    }
    parts.extend(halves.into_iter().filter(|half| !half.records.is_empty()));
    parts
}

fn by_stream_and_day(memtable: &Memtable) -> HashMap<(&str, i64), Vec<Entry<'_>>> {
    let mut parts: HashMap<(&str, i64), Vec<Entry<'_>>> = HashMap::new();
    let mut last: Option<((&str, i64), Vec<Entry<'_>>)> = None;
    for chunk in memtable.chunks() {
        for (at, record) in (0u32..).zip(chunk.records()) {
            let key = (record.stream, record.time.0.div_euclid(DAY_NS));
            let sequence = chunk.first_sequence + u64::from(at);
            let entry = (RecordId { time: record.time, sequence }, &**chunk, at);
            match &mut last {
                // Mostly the same as before: no need to hash.
                Some((same, entries)) if *same == key => entries.push(entry),
                _ => {
                    let mut entries = parts.remove(&key).unwrap_or_default();
                    entries.push(entry);
                    if let Some((key, entries)) = last.replace((key, entries)) {
                        parts.insert(key, entries);
                    }
                }
            }
        }
    }
    parts.extend(last);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BatchEncoder;
    use crate::memtable::Batch;
    use crate::testing::record;
    use watchfire_model::{LogRecord, TimeNs};
    use watchfire_wal::Position;

    #[test]
    fn wild_clocks_do_not_make_a_block_per_day() {
        let mut memtable = Memtable::default();
        let records: Vec<LogRecord> = (0..1000).map(|day| record(day * DAY_NS, "m")).collect();
        let batch = Batch { position: Position::START, first_sequence: 0, records: 1000, memory: 1 };
        let mut encoder = BatchEncoder::default();
        encoder.begin();
        for record in &records {
            encoder.push(record);
        }
        memtable.insert(batch, encoder.encoded(), TimeNs(0));
        let parts = partition(&memtable, 8);
        assert_eq!(parts.len(), DAYS_MAX + 1);
        assert_eq!(parts.iter().map(|part| part.records.len()).sum::<usize>(), 1000);
        assert!(parts.iter().all(|part| part.records.is_sorted_by_key(|(id, ..)| *id)));
    }
}
