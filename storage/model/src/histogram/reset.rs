//! Whether a counter began anew between two histograms.

use super::arithmetic::{bucket_within, coarser, common_bounds};
use super::{Histogram, ResetHint, exponential_bound};
use std::collections::BTreeMap;

impl Histogram {
    /// What a store that keeps histograms one behind the other knows of a reset before this one: nothing of the first, nor
    /// where the layout of buckets changed; that there was none where counts only grew. Prometheus 3.14,
    /// `tsdb/chunkenc/float_histogram.go`.
    pub fn hint_behind(&self, previous: Option<&Histogram>) -> ResetHint {
        let Some(previous) = previous.filter(|_| self.hint != ResetHint::Reset) else {
            return if self.hint == ResetHint::Gauge { ResetHint::Gauge } else { ResetHint::Unknown };
        };
        let has_same_layout = self.schema == previous.schema
            && self.zero_threshold == previous.zero_threshold
            && self.bounds == previous.bounds
            && previous.hint != ResetHint::Gauge;
        match self.hint {
            ResetHint::Gauge => ResetHint::Gauge,
            _ if has_same_layout && !self.counts_fall_after(previous) => ResetHint::NotReset,
            _ => ResetHint::Unknown,
        }
    }

    /// Whether this one, coming after `previous`, shows a reset.
    pub fn is_reset_after(&self, previous: &Histogram) -> bool {
        match self.hint {
            ResetHint::Reset => true,
            ResetHint::NotReset => false,
            ResetHint::Unknown | ResetHint::Gauge => self.counts_fall_after(previous),
        }
    }

    /// The same, whatever the hint says.
    fn counts_fall_after(&self, previous: &Histogram) -> bool {
        if self.count < previous.count {
            return true;
        }
        if self.is_custom() {
            if !previous.is_custom() {
                return true;
            }
            let common = common_bounds(&self.bounds, &previous.bounds);
            let now = rolled_up(&self.positive, |index| Some(bucket_within(index, &self.bounds, &common)));
            let before = rolled_up(&previous.positive, |index| Some(bucket_within(index, &previous.bounds, &common)));
            return falls(&before, &now);
        }
        if self.schema > previous.schema || self.zero_threshold < previous.zero_threshold {
            return true;
        }
        let (zero_count, threshold) = previous.zero_for_threshold(self.zero_threshold);
        if threshold != self.zero_threshold || self.zero_count < zero_count {
            return true;
        }
        let shift = (previous.schema - self.schema) as u32;
        let is_above = |index: i32| exponential_bound(index, previous.schema) > self.zero_threshold;
        let before =
            |buckets: &[(i32, f64)]| rolled_up(buckets, |index| is_above(index).then(|| coarser(index, shift)));
        falls(&before(&previous.positive), &rolled_up(&self.positive, Some))
            || falls(&before(&previous.negative), &rolled_up(&self.negative, Some))
    }
}

fn rolled_up(buckets: &[(i32, f64)], place: impl Fn(i32) -> Option<i32>) -> BTreeMap<i32, f64> {
    let mut counts = BTreeMap::new();
    for (index, count) in buckets {
        if let Some(index) = place(*index) {
            *counts.entry(index).or_insert(0.0) += count;
        }
    }
    counts
}

fn falls(before: &BTreeMap<i32, f64>, now: &BTreeMap<i32, f64>) -> bool {
    before.iter().any(|(index, count)| now.get(index).copied().unwrap_or(0.0) < *count)
}
