//! Checking what lies on disk.

use super::*;
use crate::{DamagedSegment, Verified, verify_segment};

/// Three closed segments of one record each, one of which is released but kept, and one being written.
fn scrubbed_log() -> (MemStorage, Wal) {
    let storage = MemStorage::new(1);
    let options = WalOptions { keep_bytes: 1 << 20, ..small_segments() };
    let (wal, _) = Wal::open(Arc::new(storage.clone()), "wal/test", options, Position::START, &mut |_, _| {}).unwrap();
    for index in 0..4_u8 {
        store(&wal, &[&[index; 100]]);
    }
    wal.release(at(1, 1)).unwrap();
    (storage, wal)
}

#[test]
fn a_round_covers_every_closed_segment_once() {
    let (storage, wal) = scrubbed_log();
    let whole = wal.scrub(u64::MAX).unwrap();
    assert_eq!((whole.segments, whole.records, whole.bytes, whole.round_complete), (3, 3, 3 * 168, true));
    assert_eq!(whole.damaged, []);
    for _ in 0..2 {
        for _ in 0..3 {
            let part = wal.scrub(1).unwrap();
            assert_eq!((part.segments, part.round_complete), (1, false));
        }
        let end = wal.scrub(1).unwrap();
        assert_eq!((end.segments, end.round_complete), (0, true));
    }
    storage.flip_bit("wal/test/0000000001/0000000003", 500);
    assert_eq!(wal.scrub(u64::MAX).unwrap().damaged, [], "the segment being written is left alone");
}

#[test]
fn every_flipped_bit_and_every_cut_of_a_closed_segment_is_seen() {
    for (key, is_needed) in [("wal/test/0000000001/0000000000", false), ("wal/test/0000000001/0000000002", true)] {
        let (storage, wal) = scrubbed_log();
        for bit in (0..168 * 8).step_by(3) {
            storage.flip_bit(key, bit);
            let damaged = wal.scrub(u64::MAX).unwrap().damaged;
            let want = [DamagedSegment { key: key.to_owned(), damaged: 1, is_needed }];
            assert_eq!(damaged, want, "bit {bit} of {key}");
            storage.flip_bit(key, bit);
        }
        for cut in (0..168).rev() {
            storage.truncate(key, cut);
            let damaged = wal.scrub(u64::MAX).unwrap().damaged;
            assert_eq!(damaged.len(), 1, "cut {key} at {cut}");
        }
        storage.delete(key).unwrap();
        assert_eq!(wal.scrub(u64::MAX).unwrap().damaged.len(), 1, "{key} is gone");
    }
}

#[test]
fn segments_are_verified_on_their_own() {
    #[track_caller]
    fn check(bytes: &[u8], want: Verified) {
        assert_eq!(verify_segment(bytes), want);
    }
    let storage = MemStorage::new(1);
    let (wal, ..) = open(&storage);
    wal.append(b"one").unwrap();
    wal.append(b"two").unwrap();
    wal.commit(wal.next_position()).unwrap();
    store(&wal, &[b"three"]);
    let good = storage.read("wal/test/0000000001/0000000000").unwrap().to_vec();
    check(&good, Verified { records: 3, ..Verified::default() });
    check(&[], Verified::default());
    check(&good[..20], Verified { torn_bytes: 20, ..Verified::default() });
    check(&good[..good.len() - 1], Verified { records: 3, torn_bytes: 23, ..Verified::default() });
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let verified = verify_segment(&bytes);
        assert!(verified.damaged > 0 || verified.torn_bytes > 0, "bit {bit}: {verified:?}");
        assert!(verified.records + verified.damaged <= 5, "bit {bit}: {verified:?}");
    }
    let mut newer = good;
    newer[4] = 9;
    let checksum = crc32c::crc32c(&newer[..HEADER_LEN - 4]);
    newer[HEADER_LEN - 4..HEADER_LEN].copy_from_slice(&checksum.to_le_bytes());
    check(&newer, Verified { newer: Some(9), ..Verified::default() });
}
