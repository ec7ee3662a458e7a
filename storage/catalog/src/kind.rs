//! What sort of thing a document is.

/// A family of documents; names are unique within one. It stands on disk: never rename one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(&'static str);

impl Kind {
    /// A query with parameters under a name.
    pub const SAVED_SEARCH: Kind = Kind("saved-search");

    pub fn as_str(self) -> &'static str {
        self.0
    }
}
