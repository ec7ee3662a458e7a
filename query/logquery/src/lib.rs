//! Watchfire: logquery.
