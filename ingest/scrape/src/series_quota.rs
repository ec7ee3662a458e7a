//! How many different series one target may bring within a time, so that a label whose values never repeat costs the
//! store's memory for that target only.

use roaring::RoaringBitmap;
use watchfire_model::Timestamp;
use watchfire_tsdb::SeriesId;

/// Series are remembered for one to two of these.
const PERIOD_MS: i64 = 3_600_000;

/// The series that a target brought lately.
#[derive(Debug)]
pub(crate) struct SeriesQuota {
    max: u64,
    current: RoaringBitmap,
    before: RoaringBitmap,
    /// Different series of both.
    count: u64,
    /// When `current` began.
    began: Timestamp,
}

impl SeriesQuota {
    pub(crate) fn new(max: u64) -> SeriesQuota {
        let (current, before) = (RoaringBitmap::new(), RoaringBitmap::new());
        SeriesQuota { max, current, before, count: 0, began: Timestamp(i64::MIN) }
    }

    /// Begins a page scraped at `at`; `known` are the series that the target showed last, which count on.
    pub(crate) fn start_page(&mut self, at: Timestamp, known: impl Iterator<Item = SeriesId>) {
        let age = at.0.saturating_sub(self.began.0);
        // A clock that was set back begins a period too.
        if !(0..PERIOD_MS).contains(&age) {
            self.before = std::mem::take(&mut self.current);
            if age >= 2 * PERIOD_MS {
                self.before.clear();
            }
            self.count = self.before.len();
            self.began = at;
            for id in known {
                self.note(id);
            }
        }
    }

    pub(crate) fn max(&self) -> u64 {
        self.max
    }

    /// Whether there is room for a series that was not noted yet.
    pub(crate) fn has_room(&self) -> bool {
        self.count < self.max
    }

    pub(crate) fn note(&mut self, id: SeriesId) {
        if self.current.insert(id.0) && !self.before.contains(id.0) {
            self.count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_series_count_once_and_are_forgotten() {
        let mut quota = SeriesQuota::new(3);
        let known = || std::iter::empty();
        quota.start_page(Timestamp(0), known());
        for id in [1, 2, 2, 1] {
            quota.note(SeriesId(id));
        }
        assert!(quota.has_room());
        quota.start_page(Timestamp(PERIOD_MS), known());
        quota.note(SeriesId(3));
        assert!(!quota.has_room(), "the period before counts");
        quota.start_page(Timestamp(2 * PERIOD_MS), [SeriesId(3), SeriesId(1)].into_iter());
        assert!(quota.has_room());
        quota.note(SeriesId(4));
        assert!(!quota.has_room(), "what is still shown counts");
        quota.start_page(Timestamp(9 * PERIOD_MS), known());
        quota.start_page(Timestamp(0), known());
        for id in 10..13 {
            quota.note(SeriesId(id));
        }
        assert!(!quota.has_room());
    }
}
