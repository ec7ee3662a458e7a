//! Watchfire: pipeline.
