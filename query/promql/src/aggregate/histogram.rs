//! Sums and means of native histograms, and what is to be remarked on them.

use crate::remarks::{reconciled, resets_collide};
use crate::{Annotations, Span};
use watchfire_model::{Histogram, HistogramSum, ResetHint, SchemaMismatch};

/// Adds histograms up.
#[derive(Debug, Clone, Default)]
pub(crate) struct HistogramTotal {
    sum: Option<HistogramSum>,
    count: f64,
    bounds_reconciled: bool,
    /// Whether a histogram was said to come after a reset, and one not to.
    resets: (bool, bool),
}

impl HistogramTotal {
    pub(crate) fn add(&mut self, histogram: &Histogram) -> Result<(), SchemaMismatch> {
        self.count += 1.0;
        self.resets.0 |= histogram.hint == ResetHint::Reset;
        self.resets.1 |= histogram.hint == ResetHint::NotReset;
        match &mut self.sum {
            None => self.sum = Some(HistogramSum::new(histogram)),
            Some(sum) => self.bounds_reconciled |= sum.add(histogram, 1.0)?.bounds_reconciled,
        }
        Ok(())
    }

    pub(crate) fn remark(&self, remarks: &mut Annotations, span: Span) {
        if self.resets == (true, true) {
            remarks.warn(&resets_collide("aggregation"), span);
        }
        if self.bounds_reconciled {
            remarks.inform(&reconciled("aggregation"), span);
        }
    }

    /// The sum, or the mean; `None` where nothing was added.
    pub(crate) fn finish(self, is_mean: bool) -> Option<Histogram> {
        let factor = if is_mean { 1.0 / self.count } else { 1.0 };
        Some(self.sum?.finish(factor))
    }
}
