//! The catalog itself.

use crate::state::{CatalogState, Change};
use crate::{CatalogError, Kind, Revision};
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use serde::Serialize;
use std::sync::Arc;
use watchfire_store::{Clock, Manifest, ManifestScrub, Snapshot, Storage, scrub_manifest};

/// Documents of one kind.
pub const DOCUMENTS_MAX: usize = 1_000;
/// Bytes of one document as JSON.
pub const DOCUMENT_BYTES_MAX: usize = 256 << 10;
/// Bytes of all documents with the revisions that are kept.
pub const CATALOG_BYTES_MAX: usize = 32 << 20;
/// Characters of a name.
pub const NAME_CHARS_MAX: usize = 100;
/// Revisions of a document that are kept, the newest among them.
pub const REVISIONS_KEPT: usize = 10;

const MANIFEST_PREFIX: &str = "catalog";

/// Documents by kind and name. Every change is durable when its call returns.
#[derive(Debug)]
pub struct Catalog {
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    manifest: Manifest<CatalogState>,
    /// Held from looking at a version to writing the next.
    change: Mutex<()>,
    refused: Counter,
}

impl Catalog {
    /// Opens the catalog of a storage; one that has none is empty.
    ///
    /// # Errors
    /// The storage's. One that is damaged in both copies is not guessed at.
    pub fn open(storage: Arc<dyn Storage>, clock: Arc<dyn Clock>) -> Result<Catalog, CatalogError> {
        let manifest = Manifest::open(Arc::clone(&storage), MANIFEST_PREFIX)?;
        Ok(Catalog { storage, clock, manifest, change: Mutex::new(()), refused: Counter::default() })
    }

    pub fn register_metrics(&self, registry: &mut Registry) {
        let help = "Documents that were not saved because of a limit or a full disk";
        registry.register("catalog_refused_documents", help, self.refused.clone());
    }

    /// Keeps `document` under `name`. `expected` is the version that the caller has read and changed: 0 if there must be
    /// none yet, `None` to write whatever is there.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] when there is another version than expected, else a limit, or the storage.
    pub fn put(
        &self,
        kind: Kind,
        name: &str,
        document: &impl Serialize,
        expected: Option<u64>,
    ) -> Result<Revision, CatalogError> {
        let text = serde_json::to_string(document).map_err(CatalogError::Json)?;
        let _change = self.change.lock();
        self.admit(kind, name, text.len()).inspect_err(|_| {
            self.refused.inc();
        })?;
        let state = self.manifest.state();
        let found = state.revisions(kind.as_str(), name).last().map(|revision| revision.version);
        if expected.is_some_and(|expected| expected != found.unwrap_or(0)) {
            return Err(CatalogError::Conflict { found });
        }
        let floor = state.kinds.get(kind.as_str()).map_or(0, |shelf| shelf.floor);
        let version = found.unwrap_or(floor) + 1;
        let revision = Revision { version, changed: self.clock.now(), text: text.into() };
        self.manifest.commit(Change::Put {
            kind: kind.as_str().to_owned(),
            name: name.to_owned(),
            revision: revision.clone(),
            kept: REVISIONS_KEPT,
        })?;
        Ok(revision)
    }

    /// The document of that name.
    pub fn get(&self, kind: Kind, name: &str) -> Option<Revision> {
        self.manifest.state().revisions(kind.as_str(), name).last().cloned()
    }

    /// All documents of a kind, sorted by name.
    pub fn list(&self, kind: Kind) -> Vec<(String, Revision)> {
        let state = self.manifest.state();
        let documents = state.kinds.get(kind.as_str()).into_iter().flat_map(|shelf| &shelf.documents);
        documents.filter_map(|(name, revisions)| Some((name.clone(), revisions.last()?.clone()))).collect()
    }

    /// The last [`REVISIONS_KEPT`] revisions of a document, the newest first; none where there is no document.
    pub fn history(&self, kind: Kind, name: &str) -> Vec<Revision> {
        self.manifest.state().revisions(kind.as_str(), name).iter().rev().cloned().collect()
    }

    /// Removes a document with its history. `expected` as for [`Catalog::put`].
    ///
    /// # Errors
    /// [`CatalogError::NotFound`], [`CatalogError::Conflict`], or the storage's.
    pub fn delete(&self, kind: Kind, name: &str, expected: Option<u64>) -> Result<(), CatalogError> {
        let _change = self.change.lock();
        let Some(found) = self.get(kind, name) else { return Err(CatalogError::NotFound { name: name.to_owned() }) };
        if expected.is_some_and(|expected| expected != found.version) {
            return Err(CatalogError::Conflict { found: Some(found.version) });
        }
        self.manifest.commit(Change::Delete { kind: kind.as_str().to_owned(), name: name.to_owned() })?;
        Ok(())
    }

    /// The whole catalog as one object, for a copy of it.
    pub fn snapshot(&self) -> Result<Snapshot, CatalogError> {
        Ok(self.manifest.snapshot()?)
    }

    /// Reads every object again and says which are not as they were written.
    pub fn scrub(&self) -> Result<ManifestScrub, CatalogError> {
        Ok(scrub_manifest(&*self.storage, MANIFEST_PREFIX)?)
    }

    /// Whether a document of `bytes` may be kept.
    fn admit(&self, kind: Kind, name: &str, bytes: usize) -> Result<(), CatalogError> {
        if !is_name(name) {
            return Err(CatalogError::Name { max: NAME_CHARS_MAX });
        }
        if bytes > DOCUMENT_BYTES_MAX {
            return Err(CatalogError::TooLarge { bytes, max: DOCUMENT_BYTES_MAX });
        }
        let state = self.manifest.state();
        let revisions = state.revisions(kind.as_str(), name);
        let count = state.kinds.get(kind.as_str()).map_or(0, |shelf| shelf.documents.len());
        if revisions.is_empty() && count >= DOCUMENTS_MAX {
            return Err(CatalogError::TooMany { max: DOCUMENTS_MAX });
        }
        let leaves = revisions.first().filter(|_| revisions.len() >= REVISIONS_KEPT);
        let freed = leaves.map_or(0, |revision| revision.text.len());
        if state.bytes() + name.len() + bytes > CATALOG_BYTES_MAX + freed {
            return Err(CatalogError::Full { max: CATALOG_BYTES_MAX });
        }
        if self.storage.has_room() { Ok(()) } else { Err(CatalogError::DiskFull) }
    }
}

/// Whether a text can be a name: 1 to [`NAME_CHARS_MAX`] characters, none of them a control, no white space around.
fn is_name(name: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && name.trim() == name && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
