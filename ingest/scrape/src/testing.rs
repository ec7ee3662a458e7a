//! What several tests of this crate need.

use std::path::PathBuf;

/// A folder of shared test data, where there is one.
pub(crate) fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var("WATCHFIRE_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
    let path = PathBuf::from(root).join(folder);
    if !path.is_dir() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}
