//! `topk`, `bottomk`, `limitk` and `limit_ratio`: aggregations that pick series and keep their labels.

use super::{Members, members};
use crate::ast::{Aggregate, AggregateOp};
use crate::engine::{Evaluator, Series, Steps, Ticker, Vector};
use crate::remarks::ignored_in_aggregation;
use crate::value::format_number;
use crate::{EvalError, Expr};
use std::cmp::Ordering;
use std::hash::Hasher;
use twox_hash::XxHash64;
use watchfire_model::Labels;

pub(super) fn eval<'q>(
    evaluator: &mut Evaluator<'q>,
    node: &Aggregate,
    param: &Expr,
    steps: Steps,
) -> Result<Vector<'q>, EvalError> {
    let params = evaluator.scalar(param, steps)?;
    let picker = match node.op {
        AggregateOp::LimitRatio => Picker::Ratio(ratios(evaluator, &params, param)?),
        AggregateOp::Topk => Picker::Largest(counts(&params)?),
        AggregateOp::Bottomk => Picker::Smallest(counts(&params)?),
        _ => Picker::First(counts(&params)?),
    };
    let Vector { series, mut held } = evaluator.vector(&node.operand, steps)?;
    let mut ticker = Ticker::new(evaluator.query.budget);
    let mut picked = Vec::new();
    let keeps_histograms = matches!(node.op, AggregateOp::Limitk | AggregateOp::LimitRatio);
    for mut group in members(series, &node.grouping, &mut held)? {
        if !keeps_histograms && group.series.iter().any(|series| !series.histograms.are_none()) {
            evaluator.annotations.inform(&ignored_in_aggregation(node.op.as_str()), node.operand.span);
            group.series.iter_mut().for_each(|series| series.histograms.clear());
        }
        for step in 0..steps.count {
            ticker.tick(group.series.len())?;
            picker.pick(&mut group, step);
        }
        group.series.retain(|series| !series.is_empty());
        if steps.count == 1 {
            picker.sort(&mut group.series);
        }
        picked.append(&mut group.series);
    }
    Ok(Vector { series: picked, held })
}

/// What is picked, with a parameter per step.
enum Picker {
    Largest(Vec<usize>),
    Smallest(Vec<usize>),
    First(Vec<usize>),
    Ratio(Vec<f64>),
}

impl Picker {
    /// Takes away the samples of one step that are not picked.
    fn pick(&self, group: &mut Members, step: usize) {
        let series = &mut group.series;
        let count = match self {
            Picker::Ratio(ratios) => {
                for one in series.iter_mut().filter(|one| !in_ratio(&one.labels, ratios[step])) {
                    one.remove(step);
                }
                return;
            }
            Picker::Largest(counts) | Picker::Smallest(counts) | Picker::First(counts) => counts[step],
        };
        let mut present: Vec<usize> = (0..series.len()).filter(|index| series[*index].is_present(step)).collect();
        if present.len() <= count {
            return;
        }
        // Stable: of equal values the first series stays.
        present.sort_by(|a, b| self.order(series[*a].values[step], series[*b].values[step]));
        for index in &present[count..] {
            series[*index].remove(step);
        }
    }

    /// Which of two values comes first; NaN is last either way.
    fn order(&self, a: f64, b: f64) -> Ordering {
        let by_value = match self {
            Picker::Largest(_) => b.partial_cmp(&a),
            Picker::Smallest(_) => a.partial_cmp(&b),
            Picker::First(_) | Picker::Ratio(_) => Some(Ordering::Equal),
        };
        by_value.unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
    }

    fn sort(&self, series: &mut [Series]) {
        series.sort_by(|a, b| self.order(a.values[0], b.values[0]));
    }
}

/// How many series to keep at each step.
fn counts(params: &[f64]) -> Result<Vec<usize>, EvalError> {
    let to_count = |param: &f64| {
        let refuse = |message: String| Err(EvalError::Execution(message));
        if param.is_nan() {
            return refuse("Parameter value is NaN".to_owned());
        }
        // Powers of two, so that both bounds are exact.
        if *param >= -(i64::MIN as f64) {
            return refuse(format!("Scalar value {} overflows int64", format_number(*param)));
        }
        if *param <= i64::MIN as f64 {
            return refuse(format!("Scalar value {} underflows int64", format_number(*param)));
        }
        Ok(usize::try_from(*param as i64).unwrap_or(0))
    };
    params.iter().map(to_count).collect()
}

fn ratios(evaluator: &mut Evaluator<'_>, params: &[f64], param: &Expr) -> Result<Vec<f64>, EvalError> {
    let mut ratios = Vec::with_capacity(params.len());
    for ratio in params {
        if ratio.is_nan() {
            return Err(EvalError::Execution("Ratio value is NaN".to_owned()));
        }
        let capped = ratio.clamp(-1.0, 1.0);
        if capped != *ratio {
            let (got, used) = (format_number(*ratio), format_number(capped));
            evaluator
                .annotations
                .warn(&format!("ratio value should be between -1 and 1, got {got}, capping to {used}"), param.span);
        }
        ratios.push(capped);
    }
    Ok(ratios)
}

/// Whether a series falls into a share of all series: a ratio and its complement (`r` and `-(1-r)`) part them.
fn in_ratio(labels: &Labels, ratio: f64) -> bool {
    let offset = hash(labels) as f64 / u64::MAX as f64;
    if ratio >= 0.0 { offset < ratio } else { offset >= 1.0 + ratio }
}

/// The hash that upstream's servers pick by, so that they pick the same series: xxHash64 of the names and values in
/// order, each behind its length (Prometheus 3.14, `model/labels/labels_stringlabels.go`).
fn hash(labels: &Labels) -> u64 {
    let mut hasher = XxHash64::with_seed(0);
    for text in labels.iter().flat_map(|label| [&label.name, &label.value]) {
        let len = text.len().min(LONG_LEN_MAX);
        match u8::try_from(len) {
            Ok(len) if len != LONG_MARK => hasher.write(&[len]),
            _ => {
                let [a, b, c, ..] = len.to_le_bytes();
                hasher.write(&[LONG_MARK, a, b, c]);
            }
        }
        hasher.write(text.as_bytes());
    }
    hasher.finish()
}

/// Says that a length follows in three bytes, the lowest first.
const LONG_MARK: u8 = 255;
const LONG_LEN_MAX: usize = (1 << 24) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pairs: &[(&str, &str)], bytes: &[u8]) {
        let labels = Labels::from_pairs(pairs.iter().copied());
        assert_eq!(hash(&labels), XxHash64::oneshot(0, bytes), "{labels}");
    }

    #[test]
    fn the_hash_is_that_of_the_names_and_values_behind_their_lengths() {
        check(&[], b"");
        check(&[("__name__", "up"), ("a", "b")], b"\x08__name__\x02up\x01a\x01b");
        let (short, long) = ("v".repeat(254), "v".repeat(300));
        check(&[("a", &short)], &[b"\x01a\xfe".as_slice(), short.as_bytes()].concat());
        check(&[("a", &long)], &[b"\x01a\xff\x2c\x01\x00".as_slice(), long.as_bytes()].concat());
    }
}
