//! What an evaluation yields.

use crate::engine::labels_bytes;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use watchfire_model::{Histogram, HistogramBucket, Labels, Timestamp};

/// The value of an expression and what the engine has to say about it.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryOutput {
    pub value: Value,
    pub annotations: Annotations,
    pub stats: QueryStats,
}

/// What a query read, held and took.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryStats {
    /// Samples that steps looked at, counted as upstream counts its queryable samples: one that ten windows see is ten,
    /// a native histogram counts by its size.
    pub samples: u64,
    /// The most samples that were held at once.
    pub samples_peak: u64,
    /// As `samples`, for each step; empty unless it was asked for.
    pub samples_per_step: Vec<u64>,
    /// Series that had samples, each time they were read.
    pub series: u64,
    /// The most memory that was held at once: samples, label sets, tables.
    pub bytes_peak: u64,
    pub timings: Timings,
}

/// Where the time went, from the query's first look at its tree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    pub eval_total: Duration,
    /// Finding what occurs more than once.
    pub preparation: Duration,
    pub inner_eval: Duration,
    /// Making the answer: names that go, series that join, their order.
    pub result_sort: Duration,
}

/// Remarks that do not stop a query, each once, in Prometheus' words and ending in ` (line:column)`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Annotations {
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
}

/// A result by type. Vectors and matrices hold each label set once; a matrix is sorted by labels, a vector by what the
/// expression says, otherwise by labels.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Scalar { time: Timestamp, value: f64 },
    String { time: Timestamp, value: String },
    Vector(Vec<VectorSample>),
    Matrix(Vec<MatrixSeries>),
}

impl Value {
    /// Bytes of memory that the value takes.
    pub(crate) fn bytes(&self) -> u64 {
        let bytes = match self {
            Value::Scalar { .. } => 0,
            Value::String { value, .. } => value.len(),
            Value::Vector(samples) => {
                let bytes = |sample: &VectorSample| {
                    let histogram = sample.histogram.as_ref().map_or(0, |histogram| histogram.bytes());
                    size_of::<VectorSample>() + labels_bytes(&sample.labels) + histogram
                };
                samples.iter().map(bytes).sum()
            }
            Value::Matrix(all) => {
                let columns = |series: &MatrixSeries| {
                    let histograms: usize = series.histograms.iter().map(|(_, histogram)| 16 + histogram.bytes()).sum();
                    (series.times.capacity() + series.values.capacity()) * 8 + histograms
                };
                let bytes =
                    |series: &MatrixSeries| size_of::<MatrixSeries>() + labels_bytes(&series.labels) + columns(series);
                all.iter().map(bytes).sum()
            }
        };
        bytes as u64
    }
}

/// One element of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSample {
    pub labels: Labels,
    pub time: Timestamp,
    /// Of no meaning where there is a histogram.
    pub value: f64,
    pub histogram: Option<Arc<Histogram>>,
}

/// One series of a matrix: numbers in columns of equal length, and native histograms at times of their own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MatrixSeries {
    pub labels: Labels,
    /// Unix milliseconds, strictly rising.
    pub times: Vec<i64>,
    pub values: Vec<f64>,
    /// Unix milliseconds, strictly rising, none of them among `times`.
    pub histograms: Vec<(i64, Arc<Histogram>)>,
}

/// A number as Prometheus prints it: shortest decimal form without an exponent; of two that are as short and as near, the
/// one with the even digit.
pub(crate) fn format_number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let shortest = value.to_string();
    match shortest.split_once('.') {
        Some((_, decimals)) => format!("{value:.0$}", decimals.len()),
        None => shortest,
    }
}

/// A native histogram as Prometheus prints it: count, sum, and every bucket that is not empty with its bounds.
pub(crate) fn histogram_text(histogram: &Histogram) -> String {
    let mut text = format!("{{count:{}, sum:{}", short_number(histogram.count), short_number(histogram.sum));
    for HistogramBucket { lower, upper, count, includes_lower, includes_upper } in histogram.buckets() {
        let open = if includes_lower { '[' } else { '(' };
        let close = if includes_upper { ']' } else { ')' };
        let (lower, upper, count) = (short_number(lower), short_number(upper), short_number(count));
        let _ = write!(text, ", {open}{lower},{upper}{close}:{count}");
    }
    text.push('}');
    text
}

/// A number as Go's `%v` prints it: with an exponent below 1e-4 and from 1e6 on.
fn short_number(value: f64) -> String {
    const EXPONENT_MIN: i32 = -4;
    const EXPONENT_END: i32 = 6;
    if !value.is_finite() || value == 0.0 {
        return format_number(value);
    }
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (EXPONENT_MIN..EXPONENT_END).contains(&exponent) {
        return format_number(value);
    }
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, want: &str) {
        assert_eq!(format_number(value), want);
    }

    #[test]
    fn numbers_are_printed_in_their_shortest_form() {
        check(1.0, "1");
        check(-0.1, "-0.1");
        check(1e21, "1000000000000000000000");
        check(5e-324, &format!("0.{}5", "0".repeat(323)));
        check(f64::NEG_INFINITY, "-Inf");
        check(f64::NAN, "NaN");
        // Exactly between two shortest forms.
        check(221_692_706_831_733.0 / 16.0, "13855794176983.312");
    }
}
