//! Native histograms: `{{schema:0 sum:5 count:4 buckets:[1 2 1]}}`.

use super::{NotationError, excerpt};
use watchfire_model::{Histogram, ResetHint};

/// Reads the text between the braces.
pub fn histogram(text: &str) -> Result<Histogram, NotationError> {
    let refuse = |reason: String| NotationError::Histogram { text: excerpt(text), reason };
    let mut histogram = Histogram::empty();
    let (mut offset, mut negative_offset) = (0, 0);
    let (mut positive, mut negative) = (Vec::new(), Vec::new());
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once(':').ok_or_else(|| refuse("a part has no `:`".to_owned()))?;
        let (value, next) = match after.strip_prefix('[') {
            Some(list) => list.split_once(']').ok_or_else(|| refuse("a list has no end".to_owned()))?,
            None => after.split_at(after.find([' ', '\t']).unwrap_or(after.len())),
        };
        let parse = |text: &str| text.parse::<f64>().map_err(|_| refuse(format!("`{}` is no number", excerpt(text))));
        let number = || parse(value);
        let numbers = || value.split_whitespace().map(parse).collect::<Result<Vec<f64>, NotationError>>();
        match key.trim() {
            "schema" => histogram.schema = number()? as i32,
            "sum" => histogram.sum = number()?,
            "count" => histogram.count = number()?,
            "z_bucket" => histogram.zero_count = number()?,
            "z_bucket_w" => histogram.zero_threshold = number()?,
            "offset" => offset = number()? as i32,
            "n_offset" => negative_offset = number()? as i32,
            "buckets" => positive = numbers()?,
            "n_buckets" => negative = numbers()?,
            "custom_values" => histogram.bounds = numbers()?.into(),
            "counter_reset_hint" => {
                histogram.hint = match value {
                    "unknown" => ResetHint::Unknown,
                    "reset" => ResetHint::Reset,
                    "not_reset" => ResetHint::NotReset,
                    "gauge" => ResetHint::Gauge,
                    other => return Err(refuse(format!("`{}` is no hint", excerpt(other)))),
                }
            }
            other => return Err(refuse(format!("`{}` is no part of one", excerpt(other)))),
        }
        rest = next.trim_start();
    }
    let known = (-4..=8).contains(&histogram.schema) || histogram.is_custom();
    if !known {
        return Err(refuse(format!("there is no schema {}", histogram.schema)));
    }
    let at = |offset: i32, counts: Vec<f64>| -> Vec<(i32, f64)> {
        counts.into_iter().enumerate().map(|(index, count)| (offset.saturating_add(index as i32), count)).collect()
    };
    histogram.positive = at(offset, positive);
    histogram.negative = at(negative_offset, negative);
    Ok(histogram.compact())
}
