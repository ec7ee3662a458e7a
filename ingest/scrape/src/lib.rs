//! Watchfire: scrape.
