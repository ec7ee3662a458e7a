//! Watchfire: discovery.
