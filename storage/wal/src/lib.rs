//! Watchfire: wal.
