//! Objects as files of a directory: what a machine on its own stores in.

mod files;
mod home;
mod metrics;
mod room;

pub use metrics::Metrics;
pub use room::{SpaceOptions, SpaceStatus};

use crate::key::{check_key, check_prefix, is_part};
use crate::{AppendFile, Object, Space, Storage, StorageError, crash_point};
use bytes::Bytes;
use files::{EntryKind, FileSystem, HostFileSystem, NewFile};
use home::{Lock, sync};
use parking_lot::Mutex;
use room::Room;
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How the names of temporary files begin; not a legal key.
const TEMP_PREFIX: &str = "~tmp.";
/// How often a directory may vanish under a file about to be created in it before that is an error.
const PARENT_ATTEMPTS: usize = 8;
/// With so many objects in doubt nothing more is created: the disk is broken.
const DOUBTFUL_MAX: usize = 4096;

/// A directory that this process alone uses until the value is dropped.
#[derive(Debug)]
pub struct DirStorage {
    files: Arc<dyn FileSystem>,
    root: PathBuf,
    /// Held while directories are created and removed.
    directories: Mutex<Directories>,
    /// Objects whose creation failed in a way that leaves open whether a power cut brings them to light. Nobody may
    /// build on either.
    doubtful: Mutex<HashSet<String>>,
    temp_count: AtomicU64,
    /// How often a directory could not be synced. The kernel tells of a failure once: whoever sees this change while it
    /// makes an entry durable cannot trust its own sync.
    failed_syncs: AtomicU64,
    room: Arc<Room>,
    /// Keeps the directory locked.
    lock: Option<Lock>,
}

/// What this process knows about directories below the root.
#[derive(Debug, Default)]
struct Directories {
    /// They exist, and will after a power cut.
    durable: HashSet<PathBuf>,
    /// They could be made neither durable nor undone: nothing shall be created in them. They are empty.
    doubtful: HashSet<PathBuf>,
}

impl DirStorage {
    /// Opens the directory, which is created where it is missing, and locks it. At most 95 % of the medium are used.
    ///
    /// # Errors
    /// [`StorageError::Locked`] while another process has it, [`StorageError::Newer`] when a newer Watchfire wrote it.
    pub fn open(path: impl AsRef<Path>) -> Result<DirStorage, StorageError> {
        DirStorage::open_with(path, SpaceOptions::default())
    }

    /// As [`DirStorage::open`], and says how much of the medium may be used. A medium that is fuller opens all the same.
    pub fn open_with(path: impl AsRef<Path>, space: SpaceOptions) -> Result<DirStorage, StorageError> {
        // Absolute, so that every parent has a name to make durable and errors say where.
        let root = std::path::absolute(path.as_ref())
            .map_err(|error| io_error("resolve", &path.as_ref().to_string_lossy(), error))?;
        home::create_root(&HostFileSystem, &root)?;
        let lock = home::lock(&root)?;
        let was_closed = lock.was_closed;
        let mut storage = DirStorage::open_on(Arc::new(HostFileSystem), root, was_closed, space)?;
        storage.lock = Some(lock);
        Ok(storage)
    }

    /// Opens a directory that exists and is locked.
    fn open_on(
        files: Arc<dyn FileSystem>,
        root: PathBuf,
        was_closed: bool,
        space: SpaceOptions,
    ) -> Result<DirStorage, StorageError> {
        home::check_format(&*files, &root)?;
        crash_point("dir.open.checked");
        home::tidy(&*files, &root, was_closed)?;
        crash_point("dir.open.tidied");
        let room = Arc::new(Room::new(space, room::reserve_bytes(&*files, &root)));
        Ok(DirStorage {
            files,
            directories: Mutex::new(Directories { durable: HashSet::from([root.clone()]), ..Directories::default() }),
            doubtful: Mutex::default(),
            root,
            temp_count: AtomicU64::new(0),
            failed_syncs: AtomicU64::new(0),
            room,
            lock: None,
        })
    }

    /// The directory's absolute path.
    pub fn path(&self) -> &Path {
        &self.root
    }

    pub fn metrics(&self) -> &Metrics {
        &self.room.metrics
    }

    fn file_path(&self, key: &str) -> Result<PathBuf, StorageError> {
        check_key(key)?;
        Ok(self.root.join(key))
    }

    /// The path of an object to read.
    fn readable_path(&self, key: &str) -> Result<PathBuf, StorageError> {
        let path = self.file_path(key)?;
        if self.doubtful.lock().contains(key) {
            let source = io::Error::other("whether it was created is not known until the next start");
            return Err(io_error("read", key, source));
        }
        Ok(path)
    }

    /// Runs `create`, which makes a file in the directory of `path`, after that directory is there for good.
    fn in_parent<T>(
        &self,
        key: &str,
        path: &Path,
        create: impl Fn(&Path) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let parent = path.parent().expect("a key's path lies below the root");
        for _ in 1..PARENT_ATTEMPTS {
            self.ensure_directory(parent, &mut self.directories.lock(), key)?;
            match create(parent) {
                // The last object of the directory was deleted just now, and the directory with it.
                Err(StorageError::NotFound { .. }) => {}
                Err(error) => {
                    self.remove_if_empty(parent);
                    return Err(error);
                }
                created => return created,
            }
            self.directories.lock().durable.remove(parent);
        }
        self.ensure_directory(parent, &mut self.directories.lock(), key)?;
        create(parent)
    }

    /// Creates `directory` and its parents, and makes each durable in its parent.
    fn ensure_directory(&self, directory: &Path, directories: &mut Directories, key: &str) -> Result<(), StorageError> {
        if directories.durable.contains(directory) {
            return Ok(());
        }
        let parent = directory.parent().expect("the root is durable from the start");
        self.ensure_directory(parent, directories, key)?;
        if directories.doubtful.contains(directory) {
            self.undo_directory(directory, directories)
                .map_err(|error| io_error("create the directory of", key, error))?;
        }
        let failed_syncs = self.failed_syncs.load(Ordering::SeqCst);
        match self.files.create_directory(directory) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            created => created.map_err(|error| storage_error("create the directory of", key, error))?,
        }
        self.sync_entry(parent, failed_syncs).inspect_err(|_| {
            // Made again, it will be made durable again.
            drop(self.undo_directory(directory, directories));
        })?;
        directories.durable.insert(directory.to_owned());
        crash_point("dir.mkdir.synced");
        Ok(())
    }

    /// Removes a directory that could not be made durable. One that holds something is an old one.
    fn undo_directory(&self, directory: &Path, directories: &mut Directories) -> io::Result<()> {
        match self.files.remove_directory(directory) {
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
                directories.doubtful.insert(directory.to_owned());
                Err(error)
            }
            _ => {
                directories.doubtful.remove(directory);
                Ok(())
            }
        }
    }

    /// Makes an entry durable that was made after `failed_syncs` was read.
    fn sync_entry(&self, directory: &Path, failed_syncs: u64) -> Result<(), StorageError> {
        sync(&*self.files, directory).inspect_err(|_| {
            self.note_failed_sync();
        })?;
        if self.failed_syncs.load(Ordering::SeqCst) != failed_syncs {
            let source = io::Error::other("another sync failed at the same time");
            return Err(io_error("sync directory", &directory.to_string_lossy(), source));
        }
        Ok(())
    }

    /// Takes back a name that could not be made durable. If that cannot be made durable either, a power cut decides.
    fn take_back(&self, key: &str, path: &Path, parent: &Path) {
        let failed_syncs = self.failed_syncs.load(Ordering::SeqCst);
        let taken = self.files.unlink(path).map_err(|error| storage_error("take back", key, error));
        if taken.and_then(|()| self.sync_entry(parent, failed_syncs)).is_err() {
            self.doubt(key);
        }
    }

    fn note_failed_sync(&self) {
        self.failed_syncs.fetch_add(1, Ordering::SeqCst);
        self.room.metrics.failed_directory_syncs.inc();
    }

    fn doubt(&self, key: &str) {
        self.doubtful.lock().insert(key.to_owned());
        self.room.metrics.doubtful_objects.inc();
    }

    /// Removes directories that hold nothing any more, from `directory` upwards. One that stays is found empty at the
    /// next start.
    fn remove_if_empty(&self, directory: &Path) {
        let mut directories = self.directories.lock();
        let mut directory = directory;
        while directory != self.root && self.files.remove_directory(directory).is_ok() {
            directories.durable.remove(directory);
            let Some(parent) = directory.parent() else { return };
            directory = parent;
        }
    }

    /// Adds every object below `directory`, whose keys begin with `prefix`. What vanishes meanwhile is not there.
    fn collect(&self, directory: &Path, prefix: &str, objects: &mut Vec<Object>) -> Result<(), StorageError> {
        let entries = match self.files.list(directory) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
            entries => entries.map_err(|error| io_error("list directory", &directory.to_string_lossy(), error))?,
        };
        for entry in entries {
            let Some(name) = entry.name.to_str().filter(|name| is_part(name)) else { continue };
            let key = format!("{prefix}{name}");
            match entry.kind {
                EntryKind::Directory => self.collect(&directory.join(name), &format!("{key}/"), objects)?,
                EntryKind::File { len } if check_key(&key).is_ok() => objects.push(Object { key, size: len }),
                _ => {}
            }
        }
        Ok(())
    }

    /// Notes that the medium is full.
    fn note_full<T>(&self, result: Result<T, StorageError>) -> Result<T, StorageError> {
        result.inspect_err(|error| {
            if matches!(error, StorageError::Full { .. }) {
                self.room.was_full();
            }
        })
    }

    /// Writes the bytes under a temporary name, then gives them their own.
    fn create_in(&self, parent: &Path, key: &str, path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
        let n = self.temp_count.fetch_add(1, Ordering::Relaxed);
        let temp = parent.join(format!("{TEMP_PREFIX}{}.{n}", std::process::id()));
        let failed_syncs = self.failed_syncs.load(Ordering::SeqCst);
        let linked = self.write_temp(&temp, key, bytes).and_then(|()| {
            crash_point("dir.create.written");
            self.link(&temp, key, path)
        });
        crash_point("dir.create.linked");
        let _ = self.files.unlink(&temp);
        linked?;
        // Nobody shall read what a power cut may take back.
        self.sync_entry(parent, failed_syncs).inspect_err(|_| self.take_back(key, path, parent))?;
        self.doubtful.lock().remove(key);
        crash_point("dir.create.synced");
        Ok(())
    }

    fn write_temp(&self, temp: &Path, key: &str, bytes: &[u8]) -> Result<(), StorageError> {
        let write = || {
            let mut file = self.files.create_new(temp)?;
            file.write(bytes)?;
            file.sync()
        };
        write().map_err(|error| match error.kind() {
            // It is not the key's own name that is taken.
            ErrorKind::AlreadyExists => io_error("write", key, error),
            _ => storage_error("write", key, error),
        })
    }

    /// The create-if-absent: a link fails where a rename would replace.
    fn link(&self, temp: &Path, key: &str, path: &Path) -> Result<(), StorageError> {
        let linked = self.files.link(temp, path).map_err(|error| storage_error("create", key, error));
        linked.inspect_err(|error| {
            let is_there = || !matches!(self.files.look_up(path), Err(error) if error.kind() == ErrorKind::NotFound);
            if matches!(error, StorageError::Io { .. }) && is_there() {
                self.doubt(key);
            }
        })
    }
}

impl Drop for DirStorage {
    fn drop(&mut self) {
        let is_certain = self.doubtful.get_mut().is_empty() && self.failed_syncs.load(Ordering::SeqCst) == 0;
        if let Some(lock) = self.lock.as_mut().filter(|_| is_certain) {
            lock.close();
        }
    }
}

impl Storage for DirStorage {
    fn create(&self, key: &str, bytes: &[u8]) -> Result<(), StorageError> {
        let path = self.file_path(key)?;
        if self.doubtful.lock().len() >= DOUBTFUL_MAX {
            let source = io::Error::other("too many objects are in doubt: repair the disk and start again");
            return Err(io_error("create", key, source));
        }
        self.note_full(self.in_parent(key, &path, |parent| self.create_in(parent, key, &path, bytes)))
    }

    fn append(&self, key: &str) -> Result<Box<dyn AppendFile>, StorageError> {
        let path = self.file_path(key)?;
        let file = self.note_full(self.in_parent(key, &path, |parent| {
            let failed_syncs = self.failed_syncs.load(Ordering::SeqCst);
            let file = self.files.create_new(&path).map_err(|error| storage_error("create", key, error))?;
            self.sync_entry(parent, failed_syncs).inspect_err(|_| self.take_back(key, &path, parent))?;
            Ok(file)
        }))?;
        crash_point("dir.append.created");
        Ok(Box::new(DirAppendFile { key: key.to_owned(), file, room: Arc::clone(&self.room), failed: false }))
    }

    fn read(&self, key: &str) -> Result<Bytes, StorageError> {
        self.read_range(key, 0, usize::MAX)
    }

    fn read_range(&self, key: &str, offset: u64, len: usize) -> Result<Bytes, StorageError> {
        let bytes = self.files.read(&self.readable_path(key)?, offset, len);
        Ok(Bytes::from(bytes.map_err(|error| storage_error("read", key, error))?))
    }

    fn size(&self, key: &str) -> Result<u64, StorageError> {
        let kind = self.files.look_up(&self.readable_path(key)?);
        match kind.map_err(|error| storage_error("look up", key, error))? {
            EntryKind::File { len } => Ok(len),
            _ => Err(StorageError::NotFound { key: key.to_owned() }),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<Object>, StorageError> {
        check_prefix(prefix)?;
        let mut objects = Vec::new();
        self.collect(&self.root.join(prefix), prefix, &mut objects)?;
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(objects)
    }

    fn delete(&self, key: &str) -> Result<(), StorageError> {
        let path = self.file_path(key)?;
        match self.files.unlink(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            removed => removed.map_err(|error| storage_error("delete", key, error))?,
        }
        crash_point("dir.delete.unlinked");
        let parent = path.parent().expect("a key's path lies below the root");
        match sync(&*self.files, parent) {
            // Another deletion emptied and removed the directory in between.
            Err(StorageError::NotFound { .. }) => {}
            synced => synced.inspect_err(|_| {
                self.note_failed_sync();
            })?,
        }
        self.remove_if_empty(parent);
        self.room.was_freed();
        Ok(())
    }

    fn space(&self) -> Result<Space, StorageError> {
        self.files.space(&self.root).map_err(|error| io_error("measure", &self.root.to_string_lossy(), error))
    }

    fn has_room(&self) -> bool {
        self.has_room_now()
    }

    fn release_reserve(&self) -> bool {
        self.give_reserve()
    }
}

#[derive(Debug)]
struct DirAppendFile {
    key: String,
    file: Box<dyn NewFile>,
    room: Arc<Room>,
    /// Set by the first error: from then on nothing is known about the file's tail.
    failed: bool,
}

impl DirAppendFile {
    fn attempt(
        &mut self,
        action: &'static str,
        run: impl FnOnce(&mut dyn NewFile) -> io::Result<()>,
    ) -> Result<(), StorageError> {
        if self.failed {
            let source = io::Error::other("an earlier operation on this file failed");
            return Err(io_error(action, &self.key, source));
        }
        run(&mut *self.file).map_err(|error| {
            self.failed = true;
            let error = storage_error(action, &self.key, error);
            if matches!(error, StorageError::Full { .. }) {
                self.room.was_full();
            }
            error
        })
    }
}

impl AppendFile for DirAppendFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.attempt("append to", |file| file.write(bytes))
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        self.attempt("sync", |file| file.sync())
    }
}

/// The kinds of errors that callers tell apart.
fn storage_error(action: &'static str, key: &str, error: io::Error) -> StorageError {
    let key = key.to_owned();
    match error.kind() {
        ErrorKind::NotFound => StorageError::NotFound { key },
        ErrorKind::AlreadyExists => StorageError::Exists { key },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StorageError::Full { key },
        _ => StorageError::Io { action, key, source: error },
    }
}

fn io_error(action: &'static str, key: &str, source: io::Error) -> StorageError {
    StorageError::Io { action, key: key.to_owned(), source }
}

#[cfg(test)]
mod tests;
