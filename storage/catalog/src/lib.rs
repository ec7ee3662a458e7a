//! Small documents with names and versions: saved searches today, whatever people make and want to keep tomorrow.
//!
//! Invariants
//! - What [`Catalog::put`] has returned is there after a power cut; what it refused is not. (After an I/O error nobody
//!   knows until the next opening.)
//! - No version is given twice to the same name, not even after a deletion: who changes what he read before overwrites
//!   nobody else's work.
//! - Everything is in memory and bounded: documents, bytes of each, bytes of all with their history.
//!
//! Every byte on disk is drawn in `FORMAT.md`.

mod catalog;
mod error;
mod kind;
mod state;

pub use catalog::{CATALOG_BYTES_MAX, Catalog, DOCUMENT_BYTES_MAX, DOCUMENTS_MAX, NAME_CHARS_MAX, REVISIONS_KEPT};
pub use error::CatalogError;
pub use kind::Kind;
pub use state::Revision;
