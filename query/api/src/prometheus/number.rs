//! Numbers as Go prints them in Prometheus' JSON (`util/jsonutil`: shortest form that reads back the same).

use serde_json::Number;
use std::fmt::Write;
use std::ops::Range;
use std::str::FromStr;

/// A sample value: plain digits between 1e-6 and 1e21, an exponent of two digits at least outside.
pub(crate) fn write_value(out: &mut String, value: f64) {
    write_number(out, value, 1e-6..1e21);
}

/// A value as expositions have it (Go's `%g`, shortest): an exponent below 1e-4 and from 1e6 on.
pub(crate) fn write_shortest(out: &mut String, value: f64) {
    write_number(out, value, 1e-4..1e6);
}

/// `plain`: the magnitudes that are written without an exponent.
fn write_number(out: &mut String, value: f64, plain: Range<f64>) {
    let magnitude = value.abs();
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else if magnitude != 0.0 && !plain.contains(&magnitude) {
        let mut text = format!("{value:e}");
        let decimals = decimals(&text);
        // Few of these are printed: no look at whether the last digit is a tie.
        if decimals > 0 {
            text = format!("{value:.decimals$e}");
        }
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
        let _ = write!(out, "{mantissa}e{sign}{digits:0>2}");
    } else {
        let begin = out.len();
        let _ = write!(out, "{value}");
        let decimals = decimals(&out[begin..]);
        // Where the last digit is a tie, Go rounds to the even one, as formatting to so many digits does.
        if decimals > 0 && (value * f64::exp2(decimals as f64 + 1.0)).fract() == 0.0 {
            out.truncate(begin);
            let _ = write!(out, "{value:.decimals$}");
        }
    }
}

/// The same as a number of JSON.
pub(crate) fn seconds(ms: i64) -> Number {
    let mut text = String::new();
    write_time(&mut text, ms);
    Number::from_str(&text).unwrap_or_else(|_| Number::from(0))
}

/// Digits behind the point of a mantissa.
fn decimals(text: &str) -> usize {
    let mantissa = text.split('e').next().unwrap_or(text);
    mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len())
}

/// A time in Unix seconds with up to three decimals.
pub(crate) fn write_time(out: &mut String, ms: i64) {
    let (seconds, rest) = (ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000);
    let sign = if ms < 0 { "-" } else { "" };
    let _ = write!(out, "{sign}{seconds}");
    if rest != 0 {
        let decimals = format!("{rest:03}");
        let _ = write!(out, ".{}", decimals.trim_end_matches('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_value(value: f64, want: &str) {
        let mut got = String::new();
        write_value(&mut got, value);
        assert_eq!(got, want);
    }

    #[test]
    fn values_are_printed_as_go_does() {
        check_value(0.0, "0");
        check_value(-0.0, "-0");
        check_value(1.0, "1");
        check_value(0.1, "0.1");
        check_value(123_456_789.125, "123456789.125");
        check_value(1e20, "100000000000000000000");
        check_value(1e21, "1e+21");
        check_value(1.5e-7, "1.5e-07");
        check_value(-2.5e-300, "-2.5e-300");
        check_value(221_692_706_831_733.0 / 16.0, "13855794176983.312"); // ….3125: a tie goes to the even digit
        check_value(0.5, "0.5");
        check_value(2_251_799_813_685_248.5, "2251799813685248.5");
        check_value(f64::NAN, "NaN");
        check_value(f64::NEG_INFINITY, "-Inf");
    }

    #[test]
    fn expositions_have_exponents_sooner() {
        let shortest = |value: f64| {
            let mut text = String::new();
            write_shortest(&mut text, value);
            text
        };
        assert_eq!([0.0, 1.0, 0.0001, 123_456.0].map(shortest), ["0", "1", "0.0001", "123456"]);
        assert_eq!([0.000_01, 1_234_567.0, 1e21].map(shortest), ["1e-05", "1.234567e+06", "1e+21"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn values_are_read_back(bits: u64, whole in -1_000_000_000_000_000..1_000_000_000_000_000_i64, part in 0..16_u32) {
            for value in [f64::from_bits(bits), whole as f64 + f64::from(part) / 16.0] {
                let (mut json, mut text) = (String::new(), String::new());
                write_value(&mut json, value);
                write_shortest(&mut text, value);
                let same = |text: &str| text.parse::<f64>().is_ok_and(|read| read == value || value.is_nan());
                prop_assert!(same(&json) && same(&text), "{} {}", json, text);
            }
        }
    }

    #[track_caller]
    fn check_time(ms: i64, want: &str) {
        let mut got = String::new();
        write_time(&mut got, ms);
        assert_eq!(got, want);
    }

    #[test]
    fn times_have_as_many_decimals_as_they_need() {
        check_time(1_435_781_430_781, "1435781430.781");
        check_time(1_435_781_430_000, "1435781430");
        check_time(1_435_781_430_500, "1435781430.5");
        check_time(-50, "-0.05");
    }
}
