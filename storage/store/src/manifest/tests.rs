use super::*;
use crate::{Fault, MemStorage, frame};
use proptest::prelude::*;
use serde::Deserialize;

/// Adds up; remembers every delta's value in order, so that a lost or doubled one shows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Values {
    values: Vec<u64>,
}

impl ManifestState for Values {
    type Delta = u64;

    fn apply(&mut self, delta: &u64) {
        self.values.push(*delta);
    }
}

fn open(storage: &MemStorage) -> Result<Manifest<Values>, StorageError> {
    Manifest::open(Arc::new(storage.clone()), "manifest/test")
}

/// A manifest of `count` transactions with the values 1 to `count`.
fn written(storage: &MemStorage, count: u64) -> Manifest<Values> {
    let manifest = open(storage).unwrap();
    for value in 1..=count {
        manifest.commit(value).unwrap();
    }
    manifest
}

/// Damages both copies of an object.
fn ruin(storage: &MemStorage, key: &str) {
    let size = storage.size(key).unwrap();
    assert!(storage.flip_bit(key, 170) && storage.flip_bit(key, 40 * 8) && storage.flip_bit(key, size * 8 - 1));
}

#[track_caller]
fn check_opens(storage: &MemStorage, count: u64) {
    let manifest = open(storage).unwrap();
    assert_eq!(manifest.number(), count);
    assert_eq!(manifest.state().values, (1..=count).collect::<Vec<u64>>());
}

#[track_caller]
fn check_refused(storage: &MemStorage, want: &str) {
    assert_eq!(open(storage).unwrap_err().to_string(), want);
}

#[test]
fn every_count_of_transactions_is_found_again() {
    let storage = MemStorage::new(1);
    let manifest = open(&storage).unwrap();
    check_opens(&storage, 0);
    for value in 1..=200 {
        assert_eq!(manifest.commit(value).unwrap().values.len() as u64, value);
        check_opens(&storage.crash(), value);
    }
}

#[test]
fn what_a_newer_snapshot_covers_is_deleted() {
    let storage = MemStorage::new(1);
    written(&storage, 130);
    let keys: Vec<String> = storage.list("").unwrap().into_iter().map(|object| object.key).collect();
    assert_eq!(keys.first().unwrap(), "manifest/test/00000000000000000064");
    assert_eq!(keys.len(), 130 - 63);
}

#[test]
fn damage_is_named_unless_a_later_snapshot_covers_it() {
    let storage = MemStorage::new(1);
    written(&storage, 130);
    ruin(&storage, "manifest/test/00000000000000000100");
    ruin(&storage, "manifest/test/00000000000000000064");
    check_opens(&storage, 130);
    let damaged = storage.crash();
    ruin(&damaged, "manifest/test/00000000000000000128");
    check_refused(&damaged, "`manifest/test/00000000000000000128` is damaged: its checksum does not match");
    storage.delete("manifest/test/00000000000000000129").unwrap();
    check_refused(&storage, "`manifest/test/00000000000000000129` is damaged: it is missing, but later numbers exist");
}

/// Deltas, and a snapshot with deltas: either way every bit of what is needed.
#[test]
fn every_flipped_bit_of_a_needed_object_is_seen_and_costs_nothing() {
    for count in [2, 65] {
        let storage = MemStorage::new(1);
        written(&storage, count);
        assert_eq!(open(&storage).unwrap().damaged_copies(), 0);
        let needed = storage.list("").unwrap().split_off(count as usize - 2);
        for object in needed {
            for bit in (0..object.size * 8).step_by(7) {
                storage.flip_bit(&object.key, bit);
                let manifest = open(&storage).unwrap();
                assert_eq!((manifest.number(), manifest.damaged_copies()), (count, 1), "bit {bit} of {}", object.key);
                assert_eq!(manifest.state().values, (1..=count).collect::<Vec<u64>>());
                storage.flip_bit(&object.key, bit);
            }
        }
    }
}

#[test]
fn objects_of_version_1_are_read() {
    let storage = MemStorage::new(1);
    for number in 1..=2 {
        let bytes = frame::encode(DELTA_MAGIC, 1, number.to_string().as_bytes());
        storage.create(&key("manifest/test", number), &bytes).unwrap();
    }
    let manifest = open(&storage).unwrap();
    manifest.commit(3).unwrap();
    check_opens(&storage, 3);
    for bit in 0..21 * 8 {
        let damaged = storage.crash();
        damaged.flip_bit("manifest/test/00000000000000000002", bit);
        assert!(matches!(open(&damaged), Err(StorageError::Damaged { .. })), "bit {bit}");
    }
}

#[test]
fn a_scrub_names_what_is_damaged_and_what_is_lost() {
    let storage = MemStorage::new(1);
    written(&storage, 70);
    let keys: Vec<String> = storage.list("").unwrap().into_iter().map(|object| object.key).collect();
    let whole = scrub_manifest(&storage, "manifest/test").unwrap();
    assert_eq!((whole.objects, whole.damaged), (70, vec![]));
    storage.flip_bit(&keys[3], 400);
    ruin(&storage, &keys[64]);
    let damaged = scrub_manifest(&storage, "manifest/test").unwrap().damaged;
    let named: Vec<(&str, bool)> = damaged.iter().map(|object| (&*object.key, object.is_lost)).collect();
    assert_eq!(named, [(&*keys[3], false), (&*keys[64], true)]);
}

#[test]
fn a_snapshot_opens_as_the_state_it_was_made_of() {
    for count in [0, 1, 64, 100] {
        let manifest = written(&MemStorage::new(1), count);
        let earlier = (manifest.number(), manifest.state());
        let snapshot = manifest.snapshot().unwrap();
        manifest.commit(999).unwrap();
        assert_eq!(manifest.snapshot_of(earlier.0, &earlier.1).unwrap(), snapshot);
        assert_eq!(snapshot.number, count);
        let copy = MemStorage::new(2);
        copy.create(&snapshot.key, &snapshot.bytes).unwrap();
        let restored = open(&copy).unwrap();
        assert_eq!(restored.state(), earlier.1);
        restored.commit(7).unwrap();
        assert_eq!(open(&copy).unwrap().state().values.last(), Some(&7));
    }
}

#[test]
fn a_full_disk_gives_its_reserve_for_a_transaction() {
    let storage = MemStorage::new(1);
    let manifest = written(&storage, 1);
    storage.set_reserve(5_000);
    storage.set_capacity(Some(storage.list("").unwrap().iter().map(|object| object.size).sum::<u64>() + 5_000));
    manifest.commit(2).unwrap();
    assert_eq!(storage.reserve(), 0);
    assert!(matches!(manifest.commit(3), Err(StorageError::Full { .. })));
    check_opens(&storage, 2);
}

#[test]
fn a_long_tail_of_old_objects_goes_bit_by_bit() {
    let storage = MemStorage::new(1);
    let manifest = written(&storage, 190);
    for number in 1..=64 {
        // Deletions that did not last.
        let _ = storage.create(&key("manifest/test", number), b"old");
    }
    for extra in 1000..1200 {
        storage.create(&key("manifest/test", extra), b"x").unwrap();
    }
    let before = storage.list("").unwrap().len();
    manifest.forget_before(2000);
    assert_eq!(before - storage.list("").unwrap().len(), FORGET_MAX);
}

#[test]
fn a_delta_that_does_not_fit_is_damage() {
    let storage = MemStorage::new(1);
    storage.create("manifest/test/00000000000000000001", &doubled::encode(DELTA_MAGIC, VERSION, b"\"text\"")).unwrap();
    let error = open(&storage).unwrap_err().to_string();
    assert!(error.starts_with("`manifest/test/00000000000000000001` is damaged: its JSON does not fit"), "{error}");
    let storage = MemStorage::new(1);
    storage.create("manifest/test/00000000000000000001", &doubled::encode(DELTA_MAGIC, VERSION + 1, b"1")).unwrap();
    assert!(matches!(open(&storage), Err(StorageError::Newer { found: 3, known: 2, .. })));
}

#[test]
fn the_second_of_two_writers_is_told() {
    let storage = MemStorage::new(1);
    let (first, second) = (open(&storage).unwrap(), open(&storage).unwrap());
    first.commit(1).unwrap();
    assert!(matches!(second.commit(9), Err(StorageError::Exists { .. })));
    assert_eq!((second.number(), second.state().values.len()), (0, 0));
    check_opens(&storage, 1);
}

#[test]
fn a_write_that_reports_an_error_but_happened_counts() {
    let storage = MemStorage::new(1);
    let manifest = written(&storage, 3);
    storage.fail_at(storage.operations() + 1, Fault::IoAfterwards);
    manifest.commit(4).unwrap();
    check_opens(&storage, 4);
}

#[test]
fn a_write_in_doubt_stops_the_manifest_until_it_is_settled() {
    for (fault, happened) in [(Fault::Io, false), (Fault::IoAfterwards, true)] {
        let storage = MemStorage::new(1);
        let manifest = written(&storage, 3);
        storage.fail_at(storage.operations() + 1, fault);
        storage.fail_at(storage.operations() + 2, Fault::Io);
        assert!(manifest.commit(4).is_err());
        assert_eq!(manifest.number(), 3);
        storage.fail_at(storage.operations() + 1, Fault::Io);
        assert!(manifest.commit(5).is_err(), "still nobody can tell");
        assert_eq!(manifest.commit(4).is_err(), happened);
        check_opens(&storage, 4);
    }
}

#[test]
fn the_state_can_be_read_while_a_transaction_is_written() {
    let storage = MemStorage::new(1);
    let manifest = Arc::new(written(&storage, 1));
    let reader = Arc::clone(&manifest);
    storage.on_operation(move |_| assert_eq!(reader.state().values, [1]));
    manifest.commit(2).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Transactions under random faults and crashes: what was confirmed is there, in order, and nothing else.
    #[test]
    fn confirmed_transactions_survive(
        seed: u64,
        faults in proptest::collection::btree_map(1..400_u64, 0..3_usize, 0..20),
        crash_every in 1..90_u64,
    ) {
        let mut storage = MemStorage::new(seed);
        storage.undo_deletions(200);
        for (number, kind) in faults {
            storage.fail_at(number, [Fault::Io, Fault::IoAfterwards, Fault::Full][kind]);
        }
        let mut confirmed = Vec::new();
        let Ok(mut manifest) = open(&storage) else { return Ok(()) };
        for value in 0..150 {
            if manifest.commit(value).is_ok() {
                confirmed.push(value);
            } else if manifest.writer.lock().in_doubt.is_some() {
                // Only a restart can tell; take what it says.
                storage.repair();
                manifest = open(&storage).unwrap();
                let values = manifest.state().values.clone();
                prop_assert!(values == confirmed || values == [&confirmed[..], &[value]].concat());
                confirmed = values;
            }
            prop_assert_eq!(&manifest.state().values, &confirmed);
            if value % crash_every == 0 {
                storage = storage.crash();
                manifest = open(&storage).unwrap();
                prop_assert_eq!(&manifest.state().values, &confirmed);
            }
        }
    }
}
