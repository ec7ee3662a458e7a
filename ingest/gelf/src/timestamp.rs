//! The time of a message, as its sender writes it. GELF 1.1: seconds since 1970 with optional decimals; senders also
//! write milliseconds, microseconds, nanoseconds, any of them as text, and RFC 3339.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use watchfire_model::TimeNs;

/// Digits of a number that are read; the rest cannot matter for nanoseconds.
const DIGITS_MAX: u32 = 30;
/// Decimal digits before the point from which a number is no time at all.
const MAGNITUDE_MAX: i64 = 20;

/// Reads a time, exactly; `None` for zero, negative numbers and text of no known form.
///
/// The unit follows from the size: below 10^11 seconds (the year 5138), below 10^14 milliseconds, below 10^17
/// microseconds, else nanoseconds.
pub(crate) fn read(text: &str) -> Option<TimeNs> {
    let text = text.trim();
    plain_seconds_ns(text.as_bytes()).map(TimeNs).or_else(|| read_any(text))
}

/// What nearly all senders write, `seconds` or `seconds.decimals` with at most nine of these, in nanoseconds; `None` for
/// anything else, be it a time or not.
fn plain_seconds_ns(text: &[u8]) -> Option<i64> {
    const DECIMALS_MAX: usize = 9;
    // With one digit more, the number counts milliseconds.
    const SECONDS_LEN_MAX: usize = 11;
    let digits = |text: &[u8]| {
        let mut number = 0_i64;
        let len = text.iter().take(SECONDS_LEN_MAX + 1).take_while(|byte| byte.is_ascii_digit()).count();
        for byte in &text[..len] {
            number = number * 10 + i64::from(byte - b'0');
        }
        (number, len)
    };
    let (seconds, len) = digits(text);
    if len == 0 || len > SECONDS_LEN_MAX || seconds == 0 {
        return None;
    }
    let ns = seconds.checked_mul(1_000_000_000)?;
    let decimals = match &text[len..] {
        [] => return Some(ns),
        [b'.', decimals @ ..] if (1..=DECIMALS_MAX).contains(&decimals.len()) => decimals,
        _ => return None,
    };
    let (fraction, len) = digits(decimals);
    (len == decimals.len()).then_some(())?;
    ns.checked_add(fraction * 10_i64.pow((DECIMALS_MAX - len) as u32))
}

fn read_any(text: &str) -> Option<TimeNs> {
    decimal_ns(text.as_bytes()).or_else(|| calendar_ns(text)).filter(|ns| *ns > 0).map(TimeNs)
}

/// `digits.digits e exponent` in the unit of its size, in nanoseconds; rounds towards zero.
fn decimal_ns(text: &[u8]) -> Option<i64> {
    let mut mantissa: u128 = 0;
    let mut n_digits = 0;
    let mut exponent: i64 = 0;
    let mut has_digit = false;
    let mut after_point = false;
    let mut bytes = text.strip_prefix(b"+").unwrap_or(text).iter();
    for byte in bytes.by_ref() {
        match byte {
            b'0'..=b'9' => {
                has_digit = true;
                let is_kept = n_digits < DIGITS_MAX;
                if is_kept {
                    mantissa = mantissa * 10 + u128::from(byte - b'0');
                    n_digits += u32::from(mantissa > 0);
                }
                exponent += i64::from(!is_kept) - i64::from(after_point);
            }
            b'.' if !after_point => after_point = true,
            b'e' | b'E' if has_digit => {
                exponent = exponent.checked_add(std::str::from_utf8(bytes.as_slice()).ok()?.parse().ok()?)?;
                break;
            }
            _ => return None,
        }
    }
    let magnitude = exponent.checked_add(i64::from(n_digits))?;
    if mantissa == 0 || !has_digit || magnitude > MAGNITUDE_MAX {
        return None;
    }
    let to_ns = match magnitude {
        ..=11 => 9,
        12..=14 => 6,
        15..=17 => 3,
        _ => 0,
    };
    let shift = exponent.checked_add(to_ns)?;
    let power = 10_u128.checked_pow(u32::try_from(shift.unsigned_abs()).ok()?);
    let ns = match power {
        Some(power) if shift >= 0 => mantissa.checked_mul(power)?,
        Some(power) => mantissa / power,
        None => return None,
    };
    i64::try_from(ns).ok()
}

/// RFC 3339; without an offset the time counts as UTC.
fn calendar_ns(text: &str) -> Option<i64> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let timestamp = text.parse::<jiff::Timestamp>().or_else(|_| {
        let without_offset = text.parse::<DateTime>()?;
        without_offset.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp())
    });
    i64::try_from(timestamp.ok()?.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, want: Option<i64>) {
        assert_eq!(read(text).map(|time| time.0), want, "{text:?}");
    }

    #[test]
    fn numbers_are_exact() {
        check("1795046400.123", Some(1_795_046_400_123_000_000));
        check("1795046400", Some(1_795_046_400_000_000_000));
        check("1795046400.000000001", Some(1_795_046_400_000_000_001));
        check("1795046400.1234567899", Some(1_795_046_400_123_456_789));
        check("1795046400123", Some(1_795_046_400_123_000_000));
        check("1795046400123.5", Some(1_795_046_400_123_500_000));
        check("1795046400123456", Some(1_795_046_400_123_456_000));
        check("1795046400123456789", Some(1_795_046_400_123_456_789));
        check("1.7950464E9", Some(1_795_046_400_000_000_000));
        check("1.7950464e+9", Some(1_795_046_400_000_000_000));
        check("17950464000000e-4", Some(1_795_046_400_000_000_000));
        check("001795046400", Some(1_795_046_400_000_000_000));
        check("0.5", Some(500_000_000));
        check(&format!("1795046400.{}", "1".repeat(1000)), Some(1_795_046_400_111_111_111));
        check("4102444800", Some(4_102_444_800_000_000_000));
    }

    #[test]
    fn text_is_read_as_rfc_3339() {
        check(" 1795046400.5 ", Some(1_795_046_400_500_000_000));
        check("2026-11-19T00:00:00Z", Some(1_795_046_400_000_000_000));
        check("2026-11-19T01:00:00.25+01:00", Some(1_795_046_400_250_000_000));
        check("2026-11-19 00:00:00", Some(1_795_046_400_000_000_000));
        check("2026-11-19T00:00:00.123456", Some(1_795_046_400_123_456_000));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "0",
            "0.0",
            "-1",
            "-1795046400",
            "NaN",
            "1e400",
            "1e-400",
            ".",
            "1.2.3",
            "e5",
            "5e",
            "yesterday",
            "1e99",
            "9999999999999999999",
            "99999999999999999999999",
            "2026-13-01T00:00:00Z",
            "1e9223372036854775807",
            "1e-9223372036854775808",
            "2800-01-01T00:00:00Z",
            "é",
        ] {
            check(text, None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whole_nanoseconds_come_back(seconds in 1_i64..9_000_000_000, ns in 0_i64..1_000_000_000) {
            check(&format!("{seconds}.{ns:09}"), Some(seconds * 1_000_000_000 + ns));
        }

        #[test]
        fn the_short_way_gives_the_same(text in "[0-9]{1,13}(\\.[0-9]{0,11})?") {
            let short = plain_seconds_ns(text.as_bytes());
            prop_assert!(short.is_none_or(|ns| read_any(&text) == Some(TimeNs(ns))), "{text}");
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9.eE+-]{0,40}|.{0,20}") {
            prop_assert!(read(&text).is_none_or(|time| time.0 > 0));
        }
    }
}
