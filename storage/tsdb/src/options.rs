//! What an operator may set, and the limits that are fixed.

use watchfire_model::{ByteSize, DurationMs, Matcher};
use watchfire_wal::WalOptions;

/// Limits and times of the metric store.
#[derive(Debug, Clone)]
pub struct TsdbOptions {
    /// Samples older than this are refused, blocks wholly older than this are deleted. 15 days, as in Prometheus.
    pub retention: DurationMs,
    /// Blocks and log together take at most so many bytes of the disk; the oldest blocks are deleted first. No limit.
    pub bytes_max: Option<ByteSize>,
    /// Series that are kept for a shorter time. None.
    pub retention_rules: Vec<RetentionRule>,
    /// Length of time in one block, and what block edges are multiples of. 2 hours, as in Prometheus.
    pub block_span: DurationMs,
    /// Series that the head may hold at once. 5 million, at most [`SERIES_MAX`]; keeps memory bounded.
    pub series_max: u64,
    /// How far ahead of the clock a sample may lie. One day: a sender with a wrong clock is refused before it can
    /// push the head's window away from everybody else.
    pub ahead_max: DurationMs,
    /// Late samples that the head holds before it is flushed early. 4 million, about 80 MB.
    pub late_samples_max: u64,
    /// Memory of the head. At three quarters it is flushed early, at all of it new series are refused, at five quarters
    /// samples. 1 GiB.
    pub head_bytes_max: ByteSize,
    /// Exemplars that are kept, the newest of all series; about 400 B each. 100,000, as in Prometheus.
    pub exemplars_max: usize,
    /// Bytes of samples that are not durable yet and kept in case that the log fails; whoever appends beyond them waits
    /// until they are. 64 MiB.
    pub unsynced_bytes_max: ByteSize,
    /// Memory for pages of samples read from blocks. 64 MiB.
    pub page_cache: ByteSize,
    /// Memory for the indexes of blocks that were queried lately. 256 MiB.
    pub index_cache: ByteSize,
    /// Segments of the write-ahead log. Those whose samples are in blocks are kept up to 256 MiB: damaged blocks are
    /// rebuilt from them.
    pub wal: WalOptions,
}

/// Series that are kept for a shorter time than the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRule {
    /// A series that passes all of them is concerned; so is every series where there is none.
    pub matchers: Vec<Matcher>,
    /// Of several rules that concern a series, and [`TsdbOptions::retention`], the shortest counts.
    pub retention: DurationMs,
}

/// The largest possible [`TsdbOptions::series_max`]: slots that a series id can name.
pub const SERIES_MAX: u64 = 1 << 24;

impl Default for TsdbOptions {
    fn default() -> TsdbOptions {
        TsdbOptions {
            retention: DurationMs(15 * 24 * 3_600_000),
            block_span: DurationMs(2 * 3_600_000),
            bytes_max: None,
            retention_rules: Vec::new(),
            series_max: 5_000_000,
            ahead_max: DurationMs(24 * 3_600_000),
            late_samples_max: 4_000_000,
            head_bytes_max: ByteSize::from_mib(1024),
            exemplars_max: 100_000,
            unsynced_bytes_max: ByteSize::from_mib(64),
            page_cache: ByteSize::from_mib(64),
            index_cache: ByteSize::from_mib(256),
            wal: WalOptions { keep_bytes: 256 << 20, ..WalOptions::default() },
        }
    }
}
