//! Samples of a series and what is known of their metric.

use crate::{Histogram, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One value at one time. NaN payloads are kept bit for bit: one of them marks staleness.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub time: Timestamp,
    pub value: f64,
}

/// What a sample of either kind holds. A histogram that ended is a float: the staleness marker.
#[derive(Debug, Clone, PartialEq)]
pub enum PointValue {
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// A sample of either kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub time: Timestamp,
    /// When counting began, where that is known; never 0.
    pub start: Option<Timestamp>,
    pub value: PointValue,
}

impl From<Sample> for Point {
    fn from(Sample { time, value }: Sample) -> Point {
        Point { time, start: None, value: PointValue::Float(value) }
    }
}

/// The NaN that says "this series ended here" (Prometheus `model/value/value.go`, `StaleNaN`).
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

pub fn stale_nan() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// The type of a metric family, by OpenMetrics' names; the text format's `untyped` is `unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
    #[default]
    Unknown,
}

/// What an exposition says of a metric family. Serialized as Prometheus' `/api/v1/metadata` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub struct MetricMetadata {
    #[serde(rename = "type")]
    pub kind: MetricKind,
    pub help: String,
    pub unit: String,
}
