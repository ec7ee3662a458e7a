//! `histogram_*` over classic histograms: series that count observations up to their label `le`.

mod buckets;

use super::Site;
use crate::engine::{
    Evaluator, Held, Series, TABLE_ENTRY_BYTES, Ticker, Vector, absent, is_absent, labels_bytes, series_bytes,
};
use crate::quantile::quantile_warning;
use crate::value::format_number;
use crate::{EvalError, Expr};
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
            map(evaluator, site, &histograms, |buckets, step| quantile(phis[step], buckets))
        }
        "histogram_quantiles" => histogram_quantiles(evaluator, site),
        "histogram_fraction" => {
            let lower = evaluator.scalar(&args[0], site.steps)?;
            let upper = evaluator.scalar(&args[1], site.steps)?;
            let (histograms, _held) = histograms(evaluator, &args[2], site)?;
            map(evaluator, site, &histograms, |buckets, step| (fraction(lower[step], upper[step], buckets), false))
        }
        "histogram_count" | "histogram_sum" | "histogram_avg" | "histogram_stddev" | "histogram_stdvar" => {
            // Only native histograms have a result, and a source yields none yet.
            evaluator.vector(&args[0], site.steps)?;
            Ok(Vector { series: Vec::new(), held: evaluator.hold(0)? })
        }
        _ => Err(site.unsupported()),
    }
}

/// A classic histogram: the labels that its buckets share, and their bounds.
struct Histogram {
    labels: Labels,
    /// Upper bound and series of each bucket.
    buckets: Vec<(f64, Series)>,
}

/// Evaluates `arg` and gathers buckets that differ in `le` only; with what they take from the budget.
fn histograms<'q>(
    evaluator: &mut Evaluator<'q>,
    arg: &Expr,
    site: &Site<'_>,
) -> Result<(Vec<Histogram>, Held<'q>), EvalError> {
    let mut vector = evaluator.vector(arg, site.steps)?;
    let mut index_by_labels: HashMap<Labels, usize> = HashMap::new();
    let mut histograms: Vec<Histogram> = Vec::new();
    for series in vector.series {
        let text = series.labels.get_or_empty(BOUND);
        let Ok(bound) = text.parse::<f64>() else {
            let mut message = format!("bucket label \"le\" is missing or has a malformed value of {text:?}");
            message.push_str(&for_metric(&series.labels));
            evaluator.warn(&message, arg.span);
            continue;
        };
        let labels = series.labels.filtered(|label| label.name != BOUND);
        vector.held.add_memory(size_of::<(f64, Series)>())?;
        let index = if let Some(index) = index_by_labels.get(&labels) {
            *index
        } else {
            vector.held.add_memory(TABLE_ENTRY_BYTES + size_of::<Histogram>() + labels_bytes(&labels))?;
            index_by_labels.insert(labels.clone(), histograms.len());
            histograms.push(Histogram { labels, buckets: Vec::new() });
            histograms.len() - 1
        };
        histograms[index].buckets.push((bound, series));
    }
    Ok((histograms, vector.held))
}

/// A result per histogram and step.
fn map<'q>(
    evaluator: &mut Evaluator<'q>,
    site: &Site<'_>,
    histograms: &[Histogram],
    compute: impl Fn(&mut Vec<Bucket>, usize) -> (f64, bool),
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
    compute: impl Fn(&mut Vec<Bucket>, usize) -> (f64, bool),
    (into, held): (&mut Vec<Series>, &mut Held<'_>),
) -> Result<(), EvalError> {
    let mut ticker = Ticker::new(evaluator.query.budget);
    let mut scratch: Vec<Bucket> = Vec::new();
    for histogram in histograms {
        held.add(site.steps.count)?;
        let mut values = Vec::with_capacity(site.steps.count);
        let mut any_repaired = false;
        for step in 0..site.steps.count {
            ticker.tick(histogram.buckets.len())?;
            scratch.clear();
            let present = histogram.buckets.iter().filter(|(_, series)| series.is_present(step));
            scratch.extend(present.map(|(bound, series)| Bucket { upper: *bound, count: series.values[step] }));
            if scratch.is_empty() {
                values.push(absent());
                continue;
            }
            let (value, repaired) = compute(&mut scratch, step);
            any_repaired |= repaired;
            values.push(value);
        }
        if any_repaired {
            warn_of_repair(evaluator, site, histogram);
        }
        let mut labels = histogram.labels.to_builder();
        if let Some((name, value)) = label {
            labels.set(name, value);
        }
        let one = Series { labels: labels.build(), name_dropped: true, values };
        if one.is_empty() {
            held.give_back(site.steps.count);
        } else {
            held.add_memory(series_bytes(&one.labels))?;
            into.push(one);
        }
    }
    Ok(())
}

/// Tells that the counts fell from one bucket to a larger one, which no histogram does.
fn warn_of_repair(evaluator: &mut Evaluator<'_>, site: &Site<'_>, histogram: &Histogram) {
    let vector = if site.name == "histogram_quantile" { &site.args[1] } else { &site.args[0] };
    let help = "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile";
    let mut message = format!("input to histogram_quantile needed to be fixed for monotonicity (see {help})");
    message.push_str(&for_metric(&histogram.labels));
    evaluator.inform(&message, vector.span);
}

/// How remarks name the metric, where it has a name.
fn for_metric(labels: &Labels) -> String {
    labels.metric_name().map_or_else(String::new, |name| format!(" for metric name {:?}", name.as_str()))
}

/// Evaluates arguments that are quantiles, and remarks on those outside 0 to 1.
fn quantiles(evaluator: &mut Evaluator<'_>, args: &[Expr], site: &Site<'_>) -> Result<Vec<Vec<f64>>, EvalError> {
    let mut all = Vec::with_capacity(args.len());
    for arg in args {
        let phis = evaluator.scalar(arg, site.steps)?;
        for warning in phis.iter().filter_map(|phi| quantile_warning(*phi)) {
            evaluator.warn(&warning, arg.span);
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
            let compute = |buckets: &mut Vec<Bucket>, step: usize| {
                if at(step) { quantile(wanted, buckets) } else { (absent(), false) }
            };
            append(
                evaluator,
                site,
                &histograms,
                Some((label, &openmetrics_number(wanted))),
                compute,
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
