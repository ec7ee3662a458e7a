//! Native histograms of a series, step by step; most series have none.

use std::sync::Arc;
use watchfire_model::Histogram;

/// A place per step, or nothing at all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histograms(Vec<Option<Arc<Histogram>>>);

impl Histograms {
    pub(crate) fn get(&self, step: usize) -> Option<&Arc<Histogram>> {
        self.0.get(step).and_then(Option::as_ref)
    }

    pub(crate) fn set(&mut self, step: usize, steps: usize, histogram: Arc<Histogram>) {
        self.0.resize(steps, None);
        self.0[step] = Some(histogram);
    }

    pub(crate) fn take(&mut self, step: usize) -> Option<Arc<Histogram>> {
        self.0.get_mut(step).and_then(Option::take)
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn are_none(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Replaces every one.
    pub(crate) fn map(&mut self, change: impl Fn(&Histogram) -> Histogram) {
        for place in self.0.iter_mut().flatten() {
            *place = Arc::new(change(place));
        }
    }

    /// The first one at every step.
    pub(crate) fn repeat(&mut self, steps: usize) {
        if let Some(first) = self.0.first().cloned() {
            self.0 = vec![first; steps];
        }
    }
}

/// What a computation yields for one step.
#[derive(Debug, Clone)]
pub(crate) enum Computed {
    Float(f64),
    Histogram(Arc<Histogram>),
}

impl From<f64> for Computed {
    fn from(value: f64) -> Computed {
        Computed::Float(value)
    }
}

impl From<Histogram> for Computed {
    fn from(histogram: Histogram) -> Computed {
        Computed::Histogram(Arc::new(histogram))
    }
}
