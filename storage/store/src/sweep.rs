//! Deletes objects that no manifest knows: uploads whose transaction never came.

use crate::{Storage, StorageError};
use std::collections::HashSet;

/// Deletes every object under `prefix` whose key is not in `live`; returns how many.
///
/// An object that is created but not yet committed looks like an orphan: call this only while nobody is between the
/// two, for instance when the store opens.
#[expect(clippy::implicit_hasher, reason = "callers collect the keys for this call; a fixed type lets them infer it")]
pub fn sweep(storage: &dyn Storage, prefix: &str, live: &HashSet<String>) -> Result<u64, StorageError> {
    let mut deleted = 0;
    for object in storage.list(prefix)? {
        if !live.contains(&object.key) {
            storage.delete(&object.key)?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemStorage;

    #[test]
    fn only_orphans_under_the_prefix_go() {
        let storage = MemStorage::new(1);
        for key in ["logs/a", "logs/b", "logs/c", "metrics/d"] {
            storage.create(key, b"x").unwrap();
        }
        let live = HashSet::from(["logs/b".to_owned()]);
        assert_eq!(sweep(&storage, "logs/", &live).unwrap(), 2);
        let left: Vec<String> = storage.list("").unwrap().into_iter().map(|object| object.key).collect();
        assert_eq!(left, ["logs/b", "metrics/d"]);
    }
}
