//! The store held still for a backup.

use crate::TsdbError;
use crate::block::Block;
use crate::exemplars::SavedExemplars;
use crate::flush::Cut;
use crate::tsdb::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use watchfire_store::{Object, Snapshot};

/// One state of the store. The objects exist as long as this does, whatever is merged or deleted meanwhile; together with
/// the snapshot they are a whole store, without a log.
#[derive(Debug)]
pub struct Pinned {
    snapshot: Snapshot,
    objects: Vec<Object>,
    /// Their objects exist as long as this.
    _blocks: Arc<Vec<Arc<Block>>>,
    _exemplars: Option<Arc<SavedExemplars>>,
}

impl Pinned {
    /// The manifest's number that this is the state of.
    pub fn number(&self) -> u64 {
        self.snapshot.number
    }

    /// The object with which the manifest of the copy begins.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The objects to copy.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }
}

impl Shared {
    pub(crate) fn pin(&self) -> Result<Pinned, TsdbError> {
        self.replay.wait()?;
        let _guard = self.maintenance.lock();
        if self.head.samples.load(Ordering::Relaxed) > 0 || self.has_unsaved_exemplars() {
            let oldest = self.head.times().map(|(oldest, _)| self.window(oldest));
            let until = self.flushed_until().or(oldest).unwrap_or(0);
            self.with_reserve(|| self.flush_live(Cut::everything(until)))?;
        }
        // Nobody else changes the manifest while maintenance is held.
        let snapshot = self.manifest.snapshot()?;
        let blocks = self.blocks();
        let object = |block: &Arc<Block>| Object { key: block.meta.key.clone(), size: block.meta.bytes };
        let exemplars = self.saved_exemplars.lock().clone();
        let objects = blocks.iter().map(object).chain(exemplars.iter().map(|saved| saved.object())).collect();
        Ok(Pinned { snapshot, objects, _blocks: blocks, _exemplars: exemplars })
    }
}
