//! When a rule group is evaluated: every interval, at an offset of its own so that groups spread over the interval.
//! Reference: Prometheus `rules/group.go`, `EvalTimestamp` and `run`.

use std::path::Path;
use watchfire_model::{DurationMs, Timestamp};

/// The evaluation times of one group.
#[derive(Debug, Clone)]
pub struct Schedule {
    interval_ms: i64,
    next: Timestamp,
}

/// One evaluation that has to happen now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The time to evaluate at, at most one interval ago.
    pub at: Timestamp,
    /// Evaluations that were skipped before this one because the last took too long.
    pub missed: u64,
}

impl Schedule {
    /// The first evaluation lies within one interval from `now`.
    pub fn new(interval: DurationMs, file: &Path, group: &str, now: Timestamp) -> Schedule {
        let interval_ms = interval.0.clamp(1, i64::MAX as u64) as i64;
        let offset_ms = (identity(file, group) % interval_ms as u64) as i64;
        let behind_ms = (now.0 - offset_ms).rem_euclid(interval_ms);
        let wait_ms = if behind_ms == 0 { 0 } else { interval_ms - behind_ms };
        Schedule { interval_ms, next: now.plus_ms(wait_ms) }
    }

    /// Takes the evaluation that is due at `now`, if one is.
    pub fn due(&mut self, now: Timestamp) -> Option<Due> {
        let late_ms = now.0.saturating_sub(self.next.0);
        if late_ms < 0 {
            // The clock was set back: wait at most one interval.
            if late_ms < -self.interval_ms {
                let behind_ms = (self.next.0 - now.0).rem_euclid(self.interval_ms);
                self.next = now.plus_ms(behind_ms);
            }
            return None;
        }
        let missed = late_ms / self.interval_ms;
        let at = self.next.plus_ms(missed * self.interval_ms);
        self.next = at.plus_ms(self.interval_ms);
        Some(Due { at, missed: missed as u64 })
    }

    pub fn next(&self) -> Timestamp {
        self.next
    }
}

/// FNV-1a over the group's identity: the same offset after every start.
fn identity(file: &Path, group: &str) -> u64 {
    let parts = [file.as_os_str().as_encoded_bytes(), b"\xff", group.as_bytes()];
    parts
        .iter()
        .copied()
        .flatten()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(now: i64) -> Schedule {
        Schedule::new(DurationMs(60_000), Path::new("a.yml"), "group", Timestamp(now))
    }

    #[test]
    fn evaluations_keep_their_offset_whatever_the_start() {
        let first = schedule(1_000_000_000).next();
        assert!((1_000_000_000..1_000_060_000).contains(&first.0));
        assert_eq!(schedule(first.0).next(), first);
        assert_eq!(schedule(first.0 + 1).next(), first.plus_ms(60_000));
    }

    #[test]
    fn late_evaluations_are_counted_and_skipped() {
        let mut schedule = schedule(1_000_000_000);
        let first = schedule.next();
        assert_eq!(schedule.due(first.plus_ms(-1)), None);
        assert_eq!(schedule.due(first.plus_ms(5)), Some(Due { at: first, missed: 0 }));
        assert_eq!(schedule.due(first.plus_ms(59_999)), None);
        // Due after 1, 2 and 3 minutes; asked after 3.5.
        assert_eq!(schedule.due(first.plus_ms(210_000)), Some(Due { at: first.plus_ms(180_000), missed: 2 }));
        assert_eq!(schedule.next(), first.plus_ms(240_000));
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nothing() {
        let mut schedule = schedule(1_000_000_000);
        let first = schedule.next();
        assert_eq!(schedule.due(first.plus_ms(-86_400_000)), None);
        assert!(schedule.next() <= first.plus_ms(-86_400_000 + 60_000));
    }
}
