//! Watchfire: promql.
