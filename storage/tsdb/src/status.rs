//! What the store says of itself.

use watchfire_model::Timestamp;

/// What one call of `append` did with its samples: `stored` + `too_old` + `too_far_ahead` + `unknown.len()` is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appended {
    /// Samples taken, those of the next two fields among them.
    pub stored: usize,
    /// Samples at the time of their series' newest sample, which they replaced.
    pub duplicates: usize,
    /// Samples older than their series' newest.
    pub out_of_order: usize,
    /// Refused: older than the retention.
    pub too_old: usize,
    /// Refused: too far ahead of the clock.
    pub too_far_ahead: usize,
    /// Indexes of samples whose series the head has dropped: register the series again.
    pub unknown: Vec<usize>,
}

/// The store at one moment.
#[derive(Debug, Clone, Default)]
pub struct TsdbStatus {
    /// Series in the head.
    pub series: u64,
    /// Samples in the head that are in no block yet.
    pub head_samples: u64,
    pub head_min_time: Option<Timestamp>,
    pub head_max_time: Option<Timestamp>,
    /// Oldest and newest sample of head and blocks.
    pub min_time: Option<Timestamp>,
    pub max_time: Option<Timestamp>,
    /// Bytes of the write-ahead log not yet covered by blocks.
    pub wal_bytes: u64,
    /// Oldest first.
    pub blocks: Vec<BlockStatus>,
    /// Keys of blocks of which a part could not be read and is missing from answers.
    pub damaged_blocks: Vec<String>,
}

/// One block.
#[derive(Debug, Clone)]
pub struct BlockStatus {
    pub key: String,
    pub min_time: Timestamp,
    /// Inclusive.
    pub max_time: Timestamp,
    pub series: u64,
    pub samples: u64,
    pub bytes: u64,
}

/// Where the head's series come from, largest counts first.
#[derive(Debug, Clone, Default)]
pub struct Cardinality {
    pub label_pairs: u64,
    pub series_by_metric: Vec<(String, u64)>,
    pub values_by_label: Vec<(String, u64)>,
    /// `name=value` and its series.
    pub series_by_pair: Vec<(String, u64)>,
}
