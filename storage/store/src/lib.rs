//! The seams to the outside that make storage testable, and the numbered manifest built on them.
//!
//! Invariants
//! - An object, once created, never changes: there is no overwrite and no rename over an existing key.
//! - `create` and `AppendFile::sync` return only when the bytes *and* the directory entry would survive a power cut.
//! - All mutable state is a numbered sequence of immutable objects ([`Manifest`]).

mod clock;
mod storage;

pub use clock::{Clock, ManualClock, SystemClock};
pub use storage::{AppendFile, Object, Space, Storage, StorageError};
