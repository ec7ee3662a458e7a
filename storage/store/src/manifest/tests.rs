use super::*;
use crate::{Fault, MemStorage};
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
    assert!(storage.flip_bit("manifest/test/00000000000000000100", 170));
    assert!(storage.flip_bit("manifest/test/00000000000000000064", 170));
    check_opens(&storage, 130);
    let damaged = storage.crash();
    assert!(damaged.flip_bit("manifest/test/00000000000000000128", 170));
    check_refused(&damaged, "`manifest/test/00000000000000000128` is damaged: its checksum does not match");
    storage.delete("manifest/test/00000000000000000129").unwrap();
    check_refused(&storage, "`manifest/test/00000000000000000129` is damaged: it is missing, but later numbers exist");
}

#[test]
fn every_flipped_bit_of_a_needed_object_is_seen() {
    let storage = MemStorage::new(1);
    written(&storage, 2);
    for object in storage.list("").unwrap() {
        for bit in 0..object.size * 8 {
            let damaged = storage.crash();
            damaged.flip_bit(&object.key, bit);
            assert!(matches!(open(&damaged), Err(StorageError::Damaged { .. })), "bit {bit} of {}", object.key);
        }
    }
}

#[test]
fn a_delta_that_does_not_fit_is_damage() {
    let storage = MemStorage::new(1);
    storage.create("manifest/test/00000000000000000001", &frame::encode(DELTA_MAGIC, VERSION, b"\"text\"")).unwrap();
    let error = open(&storage).unwrap_err().to_string();
    assert!(error.starts_with("`manifest/test/00000000000000000001` is damaged: its JSON does not fit"), "{error}");
    let storage = MemStorage::new(1);
    storage.create("manifest/test/00000000000000000001", &frame::encode(DELTA_MAGIC, VERSION + 1, b"1")).unwrap();
    assert!(matches!(open(&storage), Err(StorageError::Newer { found: 2, known: 1, .. })));
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
