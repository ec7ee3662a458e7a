//! The directory as a whole: its lock, its format version, and the tidying at the start.

use super::{TEMP_PREFIX, io_error, sync_directory};
use crate::StorageError;
use crate::key::is_part;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::Path;

/// Version of the layout as a whole: which keys there are and what they mean. Objects have versions of their own.
const FORMAT_VERSION: u32 = 1;
const FORMAT_WORDS: &str = "watchfire store ";
/// More than any lock or format file of ours has.
const TEXT_BYTES_MAX: u64 = 256;

/// Creates the directory where it is missing. Every directory created is durable in its parent.
pub(super) fn create_root(root: &Path) -> Result<(), StorageError> {
    if root.is_dir() {
        return Ok(());
    }
    if let Some(parent) = root.parent() {
        create_root(parent)?;
    }
    match fs::create_dir(root) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && root.is_dir() => {}
        created => created.map_err(|error| io_error("create directory", &root.to_string_lossy(), error))?,
    }
    sync_directory(root.parent().unwrap_or(root))
}

/// Takes the lock that keeps a second process out. It lasts as long as the file is open, and dies with the process.
pub(super) fn lock(root: &Path) -> Result<File, StorageError> {
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
    // The number only helps whoever reads the error: the lock holds without it, for instance on a full disk.
    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

/// Checks the version of the layout, or writes it into a new directory.
pub(super) fn check_format(root: &Path) -> Result<(), StorageError> {
    let path = root.join("FORMAT");
    let key = path.to_string_lossy();
    let file = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return write_format(root, &path),
        opened => opened.map_err(|error| io_error("open", &key, error))?,
    };
    let text = read_text(&file).map_err(|error| io_error("read", &key, error))?;
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

fn write_format(root: &Path, path: &Path) -> Result<(), StorageError> {
    let temp = root.join(format!("{TEMP_PREFIX}format"));
    let write = || {
        let mut file = File::create(&temp)?;
        writeln!(file, "{FORMAT_WORDS}{FORMAT_VERSION}")?;
        file.sync_all()?;
        fs::rename(&temp, path)
    };
    write().map_err(|error| io_error("write", &path.to_string_lossy(), error))?;
    sync_directory(root)
}

/// Removes the temporary files that a dead process left, and directories without anything in them. True when `directory`
/// is empty afterwards.
pub(super) fn tidy(directory: &Path) -> Result<bool, StorageError> {
    let fail = |error| io_error("list directory", &directory.to_string_lossy(), error);
    let mut empty = true;
    for entry in fs::read_dir(directory).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            empty = false;
            continue;
        };
        let removed = if name.starts_with(TEMP_PREFIX) {
            fs::remove_file(entry.path()).is_ok()
        } else if is_part(name) && entry.file_type().map_err(fail)?.is_dir() {
            tidy(&entry.path())? && fs::remove_dir(entry.path()).is_ok()
        } else {
            false
        };
        empty &= removed;
    }
    Ok(empty)
}

fn read_text(file: &File) -> std::io::Result<String> {
    let mut text = String::new();
    file.take(TEXT_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}
