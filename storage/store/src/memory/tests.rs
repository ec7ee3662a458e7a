use super::*;
use std::sync::atomic::{AtomicU64, Ordering};

fn bytes(storage: &MemStorage, key: &str) -> Vec<u8> {
    storage.read(key).unwrap().to_vec()
}

/// All that crashes leave of a file, over many seeds.
fn crash(synced: &[u8], unsynced: &[u8], sync_fault: Option<Fault>) -> Vec<Vec<u8>> {
    let survivor = |seed| {
        let storage = MemStorage::new(seed);
        let mut file = storage.append("wal").unwrap();
        file.append(synced).unwrap();
        file.sync().unwrap();
        file.append(unsynced).unwrap();
        if let Some(fault) = sync_fault {
            storage.fail_at(storage.operations() + 1, fault);
            file.sync().unwrap_err();
            let _ = file.sync();
        }
        bytes(&storage.crash(), "wal")
    };
    let mut survivors: Vec<Vec<u8>> = (0..400).map(survivor).collect();
    survivors.sort();
    survivors.dedup();
    survivors
}

#[test]
fn a_crash_keeps_objects_and_what_was_synced() {
    let storage = MemStorage::new(1);
    storage.create("object", b"x").unwrap();
    assert_eq!(bytes(&storage.crash(), "object"), b"x");
    let survivors = crash(b"ab", b"cd", None);
    assert_eq!(survivors, [&b"ab"[..], b"ab\0", b"ab\0\0"], "less than a sector survives as zeros or not at all");
}

#[test]
fn a_crash_tears_at_sectors() {
    let survivors = crash(&[1; 700], &[2; 1000], None);
    let with_bytes: Vec<usize> = survivors.iter().filter(|bytes| bytes.contains(&2)).map(Vec::len).collect();
    assert_eq!(with_bytes, [1024, 1536]);
    assert!(survivors.iter().all(|bytes| bytes.starts_with(&[1; 700])));
}

#[test]
fn a_failed_sync_loses_its_bytes_even_if_the_next_one_succeeds() {
    let survivors = crash(&[1; 700], &[2; 1000], Some(Fault::Io));
    assert!(survivors.iter().all(|bytes| bytes.starts_with(&[1; 700]) && !bytes.contains(&2)));
    let with_fault_afterwards = [[1; 700].as_slice(), &[2; 1000]].concat();
    assert_eq!(crash(&[1; 700], &[2; 1000], Some(Fault::IoAfterwards)), [with_fault_afterwards]);
}

#[test]
fn faults_hit_the_operation_they_are_planned_for() {
    let storage = MemStorage::new(1);
    storage.fail_at(2, Fault::Full);
    storage.fail_at(3, Fault::IoAfterwards);
    storage.create("a", b"").unwrap();
    assert!(matches!(storage.create("b", b""), Err(StorageError::Full { .. })));
    assert!(matches!(storage.create("c", b""), Err(StorageError::Io { .. })));
    let keys: Vec<String> = storage.list("").unwrap().into_iter().map(|object| object.key).collect();
    assert_eq!(keys, ["a", "c"]);
    storage.unplug_at(6);
    storage.delete("c").unwrap();
    assert!(storage.delete("a").is_err());
    assert!(storage.read("a").is_err());
    storage.repair();
    assert_eq!(bytes(&storage, "a"), b"");
    assert_eq!(storage.operations(), 8);
}

#[test]
fn the_disk_can_be_full() {
    let storage = MemStorage::new(1);
    storage.set_capacity(Some(10));
    storage.create("a", &[0; 6]).unwrap();
    assert!(matches!(storage.create("b", &[0; 5]), Err(StorageError::Full { .. })));
    let mut file = storage.append("wal").unwrap();
    assert!(matches!(file.append(&[0; 5]), Err(StorageError::Full { .. })));
    assert_eq!(storage.space().unwrap(), Space { total: 10, available: 0 });
    storage.delete("a").unwrap();
    file.append(&[0; 5]).unwrap();
}

#[test]
fn a_reserve_counts_as_used_until_it_is_released() {
    let storage = MemStorage::new(1);
    storage.set_capacity(Some(10));
    storage.set_reserve(4);
    assert!(matches!(storage.create("a", &[0; 7]), Err(StorageError::Full { .. })));
    assert!(storage.release_reserve() && !storage.release_reserve());
    storage.create("a", &[0; 7]).unwrap();
}

#[test]
fn a_crash_may_undo_the_last_deletions() {
    let survivors = |count: usize| {
        let mut survivors: Vec<Vec<String>> = Vec::new();
        for seed in 0..100 {
            let storage = MemStorage::new(seed);
            storage.undo_deletions(count);
            for key in ["a", "b", "c", "kept"] {
                storage.create(key, key.as_bytes()).unwrap();
            }
            for key in ["a", "b", "c"] {
                storage.delete(key).unwrap();
            }
            assert_eq!(storage.list("").unwrap().len(), 1);
            storage.create("b", b"again").unwrap();
            let crashed = storage.crash();
            assert_eq!(bytes(&crashed, "b"), b"again");
            survivors.push(crashed.list("").unwrap().into_iter().map(|object| object.key).collect());
            assert_eq!(crashed.crash().list("").unwrap(), crashed.list("").unwrap());
        }
        survivors.sort();
        survivors.dedup();
        survivors
    };
    assert_eq!(survivors(0), [["b", "kept"]]);
    assert_eq!(survivors(1), [vec!["b", "c", "kept"], vec!["b", "kept"]]);
    assert_eq!(survivors(3).len(), 4);
}

#[test]
fn the_hook_sees_every_operation_before_it_happens() {
    let storage = MemStorage::new(1);
    let creates = Arc::new(AtomicU64::new(0));
    let (seen, inside) = (Arc::clone(&creates), storage.clone());
    storage.on_operation(move |operation| {
        if operation.kind == OperationKind::Create {
            assert!(inside.shared.lock().disk.bytes(&operation.key).is_err());
            seen.fetch_add(operation.number, Ordering::SeqCst);
        }
    });
    storage.create("a", b"").unwrap();
    storage.read("a").unwrap();
    storage.create("b", b"").unwrap();
    assert_eq!(creates.load(Ordering::SeqCst), 1 + 3);
}

#[test]
fn bits_flip_where_asked() {
    let storage = MemStorage::new(1);
    storage.create("a", &[0, 0]).unwrap();
    assert!(storage.flip_bit("a", 9));
    assert!(!storage.flip_bit("a", 16));
    assert!(!storage.flip_bit("b", 0));
    assert_eq!(bytes(&storage, "a"), [0, 2]);
    assert!(storage.truncate("a", 1));
    assert_eq!(bytes(&storage, "a"), [0]);
}
