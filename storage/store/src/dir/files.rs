//! The calls that a directory store makes to the operating system: the seam below which tests lose power.

use crate::Space;
use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What is durable when, is up to the caller: a file's bytes after [`NewFile::sync`], a directory's entries after
/// [`FileSystem::sync_directory`] on it, and nothing else.
pub(super) trait FileSystem: Send + Sync + Debug {
    /// Creates a file, if the name is free.
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn NewFile>>;

    /// Gives a file a second name, if that is free.
    fn link(&self, path: &Path, new: &Path) -> io::Result<()>;

    /// Removes the name of a file.
    fn unlink(&self, path: &Path) -> io::Result<()>;

    fn create_directory(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty directory.
    fn remove_directory(&self, path: &Path) -> io::Result<()>;

    fn sync_directory(&self, path: &Path) -> io::Result<()>;

    /// At most `len` bytes from `offset`; fewer only where the file ends.
    fn read(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>>;

    fn look_up(&self, path: &Path) -> io::Result<EntryKind>;

    /// Names in no order.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;

    fn space(&self, path: &Path) -> io::Result<Space>;
}

/// A file that this process has created, written from its front.
pub(super) trait NewFile: Send + Debug {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Takes `len` bytes of the medium for the file.
    fn allocate(&mut self, len: u64) -> io::Result<()>;

    /// Makes the bytes and the length durable.
    fn sync(&mut self) -> io::Result<()>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    File {
        len: u64,
    },
    Directory,
    /// Nothing that the store makes.
    Other,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) kind: EntryKind,
}

/// The machine's own.
#[derive(Debug)]
pub(super) struct HostFileSystem;

impl FileSystem for HostFileSystem {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        Ok(Box::new(HostFile(OpenOptions::new().append(true).create_new(true).open(path)?)))
    }

    fn link(&self, path: &Path, new: &Path) -> io::Result<()> {
        fs::hard_link(path, new)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn read(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let file = File::open(path)?;
        let rest = file.metadata()?.len().saturating_sub(offset);
        let mut bytes = vec![0; len.min(usize::try_from(rest).unwrap_or(usize::MAX))];
        file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    fn look_up(&self, path: &Path) -> io::Result<EntryKind> {
        Ok(kind(&fs::metadata(path)?))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            match entry.metadata() {
                Ok(metadata) => entries.push(Entry { name: entry.file_name(), kind: kind(&metadata) }),
                // What vanishes meanwhile is not there.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let stat = rustix::fs::statvfs(path)?;
        // As `df` does: what is kept for the superuser is neither used nor there to be used.
        let usable = stat.f_blocks.saturating_sub(stat.f_bfree).saturating_add(stat.f_bavail);
        Ok(Space {
            total: usable.saturating_mul(stat.f_frsize),
            available: stat.f_bavail.saturating_mul(stat.f_frsize),
        })
    }
}

fn kind(metadata: &fs::Metadata) -> EntryKind {
    if metadata.is_file() {
        EntryKind::File { len: metadata.len() }
    } else if metadata.is_dir() {
        EntryKind::Directory
    } else {
        EntryKind::Other
    }
}

#[derive(Debug)]
pub(super) struct HostFile(pub(super) File);

impl NewFile for HostFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn allocate(&mut self, len: u64) -> io::Result<()> {
        static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
        match rustix::fs::fallocate(&self.0, rustix::fs::FallocateFlags::empty(), 0, len) {
            Err(rustix::io::Errno::OPNOTSUPP) => {}
            allocated => return Ok(allocated?),
        }
        let mut left = len;
        while left > 0 {
            let part = ZEROS.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.0.write_all(&ZEROS[..part])?;
            left -= part as u64;
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        // The length is data as far as fdatasync is concerned; times are not, and nobody needs them.
        self.0.sync_data()
    }
}
