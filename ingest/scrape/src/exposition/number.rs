//! Numbers as pages write them.

/// The NaN that stands for every written NaN, so that none can be mistaken for a staleness marker.
/// Prometheus: `model/value/value.go`, `NormalNaN`.
const NORMAL_NAN_BITS: u64 = 0x7ff8_0000_0000_0001;

/// Powers of ten that a double holds exactly, as far as a short mantissa needs them.
const POWERS_OF_TEN: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// A decimal number, `Inf` or `NaN` in any case, with a sign or without; neither hexadecimal nor underscores.
pub(super) fn parse_value(text: &str) -> Option<f64> {
    if let Some(value) = parse_short(text.as_bytes()) {
        return Some(value);
    }
    let value: f64 = text.parse().ok()?;
    Some(if value.is_nan() { f64::from_bits(NORMAL_NAN_BITS) } else { value })
}

/// At most 15 digits with at most one point inside: mantissa and power are exact, so one division rounds correctly.
fn parse_short(bytes: &[u8]) -> Option<f64> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > POWERS_OF_TEN.len() {
        return None;
    }
    let mut mantissa: u64 = 0;
    let mut point = None;
    for (index, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => mantissa = mantissa * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(index),
            _ => return None,
        }
    }
    let value = match point {
        None if digits.len() > 15 => return None,
        None => mantissa as f64,
        Some(_) if digits.len() == 1 => return None,
        Some(index) => mantissa as f64 / POWERS_OF_TEN[digits.len() - 1 - index],
    };
    Some(if negative { -value } else { value })
}

/// Whole milliseconds, as text 0.0.4 writes times.
pub(super) fn parse_milliseconds(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Finite seconds as OpenMetrics writes times, in milliseconds, held at the ends of the range.
pub(super) fn parse_seconds(text: &str) -> Option<i64> {
    let seconds = parse_value(text).filter(|seconds| seconds.is_finite())?;
    Some((seconds * 1000.0) as i64)
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
        check("+Inf", Some(f64::INFINITY));
        check("-inf", Some(f64::NEG_INFINITY));
        check("NaN", Some(f64::from_bits(NORMAL_NAN_BITS)));
        check("", None);
        check(".", None);
        check("-", None);
        check("1_2", None);
        check("0x1", None);
        check("1.1.1", None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn the_short_way_agrees_with_the_standard_library(text in "-?[0-9]{0,9}[.]?[0-9]{0,8}") {
            prop_assert_eq!(parse_value(&text).map(f64::to_bits), text.parse::<f64>().ok().map(f64::to_bits));
        }
    }
}
