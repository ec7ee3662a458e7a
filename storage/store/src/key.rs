//! Which texts are keys. Everything else in a directory (temporary files, `lost+found`) is invisible to the store.

use crate::StorageError;

/// The longest key, in bytes.
pub(crate) const KEY_BYTES_MAX: usize = 1024;
/// The longest part between two slashes, in bytes; file systems allow 255.
pub(crate) const PART_BYTES_MAX: usize = 240;

/// Files that the directory keeps for itself beside the objects.
pub(crate) const RESERVED: [&str; 3] = ["LOCK", "FORMAT", "RESERVE"];

/// # Errors
/// [`StorageError::InvalidKey`] unless `key` is a relative path as [`crate::Storage`] describes it.
pub(crate) fn check_key(key: &str) -> Result<(), StorageError> {
    let good = key.len() <= KEY_BYTES_MAX && !RESERVED.contains(&key) && key.split('/').all(is_part);
    if good { Ok(()) } else { Err(StorageError::InvalidKey { key: key.to_owned() }) }
}

/// # Errors
/// [`StorageError::InvalidKey`] unless `prefix` is empty or a key followed by a slash.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), StorageError> {
    if prefix.is_empty() {
        return Ok(());
    }
    let invalid = || StorageError::InvalidKey { key: prefix.to_owned() };
    check_key(prefix.strip_suffix('/').ok_or_else(invalid)?).map_err(|_| invalid())
}

/// True for what may stand between two slashes of a key.
pub(crate) fn is_part(part: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !part.is_empty() && part.len() <= PART_BYTES_MAX && part != "." && part != ".." && part.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(key: &str, good: bool) {
        assert_eq!(check_key(key).is_ok(), good, "key `{key}`");
        assert_eq!(check_prefix(&format!("{key}/")).is_ok(), good, "prefix `{key}/`");
    }

    #[test]
    fn keys_are_plain_relative_paths() {
        check("wal/logs/0000000001/0000000000", true);
        check("logs/default/2026-11-21/01J.parquet", true);
        check("..a", true);
        check("", false);
        check("/a", false);
        check("a//b", false);
        check("a/", false);
        check("../a", false);
        check("a/./b", false);
        check("a b", false);
        check("a\0", false);
        check("~tmp.1.2", false);
        check("LOCK", false);
        check("FORMAT", false);
        check("RESERVE", false);
        check("a/LOCK", true);
        check(&"k".repeat(PART_BYTES_MAX), true);
        check(&"k".repeat(PART_BYTES_MAX + 1), false);
        check(&vec!["k"; KEY_BYTES_MAX].join("/"), false);
    }

    #[test]
    fn a_prefix_ends_at_a_slash() {
        assert!(check_prefix("").is_ok());
        assert!(check_prefix("wal/").is_ok());
        assert!(check_prefix("wal").is_err());
        assert!(check_prefix("/").is_err());
    }
}
