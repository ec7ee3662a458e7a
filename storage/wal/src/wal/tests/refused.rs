//! Records whose failure was reported do not come back once the next session is on disk.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use watchfire_store::Fault;

/// A log whose first session stored "stored" and refused "refused", which is in the file all the same.
fn refusing() -> (MemStorage, Wal) {
    let storage = MemStorage::new(1);
    let (wal, ..) = open(&storage);
    store(&wal, &[b"stored"]);
    let refused = wal.append(b"refused").unwrap();
    storage.fail_at(storage.operations() + 2, Fault::IoAfterwards);
    assert!(matches!(wal.commit(refused), Err(WalError::Sealed { .. })));
    assert!(wal.is_lost(refused) && !wal.is_lost(at(1, 0)));
    (storage, wal)
}

#[test]
fn a_retry_after_a_refusal_is_not_doubled() {
    let (storage, wal) = refusing();
    store(&wal, &[b"refused"]);
    let (wal, replay, records) = open(&storage.crash());
    assert_eq!(records, [(at(1, 0), b"stored".to_vec()), (at(2, 0), b"refused".to_vec())]);
    assert_eq!((replay.refused_records, replay.damaged_records), (1, 0));
    assert_eq!(wal.metrics().refused_records.get(), 1);
}

#[test]
fn a_crash_before_the_next_session_is_on_disk_may_bring_it_back() {
    let (storage, _) = refusing();
    assert_eq!(payloads(&open(&storage.crash()).2), [&b"stored"[..], b"refused"]);
}

/// The process dies with the name in the kernel's memory only; the next process reads it there, then the power goes.
#[test]
fn a_name_that_was_not_durable_is_said_again() {
    for seed in 0..50 {
        let storage = MemStorage::new(seed);
        let (wal, ..) = open(&storage);
        store(&wal, &[b"stored"]);
        let refused = wal.append(b"refused").unwrap();
        storage.fail_at(storage.operations() + 2, Fault::IoAfterwards);
        assert!(wal.commit(refused).is_err());
        wal.append(&vec![0; WRITE_THROUGH_BYTES]).unwrap();
        drop(wal);
        let (wal, replay, _) = open(&storage);
        assert_eq!(replay.refused_records, 1);
        store(&wal, &[b"next"]);
        let (_, replay, records) = open(&storage.crash());
        let found = payloads(&records);
        assert!(found.contains(&&b"next"[..]) && !found.contains(&&b"refused"[..]), "seed {seed}: {replay:?}");
    }
}

#[test]
fn every_session_that_failed_in_a_row_is_named() {
    let (storage, wal) = refusing();
    for _ in 0..3 {
        let position = wal.append(b"refused").unwrap();
        // The file's name, header, batch, fsync, and the deletion of what is of no use.
        storage.fail_at(storage.operations() + 4, Fault::IoAfterwards);
        storage.fail_at(storage.operations() + 5, Fault::Io);
        assert!(wal.commit(position).is_err());
        assert!(wal.is_lost(position));
    }
    assert_eq!(keys(&storage).len(), 4);
    store(&wal, &[b"refused"]);
    let (_, replay, records) = open(&storage.crash());
    assert_eq!(records, [(at(1, 0), b"stored".to_vec()), (at(5, 0), b"refused".to_vec())]);
    assert_eq!(replay.refused_records, 4);
}

#[test]
fn the_last_segment_still_names_them() {
    let (storage, wal) = refusing();
    for _ in 0..4 {
        store(&wal, &[&[b'x'; 100]]);
    }
    assert_eq!(keys(&storage).len(), 5);
    for key in &keys(&storage)[1..4] {
        storage.delete(key).unwrap();
    }
    assert_eq!(open(&storage).1.refused_records, 1);
}

#[derive(Debug, Clone)]
enum Step {
    Append(u8),
    Commit,
    Fail(u64, Fault),
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fault = prop_oneof![Just(Fault::Io), Just(Fault::IoAfterwards), Just(Fault::Full)];
    let step = prop_oneof![
        6 => (0..60_u8).prop_map(Step::Append),
        5 => Just(Step::Commit),
        3 => (1..6_u64, fault).prop_map(|(after, fault)| Step::Fail(after, fault)),
        1 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 1..60)
}

/// What the senders know of the records of one opening.
#[derive(Debug, Default)]
struct Model {
    appended: BTreeMap<Position, Vec<u8>>,
    acknowledged: BTreeSet<Position>,
    /// The newest session of which something is durable: what was refused before it is named there.
    durable_session: u64,
}

impl Model {
    fn commit(&mut self, wal: &Wal) {
        for position in self.appended.keys().copied() {
            if self.acknowledged.contains(&position) || wal.is_lost(position) {
                continue;
            }
            if wal.commit(position).is_ok() {
                self.acknowledged.insert(position);
                self.durable_session = self.durable_session.max(position.session);
            }
        }
    }

    fn check(&self, wal: &Wal, found: &BTreeMap<Position, Vec<u8>>) -> Result<(), TestCaseError> {
        for position in &self.acknowledged {
            prop_assert!(found.contains_key(position), "{:?} was acknowledged and is gone", position);
            prop_assert!(!wal.is_lost(*position));
        }
        for (position, payload) in found {
            prop_assert_eq!(self.appended.get(position), Some(payload));
            let is_named = position.session < self.durable_session;
            prop_assert!(!(is_named && wal.is_lost(*position)), "{:?} was refused and is back", position);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_refused_stays_away(seed: u64, steps in steps()) {
        let mut storage = MemStorage::new(seed);
        storage.undo_deletions(8);
        let mut wal = open(&storage).0;
        let mut model = Model::default();
        let mut value = 0_u8;
        for step in steps.into_iter().chain([Step::Crash]) {
            match step {
                Step::Append(len) => {
                    value = value.wrapping_add(1);
                    let payload = vec![value; usize::from(len)];
                    model.appended.insert(wal.append(&payload).unwrap(), payload);
                }
                Step::Commit => model.commit(&wal),
                Step::Fail(after, fault) => storage.fail_at(storage.operations() + after, fault),
                Step::Crash => {
                    storage = storage.crash();
                    let (reopened, _, found) = open(&storage);
                    let found: BTreeMap<Position, Vec<u8>> = found.into_iter().collect();
                    model.check(&wal, &found)?;
                    wal = reopened;
                    let acknowledged: BTreeSet<Position> = found.keys().copied().collect();
                    let durable_session = acknowledged.last().map_or(0, |position| position.session);
                    model = Model { appended: found, acknowledged, durable_session };
                }
            }
        }
    }
}
