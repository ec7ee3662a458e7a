//! Watchfire: logstore.
