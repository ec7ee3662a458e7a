//! Every call against a small store in memory.

mod context;
mod export;
mod saved;
mod search;
mod stats;
mod tail;
