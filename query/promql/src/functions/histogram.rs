//! `histogram_*` over native histograms, and over classic ones: series that count observations up to their label `le`.

mod buckets;
mod native;

use super::{Site, metric_name};
use crate::engine::{
    Evaluator, Held, Histograms, Series, TABLE_ENTRY_BYTES, Ticker, Vector, absent, is_absent, labels_bytes,
    series_bytes,
};
use crate::quantile::quantile_warning;
use crate::remarks::{for_metric, mixed_kinds};
use crate::value::format_number;
use crate::{EvalError, Expr, Span};
use buckets::{Bucket, fraction, quantile};
use std::collections::HashMap;
use watchfire_model::Labels;

/// The label that holds a bucket's upper bound.
const BOUND: &str = "le";

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let args = site.args;
    match site.name {
        "histogram_quantile" => {
            let phis = quantiles(evaluator, &args[..1], site)?.swap_remove(0);
            let (histograms, _held) = histograms(evaluator, &args[1], site)?;
            map(evaluator, site, &histograms, &|histogram, step| quantile_of(phis[step], histogram))
        }
        "histogram_quantiles" => histogram_quantiles(evaluator, site),
        "histogram_fraction" => {
            let lower = evaluator.scalar(&args[0], site.steps)?;
            let upper = evaluator.scalar(&args[1], site.steps)?;
            let (histograms, _held) = histograms(evaluator, &args[2], site)?;
            map(evaluator, site, &histograms, &|histogram, step| match histogram {
                Kind::Classic(buckets) => (fraction(lower[step], upper[step], buckets), Remark::None),
                Kind::Native(histogram) => {
                    let (value, has_nan) = native::fraction(lower[step], upper[step], histogram);
                    (value, if has_nan { Remark::NanLeftOut } else { Remark::None })
                }
            })
        }
        "histogram_count" => of_native(evaluator, site, |histogram| histogram.count),
        "histogram_sum" => of_native(evaluator, site, |histogram| histogram.sum),
        "histogram_avg" => of_native(evaluator, site, |histogram| histogram.sum / histogram.count),
        "histogram_stdvar" => of_native(evaluator, site, native::variance),
        "histogram_stddev" => of_native(evaluator, site, |histogram| native::variance(histogram).sqrt()),
        name => unreachable!("{name} is in the table of functions, but not here"),
    }
}

/// One number from each native histogram.
fn of_native<'q>(
    evaluator: &mut Evaluator<'q>,
    site: &Site<'_>,
    compute: impl Fn(&watchfire_model::Histogram) -> f64,
) -> Result<Vector<'q>, EvalError> {
    let counts_only = matches!(site.name, "histogram_count" | "histogram_sum" | "histogram_avg");
    let before = std::mem::replace(&mut evaluator.hints_by_comparison, counts_only);
    let vector = evaluator.vector(&site.args[0], site.steps);
    evaluator.hints_by_comparison = before;
    let mut vector = vector?;
    for series in &mut vector.series {
        evaluator.query.budget.check()?;
        series.name_dropped = true;
        for step in 0..site.steps.count {
            series.values[step] = series.histograms.take(step).map_or_else(absent, |histogram| compute(&histogram));
        }
    }
    vector.series.retain(|series| !series.is_empty());
    Ok(vector)
}

/// A histogram at one step.
enum Kind<'h> {
    Classic(&'h mut Vec<Bucket>),
    Native(&'h watchfire_model::Histogram),
}

/// What is to be remarked on a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remark {
    None,
    /// Falling counts were repaired.
    Repaired,
    NanResult,
    NanSkew,
    NanLeftOut,
}

fn quantile_of(phi: f64, histogram: Kind<'_>) -> (f64, Remark) {
    match histogram {
        Kind::Classic(buckets) => {
            let (value, repaired) = quantile(phi, buckets);
            (value, if repaired { Remark::Repaired } else { Remark::None })
        }
        Kind::Native(histogram) => {
            let (value, remark) = native::quantile(phi, histogram);
            let remark = match remark {
                native::Remark::None => Remark::None,
                native::Remark::NanResult => Remark::NanResult,
                native::Remark::NanSkew => Remark::NanSkew,
            };
            (value, remark)
        }
    }
}

/// A classic histogram, a native one, or both, under one set of labels.
struct Histogram {
    /// Those that the buckets share (with the metric's name).
    labels: Labels,
    /// Upper bound and series of each classic bucket.
    buckets: Vec<(f64, Series)>,
    /// The series of native histograms.
    natives: Vec<Series>,
}

/// Evaluates `arg` and gathers buckets that differ in `le` only; with what they take from the budget.
fn histograms<'q>(
    evaluator: &mut Evaluator<'q>,
    arg: &Expr,
    site: &Site<'_>,
) -> Result<(Vec<Histogram>, Held<'q>), EvalError> {
    let before = std::mem::replace(&mut evaluator.hints_by_comparison, false);
    let vector = evaluator.vector(arg, site.steps);
    evaluator.hints_by_comparison = before;
    let mut vector = vector?;
    let mut index_by_labels: HashMap<Labels, usize> = HashMap::new();
    let mut histograms: Vec<Histogram> = Vec::new();
    for series in vector.series {
        let mut series = series;
        let text = series.labels.get_or_empty(BOUND);
        let bound = if series.is_without_floats() { None } else { Some(text.parse::<f64>()) };
        if let Some(Err(_)) = bound {
            let mut message = format!("bucket label \"le\" is missing or has a malformed value of {text:?}");
            message.push_str(&for_metric(metric_name(&series.labels)));
            evaluator.annotations.warn(&message, arg.span);
        }
        let labels = series.labels.filtered(|label| label.name != BOUND);
        vector.held.add_memory(size_of::<(f64, Series)>())?;
        let index = if let Some(index) = index_by_labels.get(&labels) {
            *index
        } else {
            vector.held.add_memory(TABLE_ENTRY_BYTES + size_of::<Histogram>() + labels_bytes(&labels))?;
            index_by_labels.insert(labels.clone(), histograms.len());
            histograms.push(Histogram { labels, buckets: Vec::new(), natives: Vec::new() });
            histograms.len() - 1
        };
        if !series.histograms.are_none() {
            let native = Series { values: vec![absent(); site.steps.count], ..series.clone() };
            vector.held.add(site.steps.count)?;
            series.histograms.clear();
            histograms[index].natives.push(native);
        }
        if let Some(Ok(bound)) = bound {
            histograms[index].buckets.push((bound, series));
        }
    }
    Ok((histograms, vector.held))
}

/// Computes a result from a histogram at a step.
type Compute<'c> = &'c dyn Fn(Kind<'_>, usize) -> (f64, Remark);

/// A result per histogram and step.
fn map<'q>(
    evaluator: &mut Evaluator<'q>,
    site: &Site<'_>,
    histograms: &[Histogram],
    compute: Compute<'_>,
) -> Result<Vector<'q>, EvalError> {
    let mut series = Vec::new();
    let mut held = evaluator.hold(0)?;
    append(evaluator, site, histograms, None, compute, (&mut series, &mut held))?;
    Ok(Vector { series, held })
}

/// Appends a result per histogram; `label` is added to what the histogram is called.
fn append(
    evaluator: &mut Evaluator<'_>,
    site: &Site<'_>,
    histograms: &[Histogram],
    label: Option<(&str, &str)>,
    compute: Compute<'_>,
    (into, held): (&mut Vec<Series>, &mut Held<'_>),
) -> Result<(), EvalError> {
    let mut ticker = Ticker::new(evaluator.query.budget);
    let mut scratch: Vec<Bucket> = Vec::new();
    for histogram in histograms {
        let mut classic = vec![absent(); site.steps.count];
        let mut natives: Vec<Vec<f64>> = histogram.natives.iter().map(|_| vec![absent(); site.steps.count]).collect();
        held.add(site.steps.count * (1 + natives.len()))?;
        for step in 0..site.steps.count {
            ticker.tick(histogram.buckets.len() + 1)?;
            scratch.clear();
            let present = histogram.buckets.iter().filter(|(_, series)| series.is_present(step));
            scratch.extend(present.map(|(bound, series)| Bucket { upper: *bound, count: series.values[step] }));
            let has_native = histogram.natives.iter().any(|series| series.is_present(step));
            if has_native && !scratch.is_empty() {
                evaluator.annotations.warn(&mixed_kinds(metric_name(&histogram.labels)), vector_span(site));
                continue;
            }
            if !scratch.is_empty() {
                let (value, remark) = compute(Kind::Classic(&mut scratch), step);
                tell(evaluator, site, histogram, remark);
                classic[step] = value;
            }
            for (series, values) in histogram.natives.iter().zip(&mut natives) {
                if let Some(native) = series.histograms.get(step) {
                    let (value, remark) = compute(Kind::Native(native), step);
                    tell(evaluator, site, histogram, remark);
                    values[step] = value;
                }
            }
        }
        let results = std::iter::once((&histogram.labels, classic))
            .chain(histogram.natives.iter().map(|series| &series.labels).zip(natives));
        for (labels, values) in results {
            let mut labels = labels.to_builder();
            if let Some((name, value)) = label {
                labels.set(name, value);
            }
            let histograms = Histograms::default();
            let one = Series { labels: labels.build(), name_dropped: true, values, histograms };
            if one.is_empty() {
                held.give_back(site.steps.count);
            } else {
                held.add_memory(series_bytes(&one.labels))?;
                into.push(one);
            }
        }
    }
    Ok(())
}

/// Where the argument stands that holds the histograms.
fn vector_span(site: &Site<'_>) -> Span {
    match site.name {
        "histogram_quantile" => site.args[1].span,
        "histogram_fraction" => site.args[2].span,
        _ => site.args[0].span,
    }
}

fn tell(evaluator: &mut Evaluator<'_>, site: &Site<'_>, histogram: &Histogram, remark: Remark) {
    let mut message = match remark {
        Remark::None => return,
        // The counts fell from one bucket to a larger one, which no histogram does.
        Remark::Repaired => {
            "input to histogram_quantile needed to be fixed for monotonicity (see \
                             https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
        }
        Remark::NanResult => "input to histogram_quantile has NaN observations, result is NaN",
        Remark::NanSkew => "input to histogram_quantile has NaN observations, result is skewed higher",
        Remark::NanLeftOut => "input to histogram_fraction has NaN observations, which are excluded from all fractions",
    }
    .to_owned();
    message.push_str(&for_metric(metric_name(&histogram.labels)));
    evaluator.annotations.inform(&message, vector_span(site));
}

/// Evaluates arguments that are quantiles, and remarks on those outside 0 to 1.
fn quantiles(evaluator: &mut Evaluator<'_>, args: &[Expr], site: &Site<'_>) -> Result<Vec<Vec<f64>>, EvalError> {
    let mut all = Vec::with_capacity(args.len());
    for arg in args {
        let phis = evaluator.scalar(arg, site.steps)?;
        for warning in phis.iter().filter_map(|phi| quantile_warning(*phi)) {
            evaluator.annotations.warn(&warning, arg.span);
        }
        all.push(phis);
    }
    Ok(all)
}

/// Several quantiles at once, told apart by a label.
fn histogram_quantiles<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let label = super::labels::label_name(&site.args[1], "label name in histogram_quantiles()")?;
    let all = quantiles(evaluator, &site.args[2..], site)?;
    let (histograms, _held) = histograms(evaluator, &site.args[0], site)?;
    let mut held = evaluator.hold(0)?;
    let mut series = Vec::new();
    for phis in all {
        // A quantile that changes over time leads to a series per value.
        let mut distinct: Vec<f64> = Vec::new();
        for phi in &phis {
            if !distinct.iter().any(|known| known.to_bits() == phi.to_bits()) {
                distinct.push(*phi);
            }
        }
        for wanted in distinct {
            let at = |step: usize| phis[step].to_bits() == wanted.to_bits();
            let compute = |histogram: Kind<'_>, step: usize| {
                if at(step) { quantile_of(wanted, histogram) } else { (absent(), Remark::None) }
            };
            append(
                evaluator,
                site,
                &histograms,
                Some((label, &openmetrics_number(wanted))),
                &compute,
                (&mut series, &mut held),
            )?;
        }
    }
    debug_assert!(series.iter().all(|one| one.values.iter().any(|value| !is_absent(*value))), "empty ones are dropped");
    Ok(Vector { series, held })
}

/// A number as OpenMetrics writes label values: whole ones with `.0`.
fn openmetrics_number(value: f64) -> String {
    let mut text = format_number(value);
    if value.is_finite() && !text.contains('.') {
        text.push_str(".0");
    }
    text
}
