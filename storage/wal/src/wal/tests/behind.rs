//! Reading earlier sessions while new records come in.

use super::*;
use crate::Backlog;
use std::ops::ControlFlow;

fn open_behind(storage: &MemStorage, from: Position) -> (Wal, Backlog) {
    Wal::open_behind(Arc::new(storage.clone()), "wal/test", small_segments(), from).unwrap()
}

/// Twelve records of 60 bytes in sessions 1 and 2, each in a segment of its own.
fn two_sessions() -> MemStorage {
    let storage = MemStorage::new(1);
    for session in 0..2 {
        let (wal, ..) = open(&storage);
        for index in 0..6_u8 {
            store(&wal, &[&[session * 6 + index; 60]]);
        }
    }
    storage
}

/// What a replay hands out before the visitor stops it after `count` records.
fn replay_some(wal: &Wal, backlog: Backlog, count: usize) -> (Replay, Vec<Position>) {
    let mut positions = Vec::new();
    let replay = wal.replay(backlog, &mut |position, _| {
        positions.push(position);
        if positions.len() < count { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    (replay.unwrap(), positions)
}

#[test]
fn records_come_in_before_and_during_the_replay() {
    let storage = two_sessions();
    let (wal, backlog) = open_behind(&storage, Position::START);
    assert_eq!((backlog.end(), wal.next_position()), (at(3, 0), at(3, 0)));
    store(&wal, &[b"before"]);
    let mut seen = Vec::new();
    let replay = wal.replay(backlog, &mut |position, _| {
        store(&wal, &[b"during"]);
        seen.push(position);
        ControlFlow::Continue(())
    });
    assert_eq!(replay.unwrap(), Replay { records: 12, bytes: 720, complete: true, ..Replay::default() });
    assert!(seen.iter().all(|position| position.session < 3) && seen.is_sorted());
    assert_eq!(open(&storage.crash()).2.len(), 12 + 13);
}

#[test]
fn the_progress_of_a_replay_is_told() {
    let storage = two_sessions();
    let (wal, backlog) = open_behind(&storage, Position::START);
    let total = storage.list("").unwrap().iter().map(|object| object.size).sum();
    assert_eq!((backlog.bytes(), wal.replay_progress()), (total, (0, total)));
    replay_some(&wal, backlog.clone(), 7);
    let (done, _) = wal.replay_progress();
    assert!(done >= total / 2 && done < total, "{done} of {total}");
    let (wal, backlog) = open_behind(&storage, Position::START);
    replay_some(&wal, backlog, 99);
    assert_eq!(wal.replay_progress(), (total, total));
    assert_eq!(wal.metrics().replay_bytes_left.get(), 0);
}

#[test]
fn a_replay_that_is_stopped_leaves_the_rest_for_the_next_opening() {
    let storage = two_sessions();
    let (wal, backlog) = open_behind(&storage, Position::START);
    let (replay, positions) = replay_some(&wal, backlog.clone(), 3);
    assert_eq!((replay.records, replay.complete), (3, false));
    assert_eq!(positions, [at(1, 0), at(1, 1), at(1, 2)]);
    wal.release(at(1, 3)).unwrap();
    let (_, rest) = replay_some(&wal, backlog.behind(at(1, 3)), 99);
    assert_eq!(rest.len(), 9);
    let (_, _, again) = open_from(&storage, at(1, 3));
    assert_eq!(again.len(), 9);
}

#[test]
fn what_is_covered_is_not_read_again() {
    let storage = two_sessions();
    let (_, backlog) = open_behind(&storage, at(2, 2));
    let total: u64 = storage.list("").unwrap().iter().map(|object| object.size).sum();
    assert_eq!(backlog.bytes(), total / 3, "four segments of twelve");
    storage.flip_bit("wal/test/0000000002/0000000000", 999);
    let (wal, replay, records) = open_from(&storage, at(2, 2));
    assert_eq!((records.len(), replay.damaged_records), (4, 0));
    wal.release(at(2, 2)).unwrap();
    assert_eq!(keys(&storage).len(), 4);
}

#[test]
fn unread_segments_are_not_released_unless_a_later_session_is_covered() {
    let storage = two_sessions();
    let (wal, _backlog) = open_behind(&storage, Position::START);
    wal.release(at(1, 2)).unwrap();
    assert_eq!(keys(&storage).len(), 10, "the header of the next segment tells where one ends");
    wal.release(at(1, 6)).unwrap();
    assert_eq!(keys(&storage).len(), 7, "nothing tells where a session ends");
    wal.release(at(3, 0)).unwrap();
    assert!(keys(&storage).is_empty());
}

/// Batches larger than what is read at a time, and records across the ends of pieces.
#[test]
fn segments_of_any_size_are_read_in_pieces() {
    let storage = MemStorage::new(1);
    let options = WalOptions { segment_bytes_max: 64 << 20, ..WalOptions::default() };
    let mut sizes: Vec<usize> = (0..200).map(|index| index * 331 % 70_000).collect();
    sizes.extend([5 << 20, 3, 9 << 20, 0, 1 << 20]);
    let (wal, _) = Wal::open(Arc::new(storage.clone()), "wal/test", options, Position::START, &mut |_, _| {}).unwrap();
    for size in &sizes {
        wal.append(&vec![*size as u8; *size]).unwrap();
    }
    wal.commit(wal.next_position()).unwrap();
    assert_eq!(keys(&storage).len(), 1);
    let (_, replay, records) = open(&storage);
    let found: Vec<usize> = records.iter().map(|(_, payload)| payload.len()).collect();
    assert_eq!((found, replay.damaged_records, replay.torn_bytes), (sizes, 0, 0));
    assert!(records.iter().all(|(_, payload)| payload.iter().all(|byte| *byte == payload.len() as u8)));
}
