//! Numbers and times as Go prints them: `strconv.FormatFloat`, `fmt` and `time.Time.String`.

use jiff::Timestamp as Instant;
use watchfire_model::Timestamp;

/// `%g` with the fewest digits that give the number back: `1`, `0.5`, `1e+06`.
pub(super) fn shortest(value: f64) -> String {
    if let Some(word) = not_finite(value) {
        return word.to_owned();
    }
    let (digits, power) = split(&format!("{value:e}"));
    // Where no precision is given, Go decides for an exponent as if it were 6.
    general(value.is_sign_negative(), &digits, power, 6)
}

/// `%e` with the fewest digits: how Prometheus' API prints the value of an alert, `1e+00`.
pub(crate) fn exponent(value: f64) -> String {
    if let Some(word) = not_finite(value) {
        return word.to_owned();
    }
    let (digits, power) = split(&format!("{value:e}"));
    with_exponent(value.is_sign_negative(), &digits, power)
}

/// `%.<precision>g`: at most `precision` significant digits, no zeros at the end.
pub(super) fn significant(value: f64, precision: usize) -> String {
    if let Some(word) = not_finite(value) {
        return word.to_owned();
    }
    let precision = precision.max(1);
    let (digits, power) = split(&format!("{value:.*e}", precision - 1));
    let trimmed = digits.trim_end_matches('0');
    let digits = if trimmed.is_empty() { "0" } else { trimmed };
    general(value.is_sign_negative(), digits, power, i32::try_from(precision).unwrap_or(i32::MAX))
}

/// `%.<precision>e`.
pub(super) fn scientific(value: f64, precision: usize) -> String {
    if let Some(word) = not_finite(value) {
        return word.to_owned();
    }
    let (digits, power) = split(&format!("{value:.precision$e}"));
    with_exponent(value.is_sign_negative(), &digits, power)
}

/// `%.<precision>f`.
pub(super) fn fixed(value: f64, precision: usize) -> String {
    not_finite(value).map_or_else(|| format!("{value:.precision$}"), str::to_owned)
}

/// `2022-01-25 12:00:03.5 +0000 UTC`; `None` outside of the years that can be written.
pub(super) fn go_time(seconds: f64) -> Option<String> {
    let nanoseconds = (seconds * 1e9).round();
    if !nanoseconds.is_finite() || nanoseconds.abs() >= 1e30 {
        return None;
    }
    let instant = Instant::from_nanosecond(nanoseconds as i128).ok()?;
    let civil = instant.strftime("%Y-%m-%d %H:%M:%S%.f");
    Some(format!("{civil} +0000 UTC"))
}

/// `2022-01-25T12:00:03.5Z`, as Go's `time.Time` stands in JSON.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    Instant::from_millisecond(time.0).map_or_else(|_| ZERO_TIME.to_owned(), |instant| instant.to_string())
}

/// Go's zero time, "never" in Alertmanager's and Prometheus' JSON.
pub(crate) const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

fn not_finite(value: f64) -> Option<&'static str> {
    match value {
        value if value.is_nan() => Some("NaN"),
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

/// The digits without sign and point, and the power of ten of the first one, of Rust's `1.5e3`.
fn split(printed: &str) -> (String, i32) {
    let (mantissa, power) = printed.split_once('e').unwrap_or((printed, "0"));
    let digits = mantissa.chars().filter(char::is_ascii_digit).collect();
    (digits, power.parse().unwrap_or(0))
}

fn general(negative: bool, digits: &str, power: i32, precision: i32) -> String {
    if power < -4 || power >= precision {
        return with_exponent(negative, digits, power);
    }
    let sign = if negative { "-" } else { "" };
    let len = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let point = power + 1;
    if point <= 0 {
        return format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize));
    }
    if point >= len {
        return format!("{sign}{digits}{}", "0".repeat((point - len) as usize));
    }
    let (whole, fraction) = digits.split_at(point as usize);
    format!("{sign}{whole}.{fraction}")
}

fn with_exponent(negative: bool, digits: &str, power: i32) -> String {
    let sign = if negative { "-" } else { "" };
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let power_sign = if power < 0 { '-' } else { '+' };
    format!("{sign}{first}{point}{rest}e{power_sign}{:02}", power.unsigned_abs())
}
