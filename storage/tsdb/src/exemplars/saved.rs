//! All exemplars as one object, written by a flush: the log before it is let go.
//!
//! `object := frame "WFME", version 1: until the end: n: varint | n × (name: text | value: text) | m: varint | m × exemplar`

use super::ExemplarStore;
use crate::TsdbError;
use crate::block::BLOCK_PREFIX;
use crate::codec::{Cursor, Damage, put_varint};
use crate::failures::Work;
use crate::record::{decode_labels, put_exemplar, put_labels, read_exemplar};
use crate::state::{ExemplarsMeta, TsdbDelta};
use crate::tsdb::Shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use ulid::Ulid;
use watchfire_store::{Object, Storage, StorageError, frame};
use watchfire_wal::Position;

const MAGIC: [u8; 4] = *b"WFME";
const VERSION: u32 = 1;

/// Tries to find a free key.
const KEY_TRIES: u64 = 1000;

/// The object that the manifest names. It exists as long as somebody holds this.
#[derive(Debug)]
pub(crate) struct SavedExemplars {
    key: String,
    bytes: u64,
    storage: Arc<dyn Storage>,
    /// Whether the manifest has let it go.
    removed: AtomicBool,
}

impl SavedExemplars {
    pub(crate) fn object(&self) -> Object {
        Object { key: self.key.clone(), size: self.bytes }
    }
}

impl Drop for SavedExemplars {
    /// An object that stays because of an error is swept when the store opens.
    fn drop(&mut self) {
        if self.removed.load(Ordering::Relaxed) {
            drop(self.storage.delete(&self.key));
        }
    }
}

impl Shared {
    /// Whether exemplars have come or gone since the last flush.
    pub(crate) fn has_unsaved_exemplars(&self) -> bool {
        let exemplars = self.exemplars.lock();
        exemplars.changes() > 0 && exemplars.written().is_none()
    }

    /// Writes the exemplars where they have changed; what the manifest is to say of them. None where there never were any.
    pub(crate) fn save_exemplars(&self, position: Position) -> Result<Option<ExemplarsMeta>, TsdbError> {
        let (payload, changes) = {
            let exemplars = self.exemplars.lock();
            let saved = self.saved_exemplars.lock();
            if let Some(saved) = saved.as_ref().filter(|saved| exemplars.written() == Some(&saved.key)) {
                return Ok(Some(ExemplarsMeta { key: saved.key.clone(), bytes: saved.bytes, position }));
            }
            if saved.is_none() && exemplars.len() == 0 {
                return Ok(None);
            }
            (encode(&exemplars), exemplars.changes())
        };
        let bytes = frame::encode(MAGIC, VERSION, &payload);
        let time = u64::try_from(self.now()).unwrap_or(0);
        let mut tries = 0;
        let key = loop {
            let number = u128::from(self.manifest.number()) * u128::from(KEY_TRIES) + u128::from(tries);
            let key = format!("{BLOCK_PREFIX}{}.exemplars", Ulid::from_parts(time, number));
            match self.storage.create(&key, &bytes) {
                Err(StorageError::Exists { .. }) if tries < KEY_TRIES => tries += 1,
                created => {
                    created?;
                    break key;
                }
            }
        };
        self.exemplars.lock().set_written(key.clone(), changes);
        Ok(Some(ExemplarsMeta { key, bytes: bytes.len() as u64, position }))
    }

    /// The object that a transaction would add.
    pub(crate) fn new_exemplars(&self, delta: &TsdbDelta) -> Option<String> {
        let key = delta.exemplars.as_ref().map(|exemplars| exemplars.key.clone())?;
        let saved = self.saved_exemplars.lock();
        (saved.as_ref().map(|saved| &saved.key) != Some(&key)).then_some(key)
    }

    /// Holds the object that the manifest names now, and lets the one before go.
    pub(crate) fn hold_exemplars(&self, named: Option<&ExemplarsMeta>) {
        let mut saved = self.saved_exemplars.lock();
        if saved.as_ref().map(|saved| &saved.key) == named.map(|named| &named.key) {
            return;
        }
        let held = named.map(|named| {
            Arc::new(SavedExemplars {
                key: named.key.clone(),
                bytes: named.bytes,
                storage: Arc::clone(&self.storage),
                removed: AtomicBool::new(false),
            })
        });
        if let Some(before) = std::mem::replace(&mut *saved, held) {
            before.removed.store(true, Ordering::Relaxed);
        }
    }

    /// Reads what the manifest names, but for what was deleted since.
    pub(crate) fn load_exemplars(&self, named: Option<&ExemplarsMeta>) -> Result<(), TsdbError> {
        self.hold_exemplars(named);
        let Some(named) = named else { return Ok(()) };
        let mut exemplars = self.exemplars.lock();
        let read = self.storage.read(&named.key).and_then(|bytes| {
            let (_, payload) = frame::decode(&named.key, MAGIC, VERSION, &bytes)?;
            let damaged = |Damage(what)| StorageError::Damaged { key: named.key.clone(), what: what.to_owned() };
            decode(payload, &mut exemplars).map_err(damaged)
        });
        match read {
            Err(error @ (StorageError::Damaged { .. } | StorageError::NotFound { .. })) => {
                // What the log still holds of them comes back; samples are not concerned.
                self.failures.note(Work::Exemplars, &Err::<(), _>(error.into()));
                self.metrics.damaged_reads.inc();
            }
            // The next flush would write those that are missing out of the store.
            Err(error) => return Err(error.into()),
            Ok(()) => {
                let changes = exemplars.changes();
                exemplars.set_written(named.key.clone(), changes);
            }
        }
        for deletion in self.deletions().iter().filter(|deletion| named.position <= deletion.position) {
            exemplars.delete(|labels| deletion.concerns(labels), deletion.range);
        }
        self.metrics.exemplars.set(exemplars.len() as i64);
        Ok(())
    }
}

fn encode(exemplars: &ExemplarStore) -> Vec<u8> {
    let mut out = Vec::new();
    for (labels, kept) in exemplars.iter() {
        put_labels(&mut out, labels);
        put_varint(&mut out, kept.len() as u64);
        for exemplar in kept {
            put_exemplar(exemplar, &mut out);
        }
    }
    out
}

fn decode(payload: &[u8], into: &mut ExemplarStore) -> Result<(), Damage> {
    let mut cursor = Cursor::new(payload);
    while !cursor.is_empty() {
        let labels = decode_labels(&mut cursor)?;
        for _ in 0..cursor.count()? {
            into.add(&labels, read_exemplar(&mut cursor)?);
        }
    }
    Ok(())
}
