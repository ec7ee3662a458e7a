//! What an operator may set, and the limits that are fixed.

use watchfire_model::{ByteSize, DurationMs};

/// Limits and times of the metric store.
#[derive(Debug, Clone)]
pub struct TsdbOptions {
    /// Samples older than this are refused, blocks wholly older than this are deleted. 15 days, as in Prometheus.
    pub retention: DurationMs,
    /// Length of time in one block, and what block edges are multiples of. 2 hours, as in Prometheus.
    pub block_span: DurationMs,
    /// Series that the head may hold at once. 5 million, at most [`SERIES_MAX`]; keeps memory bounded.
    pub series_max: u64,
    /// How far ahead of the clock a sample may lie. One day: a sender with a wrong clock is refused before it can
    /// push the head's window away from everybody else.
    pub ahead_max: DurationMs,
    /// Late samples that the head holds before it is flushed early. 4 million, about 80 MB.
    pub late_samples_max: u64,
    /// Memory for pages of samples read from blocks. 64 MiB.
    pub page_cache: ByteSize,
    /// Memory for the indexes of blocks that were queried lately. 256 MiB.
    pub index_cache: ByteSize,
}

/// The largest possible [`TsdbOptions::series_max`]: slots that a series id can name.
pub const SERIES_MAX: u64 = 1 << 24;

impl Default for TsdbOptions {
    fn default() -> TsdbOptions {
        TsdbOptions {
            retention: DurationMs(15 * 24 * 3_600_000),
            block_span: DurationMs(2 * 3_600_000),
            series_max: 5_000_000,
            ahead_max: DurationMs(24 * 3_600_000),
            late_samples_max: 4_000_000,
            page_cache: ByteSize::from_mib(64),
            index_cache: ByteSize::from_mib(256),
        }
    }
}
