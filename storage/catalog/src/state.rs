//! What the catalog's manifest keeps. Its JSON is the format on disk.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use watchfire_model::TimeNs;
use watchfire_store::ManifestState;

use crate::CatalogError;

/// A document as it was from one change to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Grows by 1 with every change.
    pub version: u64,
    pub changed: TimeNs,
    /// JSON.
    pub(crate) text: Arc<str>,
}

impl Revision {
    /// The document.
    ///
    /// # Errors
    /// [`CatalogError::Json`] when it is of another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, CatalogError> {
        serde_json::from_str(&self.text).map_err(CatalogError::Json)
    }

    /// The document as JSON.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct CatalogState {
    #[serde(default)]
    pub(crate) kinds: BTreeMap<String, Shelf>,
}

/// The documents of one kind.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Shelf {
    /// The highest version of any document that was deleted.
    #[serde(default)]
    pub(crate) floor: u64,
    /// Revisions from the oldest that is kept to the newest, at least one.
    #[serde(default)]
    pub(crate) documents: BTreeMap<String, Vec<Revision>>,
}

/// One change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    Put {
        kind: String,
        name: String,
        revision: Revision,
        /// Revisions that the document has afterwards at most.
        kept: usize,
    },
    Delete {
        kind: String,
        name: String,
    },
}

impl CatalogState {
    pub(crate) fn revisions(&self, kind: &str, name: &str) -> &[Revision] {
        self.kinds.get(kind).and_then(|shelf| shelf.documents.get(name)).map_or(&[], Vec::as_slice)
    }

    /// Bytes of all names and revisions.
    pub(crate) fn bytes(&self) -> usize {
        let of_document = |(name, revisions): (&String, &Vec<Revision>)| {
            name.len() + revisions.iter().map(|revision| revision.text.len()).sum::<usize>()
        };
        self.kinds.values().flat_map(|shelf| &shelf.documents).map(of_document).sum()
    }
}

impl ManifestState for CatalogState {
    type Delta = Change;

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Put { kind, name, revision, kept } => {
                let shelf = self.kinds.entry(kind.clone()).or_default();
                let revisions = shelf.documents.entry(name.clone()).or_default();
                revisions.push(revision.clone());
                revisions.drain(..revisions.len().saturating_sub((*kept).max(1)));
            }
            Change::Delete { kind, name } => {
                let Some(shelf) = self.kinds.get_mut(kind) else { return };
                let last = shelf.documents.remove(name).and_then(|revisions| Some(revisions.last()?.version));
                shelf.floor = shelf.floor.max(last.unwrap_or(0));
            }
        }
    }
}
