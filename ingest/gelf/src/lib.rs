//! Watchfire: gelf.
