//! Instant vectors over all steps, a column per series.

use super::histograms::{Computed, Histograms};
use super::meter::Meter;
use super::steps::Held;
use crate::EvalError;
use std::collections::HashMap;
use std::sync::Arc;
use watchfire_model::{Label, Labels, METRIC_NAME, is_stale, stale_nan};

/// Texts of at most so many bytes lie within the label itself.
const INLINE_TEXT_LEN: usize = 23;
/// Bytes of a place in a table that is keyed by label sets, half of the table being free.
pub(crate) const TABLE_ENTRY_BYTES: usize = 2 * (size_of::<(Labels, bool)>() + size_of::<usize>());

/// What a column holds at a step without a sample. No computation yields this NaN: it is a signalling one, arithmetic
/// only yields quiet ones, and selectors drop staleness markers.
pub(crate) fn absent() -> f64 {
    stale_nan()
}

pub(crate) fn is_absent(value: f64) -> bool {
    is_stale(value)
}

/// One series at every step.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// With the metric's name, even where the result will not have it: aggregation and `label_replace` may still ask.
    pub(crate) labels: Labels,
    /// Whether the name goes once the query is answered (Prometheus' delayed name removal).
    pub(crate) name_dropped: bool,
    /// One per step; [`absent`] where there is no sample, or a native histogram.
    pub(crate) values: Vec<f64>,
    pub(crate) histograms: Histograms,
}

impl Series {
    /// Replaces every present value; the result has no name and no histograms.
    pub(crate) fn map(&mut self, change: impl Fn(f64) -> f64) {
        self.name_dropped = true;
        self.histograms.clear();
        for value in &mut self.values {
            if !is_absent(*value) {
                *value = change(*value);
            }
        }
    }

    pub(crate) fn is_present(&self, step: usize) -> bool {
        !is_absent(self.values[step]) || self.histograms.get(step).is_some()
    }

    /// Steps that have a number or a native histogram.
    pub(crate) fn present_count(&self) -> usize {
        (0..self.values.len()).filter(|step| self.is_present(*step)).count()
    }

    /// Takes away what there is at a step.
    pub(crate) fn remove(&mut self, step: usize) {
        self.values[step] = absent();
        self.histograms.take(step);
    }

    pub(crate) fn set(&mut self, step: usize, computed: Computed) {
        match computed {
            Computed::Float(value) => self.values[step] = value,
            Computed::Histogram(histogram) => self.histograms.set(step, self.values.len(), histogram),
        }
    }

    pub(crate) fn get(&self, step: usize) -> Option<Computed> {
        match self.histograms.get(step) {
            Some(histogram) => Some(Computed::Histogram(Arc::clone(histogram))),
            None => (!is_absent(self.values[step])).then(|| Computed::Float(self.values[step])),
        }
    }

    /// Whether no step has a number.
    pub(crate) fn is_without_floats(&self) -> bool {
        self.values.iter().all(|value| is_absent(*value))
    }

    /// Whether no step has a sample.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.iter().all(|value| is_absent(*value)) && self.histograms.are_none()
    }
}

/// Bytes of a label set that an evaluation made.
pub(crate) fn labels_bytes(labels: &Labels) -> usize {
    let outside = |text: &str| if text.len() > INLINE_TEXT_LEN { text.len() } else { 0 };
    labels.iter().map(|label| size_of::<Label>() + outside(&label.name) + outside(&label.value)).sum()
}

/// Bytes of a series that an evaluation made, beside its samples.
pub(crate) fn series_bytes(labels: &Labels) -> usize {
    size_of::<Series>() + labels_bytes(labels)
}

/// An instant vector at every step, and the samples it takes from the budget.
#[derive(Debug)]
pub(crate) struct Vector<'q> {
    pub(crate) series: Vec<Series>,
    pub(crate) held: Held<'q>,
}

/// Labels that say what a metric is rather than where it comes from; they go with the name.
pub(crate) const METADATA_LABELS: [&str; 3] = [METRIC_NAME, "__type__", "__unit__"];

pub(crate) fn without_metadata(labels: &Labels) -> Labels {
    labels.filtered(|label| !METADATA_LABELS.contains(&label.name.as_str()))
}

/// Joins series that will have equal labels into one, keeping the order of their first ones.
///
/// # Errors
/// Two of them have a sample at one step, or the table that finds them does not fit into the budget.
pub(crate) fn merge_equal_labels(series: Vec<Series>, budget: &Meter<'_>) -> Result<Vec<Series>, EvalError> {
    let _table = Held::memory(budget, series.len() * (TABLE_ENTRY_BYTES + size_of::<Series>()))?;
    let mut index_by_labels: HashMap<(Labels, bool), usize> = HashMap::with_capacity(series.len());
    let mut merged: Vec<Series> = Vec::with_capacity(series.len());
    for one in series {
        let key = (one.labels.clone(), one.name_dropped);
        match index_by_labels.get(&key) {
            None => {
                index_by_labels.insert(key, merged.len());
                merged.push(one);
            }
            Some(index) => {
                budget.check()?;
                for step in 0..one.values.len() {
                    let Some(found) = one.get(step) else { continue };
                    if merged[*index].is_present(step) {
                        return Err(duplicate_labels());
                    }
                    merged[*index].set(step, found);
                }
            }
        }
    }
    Ok(merged)
}

pub(crate) fn duplicate_labels() -> EvalError {
    EvalError::Execution("vector cannot contain metrics with the same labelset".to_owned())
}
