//! In which hours records arrived: what retention believes the clock by.

use serde::{Deserialize, Serialize};
use watchfire_model::TimeNs;

const HOUR_NS: i64 = 3600 * 1_000_000_000;
/// Hours that are remembered, the latest ones.
const HOURS_MAX: usize = 24;
/// Hours that have to agree before the latest of them is believed: a clock that has jumped ahead for minutes stamps the
/// records of one or two.
const CONFIRMING_HOURS: usize = 6;
/// They agree when each comes at most so many hours after the one before: a jump of a day cannot be told from a quiet one.
const GAP_HOURS_MAX: i64 = 25;

/// Distinct hours since 1970, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arrivals(Vec<i64>);

impl Arrivals {
    pub fn add(&mut self, received: TimeNs) {
        let hour = received.0.div_euclid(HOUR_NS);
        // Mostly the same as before.
        if self.0.last() == Some(&hour) {
            return;
        }
        if let Err(at) = self.0.binary_search(&hour) {
            self.0.insert(at, hour);
            if self.0.len() > HOURS_MAX {
                self.0.remove(0);
            }
        }
    }

    pub fn unite(&mut self, other: &Arrivals) {
        for hour in &other.0 {
            self.add(TimeNs(hour.saturating_mul(HOUR_NS)));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The end of the latest hour that enough others confirm.
pub fn confirmed<'a>(all: impl Iterator<Item = &'a Arrivals>) -> Option<TimeNs> {
    let mut hours: Vec<i64> = all.flat_map(|arrivals| arrivals.0.iter().copied()).collect();
    hours.sort_unstable();
    hours.dedup();
    let agree = |hours: &&[i64]| hours.windows(2).all(|pair| pair[1] - pair[0] <= GAP_HOURS_MAX);
    let latest = hours.windows(CONFIRMING_HOURS).rev().find(agree)?.last()?;
    Some(TimeNs((latest + 1).saturating_mul(HOUR_NS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(blocks: &[&[i64]], want: Option<i64>) {
        let arrivals = |hours: &&[i64]| {
            let mut arrivals = Arrivals::default();
            hours.iter().for_each(|hour| arrivals.add(TimeNs(hour * HOUR_NS + 5)));
            arrivals
        };
        let all: Vec<Arrivals> = blocks.iter().map(arrivals).collect();
        assert_eq!(confirmed(all.iter()), want.map(|hour| TimeNs((hour + 1) * HOUR_NS)), "{blocks:?}");
    }

    #[test]
    fn a_time_counts_when_several_hours_agree() {
        const YEAR: i64 = 365 * 24;
        check(&[], None);
        check(&[&[1, 2, 3, 4, 5]], None);
        check(&[&[1, 2, 3], &[4, 3, 5, 6]], Some(6));
        check(&[&[1, 2, 3, 4, 5, 6, YEAR, YEAR + 1]], Some(6));
        check(&[&[-YEAR, 1, 2, 3, 4, 5, 6]], Some(6));
        check(&[&[0, 24, 48, 72, 96, 120]], Some(120));
        check(&[&[0, 24, 48, 72, 96, 122]], None);
        check(&[&[0, 1, 2, 3, 4, 5, 31, 32, 33, 34, 35]], Some(5));
    }

    #[test]
    fn the_latest_hours_are_remembered() {
        let mut arrivals = Arrivals::default();
        (0..100).for_each(|hour| arrivals.add(TimeNs(hour * HOUR_NS)));
        assert_eq!((arrivals.0.len(), arrivals.0[0]), (HOURS_MAX, 76));
        let mut other = Arrivals::default();
        other.add(TimeNs(0));
        other.unite(&arrivals);
        assert_eq!(other, arrivals);
    }
}
