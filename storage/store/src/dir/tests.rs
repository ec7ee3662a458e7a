mod disk;
mod power;
mod room;
mod transactions;

use super::files::HostFile;
use super::*;
use crate::MemStorage;
use proptest::prelude::*;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;
use watchfire_model::ByteSize;

fn open() -> (TempDir, DirStorage) {
    let directory = tempfile::tempdir().unwrap();
    let storage = DirStorage::open(directory.path()).unwrap();
    (directory, storage)
}

fn listing(storage: &dyn Storage, prefix: &str) -> Vec<(String, u64)> {
    storage.list(prefix).unwrap().into_iter().map(|object| (object.key, object.size)).collect()
}

#[track_caller]
fn check_error<T: std::fmt::Debug>(result: Result<T, StorageError>, want: &str) {
    assert_eq!(result.unwrap_err().to_string(), want);
}

#[test]
fn objects_are_created_once_and_read_back() {
    let (_directory, storage) = open();
    storage.create("logs/2026/a", b"hello").unwrap();
    check_error(storage.create("logs/2026/a", b"other"), "`logs/2026/a` exists already");
    assert_eq!(storage.read("logs/2026/a").unwrap(), "hello");
    assert_eq!(storage.read_range("logs/2026/a", 1, 3).unwrap(), "ell");
    assert_eq!(storage.read_range("logs/2026/a", 3, usize::MAX).unwrap(), "lo");
    assert_eq!(storage.read_range("logs/2026/a", 9, 1).unwrap(), "");
    assert_eq!(storage.size("logs/2026/a").unwrap(), 5);
    check_error(storage.read("logs/2026/b"), "`logs/2026/b` does not exist");
    check_error(storage.size("logs/2026"), "`logs/2026` does not exist");
    check_error(
        storage.create("../a", b""),
        "`../a` is not a key: parts of letters, digits, `.`, `_` and `-`, joined by `/`",
    );
}

#[test]
fn deleting_removes_what_is_empty_and_the_directory_comes_back() {
    let (directory, storage) = open();
    storage.create("logs/2026/a", b"1").unwrap();
    storage.delete("logs/2026/a").unwrap();
    storage.delete("logs/2026/a").unwrap();
    assert!(!directory.path().join("logs").is_dir());
    storage.create("logs/2026/b", b"2").unwrap();
    assert_eq!(listing(&storage, ""), [("logs/2026/b".to_owned(), 1)]);
}

#[test]
fn append_files_grow() {
    let (_directory, storage) = open();
    let mut file = storage.append("wal/1/0").unwrap();
    file.append(b"ab").unwrap();
    file.append(b"c").unwrap();
    file.sync().unwrap();
    assert_eq!(storage.read("wal/1/0").unwrap(), "abc");
    check_error(storage.append("wal/1/0"), "`wal/1/0` exists already");
}

fn file_of(file: HostFile) -> DirAppendFile {
    let room = Arc::new(Room::new(SpaceOptions::default(), 0));
    DirAppendFile { key: "wal/1/0".to_owned(), file: Box::new(file), room, failed: false }
}

#[test]
fn a_file_that_failed_is_not_touched_again() {
    // Every write to this device finds it full, as on a full disk.
    let file = OpenOptions::new().append(true).open("/dev/full").unwrap();
    let mut file = file_of(HostFile(file));
    check_error(file.append(b"x"), "no space left for `wal/1/0`");
    check_error(file.sync(), "cannot sync `wal/1/0`");
    check_error(file.append(b"x"), "cannot append to `wal/1/0`");
}

#[test]
fn listings_show_objects_only() {
    let (directory, storage) = open();
    for key in ["a-b", "a/b", "a/b-c/d", "a.b"] {
        storage.create(key, b"x").unwrap();
    }
    fs::create_dir(directory.path().join("lost+found")).unwrap();
    fs::write(directory.path().join("a/~tmp.1.2"), b"half").unwrap();
    let keys: Vec<String> = listing(&storage, "").into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["a-b", "a.b", "a/b", "a/b-c/d"]);
    assert_eq!(listing(&storage, "a/b-c/"), [("a/b-c/d".to_owned(), 1)]);
    assert_eq!(listing(&storage, "nothing/"), []);
    assert_eq!(listing(&storage, "a-b/"), []);
    check_error(storage.list("a"), "`a` is not a key: parts of letters, digits, `.`, `_` and `-`, joined by `/`");
}

#[test]
fn opening_tidies_up_after_a_dead_process() {
    let (directory, storage) = open();
    storage.create("a/b", b"x").unwrap();
    drop(storage);
    fs::write(directory.path().join("a/~tmp.1.2"), b"half").unwrap();
    fs::create_dir_all(directory.path().join("wal/0000000001")).unwrap();
    let storage = DirStorage::open(directory.path()).unwrap();
    assert_eq!(listing(&storage, ""), [("a/b".to_owned(), 1)]);
    assert!(!directory.path().join("a/~tmp.1.2").is_file());
    assert!(!directory.path().join("wal").is_dir());
}

#[test]
fn the_lock_tells_of_an_orderly_end() {
    let (directory, storage) = open();
    let path = directory.path().join("LOCK");
    let text = || fs::read_to_string(&path).unwrap();
    assert_eq!(text(), format!("{}\n", std::process::id()));
    drop(storage);
    assert_eq!(text(), "closed\n");
    let storage = DirStorage::open(directory.path()).unwrap();
    assert!(storage.lock.as_ref().unwrap().was_closed);
    storage.failed_syncs.fetch_add(1, Ordering::SeqCst);
    drop(storage);
    assert_eq!(text(), format!("{}\n", std::process::id()), "not everything is certain");
    assert!(!DirStorage::open(directory.path()).unwrap().lock.as_ref().unwrap().was_closed);
}

#[test]
fn missing_directories_are_created() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("var/lib/watchfire");
    DirStorage::open(&path).unwrap().create("a/b", b"x").unwrap();
    assert_eq!(fs::read_to_string(path.join("FORMAT")).unwrap(), "watchfire store 1\n");
}

#[test]
fn a_second_opening_is_refused_until_the_first_ends() {
    let (directory, storage) = open();
    let pid = std::process::id();
    let path = directory.path().display();
    check_error(
        DirStorage::open(directory.path()),
        &format!("another Watchfire (process {pid}) uses `{path}`: stop it, or name another directory"),
    );
    fs::write(directory.path().join("LOCK"), b"").unwrap();
    check_error(
        DirStorage::open(directory.path()),
        &format!("another Watchfire uses `{path}`: stop it, or name another directory"),
    );
    drop(storage);
    DirStorage::open(directory.path()).unwrap();
}

#[track_caller]
fn check_format(text: &str, want: &str) {
    let (directory, storage) = open();
    drop(storage);
    let path = directory.path().join("FORMAT");
    fs::write(&path, text).unwrap();
    let got = DirStorage::open(directory.path()).map_or_else(|error| error.to_string(), |_| "opened".to_owned());
    assert_eq!(got.replace(&path.display().to_string(), "FORMAT"), want, "format file `{text}`");
}

#[test]
fn the_format_version_is_checked() {
    check_format("watchfire store 1\n", "opened");
    check_format(
        "watchfire store 2\n",
        "`FORMAT` has format version 2, this version reads up to 1: start the newer Watchfire that wrote it",
    );
    for text in ["", "watchfire store 0\n", "watchfire store x\n", "something else"] {
        check_format(text, "`FORMAT` is damaged: it should read `watchfire store 1`");
    }
}

#[test]
fn every_flipped_bit_of_the_format_file_is_seen_or_harmless() {
    let (directory, storage) = open();
    storage.create("a", b"x").unwrap();
    drop(storage);
    let path = directory.path().join("FORMAT");
    let good = fs::read(&path).unwrap();
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &bytes).unwrap();
        match DirStorage::open(directory.path()) {
            Err(StorageError::Damaged { .. } | StorageError::Newer { .. }) => {}
            // Another kind of white space at the end.
            opened => assert_eq!(opened.unwrap().read("a").unwrap(), "x", "bit {bit}"),
        }
    }
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, b"").unwrap();
    check_error(DirStorage::open(&file), &format!("cannot create directory `{}`", file.display()));
    let closed = directory.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    if File::create(closed.join("probe")).is_ok() {
        println!("skipped: permissions do not bind this user");
        return;
    }
    check_error(DirStorage::open(&closed), &format!("cannot open `{}`", closed.join("LOCK").display()));
}

#[test]
fn the_disk_has_a_size() {
    let (_directory, storage) = open();
    let space = storage.space().unwrap();
    assert!(space.total >= space.available && space.total > 0, "{space:?}");
}

#[test]
fn threads_create_and_delete_in_one_directory() {
    let (_directory, storage) = open();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let storage = &storage;
            scope.spawn(move || {
                for n in 0..25 {
                    let key = format!("a/b/{thread}-{n}");
                    storage.create(&key, b"x").unwrap();
                    storage.delete(&key).unwrap();
                }
            });
        }
    });
    assert_eq!(listing(&storage, ""), []);
}

#[test]
fn one_of_many_creators_wins() {
    let (_directory, storage) = open();
    let winners: Vec<u8> = std::thread::scope(|scope| {
        let create = |thread: u8| storage.create("manifest/1", &[thread]).is_ok().then_some(thread);
        let threads: Vec<_> = (0..8).map(|thread| scope.spawn(move || create(thread))).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(winners.len(), 1);
    assert_eq!(storage.read("manifest/1").unwrap(), winners);
}

#[derive(Debug, Clone)]
enum Call {
    Create(usize, Vec<u8>),
    Append(usize, Vec<u8>),
    Read(usize),
    ReadRange(usize, u64, usize),
    Size(usize),
    List(usize),
    Delete(usize),
    Reopen,
}

const KEYS: [&str; 5] = ["a", "b/c", "b/d", "b/e/f", "wal/1/0"];
const PREFIXES: [&str; 4] = ["", "b/", "b/e/", "x/"];

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let key = 0..KEYS.len();
    let bytes = proptest::collection::vec(any::<u8>(), 0..20);
    let call = prop_oneof![
        (key.clone(), bytes.clone()).prop_map(|(key, bytes)| Call::Create(key, bytes)),
        (key.clone(), bytes).prop_map(|(key, bytes)| Call::Append(key, bytes)),
        key.clone().prop_map(Call::Read),
        (key.clone(), 0..25_u64, 0..25_usize).prop_map(|(key, offset, len)| Call::ReadRange(key, offset, len)),
        key.clone().prop_map(Call::Size),
        (0..PREFIXES.len()).prop_map(Call::List),
        key.prop_map(Call::Delete),
        Just(Call::Reopen),
    ];
    proptest::collection::vec(call, 1..25)
}

/// What a call answers, errors as text.
fn answer(storage: &dyn Storage, call: &Call) -> String {
    let text = |result: Result<String, StorageError>| result.unwrap_or_else(|error| error.to_string());
    match call {
        Call::Create(key, bytes) => text(storage.create(KEYS[*key], bytes).map(|()| "created".to_owned())),
        Call::Append(key, bytes) => text(storage.append(KEYS[*key]).and_then(|mut file| {
            file.append(bytes)?;
            file.sync()?;
            Ok("appended".to_owned())
        })),
        Call::Read(key) => text(storage.read(KEYS[*key]).map(|bytes| format!("{bytes:?}"))),
        Call::ReadRange(key, offset, len) => {
            text(storage.read_range(KEYS[*key], *offset, *len).map(|bytes| format!("{bytes:?}")))
        }
        Call::Size(key) => text(storage.size(KEYS[*key]).map(|size| size.to_string())),
        Call::List(prefix) => text(storage.list(PREFIXES[*prefix]).map(|objects| format!("{objects:?}"))),
        Call::Delete(key) => text(storage.delete(KEYS[*key]).map(|()| "deleted".to_owned())),
        Call::Reopen => String::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn directory_and_memory_answer_alike(calls in calls()) {
        let directory = tempfile::tempdir().unwrap();
        let mut real = DirStorage::open(directory.path()).unwrap();
        let mut memory = MemStorage::new(1);
        for call in calls {
            if matches!(call, Call::Reopen) {
                drop(real);
                real = DirStorage::open(directory.path()).unwrap();
                memory = memory.crash();
            }
            prop_assert_eq!(answer(&real, &call), answer(&memory, &call), "{:?}", call);
        }
    }
}
