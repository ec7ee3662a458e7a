//! Where a record stands in the log.

use serde::{Deserialize, Serialize};

/// Position of a record: sessions are numbered per opening of the log (and anew after a failed write), records within a
/// session from 0. Later records have greater positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Position {
    pub session: u64,
    pub index: u64,
}

impl Position {
    /// Not after any record.
    pub const START: Position = Position { session: 0, index: 0 };
}
