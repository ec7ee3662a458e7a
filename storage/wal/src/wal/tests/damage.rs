//! What replay makes of files that are not what was written.

use super::*;
use crate::segment::{Front, Mark, encode_record};
use proptest::prelude::*;
use watchfire_store::Fault;

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

/// Every record of this log is a batch of its own.
#[test]
fn a_flipped_bit_costs_at_most_a_batch_and_never_invents_a_record() {
    let (full, records, _) = sample_log();
    for object in full.list("").unwrap() {
        for bit in 0..object.size * 8 {
            let storage = full.crash();
            assert!(storage.flip_bit(&object.key, bit));
            let (_, replay, found) = open(&storage);
            let context = format!("bit {bit} of {}: {replay:?}", object.key);
            assert!(found.iter().all(|record| records.contains(record)), "{context}");
            assert!(found.is_sorted() && found.len() + 1 >= records.len(), "{context}");
            assert!(replay.damaged_records == 1 || replay.torn_bytes > 0, "{context}");
        }
    }
}

/// A log whose last segment names sessions that failed, with every bit of it flipped.
#[test]
fn a_flipped_bit_in_the_list_of_sealed_sessions_costs_no_record() {
    let full = MemStorage::new(1);
    let (wal, ..) = open(&full);
    store(&wal, &[b"first"]);
    let refused = wal.append(b"refused").unwrap();
    full.fail_at(full.operations() + 2, Fault::IoAfterwards);
    assert!(wal.commit(refused).is_err());
    store(&wal, &[b"second"]);
    let key = "wal/test/0000000002/0000000000";
    for bit in 0..full.size(key).unwrap() * 8 {
        let storage = full.crash();
        assert!(storage.flip_bit(key, bit));
        let (_, replay, records) = open(&storage);
        let found = payloads(&records);
        assert!(found.contains(&&b"first"[..]), "bit {bit}");
        assert!(found.contains(&&b"second"[..]) || replay.damaged_records + replay.torn_bytes > 0, "bit {bit}");
        let is_named = !found.contains(&&b"refused"[..]);
        assert!(is_named || replay.damaged_records > 0, "bit {bit}: it is back, and nothing tells why");
    }
}

/// Four records in batches of one, two and one, in one segment; `damage` gets its bytes.
#[track_caller]
fn check_damage(damage: impl Fn(&mut [u8]), want: &[(u64, &str)], damaged_records: u64) {
    let storage = MemStorage::new(1);
    let options = WalOptions::default();
    let (wal, _) = Wal::open(Arc::new(storage.clone()), "wal/test", options, Position::START, &mut |_, _| {}).unwrap();
    store(&wal, &[b"one"]);
    wal.append(b"two").unwrap();
    store(&wal, &[b"three", b"four"]);
    let key = "wal/test/0000000001/0000000000";
    let mut bytes = storage.read(key).unwrap().to_vec();
    damage(&mut bytes);
    storage.delete(key).unwrap();
    storage.create(key, &bytes).unwrap();
    let (_, replay, records) = open(&storage);
    let want: Records = want.iter().map(|(index, text)| (at(1, *index), text.as_bytes().to_vec())).collect();
    assert_eq!((records, replay.damaged_records, replay.torn_bytes), (want, damaged_records, 0));
}

#[test]
fn damage_costs_what_it_hits() {
    const ONE: usize = HEADER_LEN;
    const MARK: usize = ONE + RECORD_HEADER_LEN + 3;
    const TWO: usize = MARK + MARK_LEN;
    const THREE: usize = TWO + RECORD_HEADER_LEN + 3;
    check_damage(|_| {}, &[(0, "one"), (1, "two"), (2, "three"), (3, "four")], 0);
    // A payload, two payloads: only they are lost.
    check_damage(|bytes| bytes[TWO + 8] ^= 1, &[(0, "one"), (2, "three"), (3, "four")], 1);
    let two = |bytes: &mut [u8]| [TWO, THREE].iter().for_each(|at| bytes[at + 8] ^= 1);
    check_damage(two, &[(0, "one"), (3, "four")], 2);
    // A length: everything up to the next mark.
    check_damage(|bytes| bytes[ONE + 3] = 9, &[(1, "two"), (2, "three"), (3, "four")], 1);
    check_damage(|bytes| bytes[TWO] ^= 1, &[(0, "one"), (3, "four")], 2);
    // A mark: nothing.
    check_damage(|bytes| bytes[MARK + 5] ^= 1, &[(0, "one"), (1, "two"), (2, "three"), (3, "four")], 1);
    // A whole stretch.
    check_damage(|bytes| bytes[ONE..THREE].fill(0), &[(3, "four")], 3);
    // The header: nothing, its index follows from the first mark.
    check_damage(|bytes| bytes[..ONE].fill(0), &[(0, "one"), (1, "two"), (2, "three"), (3, "four")], 1);
}

/// What a disk may do to a file: an older page behind its end, or in the place of a newer one.
#[test]
fn pages_in_the_wrong_place_double_nothing() {
    const PAGE: usize = 512;
    let full = MemStorage::new(1);
    let options = WalOptions::default();
    let (wal, _) = Wal::open(Arc::new(full.clone()), "wal/test", options, Position::START, &mut |_, _| {}).unwrap();
    for index in 0..60_u8 {
        wal.append(&vec![index; 5 + usize::from(index % 7)]).unwrap();
        if index % 3 != 0 {
            wal.commit(wal.next_position()).unwrap();
        }
    }
    wal.commit(wal.next_position()).unwrap();
    let records = open(&full).2;
    let key = "wal/test/0000000001/0000000000";
    let good = full.read(key).unwrap().to_vec();
    let check = |bytes: &[u8], context: String| {
        let storage = MemStorage::new(1);
        storage.create(key, bytes).unwrap();
        let (_, _, found) = open(&storage);
        assert!(found.is_sorted_by(|a, b| a.0 < b.0), "{context}");
        assert!(found.iter().all(|record| records.contains(record)), "{context}");
        found.len()
    };
    for cut in PAGE..=good.len() {
        check(&[&good[..cut], &good[cut - PAGE..cut]].concat(), format!("cut at {cut}"));
    }
    for at in (PAGE..good.len() - PAGE).step_by(7) {
        let overwritten = [&good[..at], &good[at - PAGE..at], &good[at + PAGE..]].concat();
        let found = check(&overwritten, format!("page at {at}"));
        assert!(found + 40 > records.len(), "only what was in the page is lost at {at}: {found}");
    }
}

/// A sender who knows the format writes a mark and a record into a message; damage before them changes nothing.
#[test]
fn a_record_inside_a_payload_is_never_found() {
    let mut forged = Mark { salt: 1, index: 77 }.encode().to_vec();
    encode_record(Mark { salt: 1, index: 77 }, b"forged", &mut forged);
    for bit in 0..RECORD_HEADER_LEN as u64 * 8 {
        let storage = MemStorage::new(1);
        let options = WalOptions::default();
        let (wal, _) =
            Wal::open(Arc::new(storage.clone()), "wal/test", options, Position::START, &mut |_, _| {}).unwrap();
        store(&wal, &[&forged, b"after"]);
        storage.flip_bit("wal/test/0000000001/0000000000", HEADER_LEN as u64 * 8 + bit);
        let (_, replay, records) = open(&storage);
        assert_eq!((records, replay.damaged_records), (vec![(at(1, 1), b"after".to_vec())], 1), "bit {bit}");
    }
}

#[test]
fn a_segment_of_a_newer_version_is_not_guessed_at() {
    let storage = MemStorage::new(1);
    let mut header = Front::encode(at(1, 0), 7, &[]);
    header[4] = 3;
    let checksum = crc32c::crc32c(&header[..HEADER_LEN - 4]);
    header[HEADER_LEN - 4..].copy_from_slice(&checksum.to_le_bytes());
    storage.create("wal/0000000001/0000000000", &header).unwrap();
    let opened = Wal::open(Arc::new(storage), "wal", WalOptions::default(), Position::START, &mut |_, _| {});
    assert_eq!(
        opened.unwrap_err().to_string(),
        "`wal/0000000001/0000000000` has format version 3, this version reads up to 2: \
         start the newer Watchfire that wrote it"
    );
}

/// A segment of version 1: records `one` and `two` in one batch, its salt 7.
fn segment_of_version_1() -> Vec<u8> {
    let mut bytes = b"WFWL\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0".to_vec();
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    for payload in [b"one", b"two"] {
        let checksum = crc32c::crc32c(&[b"\x03\0\0\0", &payload[..]].concat());
        bytes.extend_from_slice(b"\x03\0\0\0");
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes.extend_from_slice(payload);
    }
    bytes.extend_from_slice(&Mark { salt: 7, index: 2 }.encode());
    bytes
}

#[test]
fn a_log_of_version_1_is_read_and_goes_on() {
    let storage = MemStorage::new(1);
    storage.create("wal/test/0000000001/0000000000", &segment_of_version_1()).unwrap();
    let (wal, replay, records) = open(&storage);
    assert_eq!((payloads(&records), replay.damaged_records, replay.torn_bytes), (vec![&b"one"[..], b"two"], 0, 0));
    store(&wal, &[b"three"]);
    assert_eq!(open(&storage.crash()).2.len(), 3);
    for bit in 0..segment_of_version_1().len() as u64 * 8 {
        let storage = storage.crash();
        storage.flip_bit("wal/test/0000000001/0000000000", bit);
        let (_, replay, records) = open(&storage);
        let found = payloads(&records);
        assert!(found.iter().all(|payload| [&b"one"[..], b"two", b"three"].contains(payload)), "bit {bit}");
        assert!(replay.damaged_records > 0 || replay.torn_bytes > 0, "bit {bit}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Files of anything at all: the log opens, and hands out only payloads that somebody framed, in order.
    #[test]
    fn any_files_are_read(files in proptest::collection::vec((any::<u64>(), any::<Vec<(Vec<u8>, bool)>>()), 0..4)) {
        let storage = MemStorage::new(1);
        let mut framed = Vec::new();
        for (seq, (index, pieces)) in files.into_iter().enumerate() {
            let mut bytes = if index % 3 == 0 { Vec::new() } else { Front::encode(at(1, index), 7, &[]) };
            for (place, (piece, is_record)) in (index..).zip(pieces) {
                if is_record {
                    encode_record(Mark { salt: 7, index: place }, &piece, &mut bytes);
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
