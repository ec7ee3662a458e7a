//! Memory that behaves like a disk on its worst day: for tests of everything that stores.
//!
//! Every call is an operation with a number, from 1. A plan says which of them fail and how; [`MemStorage::crash`] gives
//! what a power cut would have left. Equal seeds and equal calls give equal results.

mod disk;

use crate::key::{check_key, check_prefix};
use crate::{AppendFile, Object, Space, Storage, StorageError};
use bytes::Bytes;
use disk::{Disk, File};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

/// What goes wrong with an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An I/O error. A create, append-open or delete has not happened, an append has written a part of its bytes, and a sync has
    /// lost what it should have made durable: syncing again succeeds without bringing it back, as Linux does.
    Io,
    /// An I/O error is reported, but the operation has happened and is durable.
    IoAfterwards,
    /// No space is left; an append has written a part of its bytes.
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationKind {
    Create,
    /// Opening a file to append to.
    Open,
    Append,
    Sync,
    Read,
    Size,
    List,
    Delete,
    Space,
}

/// One call, as the hook sees it before it is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Counts from 1.
    pub number: u64,
    pub kind: OperationKind,
    /// The key, or the prefix of a listing.
    pub key: String,
}

type Hook = Arc<dyn Fn(&Operation) + Send + Sync>;

/// An object store in memory. Clones share the same contents.
#[derive(Clone)]
pub struct MemStorage {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    disk: Disk,
    operations: u64,
    faults: BTreeMap<u64, Fault>,
    /// From this operation on everything fails: the cable is out.
    unplugged_from: Option<u64>,
    hook: Option<Hook>,
    has_room: bool,
}

impl MemStorage {
    /// An empty store. The seed decides how much of a failing append is written, and what a crash tears.
    pub fn new(seed: u64) -> MemStorage {
        MemStorage::with(Disk::new(seed))
    }

    fn with(disk: Disk) -> MemStorage {
        let shared =
            Shared { disk, operations: 0, faults: BTreeMap::new(), unplugged_from: None, hook: None, has_room: true };
        MemStorage { shared: Arc::new(Mutex::new(shared)) }
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        self.shared.lock().operations
    }

    /// Lets operation `number` fail; a number that has passed has no effect.
    pub fn fail_at(&self, number: u64, fault: Fault) {
        self.shared.lock().faults.insert(number, fault);
    }

    /// Lets operation `number` and all after it fail with an I/O error without having any effect.
    pub fn unplug_at(&self, number: u64) {
        self.shared.lock().unplugged_from = Some(number);
    }

    /// Ends all planned faults.
    pub fn repair(&self) {
        let mut shared = self.shared.lock();
        shared.faults.clear();
        shared.unplugged_from = None;
    }

    /// Limits what all objects may take together, in bytes; `None` lifts the limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.shared.lock().disk.capacity = bytes;
    }

    /// Keeps so many bytes of the capacity back until [`Storage::release_reserve`] is called.
    pub fn set_reserve(&self, bytes: u64) {
        self.shared.lock().disk.reserve = bytes;
    }

    /// What is still kept back, in bytes.
    pub fn reserve(&self) -> u64 {
        self.shared.lock().disk.reserve
    }

    /// Lets a power cut undo each of the last `count` deletions, by chance, unless its key was used again; at first it
    /// undoes none. Whoever stores has to live with it: no promise was made about anything that was deleted.
    pub fn undo_deletions(&self, count: usize) {
        self.shared.lock().disk.undo_deletions(count);
    }

    /// What [`Storage::has_room`] says from now on; at first there is room.
    pub fn set_has_room(&self, has_room: bool) {
        self.shared.lock().has_room = has_room;
    }

    /// Calls `hook` before every operation, outside of all locks: it may block, to hold an operation up.
    pub fn on_operation(&self, hook: impl Fn(&Operation) + Send + Sync + 'static) {
        self.shared.lock().hook = Some(Arc::new(hook));
    }

    /// What a power cut now would leave: objects, and of append files what was synced, followed by nothing, by a part
    /// of the rest cut at a 512-byte boundary, or by zeros. Plans, hook and count begin anew, the capacity, the reserve
    /// and the number of deletions that may be undone stay.
    #[must_use]
    pub fn crash(&self) -> MemStorage {
        MemStorage::with(self.shared.lock().disk.after_crash())
    }

    /// Inverts one bit of an object; bit 0 is the lowest of the first byte. False when there is no such bit.
    pub fn flip_bit(&self, key: &str, bit: u64) -> bool {
        self.shared.lock().disk.flip_bit(key, bit)
    }

    /// Cuts an object to `len` bytes. False when there is no such object.
    pub fn truncate(&self, key: &str, len: usize) -> bool {
        self.shared.lock().disk.truncate(key, len)
    }

    /// Counts the operation, lets the hook see it, and looks whether it is to fail.
    fn begin(&self, kind: OperationKind, key: &str) -> Option<Fault> {
        let (operation, fault, hook) = {
            let mut shared = self.shared.lock();
            shared.operations += 1;
            let number = shared.operations;
            let unplugged = shared.unplugged_from.is_some_and(|from| from <= number);
            let fault = if unplugged { Some(Fault::Io) } else { shared.faults.remove(&number) };
            (Operation { number, kind, key: key.to_owned() }, fault, shared.hook.clone())
        };
        if let Some(hook) = hook {
            hook(&operation);
        }
        fault
    }

    /// Carries out an operation that either happens or does not.
    fn run<T>(
        &self,
        kind: OperationKind,
        key: &str,
        run: impl FnOnce(&mut Disk) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        match self.begin(kind, key) {
            None => run(&mut self.shared.lock().disk),
            Some(Fault::Io) => Err(planned(key)),
            Some(Fault::Full) => Err(StorageError::Full { key: key.to_owned() }),
            Some(Fault::IoAfterwards) => run(&mut self.shared.lock().disk).and_then(|_| Err(planned(key))),
        }
    }
}

impl fmt::Debug for MemStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemStorage").field("operations", &self.operations()).finish_non_exhaustive()
    }
}

impl Storage for MemStorage {
    fn create(&self, key: &str, bytes: &[u8]) -> Result<(), StorageError> {
        check_key(key)?;
        self.run(OperationKind::Create, key, |disk| disk.create(key, File::durable(bytes)))
    }

    fn append(&self, key: &str) -> Result<Box<dyn AppendFile>, StorageError> {
        check_key(key)?;
        self.run(OperationKind::Open, key, |disk| disk.create(key, File::durable(b"")))?;
        Ok(Box::new(MemAppendFile { storage: self.clone(), key: key.to_owned() }))
    }

    fn read(&self, key: &str) -> Result<Bytes, StorageError> {
        check_key(key)?;
        self.run(OperationKind::Read, key, |disk| Ok(Bytes::copy_from_slice(disk.bytes(key)?)))
    }

    fn read_range(&self, key: &str, offset: u64, len: usize) -> Result<Bytes, StorageError> {
        check_key(key)?;
        self.run(OperationKind::Read, key, |disk| {
            let bytes = disk.bytes(key)?;
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            let end = start.saturating_add(len).min(bytes.len());
            Ok(Bytes::copy_from_slice(&bytes[start..end]))
        })
    }

    fn size(&self, key: &str) -> Result<u64, StorageError> {
        check_key(key)?;
        self.run(OperationKind::Size, key, |disk| Ok(disk.bytes(key)?.len() as u64))
    }

    fn list(&self, prefix: &str) -> Result<Vec<Object>, StorageError> {
        check_prefix(prefix)?;
        self.run(OperationKind::List, prefix, |disk| Ok(disk.list(prefix)))
    }

    fn delete(&self, key: &str) -> Result<(), StorageError> {
        check_key(key)?;
        self.run(OperationKind::Delete, key, |disk| {
            disk.delete(key);
            Ok(())
        })
    }

    fn space(&self) -> Result<Space, StorageError> {
        self.run(OperationKind::Space, "", |disk| Ok(disk.space()))
    }

    fn has_room(&self) -> bool {
        self.shared.lock().has_room
    }

    fn release_reserve(&self) -> bool {
        std::mem::take(&mut self.shared.lock().disk.reserve) > 0
    }
}

#[derive(Debug)]
struct MemAppendFile {
    storage: MemStorage,
    key: String,
}

impl AppendFile for MemAppendFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        let fault = self.storage.begin(OperationKind::Append, &self.key);
        let disk = &mut self.storage.shared.lock().disk;
        match fault {
            None => disk.append(&self.key, bytes),
            Some(Fault::IoAfterwards) => disk.append(&self.key, bytes).and_then(|()| Err(planned(&self.key))),
            Some(Fault::Io) => disk.append_part(&self.key, bytes).and_then(|()| Err(planned(&self.key))),
            Some(Fault::Full) => {
                let full = Err(StorageError::Full { key: self.key.clone() });
                disk.append_part(&self.key, bytes).and(full)
            }
        }
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        let fault = self.storage.begin(OperationKind::Sync, &self.key);
        let disk = &mut self.storage.shared.lock().disk;
        match fault {
            None => disk.sync(&self.key),
            Some(Fault::IoAfterwards) => disk.sync(&self.key).and_then(|()| Err(planned(&self.key))),
            Some(Fault::Io) => disk.lose_unsynced(&self.key).and_then(|()| Err(planned(&self.key))),
            Some(Fault::Full) => {
                let full = Err(StorageError::Full { key: self.key.clone() });
                disk.lose_unsynced(&self.key).and(full)
            }
        }
    }
}

fn planned(key: &str) -> StorageError {
    StorageError::Io { action: "use", key: key.to_owned(), source: io::Error::other("planned fault") }
}

#[cfg(test)]
mod tests;
