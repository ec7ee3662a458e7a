//! Native histograms in scripts: `{{schema:0 sum:5 count:4 buckets:[1 2 1]}}`.

use super::compare::almost_equal;
use watchfire_model::{Histogram, ResetHint};

/// Reads the text between the braces.
pub(crate) fn parse(text: &str) -> Result<Histogram, String> {
    let mut histogram = Histogram::empty();
    let (mut offset, mut negative_offset) = (0, 0);
    let (mut positive, mut negative) = (Vec::new(), Vec::new());
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once(':').ok_or_else(|| format!("not a histogram: {text}"))?;
        let (value, next) = match after.strip_prefix('[') {
            Some(list) => list.split_once(']').ok_or_else(|| format!("an open list: {text}"))?,
            None => after.split_at(after.find([' ', '\t']).unwrap_or(after.len())),
        };
        let number = || value.parse::<f64>().map_err(|_| format!("not a number: {value}"));
        let numbers = || {
            let all = value.split_whitespace().map(str::parse::<f64>).collect::<Result<Vec<_>, _>>();
            all.map_err(|_| format!("not numbers: {value}"))
        };
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
                    other => return Err(format!("not a hint: {other}")),
                }
            }
            other => return Err(format!("not a part of a histogram: {other}")),
        }
        rest = next.trim_start();
    }
    histogram.positive = (offset..).zip(positive).collect();
    histogram.negative = (negative_offset..).zip(negative).collect();
    Ok(histogram.compact())
}

/// Equal but for rounding; the hint only counts where `hint` was asked for.
pub(crate) fn equal(got: &Histogram, want: &Histogram, with_hint: bool) -> bool {
    let buckets = |got: &[(i32, f64)], want: &[(i32, f64)]| {
        let equal = |(got, want): (&(i32, f64), &(i32, f64))| got.0 == want.0 && almost_equal(got.1, want.1);
        got.len() == want.len() && got.iter().zip(want).all(equal)
    };
    got.schema == want.schema
        && almost_equal(got.count, want.count)
        && almost_equal(got.sum, want.sum)
        && almost_equal(got.zero_count, want.zero_count)
        && (got.is_custom() || almost_equal(got.zero_threshold, want.zero_threshold))
        && got.bounds == want.bounds
        && buckets(&got.positive, &want.positive)
        && buckets(&got.negative, &want.negative)
        && (!with_hint || got.hint == want.hint)
}

/// As it is read back from a store that keeps histograms in chunks: the first of a chunk does not know whether it was
/// reset, the others of a counter are known not to be.
pub(crate) fn stored(histogram: &Histogram, previous: Option<&Histogram>) -> Histogram {
    let hint = match (histogram.hint, previous) {
        (ResetHint::Gauge, _) => ResetHint::Gauge,
        (ResetHint::Reset, _) | (_, None) => ResetHint::Unknown,
        (_, Some(previous)) => {
            let same_layout = histogram.schema == previous.schema
                && histogram.zero_threshold == previous.zero_threshold
                && histogram.bounds == previous.bounds
                && previous.hint != ResetHint::Gauge;
            let unhinted = Histogram { hint: ResetHint::Unknown, ..histogram.clone() };
            if same_layout && !unhinted.is_reset_after(previous) { ResetHint::NotReset } else { ResetHint::Unknown }
        }
    };
    Histogram { hint, ..histogram.clone() }
}
