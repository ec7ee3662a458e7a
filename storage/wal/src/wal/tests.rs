use super::*;
use proptest::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use watchfire_store::{DirStorage, Fault, MemStorage, OperationKind};

/// How long a test waits for what should happen at once.
const DEADLINE: Duration = Duration::from_secs(10);

type Records = Vec<(Position, Vec<u8>)>;

fn at(session: u64, index: u64) -> Position {
    Position { session, index }
}

fn small_segments() -> WalOptions {
    WalOptions { segment_bytes_max: 64, ..WalOptions::default() }
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
    assert_eq!(replay, Replay::default());
    assert_eq!(wal.next_position(), at(1, 0));
    store(&wal, &[b"a", b"", b"ccc"]);
    assert_eq!(wal.next_position(), at(1, 3));
    let (wal, replay, records) = open(&storage.crash());
    assert_eq!(records, [(at(1, 0), b"a".to_vec()), (at(1, 1), vec![]), (at(1, 2), b"ccc".to_vec())]);
    assert_eq!(replay, Replay { records: 3, bytes: 4, torn_bytes: 0, damaged_records: 0 });
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
        store(&wal, &[&[b'x'; 40]]);
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
    assert_eq!(storage.list("").unwrap()[0].size as usize, HEADER_LEN + RECORD_HEADER_LEN + WRITE_THROUGH_BYTES);
    assert_eq!(wal.metrics().fsyncs.get(), 0);
    wal.append(b"b").unwrap();
    wal.commit(wal.next_position()).unwrap();
    assert_eq!(wal.metrics().fsyncs.get(), 2, "one for the segment that was full, one for the new one");
    assert_eq!(open(&storage.crash()).2.len(), 2);
}

#[test]
fn a_failed_fsync_fails_its_session_and_the_next_append_begins_another() {
    let storage = MemStorage::new(1);
    let (wal, ..) = open(&storage);
    let durable = wal.append(b"durable").unwrap();
    wal.commit(durable).unwrap();
    let lost = wal.append(b"lost").unwrap();
    let lost_too = wal.append(b"lost too").unwrap();
    storage.fail_at(storage.operations() + 2, Fault::Io);
    let error = wal.commit(lost).unwrap_err();
    assert_eq!(error.to_string(), "the log could not make record 1 of session 1 durable");
    assert!(matches!(wal.commit(lost_too), Err(WalError::Sealed { .. })));
    assert!(
        matches!(wal.commit(wal.next_position()), Err(WalError::Sealed { .. })),
        "everything so far is not durable"
    );
    wal.commit(durable).unwrap();
    let next = wal.append(b"next").unwrap();
    assert_eq!(next, at(2, 0));
    wal.commit(next).unwrap();
    wal.commit(wal.next_position()).unwrap();
    assert!(matches!(wal.commit(lost), Err(WalError::Sealed { .. })));
    assert_eq!((wal.metrics().failures.get(), wal.metrics().failed_records.get()), (1, 2));
    let (_, _, records) = open(&storage.crash());
    let kept = payloads(&records);
    assert!(kept.contains(&&b"durable"[..]) && kept.contains(&&b"next"[..]), "{kept:?}");
}

/// With every single operation failing in every way, what was acknowledged survives the crash that follows.
#[test]
fn acknowledged_records_survive_every_fault() {
    for fault in [Fault::Io, Fault::IoAfterwards, Fault::Full] {
        for number in 2..40 {
            let storage = MemStorage::new(number);
            let (wal, ..) = open(&storage);
            storage.fail_at(number, fault);
            let mut acknowledged = Vec::new();
            for index in 0..12_u8 {
                let payload = vec![index; 25];
                let committed = wal.append(&payload).and_then(|position| wal.commit(position));
                acknowledged.extend(committed.ok().map(|()| payload));
            }
            assert!(acknowledged.len() >= 11, "one fault costs at most one record: {fault:?} at {number}");
            let (_, _, records) = open(&storage.crash());
            let replayed = payloads(&records);
            for payload in acknowledged {
                assert!(replayed.contains(&&payload[..]), "{fault:?} at operation {number} lost {payload:?}");
            }
        }
    }
}

#[test]
fn a_full_disk_does_not_fill_up_with_useless_files() {
    let storage = MemStorage::new(1);
    let (wal, ..) = open(&storage);
    store(&wal, &[b"before"]);
    storage.set_capacity(Some(100));
    for _ in 0..20 {
        let position = wal.append(&[0; 100]).unwrap();
        assert!(matches!(wal.commit(position), Err(WalError::Sealed { source, .. })
            if matches!(&*source, StorageError::Full { .. })));
    }
    assert_eq!(keys(&storage).len(), 1);
    storage.set_capacity(None);
    store(&wal, &[b"after"]);
    assert_eq!(payloads(&open(&storage.crash()).2), [&b"before"[..], b"after"]);
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
    let mut header = crate::segment::Header { first: at(1, 0) }.encode();
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

#[derive(Debug, Clone)]
enum Step {
    Append(u8),
    Commit,
    Fail(u64, Fault),
    Release,
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fault = prop_oneof![Just(Fault::Io), Just(Fault::IoAfterwards), Just(Fault::Full)];
    let step = prop_oneof![
        6 => (0..60_u8).prop_map(Step::Append),
        4 => Just(Step::Commit),
        1 => (1..6_u64, fault).prop_map(|(after, fault)| Step::Fail(after, fault)),
        1 => Just(Step::Release),
        1 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The model: every record appended since the last release, and which of them were acknowledged.
    #[test]
    fn what_is_acknowledged_survives_and_nothing_is_invented(seed: u64, steps in steps()) {
        let mut storage = MemStorage::new(seed);
        let mut wal = open(&storage).0;
        let mut appended: BTreeMap<Position, Vec<u8>> = BTreeMap::new();
        let mut acknowledged = std::collections::BTreeSet::new();
        let mut covered = Position::START;
        let mut value = 0_u8;
        for step in steps.into_iter().chain([Step::Crash]) {
            match step {
                Step::Append(len) => {
                    value = value.wrapping_add(1);
                    let payload = vec![value; usize::from(len)];
                    let position = wal.append(&payload).unwrap();
                    prop_assert!(appended.keys().next_back().is_none_or(|last| *last < position));
                    appended.insert(position, payload);
                }
                Step::Commit => {
                    let Some(position) = appended.keys().next_back().copied() else { continue };
                    if wal.commit(position).is_ok() {
                        let same_session = appended.keys().filter(|other| other.session == position.session);
                        acknowledged.extend(same_session.copied());
                    }
                }
                Step::Fail(after, fault) => storage.fail_at(storage.operations() + after, fault),
                Step::Release => {
                    covered = covered.max(wal.next_position());
                    let _ = wal.release(covered);
                }
                Step::Crash => {
                    storage = storage.crash();
                    let (reopened, _, found) = open_from(&storage, covered);
                    wal = reopened;
                    let found: BTreeMap<Position, Vec<u8>> = found.into_iter().collect();
                    for (position, payload) in &found {
                        prop_assert_eq!(appended.get(position), Some(payload));
                    }
                    for position in acknowledged.iter().filter(|position| **position >= covered) {
                        prop_assert!(found.contains_key(position), "{:?} is gone", position);
                    }
                    appended = found;
                    acknowledged = appended.keys().copied().collect();
                }
            }
        }
    }
}
