//! A medium that fills up and becomes free again.

use super::disk::{Disk, Fault};
use super::*;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

fn open(disk: &Disk, options: SpaceOptions) -> DirStorage {
    let root = PathBuf::from("/data");
    let files: Arc<dyn FileSystem> = Arc::new(disk.clone());
    home::create_root(&*files, &root).unwrap();
    DirStorage::open_on(files, root, false, options).unwrap()
}

/// Whether there is room after the medium had each of these free, in MiB.
#[track_caller]
fn check(total_mib: u64, used_max_percent: u8, steps: &[(u64, bool)]) {
    let disk = Disk::new(1);
    let storage = open(&disk, SpaceOptions { used_max_percent, ..SpaceOptions::default() });
    for (available_mib, has_room) in steps {
        disk.set_space(Space { total: total_mib * MIB, available: available_mib * MIB });
        storage.look_for_room();
        let got = storage.room.has_room();
        assert_eq!(got, *has_room, "{available_mib} MiB of {total_mib} MiB are free");
    }
}

#[test]
fn room_ends_and_comes_back_a_little_later() {
    check(1000, 95, &[(900, true), (50, true), (49, false), (50, false), (59, false), (60, true), (50, true)]);
    check(1000, 80, &[(200, true), (199, false), (209, false), (210, true)]);
    check(1000, 100, &[(0, true)]);
    // A small medium, and one on which 5 % are more than anybody needs.
    check(64, 95, &[(4, true), (3, false), (4, true)]);
    check(10_000_000, 95, &[(20_000, true), (10_240, true), (10_239, false), (11_263, false), (11_264, true)]);
    // Full from the start: it opens.
    check(1000, 95, &[(0, false), (59, false), (60, true)]);
}

#[test]
fn the_medium_is_not_looked_at_all_the_time() {
    let disk = Disk::new(1);
    let storage = open(&disk, SpaceOptions::default());
    assert!(storage.has_room());
    let calls = disk.calls();
    let start = std::time::Instant::now();
    for _ in 0..1000 {
        storage.has_room();
    }
    let looks = u128::from(disk.calls() - calls);
    assert!(looks <= start.elapsed().as_millis() / 100 + 1, "{looks}");
}

/// A medium that takes a gigabyte a second is full before the next look would be due.
#[test]
fn what_is_written_brings_the_next_look_forward() {
    let disk = Disk::new(1);
    let storage = open(&disk, SpaceOptions::default());
    disk.set_space(Space { total: 1000 * MIB, available: 60 * MIB });
    assert!(storage.has_room());
    let mut file = storage.append("wal/1").unwrap();
    file.append(&vec![0; 4 << 20]).unwrap();
    disk.set_space(Space { total: 1000 * MIB, available: 40 * MIB });
    file.append(&vec![0; 2 << 20]).unwrap();
    assert!(!storage.has_room());
}

#[test]
fn quotas_end_the_room_too() {
    for code in [28, 122] {
        let error = storage_error("write", "a", io::Error::from_raw_os_error(code));
        assert!(matches!(error, StorageError::Full { .. }), "errno {code}");
    }
}

#[test]
fn a_write_that_finds_no_space_ends_the_room_at_once() {
    for fault_in_file in [false, true] {
        let disk = Disk::new(1);
        let storage = open(&disk, SpaceOptions::default());
        let mut file = storage.append("wal/1").unwrap();
        assert!(storage.has_room());
        disk.fail_at(disk.calls() + 1, Fault::Full);
        let result = if fault_in_file { file.append(b"x") } else { storage.create("wal/2", b"x") };
        assert!(matches!(result, Err(StorageError::Full { .. })));
        assert!(!storage.has_room());
    }
}

#[test]
fn a_reserve_is_made_given_away_once_and_made_again() {
    let disk = Disk::new(1);
    let options = SpaceOptions { reserve_bytes_max: ByteSize(MIB), ..SpaceOptions::default() };
    let storage = open(&disk, options);
    assert!(!storage.release_reserve());
    disk.set_space(Space { total: 30 * MIB, available: 20 * MIB });
    storage.keep_reserve().unwrap();
    storage.keep_reserve().unwrap();
    let status = storage.space_status().unwrap();
    assert_eq!(status.reserve_bytes, 30 * MIB / 100 * 2, "two hundredths of a small medium");
    assert_eq!((status.total, status.available, status.has_room), (30 * MIB, 20 * MIB, true));
    assert_eq!(listing(&storage, ""), [], "it is no object");
    assert!(storage.read("RESERVE").is_err() && storage.create("RESERVE", b"").is_err());
    // It outlives the process and a power cut.
    drop(storage);
    let disk = disk.crash();
    let storage = open(&disk, options);
    assert_eq!(storage.space_status().unwrap().reserve_bytes, 30 * MIB / 100 * 2);
    assert!(storage.release_reserve() && !storage.release_reserve());
    assert!(!disk.tree().contains_key(Path::new("/data/RESERVE")));
    disk.set_space(Space { total: GIB, available: 62 * MIB });
    storage.keep_reserve().unwrap();
    assert_eq!(storage.space_status().unwrap().reserve_bytes, 0, "not where room would end at once");
    disk.set_space(Space { total: GIB, available: 63 * MIB });
    storage.keep_reserve().unwrap();
    assert_eq!(storage.space_status().unwrap().reserve_bytes, MIB);
}

#[test]
fn a_reserve_that_cannot_be_made_leaves_nothing() {
    for (fault, fails) in [(Fault::Io, true), (Fault::Full, false)] {
        for call in 2..=5 {
            let disk = Disk::new(1);
            let options = SpaceOptions { reserve_bytes_max: ByteSize(MIB), ..SpaceOptions::default() };
            let storage = open(&disk, options);
            disk.fail_at(disk.calls() + call, fault);
            assert_eq!(storage.keep_reserve().is_err(), fails, "{fault:?} at call {call}");
            assert!(!disk.tree().contains_key(Path::new("/data/RESERVE")));
            assert_eq!(storage.space_status().unwrap().reserve_bytes, 0);
            storage.keep_reserve().unwrap();
            assert_eq!(storage.space_status().unwrap().reserve_bytes, MIB);
        }
    }
}

#[test]
fn a_real_directory_keeps_a_reserve() {
    let directory = tempfile::tempdir().unwrap();
    let options = SpaceOptions { reserve_bytes_max: ByteSize(100_000), used_max_percent: 100 };
    let storage = DirStorage::open_with(directory.path(), options).unwrap();
    storage.keep_reserve().unwrap();
    let status = storage.space_status().unwrap();
    assert!(status.has_room && status.available <= status.total);
    if status.reserve_bytes == 0 {
        println!("skipped: the disk is full");
        return;
    }
    let metadata = fs::metadata(directory.path().join("RESERVE")).unwrap();
    assert_eq!((metadata.len(), status.reserve_bytes), (100_000, 100_000));
    assert!(std::os::unix::fs::MetadataExt::blocks(&metadata) * 512 >= 100_000, "the space is taken");
    assert!(storage.release_reserve());
    assert!(!directory.path().join("RESERVE").exists());
}
