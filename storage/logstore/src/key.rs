//! Where blocks lie.

use crate::state::BLOCK_PREFIX;
use ulid::Ulid;
use watchfire_model::TimeNs;

pub(crate) const DAY_NS: i64 = 24 * 3600 * 1_000_000_000;
const STREAM_LEN_MAX: usize = 64;

/// What a key is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyParts<'a> {
    pub(crate) stream: &'a str,
    /// Newest record; its UTC day is a part of the key.
    pub(crate) time: TimeNs,
    /// Of the writing.
    pub(crate) now: TimeNs,
    /// Number of the first record.
    pub(crate) sequence: u64,
    /// Counts the blocks that this process has written.
    pub(crate) serial: u64,
}

/// `logs/<stream>/<yyyy-mm-dd>/<ulid>`. The ULID holds the time of writing and, instead of chance, what tells the blocks
/// of one store apart.
pub(crate) fn block_key(parts: KeyParts<'_>) -> String {
    let now_ms = u64::try_from(parts.now.to_ms().0).unwrap_or(0);
    let ulid = Ulid::from_parts(now_ms, u128::from(parts.sequence) << 16 | u128::from(parts.serial & 0xffff));
    format!("{BLOCK_PREFIX}{}/{}/{ulid}", stream_part(parts.stream), civil_date(parts.time))
}

/// A stream's name as a part of a key: other characters than those that keys may have become hyphens, which is no harm
/// as the key is never read back.
fn stream_part(stream: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let part: String = stream.chars().take(STREAM_LEN_MAX).map(plain).collect();
    if part.is_empty() { "-".to_owned() } else { part }
}

/// The UTC day of a time as `yyyy-mm-dd`, in the proleptic Gregorian calendar. Howard Hinnant's `civil_from_days`.
fn civil_date(time: TimeNs) -> String {
    const DAYS_PER_ERA: i64 = 146_097;
    let days = time.0.div_euclid(DAY_NS) + 719_468;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_date(seconds: i64, want: &str) {
        assert_eq!(civil_date(TimeNs(seconds * 1_000_000_000)), want);
    }

    #[test]
    fn days_are_written_as_dates() {
        check_date(0, "1970-01-01");
        check_date(-1, "1969-12-31");
        check_date(951_782_400, "2000-02-29");
        check_date(1_795_046_400, "2026-11-19");
        check_date(9_223_372_036, "2262-04-11");
    }

    #[test]
    fn keys_hold_plain_characters_only() {
        assert_eq!(stream_part("audit log/ä"), "audit-log--");
        assert_eq!(stream_part(".."), "--");
        assert_eq!(stream_part(""), "-");
    }
}
