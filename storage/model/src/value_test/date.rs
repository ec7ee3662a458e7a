//! Dates and times in text: RFC 3339, and what is usual beside it.

use crate::TimeNs;

const SECONDS_PER_DAY: i64 = 86_400;

/// Reads `2026-11-20`, `2026-11-20T10:30`, `2026-11-20 10:30:00.123456789+01:00`: a date, then a `T` or blank and a time, then
/// `Z` or an offset; UTC where none is given, midnight where there is no time. Digits beyond nanoseconds are cut off, a leap
/// second is the second after it. `None` for anything else, and outside of what [`TimeNs`] holds.
pub fn parse_date(text: &str) -> Option<TimeNs> {
    let mut reader = Reader { rest: text.as_bytes() };
    let year = reader.digits(4)?;
    reader.expect(b"-")?;
    let month = reader.digits(2)?;
    reader.expect(b"-")?;
    let day = reader.digits(2)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
        return None;
    }
    let mut seconds = days_from_epoch(year, month, day) * SECONDS_PER_DAY;
    let mut nanoseconds = 0;
    if reader.expect(b"Tt ").is_some() {
        let hour = reader.digits(2)?;
        reader.expect(b":")?;
        let minute = reader.digits(2)?;
        let mut second = 0;
        if reader.expect(b":").is_some() {
            second = reader.digits(2)?;
            if reader.expect(b".,").is_some() {
                nanoseconds = reader.fraction()?;
            }
        }
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        seconds += hour * 3_600 + minute * 60 + second - reader.offset_seconds()?;
    }
    if !reader.rest.is_empty() {
        return None;
    }
    let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    i64::try_from(total).ok().map(TimeNs)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    /// Exactly `n` digits.
    fn digits(&mut self, n: usize) -> Option<i64> {
        let (digits, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        digits.iter().try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0')))
    }

    /// One of these bytes.
    fn expect(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        bytes.contains(first).then(|| {
            self.rest = rest;
            *first
        })
    }

    /// The digits behind the point, as nanoseconds.
    fn fraction(&mut self) -> Option<i64> {
        let len = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at(len);
        self.rest = rest;
        let padded = digits.iter().copied().chain(std::iter::repeat(b'0')).take(9);
        (len > 0).then(|| padded.fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
    }

    /// `Z`, `+01:00`, `-0530`, or nothing.
    fn offset_seconds(&mut self) -> Option<i64> {
        if self.rest.is_empty() || self.expect(b"Zz").is_some() {
            return Some(0);
        }
        let sign = if self.expect(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(2)?;
        self.expect(b":");
        let minutes = self.digits(2)?;
        (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
    }
}

fn days_of(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar. Years are counted from March, so that a leap day is the last of its year.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    /// From 0000-03-01 to 1970-01-01.
    const EPOCH: i64 = 719_468;
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + day_of_year - EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Option<i64>) {
        assert_eq!(parse_date(text).map(|time| time.0), want, "{text:?}");
    }

    #[test]
    fn dates_and_times() {
        check("1970-01-01", Some(0));
        check("1970-01-01T00:00:00Z", Some(0));
        check("2026-11-20", Some(1_795_132_800_000_000_000));
        check("2026-11-20T10:30", Some(1_795_170_600_000_000_000));
        check("2026-11-20 10:30:00.5+01:00", Some(1_795_167_000_500_000_000));
        check("2026-11-20T10:30:00,123456789123-0530", Some(1_795_190_400_123_456_789));
        check("1969-12-31T23:59:59.999999999Z", Some(-1));
        check("2000-02-29", Some(951_782_400_000_000_000));
        check("2016-12-31T23:59:60Z", Some(1_483_228_800_000_000_000));
        check("1900-02-29", None);
        check("2026-13-01", None);
        check("2026-11-31", None);
        check("2026-11-20T", None);
        check("2026-11-20T24:00", None);
        check("2026-11-20T10:30:00.", None);
        check("2026-11-20T10:30:00+1", None);
        check("2026-11-20x", None);
        check("9999-01-01", None);
        check("", None);
        check("-026-11-20", None);
    }
}
