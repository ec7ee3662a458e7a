//! Times of the week, month and year at which routes are muted or active.
//! Format: <https://prometheus.io/docs/alerting/latest/configuration/#time_interval>; Alertmanager `timeinterval/timeinterval.go`.

use jiff::tz::TimeZone;
use std::ops::RangeInclusive;
use watchfire_model::Timestamp;

const MINUTES_PER_DAY: u32 = 24 * 60;

/// A named set of intervals: a time is inside where it is inside any of them.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeIntervals {
    pub name: String,
    pub intervals: Vec<TimeInterval>,
}

/// A time is inside where each list that is not empty has a range that holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeInterval {
    /// Minutes of the day: from the first, up to before the second.
    pub(super) times: Vec<(u32, u32)>,
    /// 0 is Sunday.
    pub(super) weekdays: Vec<RangeInclusive<i32>>,
    /// From 1; negative ones count from the end of the month, -1 is its last day.
    pub(super) days_of_month: Vec<RangeInclusive<i32>>,
    pub(super) months: Vec<RangeInclusive<i32>>,
    pub(super) years: Vec<RangeInclusive<i32>>,
    /// UTC where the file names none.
    pub(super) zone: TimeZone,
}

impl TimeIntervals {
    pub fn contains(&self, time: Timestamp) -> bool {
        self.intervals.iter().any(|interval| interval.contains(time))
    }
}

impl TimeInterval {
    fn contains(&self, Timestamp(ms): Timestamp) -> bool {
        let Ok(time) = jiff::Timestamp::from_millisecond(ms) else { return false };
        let time = time.to_zoned(self.zone.clone());
        let minute = u32::from(time.hour().unsigned_abs()) * 60 + u32::from(time.minute().unsigned_abs());
        let within = |ranges: &[RangeInclusive<i32>], value: i32| {
            ranges.is_empty() || ranges.iter().any(|range| range.contains(&value))
        };
        let days = i32::from(time.days_in_month());
        let from_start = |day: i32| if day < 0 { days + day + 1 } else { day };
        let day = i32::from(time.day());
        let on_day = self.days_of_month.is_empty()
            || self.days_of_month.iter().any(|range| {
                // Beyond the month's ends, the range is cut there.
                let (start, end) = (from_start(*range.start()), from_start(*range.end()));
                start <= days && start.max(1) <= day && day <= end.min(days)
            });
        let at_time = self.times.is_empty() || self.times.iter().any(|(start, end)| (*start..*end).contains(&minute));
        at_time
            && on_day
            && within(&self.weekdays, i32::from(time.weekday().to_sunday_zero_offset()))
            && within(&self.months, i32::from(time.month()))
            && within(&self.years, i32::from(time.year()))
    }
}

/// `HH:MM`, up to `24:00`, as minutes of the day.
pub(super) fn minute_of_day(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is no time of the day, write HH:MM between 00:00 and 24:00");
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    let two_digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hours) || !two_digits(minutes) {
        return Err(wrong());
    }
    let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let minute = hours * 60 + minutes;
    if minutes < 60 && minute <= MINUTES_PER_DAY { Ok(minute) } else { Err(wrong()) }
}

/// What the ranges of a list count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Weekday,
    DayOfMonth,
    Month,
    Year,
}

impl Unit {
    /// `monday:friday`, `1:5`, `-3:-1`, `january`, `2026:2030`: one value, or two with both ends inside.
    pub(super) fn range(self, text: &str) -> Result<RangeInclusive<i32>, String> {
        let lower = text.to_ascii_lowercase();
        let (start, end) = lower.split_once(':').unwrap_or((&lower, &lower));
        let (start, end) = (self.value(start)?, self.value(end)?);
        // Days counted from different ends of the month can only be compared when the month is known.
        let is_comparable = (start < 0) == (end < 0);
        if self == Unit::DayOfMonth && start < 0 && end > 0 {
            return Err(format!("`{text}`: a range that begins with a negative day ends with a negative day"));
        }
        if is_comparable && start > end {
            return Err(format!("`{text}` ends before it begins"));
        }
        Ok(start..=end)
    }

    fn value(self, text: &str) -> Result<i32, String> {
        let number = text.parse::<i32>().ok();
        let found = match self {
            Unit::Weekday => place(&WEEKDAYS, text),
            Unit::Month => number.filter(|month| (1..=12).contains(month)).or_else(|| Some(place(&MONTHS, text)? + 1)),
            Unit::DayOfMonth => number.filter(|day| *day != 0 && (-31..=31).contains(day)),
            Unit::Year => number.filter(|year| *year >= 0),
        };
        found.ok_or_else(|| {
            let example = match self {
                Unit::Weekday => "a day of the week, for example monday",
                Unit::DayOfMonth => "a day of the month: 1 to 31, or -31 to -1 from its end",
                Unit::Month => "a month: 1 to 12, or for example january",
                Unit::Year => "a year",
            };
            format!("`{text}` is not {example}")
        })
    }
}

fn place(names: &[&str], name: &str) -> Option<i32> {
    names.iter().position(|known| *known == name).and_then(|place| i32::try_from(place).ok())
}

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn interval() -> TimeInterval {
        let zone = TimeZone::UTC;
        TimeInterval { times: vec![], weekdays: vec![], days_of_month: vec![], months: vec![], years: vec![], zone }
    }

    #[track_caller]
    fn check(interval: &TimeInterval, time: &str, want: bool) {
        let time: jiff::Timestamp = time.parse().unwrap();
        assert_eq!(interval.contains(Timestamp(time.as_millisecond())), want, "{time}");
    }

    #[test]
    fn every_list_has_to_hold_the_time() {
        let weekdays = vec![Unit::Weekday.range("monday:friday").unwrap()];
        let office = TimeInterval { times: vec![(9 * 60, 17 * 60)], weekdays, ..interval() };
        check(&office, "2026-11-20T09:00:00Z", true);
        check(&office, "2026-11-20T16:59:59Z", true);
        check(&office, "2026-11-20T17:00:00Z", false);
        check(&office, "2026-11-21T12:00:00Z", false);
        check(&interval(), "2026-11-21T12:00:00Z", true);
        let winter = TimeInterval {
            months: vec![Unit::Month.range("december").unwrap(), Unit::Month.range("1:2").unwrap()],
            years: vec![Unit::Year.range("2026:2027").unwrap()],
            ..interval()
        };
        check(&winter, "2026-12-31T23:59:59Z", true);
        check(&winter, "2027-02-01T00:00:00Z", true);
        check(&winter, "2028-01-01T00:00:00Z", false);
        check(&winter, "2026-03-01T00:00:00Z", false);
    }

    #[test]
    fn days_count_from_both_ends_of_the_month() {
        let on = |text: &str| TimeInterval { days_of_month: vec![Unit::DayOfMonth.range(text).unwrap()], ..interval() };
        check(&on("-1"), "2024-02-29T12:00:00Z", true);
        check(&on("-1"), "2024-02-28T12:00:00Z", false);
        check(&on("1:-1"), "2023-02-28T12:00:00Z", true);
        check(&on("-3:-1"), "2023-04-28T12:00:00Z", true);
        check(&on("31"), "2023-04-30T12:00:00Z", false);
        check(&on("25:31"), "2023-02-28T12:00:00Z", true);
        check(&on("-31:-30"), "2023-02-01T12:00:00Z", false);
    }

    #[test]
    fn places_have_their_own_time() {
        let zone = TimeZone::get("Australia/Sydney").unwrap();
        let morning = TimeInterval { times: vec![(8 * 60, 9 * 60)], zone, ..interval() };
        check(&morning, "2026-11-19T21:30:00Z", true);
        check(&morning, "2026-11-20T08:30:00Z", false);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for (unit, text, want) in [
            (Unit::Weekday, "funday", "`funday` is not a day of the week, for example monday"),
            (Unit::Weekday, "friday:monday", "`friday:monday` ends before it begins"),
            (Unit::DayOfMonth, "0", "`0` is not a day of the month: 1 to 31, or -31 to -1 from its end"),
            (Unit::DayOfMonth, "-3:5", "`-3:5`: a range that begins with a negative day ends with a negative day"),
            (Unit::Month, "13", "`13` is not a month: 1 to 12, or for example january"),
            (Unit::Year, "x", "`x` is not a year"),
        ] {
            assert_eq!(unit.range(text), Err(want.to_owned()));
        }
        assert_eq!(minute_of_day("24:00"), Ok(MINUTES_PER_DAY));
        for text in ["24:01", "9:00", "12:60", "12", "-1:00"] {
            assert!(minute_of_day(text).is_err(), "{text}");
        }
    }
}
