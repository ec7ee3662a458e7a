//! What an operator may set about the log store.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use watchfire_model::{ByteSize, DurationMs};

/// Settings of the log store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogStoreOptions {
    /// Bytes of memory that fresh records may take before they are written out as a block. While one such set is being
    /// written the next one fills, so twice this is the bound. Default 64MiB: about 120,000 messages of 520 bytes.
    pub memtable_bytes_max: ByteSize,
    /// The longest that a record waits in memory for its block; until then a restart replays it from the write-ahead
    /// log, and a search looks at it one by one. Default 30s: merging the small blocks that this makes costs little.
    pub flush_age: DurationMs,
    /// How long records are kept, by their event time, where their stream has no setting of its own. Default 30d.
    pub retention: DurationMs,
    /// How long the records of single streams are kept.
    pub stream_retention: BTreeMap<SmolStr, DurationMs>,
    /// Bytes that the blocks of all streams may take on disk; the oldest go first. Default: no limit but the disk.
    pub bytes_max: Option<ByteSize>,
    /// Bytes that the blocks of single streams may take on disk; the oldest go first.
    pub stream_bytes_max: BTreeMap<SmolStr, ByteSize>,
    /// Bytes of index sections and decoded columns held for further queries. Default 512MiB; the binary lowers it to a twentieth of its memory limit.
    pub cache_bytes_max: ByteSize,
    /// Records in one merged block. Default 2,000,000: about 1 GiB of messages of 520 bytes before compression.
    pub compact_rows_max: u64,
    /// Whether a thread of the store merges small blocks and mends damaged ones where nothing is lost by it; if not, only
    /// [`crate::LogStore::compact`] and [`crate::LogStore::repair`] do. Default true.
    pub compact_in_background: bool,
    /// Bytes of the write-ahead log that are kept after their records are in blocks, to rebuild a block that is found
    /// damaged soon after it was written. Default 256MiB.
    pub wal_keep_bytes: ByteSize,
}

impl Default for LogStoreOptions {
    fn default() -> LogStoreOptions {
        LogStoreOptions {
            memtable_bytes_max: ByteSize::from_mib(64),
            flush_age: DurationMs::from_secs(30),
            retention: DurationMs::from_secs(30 * 24 * 3600),
            stream_retention: BTreeMap::new(),
            bytes_max: None,
            stream_bytes_max: BTreeMap::new(),
            cache_bytes_max: ByteSize::from_mib(512),
            compact_rows_max: 2_000_000,
            compact_in_background: true,
            wal_keep_bytes: ByteSize::from_mib(256),
        }
    }
}
