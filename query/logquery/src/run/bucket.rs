//! Intervals of time: of one length, or as long as the days of a time zone are.

use super::RunError;
use crate::Bucket;
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, ToSpan, Zoned};
use watchfire_model::{TimeBuckets, TimeNs, TimeRangeNs};

/// Intervals that a range of time may have where they are listed one by one.
const BUCKETS_MAX: usize = 100_000;
const DAY_NS: i64 = 86_400_000_000_000;
const WEEK_NS: i64 = 7 * DAY_NS;
/// 1970-01-05, a Monday.
const MONDAY_NS: i64 = 4 * DAY_NS;

/// The intervals that times of the range lie in.
pub(super) fn buckets(bucket: &Bucket, range: TimeRangeNs) -> Result<TimeBuckets, RunError> {
    let is_of_weeks = bucket.step_ns % WEEK_NS == 0;
    let origin_ns = if is_of_weeks { MONDAY_NS } else { 0 };
    let every = |zone_offset_ns: i64| TimeBuckets::Every {
        step_ns: bucket.step_ns,
        origin: TimeNs(origin_ns + bucket.offset_ns % bucket.step_ns - zone_offset_ns),
    };
    let Some(zone) = &bucket.zone else { return Ok(every(0)) };
    let zone = TimeZone::get(zone).map_err(|_| RunError::UnknownZone { name: zone.to_string() })?;
    // Without the move by `offset` the intervals begin that much later or earlier.
    let first = instant(range.start.plus_ns(bucket.offset_ns.saturating_neg()));
    let end = instant(range.end.plus_ns(bucket.offset_ns.saturating_neg()));
    if zone.following(first).next().is_none_or(|change| change.timestamp() >= end) {
        let offset = zone.to_offset(first);
        return Ok(every(i64::from(offset.seconds()) * 1_000_000_000));
    }
    let mut starts = if bucket.step_ns % DAY_NS == 0 {
        by_days(&zone, bucket.step_ns / DAY_NS, is_of_weeks, first, end)?
    } else {
        within_days(&zone, bucket.step_ns, first, end)?
    };
    for start in &mut starts {
        *start = start.plus_ns(bucket.offset_ns);
    }
    Ok(TimeBuckets::Starts(starts))
}

fn instant(time: TimeNs) -> Instant {
    Instant::from_nanosecond(i128::from(time.0)).expect("64-bit nanoseconds are within jiff's years")
}

fn time(instant: Instant) -> TimeNs {
    let ns = instant.as_nanosecond().clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    TimeNs(i64::try_from(ns).expect("it was clamped"))
}

/// Midnights of the zone, every `days`, counted as they are without a zone.
fn by_days(
    zone: &TimeZone,
    days: i64,
    is_of_weeks: bool,
    first: Instant,
    end: Instant,
) -> Result<Vec<TimeNs>, RunError> {
    let mut starts = Vec::new();
    let first_day = zone.to_datetime(first).date();
    let epoch = jiff::civil::date(1970, 1, if is_of_weeks { 5 } else { 1 });
    let since = (first_day - epoch).get_days();
    let back = i64::from(since).rem_euclid(days);
    let mut day = first_day.saturating_sub(back.days());
    loop {
        // A midnight that a change of clocks leaves out is the first moment of its day.
        let Ok(midnight) = day.to_zoned(zone.clone()).and_then(|midnight| midnight.start_of_day()) else {
            return Ok(starts);
        };
        if midnight.timestamp() >= end && !starts.is_empty() {
            return Ok(starts);
        }
        push(&mut starts, midnight.timestamp())?;
        let Ok(next) = day.checked_add(days.days()) else { return Ok(starts) };
        day = next;
    }
}

/// Steps from each midnight of the zone to the next one.
fn within_days(zone: &TimeZone, step_ns: i64, first: Instant, end: Instant) -> Result<Vec<TimeNs>, RunError> {
    let mut starts = Vec::new();
    let Ok(mut midnight) = Zoned::new(first, zone.clone()).start_of_day() else { return Ok(starts) };
    while midnight.timestamp() < end {
        let Ok(next) = midnight.tomorrow().and_then(|next| next.start_of_day()) else { return Ok(starts) };
        let mut at = time(midnight.timestamp());
        while at < time(next.timestamp()) {
            push(&mut starts, instant(at))?;
            at = at.plus_ns(step_ns);
        }
        midnight = next;
    }
    Ok(starts)
}

fn push(starts: &mut Vec<TimeNs>, start: Instant) -> Result<(), RunError> {
    if starts.len() == BUCKETS_MAX {
        return Err(RunError::TooManyBuckets { max: BUCKETS_MAX });
    }
    starts.push(time(start));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchfire_model::parse_date;

    fn at(text: &str) -> TimeNs {
        parse_date(text).expect("a date")
    }

    /// The start of the interval of each time.
    #[track_caller]
    fn check(step: i64, zone: Option<&str>, offset_ns: i64, range: (&str, &str), want: &[(&str, &str)]) {
        let bucket = Bucket { step_ns: step, offset_ns, zone: zone.map(Into::into) };
        let buckets = buckets(&bucket, TimeRangeNs { start: at(range.0), end: at(range.1) }).expect("few intervals");
        for (of, start) in want {
            assert_eq!(buckets.bucket(at(of)), at(start), "{bucket:?} of {of}");
        }
    }

    const HOUR_NS: i64 = 3_600_000_000_000;

    #[test]
    fn days_are_as_long_as_the_zone_says() {
        // The clocks go back on 2026-10-25, so that day has 25 hours.
        let range = ("2026-10-24", "2026-10-27");
        let want = [
            ("2026-10-24T21:59:59Z", "2026-10-23T22:00Z"),
            ("2026-10-24T22:00Z", "2026-10-24T22:00Z"),
            ("2026-10-25T22:59:59Z", "2026-10-24T22:00Z"),
            ("2026-10-25T23:00Z", "2026-10-25T23:00Z"),
        ];
        check(DAY_NS, Some("Europe/Berlin"), 0, range, &want);
        let moved = [("2026-10-25T03:59Z", "2026-10-24T04:00Z"), ("2026-10-25T23:00Z", "2026-10-25T04:00Z")];
        check(DAY_NS, Some("Europe/Berlin"), 6 * HOUR_NS, range, &moved);
        // Without a change of clocks in the range the same days come out.
        let june = [("2026-06-02T21:59Z", "2026-06-01T22:00Z"), ("2026-06-02T22:00Z", "2026-06-02T22:00Z")];
        check(DAY_NS, Some("Europe/Berlin"), 0, ("2026-06-01", "2026-06-05"), &june);
    }

    #[test]
    fn weeks_begin_on_mondays() {
        let want = [("2026-11-22T23:59Z", "2026-11-16"), ("2026-11-23", "2026-11-23")];
        check(WEEK_NS, None, 0, ("2026-11-01", "2026-12-01"), &want);
        let berlin = [("2026-10-25T22:59Z", "2026-10-18T22:00Z"), ("2026-10-25T23:00Z", "2026-10-25T23:00Z")];
        check(WEEK_NS, Some("Europe/Berlin"), 0, ("2026-10-20", "2026-10-31"), &berlin);
    }

    #[test]
    fn hours_follow_the_zone() {
        check(HOUR_NS, None, HOUR_NS / 2, ("2026-01-01", "2026-01-02"), &[("2026-01-01T10:15Z", "2026-01-01T09:30Z")]);
        check(
            HOUR_NS,
            Some("Asia/Kolkata"),
            0,
            ("2026-01-01", "2026-01-02"),
            &[("2026-01-01T10:15Z", "2026-01-01T09:30Z")],
        );
        let range = ("2026-10-25", "2026-10-26");
        let want = [("2026-10-25T00:30Z", "2026-10-24T22:00Z"), ("2026-10-25T22:30Z", "2026-10-25T22:00Z")];
        check(6 * HOUR_NS, Some("Europe/Berlin"), 0, range, &want);
    }

    #[test]
    fn their_number_is_bounded() {
        let bucket = Bucket { step_ns: 1_000_000, offset_ns: 0, zone: Some("Europe/Berlin".into()) };
        let error = buckets(&bucket, TimeRangeNs { start: at("2026-01-01"), end: at("2026-12-01") });
        assert_eq!(error, Err(RunError::TooManyBuckets { max: BUCKETS_MAX }));
        let daily = Bucket { step_ns: DAY_NS, ..bucket };
        assert!(
            buckets(&daily, TimeRangeNs::ALL).is_ok_and(|found| matches!(found, TimeBuckets::Starts(_)))
                || buckets(&daily, TimeRangeNs::ALL) == Err(RunError::TooManyBuckets { max: BUCKETS_MAX })
        );
    }
}
