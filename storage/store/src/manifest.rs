//! A state that changes by numbered transactions, each an immutable object: what the store knows to exist.
//!
//! Object `<prefix>/<n>` holds the delta of transaction `n`; every 64th holds the whole state after it instead, so that
//! opening reads one snapshot and fewer than 64 deltas. Whoever creates number `n` has decided it: there is nothing to
//! overwrite. Each object holds its payload twice. FORMAT.md, "Manifest".

mod scrub;

pub use scrub::{DamagedObject, ManifestScrub, scrub_manifest};

use crate::{Storage, StorageError, crash_point, doubled};
use parking_lot::{Mutex, RwLock};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;

/// Numbers from one snapshot to the next.
const SNAPSHOT_INTERVAL: u64 = 64;
const DELTA_MAGIC: [u8; 4] = *b"WFMD";
const SNAPSHOT_MAGIC: [u8; 4] = *b"WFMS";
const VERSION: u32 = 2;
/// Objects of version 1 hold their payload once.
const DOUBLED_FROM: u32 = 2;
/// The most objects that one commit deletes: the rest goes after the next snapshots.
const FORGET_MAX: usize = 128;

/// What a manifest keeps. Its JSON is the format on disk: add fields with `#[serde(default)]`, never reuse a name.
pub trait ManifestState: Default + Clone + Send + Sync + Serialize + DeserializeOwned {
    /// One transaction.
    type Delta: Serialize + DeserializeOwned;

    /// Changes the state. Must do the same to the same state for ever: it runs again at every opening.
    fn apply(&mut self, delta: &Self::Delta);
}

/// A sequence of transactions under one prefix, and the state that they lead to.
pub struct Manifest<S: ManifestState> {
    storage: Arc<dyn Storage>,
    prefix: String,
    /// One transaction at a time; held while it is written.
    writer: Mutex<Writer>,
    /// Objects of which the opening could read one copy only.
    damaged_copies: u64,
    current: RwLock<Current<S>>,
}

/// An object that, alone under its prefix, opens as the state it was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Of the transaction after which the state was such.
    pub number: u64,
    /// The key that the object belongs under: the next number that may hold a snapshot.
    pub key: String,
    pub bytes: Vec<u8>,
}

struct Current<S> {
    number: u64,
    state: Arc<S>,
}

#[derive(Default)]
struct Writer {
    /// A number whose creation failed and could not be read back: it may or may not exist.
    in_doubt: Option<u64>,
}

impl<S: ManifestState> Manifest<S> {
    /// Opens the sequence under `prefix` (for example `manifest/logs`): the newest snapshot and the deltas after it.
    ///
    /// # Errors
    /// [`StorageError::Damaged`] names the object that cannot be read or is missing: unless a later snapshot covers it,
    /// the state is not known, and guessing would delete or resurrect data.
    pub fn open(storage: Arc<dyn Storage>, prefix: &str) -> Result<Manifest<S>, StorageError> {
        let numbers = numbers(&*storage, prefix)?;
        let last = numbers.last().copied().unwrap_or(0);
        let snapshot = last - last % SNAPSHOT_INTERVAL;
        let mut reader = Reader { storage: &*storage, damaged_copies: 0 };
        let mut state: S =
            if snapshot == 0 { S::default() } else { reader.read(SNAPSHOT_MAGIC, &key(prefix, snapshot))? };
        for number in snapshot + 1..=last {
            state.apply(&reader.read(DELTA_MAGIC, &key(prefix, number))?);
        }
        let damaged_copies = reader.damaged_copies;
        let current = RwLock::new(Current { number: last, state: Arc::new(state) });
        Ok(Manifest { storage, prefix: prefix.to_owned(), writer: Mutex::default(), damaged_copies, current })
    }

    /// The state after the last transaction.
    pub fn state(&self) -> Arc<S> {
        Arc::clone(&self.current.read().state)
    }

    /// The number of the last transaction; 0 before the first.
    pub fn number(&self) -> u64 {
        self.current.read().number
    }

    /// Objects that were damaged when the sequence was opened, but whose other copy served. The next snapshot but one
    /// takes them out of use.
    pub fn damaged_copies(&self) -> u64 {
        self.damaged_copies
    }

    /// The current state as the snapshot object with which a copy of the store begins.
    pub fn snapshot(&self) -> Result<Snapshot, StorageError> {
        let (number, state) = {
            let current = self.current.read();
            (current.number, Arc::clone(&current.state))
        };
        self.snapshot_of(number, &state)
    }

    /// A state that [`Manifest::state`] gave when [`Manifest::number`] was `number`, as a snapshot object.
    pub fn snapshot_of(&self, number: u64, state: &S) -> Result<Snapshot, StorageError> {
        let key = key(&self.prefix, number.max(1).next_multiple_of(SNAPSHOT_INTERVAL));
        let bytes = encode(SNAPSHOT_MAGIC, &key, state)?;
        Ok(Snapshot { number, key, bytes })
    }

    /// One transaction: writes the next number (create-if-absent), then applies it to the state in memory. On a full
    /// disk the reserve is released for it.
    ///
    /// After an error the transaction may still turn out to have happened, at the next opening: leave the objects that
    /// it names where they are until then, or until a later commit succeeds.
    ///
    /// # Errors
    /// The state is as before. [`StorageError::Exists`] when another writer took the number. When a failed write cannot
    /// be read back either, it is not known whether the transaction happened: all later commits fail until reading
    /// shows that it did not, or until a restart.
    #[expect(clippy::needless_pass_by_value, reason = "a delta is built for one commit; nobody has a use for it after")]
    pub fn commit(&self, delta: S::Delta) -> Result<Arc<S>, StorageError> {
        let mut writer = self.writer.lock();
        if let Some(number) = writer.in_doubt {
            self.settle(number)?;
            writer.in_doubt = None;
        }
        let number = self.number() + 1;
        let mut state = S::clone(&self.state());
        state.apply(&delta);
        let bytes = if number.is_multiple_of(SNAPSHOT_INTERVAL) {
            encode(SNAPSHOT_MAGIC, &key(&self.prefix, number), &state)?
        } else {
            encode(DELTA_MAGIC, &key(&self.prefix, number), &delta)?
        };
        match self.create(&mut writer, number, &bytes) {
            Err(StorageError::Full { .. }) if self.storage.release_reserve() => {
                self.create(&mut writer, number, &bytes)?;
            }
            created => created?,
        }
        crash_point("manifest.commit.created");
        let state = Arc::new(state);
        *self.current.write() = Current { number, state: Arc::clone(&state) };
        if number.is_multiple_of(SNAPSHOT_INTERVAL) {
            self.forget_before(number - SNAPSHOT_INTERVAL);
        }
        Ok(state)
    }

    /// Creates the number, and after a failure looks whether it came to be.
    fn create(&self, writer: &mut Writer, number: u64, bytes: &[u8]) -> Result<(), StorageError> {
        let key = key(&self.prefix, number);
        let error = match self.storage.create(&key, bytes) {
            Err(error @ StorageError::Io { .. }) => error,
            done => return done,
        };
        match self.storage.read(&key) {
            Ok(found) if found == bytes => Ok(()),
            Ok(_) => Err(StorageError::Exists { key }),
            Err(StorageError::NotFound { .. }) => Err(error),
            Err(_) => {
                writer.in_doubt = Some(number);
                Err(error)
            }
        }
    }

    /// Succeeds when the number in doubt does not exist. If it does, its transaction was reported as failed but is on
    /// disk, and whoever asked for it may have acted on the failure: only a restart brings both together.
    fn settle(&self, number: u64) -> Result<(), StorageError> {
        let key = key(&self.prefix, number);
        match self.storage.size(&key) {
            Err(StorageError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(StorageError::Exists { key }),
        }
    }

    /// Deletes what opening no longer needs, oldest first. The snapshot `number` itself stays, as a second line. What
    /// cannot be deleted now is deleted after the next snapshot.
    fn forget_before(&self, number: u64) {
        let Ok(numbers) = numbers(&*self.storage, &self.prefix) else { return };
        for old in numbers.into_iter().filter(|old| *old < number).take(FORGET_MAX) {
            if self.storage.delete(&key(&self.prefix, old)).is_err() {
                return;
            }
            crash_point("manifest.forget.deleted");
        }
    }
}

impl<S: ManifestState> fmt::Debug for Manifest<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest").field("prefix", &self.prefix).field("number", &self.number()).finish_non_exhaustive()
    }
}

fn key(prefix: &str, number: u64) -> String {
    format!("{prefix}/{number:020}")
}

/// The numbers under `prefix`, ascending. Keys that are not numbers are not ours.
fn numbers(storage: &dyn Storage, base: &str) -> Result<Vec<u64>, StorageError> {
    let prefix = format!("{base}/");
    let objects = storage.list(&prefix)?;
    let number = |key: &str| key.strip_prefix(&prefix)?.parse().ok().filter(|number| self::key(base, *number) == key);
    Ok(objects.iter().filter_map(|object| number(&object.key)).collect())
}

fn encode(magic: [u8; 4], key: &str, value: &impl Serialize) -> Result<Vec<u8>, StorageError> {
    let io =
        |error: serde_json::Error| StorageError::Io { action: "encode", key: key.to_owned(), source: error.into() };
    Ok(doubled::encode(magic, VERSION, &serde_json::to_vec(value).map_err(io)?))
}

/// Reads objects and counts those of which only one copy is good.
struct Reader<'a> {
    storage: &'a dyn Storage,
    damaged_copies: u64,
}

impl Reader<'_> {
    fn read<T: DeserializeOwned>(&mut self, magic: [u8; 4], key: &str) -> Result<T, StorageError> {
        let damaged = |what: String| StorageError::Damaged { key: key.to_owned(), what };
        let bytes = match self.storage.read(key) {
            Err(StorageError::NotFound { .. }) => {
                return Err(damaged("it is missing, but later numbers exist".to_owned()));
            }
            read => read?,
        };
        let copy = doubled::decode(key, magic, DOUBLED_FROM, VERSION, &bytes)?;
        self.damaged_copies += u64::from(copy.is_damaged);
        serde_json::from_slice(&bytes[copy.payload]).map_err(|error| damaged(format!("its JSON does not fit: {error}")))
    }
}

#[cfg(test)]
mod tests;
