//! The directory as a whole: its lock, its format version, and the tidying at the start.

use super::files::{EntryKind, FileSystem};
use super::io_error;
use super::names::TEMP_PREFIX;
use crate::StorageError;
use crate::key::is_part;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::Path;

/// Version of the layout as a whole: which keys there are and what they mean. Objects have versions of their own.
const FORMAT_VERSION: u32 = 1;
const FORMAT_WORDS: &str = "watchfire store ";
/// More than any lock or format file of ours has.
const TEXT_BYTES_MAX: usize = 256;

/// Creates the directory where it is missing. Every directory created is durable in its parent.
pub(super) fn create_root(files: &dyn FileSystem, root: &Path) -> Result<(), StorageError> {
    let is_directory = || matches!(files.look_up(root), Ok(EntryKind::Directory));
    if is_directory() {
        return Ok(());
    }
    if let Some(parent) = root.parent() {
        create_root(files, parent)?;
    }
    match files.create_directory(root) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && is_directory() => {}
        created => created.map_err(|error| io_error("create directory", &root.to_string_lossy(), error))?,
    }
    sync(files, root.parent().unwrap_or(root)).inspect_err(|_| {
        // Made again, it will be made durable again.
        let _ = files.remove_directory(root);
    })
}

/// What the lock says after an orderly end.
const CLOSED: &str = "closed\n";

/// The lock that keeps a second process out. It lasts as long as the file is open, and dies with the process.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    /// The last process came to an orderly end. If it died, names that it gave may not be durable yet.
    pub(super) was_closed: bool,
}

impl Lock {
    /// Says that everything is durable that anybody was promised, and every name that can be seen.
    pub(super) fn close(&mut self) {
        let _ = write_text(&mut self.file, CLOSED);
    }
}

fn write_text(file: &mut File, text: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

pub(super) fn lock(root: &Path) -> Result<Lock, StorageError> {
    let path = root.join("LOCK");
    let fail = |action, error| io_error(action, &path.to_string_lossy(), error);
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = open.map_err(|error| fail("open", error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let pid = read_text(&file).ok().and_then(|text| text.trim().parse().ok());
            return Err(StorageError::Locked { path: root.to_string_lossy().into_owned(), pid });
        }
        Err(TryLockError::Error(error)) => return Err(fail("lock", error)),
    }
    let was_closed = read_text(&file).is_ok_and(|text| text == CLOSED);
    file.set_len(0).map_err(|error| fail("write", error))?;
    // The number only helps whoever reads the error: the lock holds without it, for instance on a full disk.
    let _ = write_text(&mut file, &format!("{}\n", std::process::id()));
    Ok(Lock { file, was_closed })
}

/// Checks the version of the layout, or writes it into a new directory.
pub(super) fn check_format(files: &dyn FileSystem, root: &Path) -> Result<(), StorageError> {
    let path = root.join("FORMAT");
    let key = path.to_string_lossy();
    let text = match files.read(&path, 0, TEXT_BYTES_MAX) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            sync_ancestors(files, root)?;
            return write_format(files, root, &path);
        }
        read => read.map_err(|error| io_error("read", &key, error))?,
    };
    let text = String::from_utf8_lossy(&text);
    let version = text.strip_prefix(FORMAT_WORDS).and_then(|rest| rest.trim_end().parse().ok());
    match version {
        Some(1..=FORMAT_VERSION) => Ok(()),
        Some(found) if found > FORMAT_VERSION => {
            Err(StorageError::Newer { key: key.into_owned(), found, known: FORMAT_VERSION })
        }
        _ => Err(StorageError::Damaged {
            key: key.into_owned(),
            what: format!("it should read `{FORMAT_WORDS}{FORMAT_VERSION}`"),
        }),
    }
}

/// Makes the names of a new directory and of those above it durable: a process that died may have created them without
/// coming that far. Those that this user may not even open were there before.
fn sync_ancestors(files: &dyn FileSystem, root: &Path) -> Result<(), StorageError> {
    for ancestor in root.ancestors().skip(1) {
        match files.sync_directory(ancestor) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            synced => {
                synced.map_err(|error| io_error("sync directory", &ancestor.to_string_lossy(), error))?;
            }
        }
    }
    Ok(())
}

fn write_format(files: &dyn FileSystem, root: &Path, path: &Path) -> Result<(), StorageError> {
    let temp = root.join(format!("{TEMP_PREFIX}format"));
    // A process that died here has left it behind.
    let _ = files.unlink(&temp);
    let write = || {
        let mut file = files.create_new(&temp)?;
        file.write(format!("{FORMAT_WORDS}{FORMAT_VERSION}\n").as_bytes())?;
        file.sync()?;
        files.link(&temp, path)
    };
    let written = write().map_err(|error| io_error("write", &path.to_string_lossy(), error));
    let _ = files.unlink(&temp);
    written?;
    sync(files, root).inspect_err(|_| {
        // Written again, it will be made durable again.
        let _ = files.unlink(path);
    })
}

/// Removes the temporary files that a dead process left, and directories without anything in them, and makes the names
/// that are left durable unless `was_closed`: nobody shall act on an object that a power cut may take away. True when
/// `directory` is empty afterwards.
pub(super) fn tidy(files: &dyn FileSystem, directory: &Path, was_closed: bool) -> Result<bool, StorageError> {
    let entries =
        files.list(directory).map_err(|error| io_error("list directory", &directory.to_string_lossy(), error))?;
    let mut empty = true;
    for entry in entries {
        let path = directory.join(&entry.name);
        let removed = match entry.name.to_str() {
            Some(name) if name.starts_with(TEMP_PREFIX) => files.unlink(&path).is_ok(),
            Some(name) if is_part(name) && entry.kind == EntryKind::Directory => {
                tidy(files, &path, was_closed)? && files.remove_directory(&path).is_ok()
            }
            _ => false,
        };
        empty &= removed;
    }
    if !empty && !was_closed {
        sync(files, directory)?;
    }
    Ok(empty)
}

/// Makes the entries of a directory durable.
pub(super) fn sync(files: &dyn FileSystem, directory: &Path) -> Result<(), StorageError> {
    let synced = files.sync_directory(directory);
    synced.map_err(|error| super::storage_error("sync directory", &directory.to_string_lossy(), error))
}

fn read_text(file: &File) -> io::Result<String> {
    let mut text = String::new();
    file.take(TEXT_BYTES_MAX as u64).read_to_string(&mut text)?;
    Ok(text)
}
