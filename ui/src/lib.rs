//! Watchfire: ui.
