//! A state that changes by numbered transactions, each an immutable object: what the store knows to exist.
//!
//! Object `<prefix>/<n>` holds the delta of transaction `n`; every 64th holds the whole state after it instead, so that
//! opening reads one snapshot and fewer than 64 deltas. Whoever creates number `n` has decided it: there is nothing to
//! overwrite. FORMAT.md, "Manifest".

use crate::{Storage, StorageError, frame};
use parking_lot::{Mutex, RwLock};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;

/// Numbers from one snapshot to the next.
const SNAPSHOT_INTERVAL: u64 = 64;
const DELTA_MAGIC: [u8; 4] = *b"WFMD";
const SNAPSHOT_MAGIC: [u8; 4] = *b"WFMS";
const VERSION: u32 = 1;

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
    current: RwLock<Current<S>>,
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
        let mut state = if snapshot == 0 { S::default() } else { read_snapshot(&*storage, &key(prefix, snapshot))? };
        for number in snapshot + 1..=last {
            state.apply(&read_delta::<S>(&*storage, &key(prefix, number))?);
        }
        let current = RwLock::new(Current { number: last, state: Arc::new(state) });
        Ok(Manifest { storage, prefix: prefix.to_owned(), writer: Mutex::default(), current })
    }

    /// The state after the last transaction.
    pub fn state(&self) -> Arc<S> {
        Arc::clone(&self.current.read().state)
    }

    /// The number of the last transaction; 0 before the first.
    pub fn number(&self) -> u64 {
        self.current.read().number
    }

    /// One transaction: writes the next number (create-if-absent), then applies it to the state in memory.
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
        self.create(&mut writer, number, &bytes)?;
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

    /// Deletes what opening no longer needs. The snapshot `number` itself stays, as a second line. What cannot be
    /// deleted now is deleted after the next snapshot.
    fn forget_before(&self, number: u64) {
        let Ok(numbers) = numbers(&*self.storage, &self.prefix) else { return };
        for old in numbers.into_iter().filter(|old| *old < number) {
            if self.storage.delete(&key(&self.prefix, old)).is_err() {
                return;
            }
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
    Ok(frame::encode(magic, VERSION, &serde_json::to_vec(value).map_err(io)?))
}

fn read_snapshot<S: ManifestState>(storage: &dyn Storage, key: &str) -> Result<S, StorageError> {
    read(storage, SNAPSHOT_MAGIC, key)
}

fn read_delta<S: ManifestState>(storage: &dyn Storage, key: &str) -> Result<S::Delta, StorageError> {
    read(storage, DELTA_MAGIC, key)
}

fn read<T: DeserializeOwned>(storage: &dyn Storage, magic: [u8; 4], key: &str) -> Result<T, StorageError> {
    let damaged = |what: String| StorageError::Damaged { key: key.to_owned(), what };
    let bytes = match storage.read(key) {
        Err(StorageError::NotFound { .. }) => return Err(damaged("it is missing, but later numbers exist".to_owned())),
        read => read?,
    };
    let (_, payload) = frame::decode(key, magic, VERSION, &bytes)?;
    serde_json::from_slice(payload).map_err(|error| damaged(format!("its JSON does not fit: {error}")))
}

#[cfg(test)]
mod tests;
