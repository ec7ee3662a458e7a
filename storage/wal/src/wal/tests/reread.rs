//! Released segments that are kept, and reading them again.

use super::*;
use crate::Reread;
use watchfire_store::Fault;

fn keeping(bytes: u64) -> WalOptions {
    WalOptions { keep_bytes: bytes, ..small_segments() }
}

fn open_keeping(storage: &MemStorage, bytes: u64, from: Position) -> Wal {
    let storage = Arc::new(storage.clone());
    Wal::open(storage, "wal/test", keeping(bytes), from, &mut |_, _| {}).unwrap().0
}

/// A log of ten records, each in a segment of 192 bytes.
fn ten(storage: &MemStorage, keep_bytes: u64) -> Wal {
    let wal = open_keeping(storage, keep_bytes, Position::START);
    for index in 0..10_u8 {
        store(&wal, &[&[index; 124]]);
    }
    assert!(storage.list("").unwrap().iter().all(|object| object.size == 192));
    wal
}

/// The indexes of what is read again, and whether that is all.
#[track_caller]
fn check(wal: &Wal, from: Position, until: Position, want: &[u64], complete: bool) {
    let mut found = Vec::new();
    let reread = wal.reread(from, until, &mut |position, payload| {
        assert_eq!(payload, [position.index as u8; 124]);
        found.push(position.index);
    });
    let reread = reread.unwrap();
    assert_eq!((&found[..], reread.complete), (want, complete), "{reread:?}");
    assert_eq!(reread.records, want.len() as u64);
}

#[test]
fn released_segments_stay_up_to_the_limit_and_the_oldest_go_first() {
    let storage = MemStorage::new(1);
    let wal = ten(&storage, 3 * 192);
    check(&wal, Position::START, at(1, 10), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], true);
    wal.release(at(1, 8)).unwrap();
    assert_eq!((keys(&storage).len(), wal.size(), wal.metrics().kept.get()), (5, 2 * 192, 3 * 192));
    check(&wal, at(1, 5), at(1, 8), &[5, 6, 7], true);
    check(&wal, at(1, 6), at(1, 7), &[6], true);
    check(&wal, at(1, 4), at(1, 7), &[5, 6], false);
    check(&wal, at(1, 9), at(1, 11), &[9], false);
    check(&wal, at(1, 7), at(1, 7), &[], true);
    // What is kept is still there after a restart, neither read nor counted as waiting.
    drop(wal);
    let wal = open_keeping(&storage, 3 * 192, at(1, 8));
    assert_eq!((wal.size(), wal.replay_progress().1), (2 * 192, 2 * 192));
    check(&wal, at(1, 5), at(1, 8), &[5, 6, 7], true);
    check(&wal, at(1, 4), at(1, 8), &[5, 6, 7], false);
    wal.release(wal.next_position()).unwrap();
    check(&wal, at(1, 7), at(2, 0), &[7, 8, 9], true);
    check(&wal, at(1, 6), at(2, 0), &[7, 8, 9], false);
}

#[test]
fn a_disk_that_is_nearly_full_keeps_nothing() {
    let storage = MemStorage::new(1);
    let wal = ten(&storage, 1 << 20);
    wal.release(at(1, 9)).unwrap();
    assert_eq!(keys(&storage).len(), 10);
    wal.make_room().unwrap();
    assert_eq!(keys(&storage).len(), 10);
    storage.set_has_room(false);
    wal.make_room().unwrap();
    assert_eq!(keys(&storage).len(), 1);
    store(&wal, &[&[10; 124], &[11; 124]]);
    wal.release(at(1, 11)).unwrap();
    assert_eq!(keys(&storage).len(), 1);
    check(&wal, at(1, 10), at(1, 12), &[11], false);
}

#[test]
fn a_full_disk_gives_up_what_is_kept_without_being_asked() {
    let storage = MemStorage::new(1);
    let wal = ten(&storage, 1 << 20);
    wal.release(at(1, 9)).unwrap();
    storage.set_capacity(Some(10 * 192));
    let position = wal.append(b"no room").unwrap();
    assert!(wal.commit(position).is_err());
    assert_eq!(keys(&storage).len(), 1);
    store(&wal, &[b"room"]);
}

#[test]
fn what_was_refused_or_is_not_durable_yet_is_not_read_again() {
    let storage = MemStorage::new(1);
    let wal = open_keeping(&storage, 1 << 20, Position::START);
    store(&wal, &[&[0; 124]]);
    let refused = wal.append(&[9; 124]).unwrap();
    storage.fail_at(storage.operations() + 4, Fault::IoAfterwards);
    storage.fail_at(storage.operations() + 5, Fault::Io);
    assert!(wal.commit(refused).is_err());
    store(&wal, &[&[0; 124]]);
    wal.append(&[1; 124]).unwrap();
    check(&wal, Position::START, at(2, 1), &[0, 0], true);
    check(&wal, Position::START, at(2, 2), &[0, 0], true);
    wal.commit(wal.next_position()).unwrap();
    check(&wal, Position::START, at(2, 2), &[0, 0, 1], true);
    drop(wal);
    let wal = open_keeping(&storage, 1 << 20, Position::START);
    check(&wal, Position::START, at(2, 2), &[0, 0, 1], true);
}

#[test]
fn damage_and_missing_files_make_it_incomplete() {
    let storage = MemStorage::new(1);
    let wal = ten(&storage, 1 << 20);
    storage.flip_bit("wal/test/0000000001/0000000004", 600);
    check(&wal, at(1, 3), at(1, 6), &[3, 5], false);
    check(&wal, at(1, 5), at(1, 7), &[5, 6], true);
    storage.delete("wal/test/0000000001/0000000008").unwrap();
    check(&wal, at(1, 7), at(1, 9), &[7], false);
    check(&wal, at(1, 7), at(1, 10), &[7, 9], false);
    storage.truncate("wal/test/0000000001/0000000009", 50);
    check(&wal, at(1, 9), at(1, 10), &[], false);
    let nothing = wal.reread(at(5, 0), at(6, 0), &mut |_, _| panic!("there is no such session"));
    assert_eq!(nothing.unwrap(), Reread::default());
}
