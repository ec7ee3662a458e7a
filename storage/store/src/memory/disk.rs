//! The contents: files, how much of each is durable, and how chance treats the rest.

use crate::{Object, Space, StorageError};
use std::collections::{BTreeMap, VecDeque};

/// The unit that a disk writes whole, in bytes.
const SECTOR_BYTES: usize = 512;
/// What an unlimited disk says it has, in bytes.
const SPACE_BYTES: u64 = 1 << 40;

#[derive(Debug, Clone)]
pub(super) struct Disk {
    files: BTreeMap<String, File>,
    random: Random,
    pub(super) capacity: Option<u64>,
    /// Bytes of the capacity that are kept back.
    pub(super) reserve: u64,
    /// The last deletions, oldest first, which a crash may undo.
    deleted: VecDeque<(String, File)>,
    deleted_max: usize,
}

#[derive(Debug, Clone)]
pub(super) struct File {
    bytes: Vec<u8>,
    durable_len: usize,
    /// A failed sync dropped dirty pages: nothing written before or after it becomes durable any more.
    lost: bool,
}

impl File {
    pub(super) fn durable(bytes: &[u8]) -> File {
        File { bytes: bytes.to_vec(), durable_len: bytes.len(), lost: false }
    }
}

impl Disk {
    pub(super) fn new(seed: u64) -> Disk {
        Disk {
            files: BTreeMap::new(),
            random: Random(seed),
            capacity: None,
            reserve: 0,
            deleted: VecDeque::new(),
            deleted_max: 0,
        }
    }

    pub(super) fn create(&mut self, key: &str, file: File) -> Result<(), StorageError> {
        if self.files.contains_key(key) {
            return Err(StorageError::Exists { key: key.to_owned() });
        }
        if self.space().available < file.bytes.len() as u64 {
            return Err(StorageError::Full { key: key.to_owned() });
        }
        self.deleted.retain(|(deleted, _)| deleted != key);
        self.files.insert(key.to_owned(), file);
        Ok(())
    }

    pub(super) fn append(&mut self, key: &str, bytes: &[u8]) -> Result<(), StorageError> {
        let available = usize::try_from(self.space().available).unwrap_or(usize::MAX);
        let fitting = bytes.get(..available).unwrap_or(bytes);
        self.file(key)?.bytes.extend_from_slice(fitting);
        if fitting.len() < bytes.len() { Err(StorageError::Full { key: key.to_owned() }) } else { Ok(()) }
    }

    /// What a failing append leaves: any part from the front.
    pub(super) fn append_part(&mut self, key: &str, bytes: &[u8]) -> Result<(), StorageError> {
        let len = self.random.up_to(bytes.len());
        self.file(key)?.bytes.extend_from_slice(&bytes[..len]);
        Ok(())
    }

    pub(super) fn sync(&mut self, key: &str) -> Result<(), StorageError> {
        let file = self.file(key)?;
        if !file.lost {
            file.durable_len = file.bytes.len();
        }
        Ok(())
    }

    pub(super) fn lose_unsynced(&mut self, key: &str) -> Result<(), StorageError> {
        self.file(key)?.lost = true;
        Ok(())
    }

    pub(super) fn bytes(&self, key: &str) -> Result<&[u8], StorageError> {
        self.files.get(key).map(|file| &file.bytes[..]).ok_or_else(|| StorageError::NotFound { key: key.to_owned() })
    }

    pub(super) fn list(&self, prefix: &str) -> Vec<Object> {
        let under = self.files.iter().filter(|(key, _)| key.starts_with(prefix));
        under.map(|(key, file)| Object { key: key.clone(), size: file.bytes.len() as u64 }).collect()
    }

    pub(super) fn delete(&mut self, key: &str) {
        let Some(file) = self.files.remove(key) else { return };
        self.deleted.push_back((key.to_owned(), file));
        self.undo_deletions(self.deleted_max);
    }

    pub(super) fn undo_deletions(&mut self, count: usize) {
        self.deleted_max = count;
        let forgotten = self.deleted.len().saturating_sub(count);
        self.deleted.drain(..forgotten);
    }

    pub(super) fn space(&self) -> Space {
        let used = self.reserve + self.files.values().map(|file| file.bytes.len() as u64).sum::<u64>();
        let total = self.capacity.unwrap_or(SPACE_BYTES);
        Space { total, available: total.saturating_sub(used) }
    }

    pub(super) fn flip_bit(&mut self, key: &str, bit: u64) -> bool {
        let Some(file) = self.files.get_mut(key) else { return false };
        let Some(byte) = usize::try_from(bit / 8).ok().and_then(|index| file.bytes.get_mut(index)) else {
            return false;
        };
        *byte ^= 1 << (bit % 8);
        true
    }

    pub(super) fn truncate(&mut self, key: &str, len: usize) -> bool {
        let Some(file) = self.files.get_mut(key) else { return false };
        file.bytes.truncate(len);
        file.durable_len = file.durable_len.min(len);
        true
    }

    pub(super) fn after_crash(&mut self) -> Disk {
        let random = Random(self.random.next());
        let mut files: BTreeMap<String, File> =
            self.files.iter().map(|(key, file)| (key.clone(), survivor(file, &mut self.random))).collect();
        for (key, file) in &self.deleted {
            if self.random.up_to(1) == 1 {
                files.insert(key.clone(), survivor(file, &mut self.random));
            }
        }
        Disk { files, random, deleted: VecDeque::new(), ..*self }
    }

    fn file(&mut self, key: &str) -> Result<&mut File, StorageError> {
        self.files.get_mut(key).ok_or_else(|| StorageError::NotFound { key: key.to_owned() })
    }
}

/// What is left of a file: the durable part, and of the rest what chance wants.
fn survivor(file: &File, random: &mut Random) -> File {
    let mut bytes = file.bytes[..file.durable_len].to_vec();
    let rest = file.bytes.len() - file.durable_len;
    match random.up_to(2) {
        0 => {}
        // The length reached the disk, the bytes did not.
        1 => bytes.resize(file.durable_len + random.up_to(rest), 0),
        _ if file.lost => {}
        _ => {
            let sectors = file.bytes.len() / SECTOR_BYTES;
            let end = (random.up_to(sectors) * SECTOR_BYTES).max(file.durable_len);
            bytes.extend_from_slice(&file.bytes[file.durable_len..end]);
        }
    }
    File::durable(&bytes)
}

/// A generator of pseudo-random numbers (splitmix64): small, and the same everywhere for ever.
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `max`, both inclusive.
    fn up_to(&mut self, max: usize) -> usize {
        usize::try_from(self.next() % (max as u64 + 1)).expect("the remainder is at most a usize")
    }
}
