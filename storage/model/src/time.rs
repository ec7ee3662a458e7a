//! Points and ranges in time. Metrics count milliseconds, logs nanoseconds, both since 1970-01-01 UTC.

use serde::{Deserialize, Serialize};

/// Unix milliseconds, UTC: the time of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub const MIN: Timestamp = Timestamp(i64::MIN);
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// Unix seconds as PromQL and its HTTP API write them.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// This time moved by `ms`, held at the ends of the range instead of wrapping.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(ms))
    }

    /// The same instant in nanoseconds, held at the ends of the range.
    pub fn to_ns(self) -> TimeNs {
        TimeNs(self.0.saturating_mul(1_000_000))
    }
}

/// Unix nanoseconds, UTC: the time of a log record. Covers the years 1677 to 2262.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeNs(pub i64);

impl TimeNs {
    pub const MIN: TimeNs = TimeNs(i64::MIN);
    pub const MAX: TimeNs = TimeNs(i64::MAX);

    /// The same instant in whole milliseconds, rounded down.
    pub fn to_ms(self) -> Timestamp {
        Timestamp(self.0.div_euclid(1_000_000))
    }

    /// This time moved by `ns`, held at the ends of the range instead of wrapping.
    #[must_use]
    pub fn plus_ns(self, ns: i64) -> TimeNs {
        TimeNs(self.0.saturating_add(ns))
    }
}

/// Sample times from `start` to `end`, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl TimeRange {
    /// Everything that can be stored.
    pub const ALL: TimeRange = TimeRange { start: Timestamp::MIN, end: Timestamp::MAX };

    pub fn contains(self, time: Timestamp) -> bool {
        self.start <= time && time <= self.end
    }

    pub fn overlaps(self, other: TimeRange) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

/// Record times from `start` inclusive to `end` exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRangeNs {
    pub start: TimeNs,
    pub end: TimeNs,
}

impl TimeRangeNs {
    /// Everything that can be stored (but for the very last nanosecond of [`TimeNs`]).
    pub const ALL: TimeRangeNs = TimeRangeNs { start: TimeNs::MIN, end: TimeNs::MAX };

    pub fn contains(self, time: TimeNs) -> bool {
        self.start <= time && time < self.end
    }
}
