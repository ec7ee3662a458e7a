//! Objects as files of a directory: what a machine on its own stores in.

mod home;

use crate::key::{check_key, check_prefix, is_part};
use crate::{AppendFile, Object, Space, Storage, StorageError};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// How the names of temporary files begin; not a legal key.
const TEMP_PREFIX: &str = "~tmp.";
/// How often a directory may vanish under a file about to be created in it before that is an error.
const PARENT_ATTEMPTS: usize = 8;

/// A directory that this process alone uses until the value is dropped.
#[derive(Debug)]
pub struct DirStorage {
    root: PathBuf,
    /// Directories of which this process knows that they exist and will after a power cut. Held while directories are
    /// created and removed.
    directories: Mutex<HashSet<PathBuf>>,
    temp_count: AtomicU64,
    /// Keeps the directory locked.
    _lock: File,
}

impl DirStorage {
    /// Opens the directory, which is created where it is missing, and locks it.
    ///
    /// # Errors
    /// [`StorageError::Locked`] while another process has it, [`StorageError::Newer`] when a newer Watchfire wrote it.
    pub fn open(path: impl AsRef<Path>) -> Result<DirStorage, StorageError> {
        // Absolute, so that every parent has a name to make durable and errors say where.
        let root = std::path::absolute(path.as_ref())
            .map_err(|error| io_error("resolve", &path.as_ref().to_string_lossy(), error))?;
        home::create_root(&root)?;
        let lock = home::lock(&root)?;
        home::check_format(&root)?;
        home::tidy(&root)?;
        let directories = Mutex::new(HashSet::from([root.clone()]));
        Ok(DirStorage { root, directories, temp_count: AtomicU64::new(0), _lock: lock })
    }

    /// The directory's absolute path.
    pub fn path(&self) -> &Path {
        &self.root
    }

    fn file_path(&self, key: &str) -> Result<PathBuf, StorageError> {
        check_key(key)?;
        Ok(self.root.join(key))
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
            ensure_directory(parent, &mut self.directories.lock(), key)?;
            match create(parent) {
                // The last object of the directory was deleted just now, and the directory with it.
                Err(StorageError::NotFound { .. }) => {}
                Err(error) => {
                    self.remove_if_empty(parent);
                    return Err(error);
                }
                created => return created,
            }
            self.directories.lock().remove(parent);
        }
        ensure_directory(parent, &mut self.directories.lock(), key)?;
        create(parent)
    }

    /// Removes directories that hold nothing any more, from `directory` upwards. One that stays is found empty at the
    /// next start.
    fn remove_if_empty(&self, directory: &Path) {
        let mut directories = self.directories.lock();
        let mut directory = directory;
        while directory != self.root && fs::remove_dir(directory).is_ok() {
            directories.remove(directory);
            let Some(parent) = directory.parent() else { return };
            directory = parent;
        }
    }
}

impl Storage for DirStorage {
    fn create(&self, key: &str, bytes: &[u8]) -> Result<(), StorageError> {
        let path = self.file_path(key)?;
        self.in_parent(key, &path, |parent| {
            let n = self.temp_count.fetch_add(1, Ordering::Relaxed);
            let temp = parent.join(format!("{TEMP_PREFIX}{}.{n}", std::process::id()));
            let written = write_durably(&temp, bytes)
                .map_err(|error| storage_error("write", key, error))
                // The link is the create-if-absent: it fails where a rename would replace.
                .and_then(|()| fs::hard_link(&temp, &path).map_err(|error| storage_error("create", key, error)));
            let _ = fs::remove_file(&temp);
            written?;
            sync_directory(parent).inspect_err(|_| {
                // Nobody shall read what a power cut may take back.
                let _ = fs::remove_file(&path);
            })
        })
    }

    fn append(&self, key: &str) -> Result<Box<dyn AppendFile>, StorageError> {
        let path = self.file_path(key)?;
        let file = self.in_parent(key, &path, |parent| {
            let open = OpenOptions::new().append(true).create_new(true).open(&path);
            let file = open.map_err(|error| storage_error("create", key, error))?;
            sync_directory(parent).inspect_err(|_| {
                let _ = fs::remove_file(&path);
            })?;
            Ok(file)
        })?;
        Ok(Box::new(DirAppendFile { key: key.to_owned(), file, failed: false }))
    }

    fn read(&self, key: &str) -> Result<Bytes, StorageError> {
        let bytes = fs::read(self.file_path(key)?).map_err(|error| storage_error("read", key, error))?;
        Ok(Bytes::from(bytes))
    }

    fn read_range(&self, key: &str, offset: u64, len: usize) -> Result<Bytes, StorageError> {
        let path = self.file_path(key)?;
        let fail = |error| storage_error("read", key, error);
        let file = File::open(path).map_err(fail)?;
        let rest = file.metadata().map_err(fail)?.len().saturating_sub(offset);
        let mut bytes = vec![0; len.min(usize::try_from(rest).unwrap_or(usize::MAX))];
        file.read_exact_at(&mut bytes, offset).map_err(fail)?;
        Ok(Bytes::from(bytes))
    }

    fn size(&self, key: &str) -> Result<u64, StorageError> {
        let metadata = fs::metadata(self.file_path(key)?).map_err(|error| storage_error("look up", key, error))?;
        if metadata.is_file() { Ok(metadata.len()) } else { Err(StorageError::NotFound { key: key.to_owned() }) }
    }

    fn list(&self, prefix: &str) -> Result<Vec<Object>, StorageError> {
        check_prefix(prefix)?;
        let mut objects = Vec::new();
        collect(&self.root.join(prefix), prefix, &mut objects)?;
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(objects)
    }

    fn delete(&self, key: &str) -> Result<(), StorageError> {
        let path = self.file_path(key)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            removed => removed.map_err(|error| storage_error("delete", key, error))?,
        }
        let parent = path.parent().expect("a key's path lies below the root");
        match sync_directory(parent) {
            // Another deletion emptied and removed the directory in between.
            Err(StorageError::NotFound { .. }) => {}
            synced => synced?,
        }
        self.remove_if_empty(parent);
        Ok(())
    }

    fn space(&self) -> Result<Space, StorageError> {
        let stat = rustix::fs::statvfs(&self.root)
            .map_err(|error| io_error("measure", &self.root.to_string_lossy(), error.into()))?;
        Ok(Space {
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
            available: stat.f_bavail.saturating_mul(stat.f_frsize),
        })
    }

    fn has_room(&self) -> bool {
        true
    }

    fn release_reserve(&self) -> bool {
        false
    }
}

#[derive(Debug)]
struct DirAppendFile {
    key: String,
    file: File,
    /// Set by the first error: from then on nothing is known about the file's tail.
    failed: bool,
}

impl DirAppendFile {
    fn attempt(
        &mut self,
        action: &'static str,
        run: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), StorageError> {
        if self.failed {
            let source = io::Error::other("an earlier operation on this file failed");
            return Err(io_error(action, &self.key, source));
        }
        run(&mut self.file).map_err(|error| {
            self.failed = true;
            storage_error(action, &self.key, error)
        })
    }
}

impl AppendFile for DirAppendFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.attempt("append to", |file| file.write_all(bytes))
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        // The length is data as far as fdatasync is concerned; times are not, and nobody needs them.
        self.attempt("sync", |file| file.sync_data())
    }
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Creates `directory` and its parents, and makes each durable in its parent.
fn ensure_directory(directory: &Path, known: &mut HashSet<PathBuf>, key: &str) -> Result<(), StorageError> {
    if known.contains(directory) {
        return Ok(());
    }
    let parent = directory.parent().expect("the root is known from the start");
    ensure_directory(parent, known, key)?;
    match fs::create_dir(directory) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        created => created.map_err(|error| storage_error("create the directory of", key, error))?,
    }
    sync_directory(parent)?;
    known.insert(directory.to_owned());
    Ok(())
}

/// Makes the entries of a directory durable.
fn sync_directory(directory: &Path) -> Result<(), StorageError> {
    let sync = || File::open(directory)?.sync_all();
    sync().map_err(|error| storage_error("sync directory", &directory.to_string_lossy(), error))
}

/// Adds every object below `directory`, whose keys begin with `prefix`. What vanishes meanwhile is not there.
fn collect(directory: &Path, prefix: &str, objects: &mut Vec<Object>) -> Result<(), StorageError> {
    let fail = |error| io_error("list directory", &directory.to_string_lossy(), error);
    let entries = match fs::read_dir(directory) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
        entries => entries.map_err(fail)?,
    };
    for entry in entries {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| is_part(name)) else { continue };
        let key = format!("{prefix}{name}");
        let metadata = match entry.metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            metadata => metadata.map_err(fail)?,
        };
        if metadata.is_dir() {
            collect(&entry.path(), &format!("{key}/"), objects)?;
        } else if metadata.is_file() && check_key(&key).is_ok() {
            objects.push(Object { key, size: metadata.len() });
        }
    }
    Ok(())
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
