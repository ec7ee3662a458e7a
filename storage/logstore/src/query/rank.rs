//! The order in which an answer shows records, as numbers.

use crate::RecordId;
use watchfire_model::{ScanOrder, TimeNs};

/// The greater one comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank(u128);

impl Rank {
    /// Of a record.
    pub(crate) fn new(order: ScanOrder, id: RecordId) -> Rank {
        // Times sort as unsigned numbers once their sign bit is turned over.
        let time = u128::from(id.time.0 as u64 ^ 1 << 63);
        let oldest_first_is_smallest = time << 64 | u128::from(id.sequence);
        Rank(if order == ScanOrder::OldestFirst { !oldest_first_is_smallest } else { oldest_first_is_smallest })
    }

    /// No record with event times from `times.0` to `times.1` comes before.
    pub(crate) fn first_of(order: ScanOrder, times: (TimeNs, TimeNs)) -> Rank {
        let id = if order == ScanOrder::OldestFirst {
            RecordId { time: times.0, sequence: 0 }
        } else {
            RecordId { time: times.1, sequence: u64::MAX }
        };
        Rank::new(order, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(order: ScanOrder, first: (i64, u64), second: (i64, u64)) {
        let rank = |(time, sequence)| Rank::new(order, RecordId { time: TimeNs(time), sequence });
        assert!(rank(first) > rank(second), "{first:?} before {second:?}");
    }

    #[test]
    fn ranks_sort_by_time_then_by_arrival() {
        check(ScanOrder::NewestFirst, (1, 0), (0, 9));
        check(ScanOrder::NewestFirst, (0, 9), (-1, 10));
        check(ScanOrder::NewestFirst, (5, 2), (5, 1));
        check(ScanOrder::OldestFirst, (i64::MIN, 9), (i64::MAX, 0));
        check(ScanOrder::OldestFirst, (5, 1), (5, 2));
        let times = (TimeNs(-5), TimeNs(7));
        for order in [ScanOrder::NewestFirst, ScanOrder::OldestFirst, ScanOrder::Any] {
            for id in [(-5, 0), (-5, u64::MAX), (7, 0), (7, u64::MAX)] {
                let rank = Rank::new(order, RecordId { time: TimeNs(id.0), sequence: id.1 });
                assert!(Rank::first_of(order, times) >= rank);
            }
        }
    }
}
