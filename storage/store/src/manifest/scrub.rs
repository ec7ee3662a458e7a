//! Reads every object of a manifest only to see whether it still is what was written.

use super::{DELTA_MAGIC, DOUBLED_FROM, SNAPSHOT_INTERVAL, SNAPSHOT_MAGIC, VERSION, key, numbers};
use crate::{Storage, StorageError, doubled};
use serde::de::IgnoredAny;

/// What a round over the objects of one manifest found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ManifestScrub {
    pub objects: u64,
    pub bytes: u64,
    pub damaged: Vec<DamagedObject>,
}

/// An object that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedObject {
    pub key: String,
    /// What of it does not check, for people.
    pub what: String,
    /// No copy of its payload is good. If opening needs it, the store will not open again; see [`super::Manifest::open`].
    pub is_lost: bool,
}

/// Reads every object under `prefix` (for example `manifest/logs`) and checks it, both copies.
///
/// # Errors
/// Storage that cannot be read, or an object of a newer version.
pub fn scrub_manifest(storage: &dyn Storage, prefix: &str) -> Result<ManifestScrub, StorageError> {
    let mut scrub = ManifestScrub::default();
    for number in numbers(storage, prefix)? {
        let key = key(prefix, number);
        let bytes = match storage.read(&key) {
            // Deleted meanwhile, after a newer snapshot.
            Err(StorageError::NotFound { .. }) => continue,
            read => read?,
        };
        scrub.objects += 1;
        scrub.bytes += bytes.len() as u64;
        let magic = if number.is_multiple_of(SNAPSHOT_INTERVAL) { SNAPSHOT_MAGIC } else { DELTA_MAGIC };
        let (what, is_lost) = match doubled::decode(&key, magic, DOUBLED_FROM, VERSION, &bytes) {
            Ok(copy) if copy.is_damaged => {
                ("one of its copies, or what is around them, does not check".to_owned(), false)
            }
            Ok(copy) => match serde_json::from_slice::<IgnoredAny>(&bytes[copy.payload]) {
                Ok(IgnoredAny) => continue,
                Err(error) => (format!("its payload is not JSON: {error}"), true),
            },
            Err(StorageError::Damaged { what, .. }) => (what, true),
            Err(error) => return Err(error),
        };
        scrub.damaged.push(DamagedObject { key, what, is_lost });
    }
    Ok(scrub)
}
