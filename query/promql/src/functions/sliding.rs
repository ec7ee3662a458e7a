//! Results that are carried over from window to window, so that a sample is looked at a few times however many windows
//! see it.
//!
//! A window is cut in two: for the samples before the cut, what each of them leads to together with those between it and
//! the cut; for those behind it, one result that grows. Nothing is ever subtracted, so nothing drifts.

use crate::engine::Window;
use crate::kahan::{KahanSum, Mean};
use watchfire_model::Samples;

/// Takes numbers up, one after the other; neutral by default.
pub(super) trait Take: Default {
    fn take(&mut self, value: f64);
}

/// What samples lead to.
pub(super) trait Fold: Copy + Take {
    /// What both lead to together, `self` coming first.
    fn joined(self, later: Self) -> Self;
}

/// Folds windows of one series that only move forwards.
#[derive(Debug, Default)]
pub(super) struct Sliding<A> {
    /// Of samples `cut - 1`, `cut - 2` and so on: what they lead to together with all up to the cut.
    before: Vec<A>,
    cut: usize,
    behind: A,
    end: usize,
    is_used: bool,
}

impl<A: Fold> Sliding<A> {
    /// Starts a series; `is_used`: whether carrying over pays, and leads to the same.
    pub(super) fn begin(&mut self, is_used: bool) {
        self.before.clear();
        (self.cut, self.end, self.behind, self.is_used) = (0, 0, A::default(), is_used);
    }

    pub(super) fn is_used(&self) -> bool {
        self.is_used
    }

    pub(super) fn of(&mut self, window: Window<'_>) -> A {
        let Some(from) = window.place.filter(|_| self.is_used) else { return fold(window.values) };
        let to = from + window.values.len();
        if from >= self.cut || to < self.end {
            // Everything before the cut is gone: the cut moves to the end.
            self.before.clear();
            let mut suffix = A::default();
            for value in window.values.iter().rev() {
                let mut one = A::default();
                one.take(*value);
                suffix = one.joined(suffix);
                self.before.push(suffix);
            }
            (self.cut, self.end, self.behind) = (to, to, A::default());
        }
        for value in &window.values[self.end - from..] {
            self.behind.take(*value);
        }
        self.end = to;
        match self.before.get((self.cut - from).wrapping_sub(1)) {
            Some(before) => before.joined(self.behind),
            None => self.behind,
        }
    }
}

pub(super) fn fold<A: Take>(values: &[f64]) -> A {
    let mut folded = A::default();
    for value in values {
        folded.take(*value);
    }
    folded
}

impl Take for KahanSum {
    fn take(&mut self, value: f64) {
        self.add(value);
    }
}

impl Take for Mean {
    fn take(&mut self, value: f64) {
        self.add(value);
    }
}

impl Fold for KahanSum {
    fn joined(mut self, later: KahanSum) -> KahanSum {
        self.add_sum(later);
        self
    }
}

/// Numbers up to which any sum of as many as memory holds is finite.
const SUMMAND_MAX: f64 = 1e290;

/// Whether sums may be put together in any order: all numbers finite and of one sign, so that nothing cancels out.
pub(super) fn adds_up_in_any_order(samples: &Samples) -> bool {
    let within = |from: f64, to: f64| samples.values.iter().all(|value| (from..=to).contains(value));
    within(0.0, SUMMAND_MAX) || within(-SUMMAND_MAX, 0.0)
}

/// The least number; NaN only where there is nothing else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Least(pub(super) f64);

/// The largest number; NaN only where there is nothing else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Largest(pub(super) f64);

impl Default for Least {
    fn default() -> Least {
        Least(f64::NAN)
    }
}

impl Default for Largest {
    fn default() -> Largest {
        Largest(f64::NAN)
    }
}

impl Take for Least {
    fn take(&mut self, value: f64) {
        self.0 = self.0.min(value);
    }
}

impl Fold for Least {
    fn joined(self, later: Least) -> Least {
        Least(self.0.min(later.0))
    }
}

impl Take for Largest {
    fn take(&mut self, value: f64) {
        self.0 = self.0.max(value);
    }
}

impl Fold for Largest {
    fn joined(self, later: Largest) -> Largest {
        Largest(self.0.max(later.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn window(samples: &Samples, from: usize, to: usize) -> Window<'_> {
        let all = Window::of_all(samples);
        Window { times: &all.times[from..to], values: &all.values[from..to], place: Some(from), ..all }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn windows_lead_to_what_their_samples_lead_to(
            values in proptest::collection::vec(prop_oneof![0.0..1e3, Just(1e15), Just(0.0), Just(f64::NAN)], 1..80),
            moves in proptest::collection::vec((0..6_usize, 0..6_usize), 1..60),
        ) {
            let mut samples = Samples::default();
            values.iter().enumerate().for_each(|(at, value)| samples.push(at as i64, *value));
            let (mut sums, mut least, mut largest) = (Sliding::<KahanSum>::default(), Sliding::<Least>::default(), Sliding::<Largest>::default());
            let in_any_order = adds_up_in_any_order(&samples);
            sums.begin(in_any_order);
            least.begin(true);
            largest.begin(true);
            let (mut from, mut to) = (0, 0);
            for (begin, end) in moves {
                to = (to + end).min(values.len());
                from = (from + begin).min(to);
                let seen = window(&samples, from, to);
                let want = fold::<KahanSum>(seen.values).total();
                let got = sums.of(seen).total();
                prop_assert!(got == want || (got - want).abs() <= want.abs() * 1e-15 || (got.is_nan() && want.is_nan()), "{} {}", got, want);
                prop_assert_eq!(least.of(seen).0.to_bits(), fold::<Least>(seen.values).0.to_bits());
                prop_assert_eq!(largest.of(seen).0.to_bits(), fold::<Largest>(seen.values).0.to_bits());
            }
        }
    }
}
