//! What replay makes of files that are not what was written.

use super::*;
use crate::segment::{Header, encode_record};
use proptest::prelude::*;

/// A log of one session with several segments; the second value tells how many records were committed when the last
/// segment had each length.
fn sample_log() -> (MemStorage, Records, Vec<(usize, usize)>) {
    let storage = MemStorage::new(1);
    let (wal, ..) = open(&storage);
    let mut committed = vec![];
    for index in 0..9_u8 {
        store(&wal, &[&vec![index; usize::from(index) * 3]]);
        let last = storage.list("").unwrap().pop().unwrap();
        committed.push((usize::from(index), last.size as usize));
    }
    let records = open(&storage).2;
    (storage, records, committed)
}

#[test]
fn a_log_cut_at_any_byte_keeps_what_was_committed_before_the_cut() {
    let (full, records, committed) = sample_log();
    let last = full.list("").unwrap().pop().unwrap();
    let before_last = committed.iter().rposition(|(_, size)| *size > last.size as usize).map_or(0, |index| index + 1);
    for cut in 0..=last.size as usize {
        let storage = full.crash();
        storage.truncate(&last.key, cut);
        let (_, replay, found) = open(&storage);
        let kept = before_last + committed[before_last..].iter().filter(|(_, size)| *size <= cut).count();
        assert_eq!(found, records[..found.len()], "no phantom at {cut}");
        assert!(found.len() >= kept, "cut at {cut}: {} of {kept}", found.len());
        assert_eq!(replay.damaged_records, 0);
        if cut == last.size as usize {
            assert_eq!(found, records);
        }
    }
}

#[test]
fn a_segment_cut_or_gone_in_the_middle_costs_its_own_records_only() {
    let (full, records, _) = sample_log();
    let objects = full.list("").unwrap();
    for object in &objects[..objects.len() - 1] {
        let storage = full.crash();
        storage.delete(&object.key).unwrap();
        let (_, _, others) = open(&storage);
        for cut in 0..object.size as usize {
            let storage = full.crash();
            storage.truncate(&object.key, cut);
            let (_, replay, found) = open(&storage);
            assert!(found.iter().all(|record| records.contains(record)), "cut {} at {cut}", object.key);
            assert!(others.iter().all(|record| found.contains(record)), "cut {} at {cut}", object.key);
            assert!(found.len() == records.len() || replay.damaged_records > 0, "cut {} at {cut}", object.key);
        }
    }
}

#[test]
fn a_flipped_bit_costs_records_of_its_segment_only_and_never_invents_one() {
    let (full, records, _) = sample_log();
    for object in full.list("").unwrap() {
        let (alone, _, _) = sample_log();
        let of_segment = {
            alone.delete(&object.key).unwrap();
            let others = open(&alone).2;
            records.len() - others.len()
        };
        for bit in 0..object.size * 8 {
            let storage = full.crash();
            assert!(storage.flip_bit(&object.key, bit));
            let (_, replay, found) = open(&storage);
            let context = format!("bit {bit} of {}: {replay:?}", object.key);
            assert!(found.iter().all(|record| records.contains(record)), "{context}");
            assert!(found.is_sorted() && found.len() + of_segment >= records.len(), "{context}");
            let is_seen = replay.damaged_records > 0 || replay.torn_bytes > 0;
            assert!(is_seen, "{context}");
        }
    }
}

#[test]
fn a_damaged_payload_costs_one_record() {
    let storage = MemStorage::new(1);
    let options = WalOptions::default();
    let (wal, _) = Wal::open(Arc::new(storage.clone()), "wal/test", options, Position::START, &mut |_, _| {}).unwrap();
    store(&wal, &[b"one", b"two", b"three", b"four"]);
    // The payloads of the second and third record.
    let second = (HEADER_LEN + 2 * RECORD_HEADER_LEN + 3) as u64 * 8;
    storage.flip_bit("wal/test/0000000001/0000000000", second);
    storage.flip_bit("wal/test/0000000001/0000000000", second + (3 + RECORD_HEADER_LEN as u64) * 8);
    let (_, replay, records) = open(&storage);
    assert_eq!(records, [(at(1, 0), b"one".to_vec()), (at(1, 3), b"four".to_vec())]);
    assert_eq!(replay.damaged_records, 2);
}

#[test]
fn a_segment_of_a_newer_version_is_not_guessed_at() {
    let storage = MemStorage::new(1);
    let mut header = Header { first: at(1, 0) }.encode();
    header[4] = 2;
    let checksum = crc32c::crc32c(&header[..HEADER_LEN - 4]);
    header[HEADER_LEN - 4..].copy_from_slice(&checksum.to_le_bytes());
    storage.create("wal/0000000001/0000000000", &header).unwrap();
    let opened = Wal::open(Arc::new(storage), "wal", WalOptions::default(), Position::START, &mut |_, _| {});
    assert_eq!(
        opened.unwrap_err().to_string(),
        "`wal/0000000001/0000000000` has format version 2, this version reads up to 1: \
         start the newer Watchfire that wrote it"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Files of anything at all: the log opens, and hands out only payloads that somebody framed, in order.
    #[test]
    fn any_files_are_read(files in proptest::collection::vec((any::<u64>(), any::<Vec<(Vec<u8>, bool)>>()), 0..4)) {
        let storage = MemStorage::new(1);
        let mut framed = Vec::new();
        for (seq, (index, pieces)) in files.into_iter().enumerate() {
            let mut bytes = if index % 3 == 0 { Vec::new() } else { Header { first: at(1, index) }.encode().to_vec() };
            for (piece, is_record) in pieces {
                if is_record {
                    encode_record(&piece, &mut bytes);
                    framed.push(piece);
                } else {
                    bytes.extend_from_slice(&piece);
                }
            }
            storage.create(&format!("wal/test/0000000001/{seq:010}"), &bytes).unwrap();
        }
        let (wal, replay, found) = open(&storage);
        prop_assert_eq!(found.len() as u64, replay.records);
        prop_assert!(found.iter().all(|(_, payload)| framed.contains(payload)));
        prop_assert!(found.is_sorted_by_key(|(position, _)| *position));
        wal.release(wal.next_position()).unwrap();
        prop_assert!(keys(&storage).is_empty());
    }
}
