//! Power cuts, I/O errors and full disks at every call that the directory makes.

use super::disk::{Disk, Fault};
use super::*;
use std::collections::{BTreeMap, BTreeSet};

const ROOT: &str = "/data";

pub(super) fn open(disk: &Disk) -> Result<DirStorage, StorageError> {
    let root = PathBuf::from(ROOT);
    let files: Arc<dyn FileSystem> = Arc::new(disk.clone());
    home::create_root(&*files, &root)?;
    DirStorage::open_on(files, root, false, SpaceOptions::default())
}

/// The same byte over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Payload {
    byte: u8,
    len: usize,
}

impl Payload {
    fn of(bytes: &[u8]) -> Payload {
        Payload { byte: bytes.first().copied().unwrap_or(0), len: bytes.len() }
    }

    fn is(self, bytes: &[u8]) -> bool {
        bytes.len() == self.len && bytes.iter().all(|byte| *byte == self.byte)
    }
}

/// What may be found under a key.
#[derive(Debug, Clone, Default)]
struct Fate {
    /// The object that has to be there, whole.
    promised: Option<Payload>,
    /// Objects that may be there, whole; nothing else.
    possible: Vec<Payload>,
    /// The bytes of an append file that have to be at its front.
    synced: Option<Vec<u8>>,
    /// An append file may be there at all.
    may_grow: bool,
    /// It was looked for after a failure and not there: it must not come to light later.
    absent: bool,
}

/// Everything that was promised, and everything that might be.
#[derive(Debug, Clone, Default)]
struct Promises {
    fates: BTreeMap<String, Fate>,
}

#[derive(Debug, Clone)]
enum Call {
    Create(usize, usize),
    Append(usize, usize),
    Sync,
    Delete(usize),
    Reopen,
    PowerCut,
}

const KEYS: [&str; 6] = ["a", "b/c", "b/d", "b/e/f", "wal/1/0", "wal/1/1"];

/// A directory on a disk, its open append file, and what was promised about both.
#[derive(Debug)]
struct Scene {
    disk: Disk,
    storage: Option<DirStorage>,
    file: Option<(String, Box<dyn AppendFile>, Vec<u8>)>,
    promises: Promises,
    count: u8,
}

impl Scene {
    fn new(disk: Disk) -> Scene {
        let storage = open(&disk).ok();
        Scene { disk, storage, file: None, promises: Promises::default(), count: 0 }
    }

    fn play(&mut self, calls: &[Call]) {
        for call in calls {
            self.run(call);
        }
    }

    fn run(&mut self, call: &Call) {
        self.count = self.count.wrapping_add(1);
        match call {
            Call::Reopen => {
                (self.storage, self.file) = (None, None);
                self.storage = open(&self.disk).ok();
            }
            Call::PowerCut => {
                (self.storage, self.file) = (None, None);
                self.disk = self.disk.crash();
                self.storage = open(&self.disk).ok();
                if let Some(storage) = &self.storage {
                    self.promises.check(storage);
                    self.promises.settle(storage);
                }
            }
            Call::Sync => self.sync(),
            Call::Create(key, len) => self.create(KEYS[*key], &vec![self.count; *len]),
            Call::Append(key, len) => self.append(KEYS[*key], &vec![self.count; *len]),
            Call::Delete(key) => self.delete(KEYS[*key]),
        }
    }

    fn create(&mut self, key: &str, bytes: &[u8]) {
        let Some(storage) = &self.storage else { return };
        let created = storage.create(key, bytes);
        let fate = self.promises.fates.entry(key.to_owned()).or_default();
        match created {
            Ok(()) => {
                assert!(fate.promised.is_none() && fate.synced.is_none(), "{key} was taken");
                *fate = Fate { promised: Some(Payload::of(bytes)), ..Fate::default() };
            }
            Err(StorageError::Exists { .. }) => {}
            Err(_) => {
                fate.possible.push(Payload::of(bytes));
                match storage.read(key) {
                    Err(StorageError::NotFound { .. }) if fate.promised.is_none() && fate.synced.is_none() => {
                        *fate = Fate { absent: true, ..Fate::default() };
                    }
                    _ => fate.absent = false,
                }
            }
        }
    }

    fn append(&mut self, key: &str, bytes: &[u8]) {
        let Some(storage) = &self.storage else { return };
        if self.file.as_ref().is_none_or(|(open, ..)| open != key) {
            let created = storage.append(key);
            if matches!(created, Err(StorageError::Exists { .. })) {
                return;
            }
            let fate = self.promises.fates.entry(key.to_owned()).or_default();
            (fate.may_grow, fate.absent) = (true, false);
            let Ok(file) = created else { return };
            *fate = Fate { may_grow: true, synced: Some(Vec::new()), ..Fate::default() };
            self.file = Some((key.to_owned(), file, Vec::new()));
        }
        let Some((_, file, written)) = &mut self.file else { return };
        match file.append(bytes) {
            Ok(()) => written.extend_from_slice(bytes),
            Err(_) => self.file = None,
        }
    }

    fn sync(&mut self) {
        let Some((key, file, written)) = &mut self.file else { return };
        match file.sync() {
            Ok(()) => self.promises.fates.get_mut(key).unwrap().synced = Some(written.clone()),
            Err(_) => self.file = None,
        }
    }

    fn delete(&mut self, key: &str) {
        let Some(storage) = &self.storage else { return };
        let _ = storage.delete(key);
        self.file.take_if(|(open, ..)| open == key);
        let fate = self.promises.fates.entry(key.to_owned()).or_default();
        fate.possible.extend(fate.promised.take());
        fate.may_grow |= fate.synced.take().is_some();
        fate.absent = false;
    }

    /// What a process finds at its start it may act on: the power cannot take it away any more.
    fn see(&mut self) {
        let Some(storage) = &self.storage else { return };
        for (key, fate) in &mut self.promises.fates {
            let Ok(bytes) = storage.read(key) else { continue };
            if fate.possible.iter().any(|possible| possible.is(&bytes)) && !fate.may_grow {
                *fate = Fate { promised: Some(Payload::of(&bytes)), ..Fate::default() };
            }
        }
    }

    /// The power goes, and comes back on a disk without faults.
    fn end(mut self) {
        self.disk.repair();
        (self.storage, self.file) = (None, None);
        let disk = self.disk.crash();
        let storage = open(&disk).unwrap();
        self.promises.check(&storage);
        check_tidy(&disk, &storage);
        storage.create("fresh/object", b"fresh").unwrap();
        assert_eq!(storage.read("fresh/object").unwrap(), "fresh");
    }
}

impl Promises {
    #[track_caller]
    fn check(&self, storage: &DirStorage) {
        let Ok(objects) = storage.list("") else { return };
        let found: BTreeSet<String> = objects.into_iter().map(|object| object.key).collect();
        for (key, fate) in &self.fates {
            if !found.contains(key) {
                assert!(fate.promised.is_none() && fate.synced.is_none(), "`{key}` is gone: {fate:?}");
                continue;
            }
            let Ok(bytes) = storage.read(key) else { continue };
            if let Some(promised) = &fate.promised {
                assert!(promised.is(&bytes), "`{key}` is {:?}: {fate:?}", Payload::of(&bytes));
            } else if let Some(synced) = &fate.synced {
                assert!(bytes.starts_with(synced), "`{key}` has lost what was synced");
            } else {
                assert!(!fate.absent, "`{key}` was not there, and now it is");
                let is_whole = fate.possible.iter().any(|possible| possible.is(&bytes));
                assert!(is_whole || fate.may_grow, "`{key}` is {:?}: {fate:?}", Payload::of(&bytes));
            }
        }
        assert!(found.iter().all(|key| self.fates.contains_key(key)), "{found:?}");
    }

    /// What survived a power cut is there for good, what did not is gone for good.
    fn settle(&mut self, storage: &DirStorage) {
        for (key, fate) in &mut self.fates {
            match storage.read(key) {
                Ok(bytes) => {
                    let is_object = fate.promised.is_some() || fate.possible.iter().any(|possible| possible.is(&bytes));
                    *fate = if is_object && !fate.may_grow {
                        Fate { promised: Some(Payload::of(&bytes)), ..Fate::default() }
                    } else {
                        Fate { synced: Some(bytes.to_vec()), may_grow: true, ..Fate::default() }
                    };
                }
                Err(StorageError::NotFound { .. }) => *fate = Fate::default(),
                Err(_) => {}
            }
        }
    }
}

/// Nothing lies around but objects, the directories they are in, and the directory's own files.
#[track_caller]
fn check_tidy(disk: &Disk, storage: &DirStorage) {
    let mut wanted = BTreeSet::from([PathBuf::from(ROOT), Path::new(ROOT).join("FORMAT")]);
    for object in storage.list("").unwrap() {
        let path = Path::new(ROOT).join(object.key);
        wanted.extend(path.ancestors().take_while(|path| path.starts_with(ROOT)).map(Path::to_owned));
    }
    let found: BTreeSet<PathBuf> = disk.tree().into_keys().collect();
    assert_eq!(found, wanted);
}

/// Objects and an append file, directories that come, go and come back.
fn scenario() -> Vec<Call> {
    vec![
        Call::Create(0, 700),
        Call::Create(1, 5),
        Call::Append(4, 900),
        Call::Sync,
        Call::Create(3, 1200),
        Call::Append(4, 600),
        Call::Delete(1),
        Call::Delete(3),
        Call::Sync,
        Call::Create(2, 10),
        Call::Create(0, 9),
        Call::Append(5, 3),
        Call::Delete(4),
        Call::Create(3, 44),
        Call::Sync,
        Call::Reopen,
        Call::Delete(2),
        Call::Delete(3),
        Call::Create(1, 513),
        Call::Create(3, 1),
    ]
}

/// How many calls the scenario makes on such a disk when nothing fails.
fn calls(disk: Disk) -> u64 {
    let before = disk.calls();
    let mut scene = Scene::new(disk);
    scene.play(&scenario());
    let calls = scene.disk.calls();
    scene.end();
    calls - before
}

/// A disk with a directory that was opened before.
pub(super) fn opened_before(seed: u64) -> Disk {
    let disk = Disk::new(seed);
    open(&disk).unwrap();
    disk
}

#[test]
fn a_power_cut_at_any_call_keeps_what_was_promised() {
    for number in 1..=calls(Disk::new(0)) {
        for seed in 0..6 {
            println!("power cut at call {number}, seed {seed}");
            let disk = Disk::new(seed * 1000 + number);
            disk.unplug_at(number);
            let mut scene = Scene::new(disk);
            scene.play(&scenario());
            scene.end();
        }
    }
}

#[test]
fn a_process_that_dies_at_any_call_and_a_later_power_cut_keep_what_was_promised() {
    for number in 1..=calls(Disk::new(0)) {
        for seed in 0..6 {
            println!("death at call {number}, seed {seed}");
            let disk = Disk::new(seed * 1000 + number);
            disk.unplug_at(number);
            let mut scene = Scene::new(disk);
            scene.play(&scenario());
            scene.disk.repair();
            scene.run(&Call::Reopen);
            scene.see();
            if seed % 2 == 0 {
                scene.play(&scenario());
            }
            scene.end();
        }
    }
}

#[test]
fn two_faults_at_any_calls_keep_what_was_promised() {
    for fault in [Fault::Io, Fault::IoAfterwards, Fault::Full] {
        for number in 1..=calls(opened_before(0)) {
            for seed in 0..2 {
                for next in 1..4 {
                    println!("{fault:?} at calls {number} and {}, seed {seed}", number + next);
                    let disk = opened_before(seed * 1000 + number);
                    let before = disk.calls();
                    disk.fail_at(before + number, fault);
                    disk.fail_at(before + number + next, fault);
                    let mut scene = Scene::new(disk);
                    scene.play(&scenario());
                    scene.end();
                }
            }
        }
    }
}

/// With or without a power cut: a failure leaves nothing behind that the next opening does not remove.
#[test]
fn a_fault_at_any_call_leaves_nothing_lying_around() {
    for fault in [Fault::Io, Fault::IoAfterwards, Fault::Full] {
        for number in 1..=calls(Disk::new(0)) {
            println!("{fault:?} at call {number}");
            let disk = Disk::new(number);
            disk.fail_at(number, fault);
            let mut scene = Scene::new(disk.clone());
            scene.play(&scenario());
            (scene.storage, scene.file) = (None, None);
            disk.repair();
            check_tidy(&disk, &open(&disk).unwrap());
            scene.end();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_calls_with_any_faults_keep_what_was_promised(
        seed: u64,
        calls in proptest::collection::vec(any_call(), 1..40),
        faults in proptest::collection::btree_map(1..300_u64, 0..3_usize, 0..8),
    ) {
        let disk = opened_before(seed);
        let before = disk.calls();
        for (number, kind) in faults {
            disk.fail_at(before + number, [Fault::Io, Fault::IoAfterwards, Fault::Full][kind]);
        }
        let mut scene = Scene::new(disk);
        scene.play(&calls);
        scene.end();
    }
}

fn any_call() -> impl Strategy<Value = Call> {
    let key = 0..KEYS.len();
    prop_oneof![
        5 => (key.clone(), 0..1500_usize).prop_map(|(key, len)| Call::Create(key, len)),
        3 => (key.clone(), 0..1500_usize).prop_map(|(key, len)| Call::Append(key, len)),
        3 => Just(Call::Sync),
        4 => key.prop_map(Call::Delete),
        1 => Just(Call::Reopen),
        1 => Just(Call::PowerCut),
    ]
}
