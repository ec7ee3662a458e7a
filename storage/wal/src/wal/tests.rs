mod behind;
mod damage;
mod faults;
mod refused;
mod reread;
mod scrub;

use super::*;
use crate::Replay;
use crate::segment::{HEADER_LEN, MARK_LEN, RECORD_HEADER_LEN};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use watchfire_store::{DirStorage, MemStorage, OperationKind};

/// How long a test waits for what should happen at once.
const DEADLINE: Duration = Duration::from_secs(10);

type Records = Vec<(Position, Vec<u8>)>;

fn at(session: u64, index: u64) -> Position {
    Position { session, index }
}

fn small_segments() -> WalOptions {
    WalOptions { segment_bytes_max: 128, ..WalOptions::default() }
}

fn open_from(storage: &MemStorage, from: Position) -> (Wal, Replay, Records) {
    let mut records = Records::new();
    let mut visit = |position: Position, payload: &[u8]| records.push((position, payload.to_vec()));
    let storage = Arc::new(storage.clone());
    let (wal, replay) = Wal::open(storage, "wal/test", small_segments(), from, &mut visit).unwrap();
    (wal, replay, records)
}

fn open(storage: &MemStorage) -> (Wal, Replay, Records) {
    open_from(storage, Position::START)
}

fn payloads(records: &Records) -> Vec<&[u8]> {
    records.iter().map(|(_, payload)| &payload[..]).collect()
}

fn keys(storage: &MemStorage) -> Vec<String> {
    storage.list("").unwrap().into_iter().map(|object| object.key).collect()
}

/// Appends and commits each payload.
fn store(wal: &Wal, payloads: &[&[u8]]) {
    for payload in payloads {
        wal.commit(wal.append(payload).unwrap()).unwrap();
    }
}

#[test]
fn committed_records_come_back_in_order_and_sessions_go_on() {
    let storage = MemStorage::new(1);
    let (wal, replay, _) = open(&storage);
    assert_eq!(replay, Replay { complete: true, ..Replay::default() });
    assert_eq!(wal.next_position(), at(1, 0));
    store(&wal, &[b"a", b"", b"ccc"]);
    assert_eq!(wal.next_position(), at(1, 3));
    let (wal, replay, records) = open(&storage.crash());
    assert_eq!(records, [(at(1, 0), b"a".to_vec()), (at(1, 1), vec![]), (at(1, 2), b"ccc".to_vec())]);
    assert_eq!(replay, Replay { records: 3, bytes: 4, complete: true, ..Replay::default() });
    assert_eq!(wal.append(b"d").unwrap(), at(2, 0));
}

#[test]
fn an_empty_log_writes_nothing_and_positions_never_repeat() {
    let storage = MemStorage::new(1);
    let (wal, ..) = open(&storage);
    wal.commit(wal.next_position()).unwrap();
    assert!(keys(&storage).is_empty());
    // Everything up to session 7 is safe elsewhere and released: the next session is the 8th.
    let (wal, ..) = open_from(&storage, at(7, 3));
    assert_eq!(wal.next_position(), at(8, 0));
}

#[test]
fn replay_begins_at_the_position_asked_for() {
    let storage = MemStorage::new(1);
    store(&open(&storage).0, &[b"a", b"b"]);
    store(&open(&storage).0, &[b"c", b"d"]);
    let (_, replay, records) = open_from(&storage, at(2, 1));
    assert_eq!((records, replay.records), (vec![(at(2, 1), b"d".to_vec())], 1));
}

#[test]
fn segments_are_released_when_all_their_records_are_covered() {
    let storage = MemStorage::new(1);
    let (wal, ..) = open(&storage);
    for _ in 0..6 {
        store(&wal, &[&[b'x'; 100]]);
    }
    assert_eq!(keys(&storage).len(), 6);
    let size = wal.size();
    wal.release(at(1, 3)).unwrap();
    assert_eq!(keys(&storage).first().unwrap(), "wal/test/0000000001/0000000003");
    assert_eq!(wal.size(), size / 2);
    wal.release(wal.next_position()).unwrap();
    assert_eq!(keys(&storage), ["wal/test/0000000001/0000000005"], "the active segment stays");
    drop(wal);
    let (wal, _, records) = open_from(&storage, at(1, 5));
    assert_eq!(records.len(), 1, "positions are right although earlier segments are gone");
    wal.release(wal.next_position()).unwrap();
    assert!(keys(&storage).is_empty());
    assert_eq!(wal.size(), 0);
}

#[test]
fn records_beyond_the_limit_are_refused() {
    let options = WalOptions { record_bytes_max: 3, ..WalOptions::default() };
    let storage = Arc::new(MemStorage::new(1));
    let (wal, _) = Wal::open(storage, "wal", options, Position::START, &mut |_, _| {}).unwrap();
    assert!(wal.append(b"abc").is_ok());
    let error = wal.append(b"abcd").unwrap_err();
    assert_eq!(error.to_string(), "a record of 4 bytes exceeds the limit of 3");
}

#[test]
fn large_batches_are_written_without_a_commit() {
    let storage = MemStorage::new(1);
    let (wal, ..) = open(&storage);
    wal.append(&vec![1; WRITE_THROUGH_BYTES]).unwrap();
    assert_eq!(
        storage.list("").unwrap()[0].size as usize,
        HEADER_LEN + RECORD_HEADER_LEN + WRITE_THROUGH_BYTES + MARK_LEN
    );
    assert_eq!(wal.metrics().fsyncs.get(), 0);
    wal.append(b"b").unwrap();
    wal.commit(wal.next_position()).unwrap();
    assert_eq!(wal.metrics().fsyncs.get(), 2, "one for the segment that was full, one for the new one");
    assert_eq!(open(&storage.crash()).2.len(), 2);
}

#[test]
fn appends_do_not_wait_for_an_fsync() {
    let storage = MemStorage::new(1);
    let (reached, at_sync) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let is_first = AtomicBool::new(true);
    storage.on_operation(move |operation| {
        if operation.kind == OperationKind::Sync && is_first.swap(false, Ordering::SeqCst) {
            reached.send(()).unwrap();
            released.lock().recv_timeout(DEADLINE).unwrap();
        }
    });
    let (wal, ..) = open(&storage);
    let wal = &wal;
    std::thread::scope(|scope| {
        let first = wal.append(b"first").unwrap();
        let leader = scope.spawn(move || wal.commit(first));
        at_sync.recv_timeout(DEADLINE).unwrap();
        let later: Vec<Position> = (0..100_u8).map(|index| wal.append(&[index]).unwrap()).collect();
        let follower = scope.spawn(move || wal.commit(later[99]));
        release.send(()).unwrap();
        leader.join().unwrap().unwrap();
        follower.join().unwrap().unwrap();
    });
    assert_eq!(wal.metrics().fsyncs.get(), 2, "one fsync serves everything that came during the first");
}

#[test]
fn many_threads_commit_on_a_real_directory() {
    const THREADS: u8 = 4;
    const EACH: u8 = 50;
    let directory = tempfile::tempdir().unwrap();
    {
        let storage = Arc::new(DirStorage::open(directory.path()).unwrap());
        let (wal, _) = Wal::open(storage, "wal", small_segments(), Position::START, &mut |_, _| {}).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let wal = &wal;
                scope.spawn(move || (0..EACH).for_each(|index| store(wal, &[&[thread, index]])));
            }
        });
    }
    let storage = Arc::new(DirStorage::open(directory.path()).unwrap());
    let mut next = [0; THREADS as usize];
    let mut visit = |_: Position, payload: &[u8]| {
        assert_eq!(payload[1], next[usize::from(payload[0])], "each thread's records are in its order");
        next[usize::from(payload[0])] += 1;
    };
    Wal::open(storage, "wal", small_segments(), Position::START, &mut visit).unwrap();
    assert_eq!(next, [EACH; THREADS as usize]);
}
