//! What scripts expect at each step.

use std::sync::Arc;
use watchfire_model::{Histogram, Labels};
use watchfire_promql::notation::{self, NotedValue};

/// One place in a sequence.
#[derive(Debug, Clone)]
pub(crate) enum Point {
    None,
    Value(f64),
    /// A native histogram, and whether its hint was written.
    Histogram(Arc<Histogram>, bool),
}

/// Splits a line into its labels and points.
pub(crate) fn series_line(line: &str) -> Result<(Labels, Vec<Point>), String> {
    let (series, values) = notation::split(line);
    Ok((notation::series(series).map_err(|error| error.to_string())?, points(values)?))
}

pub(crate) fn points(text: &str) -> Result<Vec<Point>, String> {
    let values = notation::values_with_hints(text).map_err(|error| error.to_string())?;
    let point = |(value, with_hint)| match value {
        NotedValue::Missing => Point::None,
        NotedValue::Float(value) => Point::Value(value),
        NotedValue::Histogram(histogram) => Point::Histogram(histogram, with_hint),
    };
    Ok(values.into_iter().map(point).collect())
}
