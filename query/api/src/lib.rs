//! Watchfire: api.
