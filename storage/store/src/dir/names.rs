//! Names that last: how an object gets its own, and the directories that it stands in.
//!
//! A name counts when its directory is synced. What could not be made durable is taken back; where that fails too, it is
//! in doubt: a power cut decides, and until the next start nobody may read it.

use super::home::sync;
use super::{DirStorage, io_error, storage_error};
use crate::{StorageError, crash_point};
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// How the names of temporary files begin; not a legal key.
pub(super) const TEMP_PREFIX: &str = "~tmp.";
/// How often a directory may vanish under a file about to be created in it before that is an error.
const PARENT_ATTEMPTS: usize = 8;
/// With so many objects in doubt nothing more is created: the disk is broken.
pub(super) const DOUBTFUL_MAX: usize = 4096;

/// What this process knows about directories below the root.
#[derive(Debug, Default)]
pub(super) struct Directories {
    /// They exist, and will after a power cut.
    pub(super) durable: HashSet<PathBuf>,
    /// They could be made neither durable nor undone: nothing shall be created in them. They are empty.
    pub(super) doubtful: HashSet<PathBuf>,
}

impl DirStorage {
    /// Runs `create`, which makes a file in the directory of `path`, after that directory is there for good.
    pub(super) fn in_parent<T>(
        &self,
        key: &str,
        path: &Path,
        create: impl Fn(&Path) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let parent = path.parent().expect("a key's path lies below the root");
        let attempt = || {
            self.ensure_directory(parent, &mut self.directories.lock(), key)?;
            create(parent)
        };
        for _ in 1..PARENT_ATTEMPTS {
            match attempt() {
                // The last object of the directory was deleted just now, and the directory with it.
                Err(StorageError::NotFound { .. }) => {}
                Err(error) => {
                    self.remove_if_empty(parent);
                    return Err(error);
                }
                created => return created,
            }
            let above = |directory: &PathBuf| *directory != self.root && parent.starts_with(directory);
            self.directories.lock().durable.retain(|directory| !above(directory));
        }
        attempt()
    }

    /// Writes the bytes under a temporary name, then gives them their own.
    pub(super) fn create_in(&self, parent: &Path, key: &str, path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
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
    pub(super) fn sync_entry(&self, directory: &Path, failed_syncs: u64) -> Result<(), StorageError> {
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
    pub(super) fn take_back(&self, key: &str, path: &Path, parent: &Path) {
        let failed_syncs = self.failed_syncs.load(Ordering::SeqCst);
        let taken = self.files.unlink(path).map_err(|error| storage_error("take back", key, error));
        if taken.and_then(|()| self.sync_entry(parent, failed_syncs)).is_err() {
            self.doubt(key);
        }
    }

    pub(super) fn note_failed_sync(&self) {
        self.failed_syncs.fetch_add(1, Ordering::SeqCst);
        self.room.metrics.failed_directory_syncs.inc();
    }

    fn doubt(&self, key: &str) {
        self.doubtful.lock().insert(key.to_owned());
        self.room.metrics.doubtful_objects.inc();
    }

    /// Removes directories that hold nothing any more, from `directory` upwards. One that stays is found empty at the
    /// next start.
    pub(super) fn remove_if_empty(&self, directory: &Path) {
        let mut directories = self.directories.lock();
        let mut directory = directory;
        while directory != self.root && self.files.remove_directory(directory).is_ok() {
            directories.durable.remove(directory);
            let Some(parent) = directory.parent() else { return };
            directory = parent;
        }
    }
}
