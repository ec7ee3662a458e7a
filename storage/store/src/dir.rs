//! Objects as files of a directory: what a machine on its own stores in.

mod append;
mod files;
mod home;
mod metrics;
mod names;
mod room;

pub use metrics::Metrics;
pub use room::{SpaceOptions, SpaceStatus};

use crate::key::{check_key, check_prefix, is_part};
use crate::{AppendFile, Object, Space, Storage, StorageError, crash_point};
use append::DirAppendFile;
use bytes::Bytes;
use files::{EntryKind, FileSystem, HostFileSystem};
use home::{Lock, sync};
use names::{DOUBTFUL_MAX, Directories};
use parking_lot::Mutex;
use room::Room;
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
        self.room.was_written(bytes.len());
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
