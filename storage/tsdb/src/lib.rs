//! Watchfire: tsdb.
