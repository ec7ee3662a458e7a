//! Samples of one series as columns that lie elsewhere.

use std::ops::Range;
use std::sync::Arc;
use watchfire_model::{Histogram, Samples};

/// A view of [`Samples`], or of a part of them; the columns mean what they mean there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a> {
    pub(crate) times: &'a [i64],
    pub(crate) values: &'a [f64],
    /// As many as times, or none.
    pub(crate) histograms: &'a [Option<Arc<Histogram>>],
    /// As many as times, or none.
    pub(crate) starts: &'a [i64],
}

impl<'a> Columns<'a> {
    pub(crate) fn of(samples: &'a Samples) -> Columns<'a> {
        let Samples { times, values, histograms, starts } = samples;
        Columns { times, values, histograms, starts }
    }

    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn part(&self, places: Range<usize>) -> Columns<'a> {
        Columns {
            times: &self.times[places.clone()],
            values: &self.values[places.clone()],
            histograms: self.histograms.get(places.clone()).unwrap_or_default(),
            starts: self.starts.get(places).unwrap_or_default(),
        }
    }

    pub(super) fn histogram(&self, place: usize) -> Option<&'a Histogram> {
        self.histograms.get(place)?.as_deref()
    }

    pub(super) fn start(&self, place: usize) -> i64 {
        self.starts.get(place).copied().unwrap_or(0)
    }

    /// Whether there is nothing but times and floats.
    pub(super) fn is_plain(&self) -> bool {
        self.histograms.iter().all(Option::is_none) && self.starts.iter().all(|start| *start == 0)
    }
}
