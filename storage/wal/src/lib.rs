//! The write-ahead log: records are durable before anybody is told that they are stored.
//!
//! Invariants
//! - [`Wal::commit`] succeeds only after an fsync that covers the record; one fsync serves all who wait.
//! - A file is never written or synced again after an error: its session is sealed, and what was not yet durable in it
//!   fails for everybody who waits.
//! - Positions never repeat, and grow with every record appended.
//! - Replay hands out only payloads whose checksum holds, in the order in which they were appended, and none that a sender
//!   was told is not stored: the session after a failed one names it.
//! - Reading holds a few megabytes, or the largest batch, in memory at a time.
//!
//! Every byte on disk is drawn in `FORMAT.md`.

mod files;
mod metrics;
mod pieces;
mod position;
mod replay;
mod reread;
mod scrub;
mod segment;
mod session;
mod wal;

pub use metrics::Metrics;
pub use position::Position;
pub use replay::{Backlog, Replay};
pub use reread::Reread;
pub use scrub::{DamagedSegment, Scrub, Verified, verify_segment};
pub use wal::{Wal, WalError, WalOptions};
