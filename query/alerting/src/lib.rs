//! Watchfire: alerting.
