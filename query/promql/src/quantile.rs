//! Quantiles of a set of values.

use std::cmp::Ordering;

/// The φ-quantile of `values` (which are sorted here, NaN first), interpolated between the two nearest; -∞ or +∞ for a
/// φ outside 0 to 1, NaN without values.
pub(crate) fn quantile(phi: f64, values: &mut [f64]) -> f64 {
    values.sort_unstable_by(|a, b| order(*a, *b));
    quantile_of_sorted(phi, values)
}

/// NaN comes first.
fn order(a: f64, b: f64) -> Ordering {
    b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(&b))
}

/// As [`quantile`], of values that are sorted that way.
pub(crate) fn quantile_of_sorted(phi: f64, values: &[f64]) -> f64 {
    if values.is_empty() || phi.is_nan() {
        return f64::NAN;
    }
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    let rank = phi * (values.len() - 1) as f64;
    let lower = rank.floor() as usize;
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// The values of a window in order. Where windows overlap, what leaves is taken out and what enters put in.
#[derive(Debug, Default)]
pub(crate) struct SortedWindow {
    sorted: Vec<f64>,
    /// In the order of time.
    values: Vec<f64>,
    from: usize,
    is_carried: bool,
}

impl SortedWindow {
    /// Starts a series; `is_carried`: whether most of a window is still there in the next one.
    pub(crate) fn begin(&mut self, is_carried: bool) {
        self.sorted.clear();
        self.values.clear();
        (self.from, self.is_carried) = (0, is_carried);
    }

    /// `place`: of the first value among those of the series; windows only move forwards.
    pub(crate) fn of(&mut self, place: Option<usize>, values: &[f64]) -> &[f64] {
        let left = place.and_then(|place| place.checked_sub(self.from));
        let n_kept = left.map_or(0, |left| self.values.len().saturating_sub(left));
        let n_moved = self.values.len() + values.len() - 2 * n_kept.min(values.len());
        if !self.is_carried || n_kept > values.len() || n_moved > values.len() / MOVED_SHARE {
            self.sorted.clear();
            self.sorted.extend_from_slice(values);
            self.sorted.sort_unstable_by(|a, b| order(*a, *b));
        } else {
            for value in &self.values[..self.values.len() - n_kept] {
                if let Ok(at) = self.sorted.binary_search_by(|other| order(*other, *value)) {
                    self.sorted.remove(at);
                }
            }
            for value in &values[n_kept..] {
                let (Ok(at) | Err(at)) = self.sorted.binary_search_by(|other| order(*other, *value));
                self.sorted.insert(at, *value);
            }
        }
        self.values.clear();
        self.values.extend_from_slice(values);
        // A copy of some of the samples has no place, and nothing in common with the next window.
        (self.from, self.is_carried) = (place.unwrap_or(0), self.is_carried && place.is_some());
        &self.sorted
    }
}

/// Moving more than this part of a window takes longer than sorting it.
const MOVED_SHARE: usize = 4;

/// The remark on a φ outside 0 to 1.
pub(crate) fn quantile_warning(phi: f64) -> Option<String> {
    let in_range = (0.0..=1.0).contains(&phi);
    (!in_range).then(|| format!("quantile value should be between 0 and 1, got {}", crate::value::format_number(phi)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn windows_stay_sorted(
            values in proptest::collection::vec(prop_oneof![-5.0..5.0, Just(0.0), Just(-0.0), Just(f64::NAN)], 1..120),
            moves in proptest::collection::vec((0..3_usize, 0..4_usize), 1..60),
        ) {
            let mut window = SortedWindow::default();
            window.begin(true);
            let (mut from, mut to) = (0, 0);
            for (begin, end) in moves {
                to = (to + end).min(values.len());
                from = (from + begin).min(to);
                let mut want = values[from..to].to_vec();
                want.sort_unstable_by(|a, b| order(*a, *b));
                let got = window.of(Some(from), &values[from..to]);
                let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(got), bits(&want));
            }
        }
    }
}
