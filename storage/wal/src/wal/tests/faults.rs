//! Failing writes, failing fsyncs, full disks and crashes.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use watchfire_store::Fault;

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

/// With every single operation failing in every way, what was acknowledged survives the crash that follows: records that are
/// written with others, and large ones that are written piece by piece.
#[test]
fn acknowledged_records_survive_every_fault() {
    for fault in [Fault::Io, Fault::IoAfterwards, Fault::Full] {
        for number in 2..64 {
            let storage = MemStorage::new(number);
            let (wal, ..) = open(&storage);
            storage.fail_at(number, fault);
            let mut acknowledged = Vec::new();
            for index in 0..12_u8 {
                let payload = vec![index; if index % 4 == 1 { WRITE_THROUGH_BYTES } else { 25 }];
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

/// Several threads at once under faults: whoever was told that a record is durable finds it after the crash.
#[test]
fn acknowledged_records_of_many_threads_survive_faults() {
    const THREADS: u8 = 4;
    for seed in 0..30 {
        let storage = MemStorage::new(seed);
        let (wal, ..) = open(&storage);
        for fault in 0..10 {
            storage.fail_at(1 + seed % 7 + 11 * fault, [Fault::Io, Fault::Full][fault as usize % 2]);
        }
        let acknowledged = Mutex::new(Records::new());
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (wal, acknowledged) = (&wal, &acknowledged);
                scope.spawn(move || {
                    for index in 0..40 {
                        let payload = vec![thread, index];
                        let position = wal.append(&payload).unwrap();
                        if wal.commit(position).is_ok() {
                            acknowledged.lock().push((position, payload));
                        }
                    }
                });
            }
        });
        assert!(wal.metrics().failures.get() > 0, "seed {seed}");
        let replayed: BTreeMap<Position, Vec<u8>> = open(&storage.crash()).2.into_iter().collect();
        for (position, payload) in acknowledged.into_inner() {
            assert_eq!(replayed.get(&position), Some(&payload), "seed {seed}, {position:?}");
        }
    }
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
        storage.undo_deletions(8);
        let mut wal = open(&storage).0;
        let mut appended: BTreeMap<Position, Vec<u8>> = BTreeMap::new();
        let mut acknowledged = BTreeSet::new();
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
