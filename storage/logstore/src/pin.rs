//! Holds the store as it is at one moment, for a copy of it.

use crate::LogStoreError;
use crate::store::Inner;
use std::sync::Arc;
use watchfire_logblock::block::Block;
use watchfire_store::{Object, crash_point};

/// The store after one transaction. Everything that makes it up stays until this is dropped.
///
/// A copy consists of the objects under their keys and [`Pinned::manifest_bytes`] under [`Pinned::manifest_key`], in a
/// storage without anything else of the log store; it opens as a store with the same records.
#[derive(Debug)]
pub struct Pinned {
    number: u64,
    objects: Vec<Object>,
    manifest_key: String,
    manifest_bytes: Vec<u8>,
    /// Removed blocks keep their objects as long as somebody holds them.
    _blocks: Vec<Arc<Block>>,
}

impl Pinned {
    /// Of the last transaction that it holds.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The objects to copy, sorted by key.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    pub fn manifest_key(&self) -> &str {
        &self.manifest_key
    }

    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest_bytes
    }
}

impl Inner {
    pub(crate) fn pin(&self) -> Result<Pinned, LogStoreError> {
        // Meanwhile no block comes or goes.
        let _maintenance = self.maintenance.lock();
        let snapshot = self.manifest.snapshot()?;
        let blocks = self.fresh.lock().blocks.to_vec();
        let of_block = |block: &Arc<Block>| {
            let meta = &block.meta;
            [(meta.parquet_key(), meta.parquet_bytes), (meta.idx_key(), meta.idx_bytes)]
        };
        let mut objects: Vec<Object> =
            blocks.iter().flat_map(of_block).map(|(key, size)| Object { key, size }).collect();
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        crash_point("logstore.pin.held");
        Ok(Pinned {
            number: snapshot.number,
            objects,
            manifest_key: snapshot.key,
            manifest_bytes: snapshot.bytes,
            _blocks: blocks,
        })
    }
}
