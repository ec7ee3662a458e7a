//! The seams to the outside that make storage testable, and the numbered manifest built on them.
//!
//! Invariants
//! - An object, once created, never changes: there is no overwrite and no rename over an existing key.
//! - `create` and `AppendFile::sync` return only when the bytes *and* the directory entry would survive a power cut.
//! - All mutable state is a numbered sequence of immutable objects ([`Manifest`]).
//! - What could not be made durable is taken back; where that fails too, reading it fails until the next start. So nobody
//!   builds on what a power cut decides.
//! - Data from outside is refused before the medium is full ([`Storage::has_room`]), and a reserve is kept for the work
//!   that makes room.
//! - One process at a time uses a directory ([`DirStorage`] holds its lock).
//! - What was written is checked when it is read: [`frame`] carries magic, version, length and checksum.
//!
//! Every byte on disk is drawn in `FORMAT.md`.

mod clock;
mod crash;
mod dir;
mod doubled;
pub mod frame;
mod key;
mod manifest;
mod memory;
mod storage;
mod sweep;

pub use clock::{Clock, ManualClock, SystemClock};
pub use crash::crash_point;
pub use dir::{DirStorage, Metrics, SpaceOptions, SpaceStatus};
pub use manifest::{DamagedObject, Manifest, ManifestScrub, ManifestState, Snapshot, scrub_manifest};
pub use memory::{Fault, MemStorage, Operation, OperationKind};
pub use storage::{AppendFile, Object, Space, Storage, StorageError};
pub use sweep::sweep;
