//! Points in time as a query names them: fixed, or relative to when it is asked.

use std::fmt;
use std::ops::Bound;
use watchfire_model::{TimeNs, TimeRangeNs, duration_ns, parse_date};

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    At(TimeNs),
    /// So many nanoseconds after the query is asked; negative: before.
    Now {
        offset_ns: i64,
    },
}

impl Moment {
    /// The point in time when the query is asked at `now`; held at the ends of the range of [`TimeNs`].
    pub fn resolve(self, now: TimeNs) -> TimeNs {
        match self {
            Moment::At(time) => time,
            Moment::Now { offset_ns } => now.plus_ns(offset_ns),
        }
    }

    /// Reads `now`, `now-1h30m`, `now+5m`, a date, or a date and time.
    pub(crate) fn parse(text: &str) -> Option<Moment> {
        let Some(offset) = text.strip_prefix("now") else { return parse_date(text).map(Moment::At) };
        let (sign, duration) = match offset.split_at_checked(1) {
            None => return offset.is_empty().then_some(Moment::Now { offset_ns: 0 }),
            Some(("-", duration)) => (-1, duration),
            Some(("+", duration)) => (1, duration),
            Some(_) => return None,
        };
        Some(Moment::Now { offset_ns: sign * duration_ns(duration)? })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Moment::At(time) => write!(f, "\"{}\"", time_text(*time)),
            Moment::Now { offset_ns: 0 } => f.write_str("now"),
            Moment::Now { offset_ns } => {
                let sign = if *offset_ns < 0 { '-' } else { '+' };
                write!(f, "now{sign}{}", DurationText(offset_ns.unsigned_abs()))
            }
        }
    }
}

/// A time as RFC 3339 in UTC, to the nanosecond, without zeros at its end.
pub(crate) fn time_text(time: TimeNs) -> String {
    let instant = jiff::Timestamp::from_nanosecond(i128::from(time.0));
    instant.expect("64-bit nanoseconds are within jiff's years").to_string()
}

/// Prints nanoseconds in the largest unit that divides them.
#[derive(Debug)]
pub(crate) struct DurationText(pub u64);

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 7] = [
            ("d", 86_400_000_000_000),
            ("h", 3_600_000_000_000),
            ("m", 60_000_000_000),
            ("s", 1_000_000_000),
            ("ms", 1_000_000),
            ("us", 1_000),
            ("ns", 1),
        ];
        let (unit, ns) = UNITS.into_iter().find(|(_, ns)| self.0.is_multiple_of(*ns)).unwrap_or(("ns", 1));
        write!(f, "{}{unit}", self.0 / ns)
    }
}

/// The range of event times between two bounds.
pub(crate) fn time_range(low: Bound<Moment>, high: Bound<Moment>, now: TimeNs) -> TimeRangeNs {
    let start = match low {
        Bound::Included(low) => low.resolve(now),
        Bound::Excluded(low) => low.resolve(now).plus_ns(1),
        Bound::Unbounded => TimeNs::MIN,
    };
    let end = match high {
        Bound::Included(high) => high.resolve(now).plus_ns(1),
        Bound::Excluded(high) => high.resolve(now),
        Bound::Unbounded => TimeNs::MAX,
    };
    TimeRangeNs { start, end }
}
