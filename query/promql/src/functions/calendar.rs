//! `year`, `month`, `hour` …: parts of a Unix time, UTC.

use super::Site;
use crate::EvalError;
use crate::engine::{Evaluator, Histograms, Series, Vector};
use watchfire_model::Labels;

const DAY_SECONDS: i64 = 86_400;

pub(super) fn eval<'q>(evaluator: &mut Evaluator<'q>, site: &Site<'_>) -> Result<Vector<'q>, EvalError> {
    let mut vector = if let Some(arg) = site.args.first() {
        evaluator.vector(arg, site.steps)?
    } else {
        let values = site.steps.times().map(|time| time as f64 / 1000.0).collect();
        let series =
            vec![Series { labels: Labels::empty(), name_dropped: false, values, histograms: Histograms::default() }];
        Vector { series, held: evaluator.hold(site.steps.count)? }
    };
    let part: fn(i64) -> i64 = match site.name {
        "minute" => |time| time.rem_euclid(3600) / 60,
        "hour" => |time| time.rem_euclid(DAY_SECONDS) / 3600,
        // 1970-01-01 was a Thursday; Sunday is 0.
        "day_of_week" => |time| (time.div_euclid(DAY_SECONDS) + 4).rem_euclid(7),
        "day_of_month" => |time| Date::of(time).day,
        "day_of_year" => |time| Date::of(time).day_of_year(),
        "days_in_month" => |time| Date::of(time).days_in_month(),
        "month" => |time| Date::of(time).month,
        _ => |time| Date::of(time).year,
    };
    // NaN and values beyond the calendar are cut to its ends, as an integer conversion does.
    evaluator.map(&mut vector, |value| part(value as i64) as f64)?;
    Ok(vector)
}

/// A day of the Gregorian calendar; month and day count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    /// The day of a Unix time in seconds. Counts from 1 March of year 0, so that the leap day ends a year: 400 years
    /// have 146,097 days, and five months from March on always have 153.
    fn of(time: i64) -> Date {
        let days = time.div_euclid(DAY_SECONDS) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Date {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
        }
    }

    fn is_leap_year(self) -> bool {
        self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0)
    }

    fn days_in_month(self) -> i64 {
        match self.month {
            2 if self.is_leap_year() => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    fn day_of_year(self) -> i64 {
        let before = (1..self.month).map(|month| Date { month, ..self }.days_in_month());
        before.sum::<i64>() + self.day
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(time: i64, want: (i64, i64, i64), want_day_of_year: i64) {
        let date = Date::of(time);
        assert_eq!(((date.year, date.month, date.day), date.day_of_year()), (want, want_day_of_year), "{time}");
    }

    #[test]
    fn days_of_the_calendar() {
        check(0, (1970, 1, 1), 1);
        check(-1, (1969, 12, 31), 365);
        check(951_782_400, (2000, 2, 29), 60);
        check(1_456_790_400, (2016, 3, 1), 61);
        check(1_483_191_420, (2016, 12, 31), 366);
        check(4_107_542_400, (2100, 3, 1), 60);
        check(-2_203_891_200, (1900, 3, 1), 60);
    }
}
