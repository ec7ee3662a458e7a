//! Compensated sums and means, so that results agree with Prometheus to the last digits
//! (`util/kahansum`, `promql/engine.go`).

/// A sum that carries what rounding lost (Kahan's method as improved by Neumaier).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KahanSum {
    sum: f64,
    lost: f64,
}

impl KahanSum {
    pub(crate) fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost = if sum.is_infinite() {
            0.0
        } else if self.sum.abs() >= value.abs() {
            self.lost + ((self.sum - sum) + value)
        } else {
            self.lost + ((value - sum) + self.sum)
        };
        self.sum = sum;
    }

    /// Adds what another sum holds.
    pub(crate) fn add_sum(&mut self, other: KahanSum) {
        self.add(other.sum);
        self.lost += other.lost;
    }

    /// The sum divided by how many numbers it holds.
    pub(crate) fn mean_of(self, count: usize) -> f64 {
        self.sum / count as f64 + self.lost / count as f64
    }

    pub(crate) fn total(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }

    fn scaled(self, factor: f64) -> KahanSum {
        KahanSum { sum: self.sum * factor, lost: self.lost * factor }
    }
}

/// A mean: sum divided by count while the sum is finite, else carried forward from value to value.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mean {
    count: f64,
    /// The sum, or the mean itself once `incremental`.
    value: KahanSum,
    incremental: bool,
}

impl Mean {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.incremental {
            let mut sum = self.value;
            sum.add(value);
            if !sum.sum.is_infinite() || self.count == 1.0 {
                self.value = sum;
                return;
            }
            self.incremental = true;
            self.value =
                KahanSum { sum: self.value.sum / (self.count - 1.0), lost: self.value.lost / (self.count - 1.0) };
        }
        let mean = self.value.sum;
        // An infinite mean only changes for an infinity of the other sign or for NaN.
        let same_infinity = value.is_infinite() && (mean > 0.0) == (value > 0.0);
        if mean.is_infinite() && (same_infinity || value.is_finite()) {
            return;
        }
        self.value = self.value.scaled((self.count - 1.0) / self.count);
        self.value.add(value / self.count);
    }

    pub(crate) fn total(self) -> f64 {
        if self.incremental {
            return self.value.total();
        }
        if self.value.sum.is_infinite() {
            return self.value.sum;
        }
        self.value.sum / self.count + self.value.lost / self.count
    }
}

/// Variance by Welford's method with compensated sums.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Variance {
    count: f64,
    mean: KahanSum,
    squares: KahanSum,
}

impl Variance {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - (self.mean.sum + self.mean.lost);
        self.mean.add(delta / self.count);
        self.squares.add(delta * (value - (self.mean.sum + self.mean.lost)));
    }

    pub(crate) fn total(self) -> f64 {
        (self.squares.sum + self.squares.lost) / self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f64], want_sum: f64, want_mean: f64) {
        let (mut sum, mut mean) = (KahanSum::default(), Mean::default());
        for value in values {
            sum.add(*value);
            mean.add(*value);
        }
        assert_eq!((sum.total(), mean.total()), (want_sum, want_mean), "{values:?}");
    }

    #[test]
    fn sums_and_means() {
        check(&[2.0, 8.0, 1e100, -1e100], 10.0, 2.5);
        check(&[f64::MAX, f64::MAX], f64::INFINITY, f64::MAX);
        check(&[f64::INFINITY, 0.0, 1.0], f64::INFINITY, f64::INFINITY);
        check(&[0.0, f64::NEG_INFINITY], f64::NEG_INFINITY, f64::NEG_INFINITY);
        let mut mean = Mean::default();
        mean.add(f64::INFINITY);
        mean.add(f64::NEG_INFINITY);
        assert!(mean.total().is_nan());
    }

    #[test]
    fn variance_of_equal_values_is_zero() {
        let mut variance = Variance::default();
        for value in [1.599_050_563_727_786_8; 3] {
            variance.add(value);
        }
        assert_eq!(variance.total(), 0.0);
    }
}
