//! Numbers as pages write them.

/// The NaN that stands for every written NaN, so that none can be mistaken for a staleness marker.
/// Prometheus: `model/value/value.go`, `NormalNaN`.
const NORMAL_NAN_BITS: u64 = 0x7ff8_0000_0000_0001;

/// Powers of ten that a double holds exactly.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
/// Digits that surely fit into 64 bits.
const DIGITS_MAX: usize = 19;
/// Powers of ten at which Go writes the shortest form (`%g`) without an exponent.
const PLAIN_EXPONENTS: std::ops::Range<i32> = -4..6;
/// The largest whole number below which a double holds each.
const MANTISSA_MAX: u64 = 1 << 53;

/// A decimal number, `Inf` or `NaN` in any case, with a sign or without; neither hexadecimal nor underscores.
pub(super) fn parse_value(text: &str) -> Option<f64> {
    if let Some((value, len)) = scan_number(text.as_bytes())
        && len == text.len()
    {
        return Some(value);
    }
    let value: f64 = text.parse().ok()?;
    Some(if value.is_nan() { normal_nan() } else { value })
}

pub(super) fn normal_nan() -> f64 {
    f64::from_bits(NORMAL_NAN_BITS)
}

/// The number at the start of `bytes` and its length, where mantissa and power of ten are exact, so that one multiplication or
/// division rounds correctly. `None` says nothing but that [`parse_value`] has to look.
pub(super) fn scan_number(bytes: &[u8]) -> Option<(f64, usize)> {
    let negative = bytes.first() == Some(&b'-');
    let begin = usize::from(negative);
    let (mut mantissa, mut at) = digits(bytes, begin, 0);
    let mut n_digits = at - begin;
    let mut power = 0;
    if bytes.get(at) == Some(&b'.') {
        let (with_fraction, end) = digits(bytes, at + 1, mantissa);
        let n_fraction = end - at - 1;
        mantissa = with_fraction;
        n_digits += n_fraction;
        power = -(n_fraction as i64);
        at = end;
    }
    if n_digits == 0 || n_digits > DIGITS_MAX || mantissa > MANTISSA_MAX {
        return None;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let (exponent, end) = exponent(bytes, at + 1)?;
        power += exponent;
        at = end;
    }
    let factor = *POWERS_OF_TEN.get(usize::try_from(power.unsigned_abs()).ok()?)?;
    let value = if power < 0 { mantissa as f64 / factor } else { mantissa as f64 * factor };
    Some((if negative { -value } else { value }, at))
}

/// The digits from `at` on behind those of `mantissa`, and where they end. Too many of them wrap around.
fn digits(bytes: &[u8], mut at: usize, mut mantissa: u64) -> (u64, usize) {
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0'))
        && digit < 10
    {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    (mantissa, at)
}

/// A sign and up to three digits.
fn exponent(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let sign = bytes.get(at).copied();
    let begin = at + usize::from(matches!(sign, Some(b'+' | b'-')));
    let (exponent, end) = digits(bytes, begin, 0);
    if !(1..=3).contains(&(end - begin)) {
        return None;
    }
    let exponent = exponent as i64;
    Some((if sign == Some(b'-') { -exponent } else { exponent }, end))
}

/// Whole milliseconds, as text 0.0.4 writes times.
pub(super) fn parse_milliseconds(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Finite seconds as OpenMetrics writes times, in milliseconds, held at the ends of the range.
pub(super) fn parse_seconds(text: &str) -> Option<i64> {
    parse_value(text).and_then(seconds_to_ms)
}

pub(super) fn seconds_to_ms(seconds: f64) -> Option<i64> {
    seconds.is_finite().then_some((seconds * 1000.0) as i64)
}

/// A number as OpenMetrics wants bounds and quantiles written: the fewest digits, always with a point or an exponent.
/// Prometheus: `model/textparse/protobufparse.go`, `formatOpenMetricsFloat`.
pub(crate) fn openmetrics_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if PLAIN_EXPONENTS.contains(&exponent) {
        let plain = value.to_string();
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, want: Option<f64>) {
        assert_eq!(parse_value(text).map(f64::to_bits), want.map(f64::to_bits), "{text}");
    }

    #[test]
    fn numbers_are_decimal() {
        check("0", Some(0.0));
        check("-0", Some(-0.0));
        check("1.5", Some(1.5));
        check(".5", Some(0.5));
        check("5.", Some(5.0));
        check("0.30000000000000", Some(0.3));
        check("123456789012345", Some(123_456_789_012_345.0));
        check("12345678901234567", Some(12_345_678_901_234_567.0));
        check("1e-4", Some(1e-4));
        check("1.7e+09", Some(1.7e9));
        check("1e22", Some(1e22));
        check("1e23", Some(1e23));
        check("1e-320", Some(1e-320));
        check("+1", Some(1.0));
        check("+Inf", Some(f64::INFINITY));
        check("-inf", Some(f64::NEG_INFINITY));
        check("NaN", Some(normal_nan()));
        check("", None);
        check(".", None);
        check("-", None);
        check("1e", None);
        check("1e+", None);
        check("1_2", None);
        check("0x1", None);
        check("1.1.1", None);
    }

    #[track_caller]
    fn check_bound(value: f64, want: &str) {
        assert_eq!(openmetrics_float(value), want);
    }

    #[test]
    fn bounds_have_one_spelling() {
        check_bound(0.0, "0.0");
        check_bound(1.0, "1.0");
        check_bound(-1.0, "-1.0");
        check_bound(0.005, "0.005");
        check_bound(0.0001, "0.0001");
        check_bound(0.000_01, "1e-05");
        check_bound(100_000.0, "100000.0");
        check_bound(1e6, "1e+06");
        check_bound(1_234_567.0, "1.234567e+06");
        check_bound(1_234_567.5, "1.2345675e+06");
        check_bound(1.5e300, "1.5e+300");
        check_bound(f64::INFINITY, "+Inf");
        check_bound(f64::NEG_INFINITY, "-Inf");
        check_bound(f64::NAN, "NaN");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn the_short_way_agrees_with_the_standard_library(text in "-?[0-9]{0,12}[.]?[0-9]{0,9}(e[+-]?[0-9]{1,3})?") {
            prop_assert_eq!(parse_value(&text).map(f64::to_bits), text.parse::<f64>().ok().map(f64::to_bits));
        }

        #[test]
        fn a_bound_reads_back(value: f64) {
            prop_assume!(!value.is_nan());
            prop_assert_eq!(openmetrics_float(value).parse(), Ok(value));
        }
    }
}
