//! What an evaluation yields.

use crate::engine::labels_bytes;
use watchfire_model::{Labels, Timestamp};

/// The value of an expression and what the engine has to say about it.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryOutput {
    pub value: Value,
    pub annotations: Annotations,
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
                samples.iter().map(|sample| size_of::<VectorSample>() + labels_bytes(&sample.labels)).sum()
            }
            Value::Matrix(all) => {
                let columns = |series: &MatrixSeries| (series.times.capacity() + series.values.capacity()) * 8;
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
    pub value: f64,
}

/// One series of a matrix, in columns of equal length.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSeries {
    pub labels: Labels,
    /// Unix milliseconds, strictly rising.
    pub times: Vec<i64>,
    pub values: Vec<f64>,
}

/// A number as Prometheus prints it: shortest decimal form without an exponent.
pub(crate) fn format_number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}
