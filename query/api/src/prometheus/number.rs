//! Numbers as Go prints them in Prometheus' JSON (`util/jsonutil`: shortest form that reads back the same).

use std::fmt::Write;

/// A sample value: plain digits between 1e-6 and 1e21, an exponent of two digits at least outside.
pub(crate) fn write_value(out: &mut String, value: f64) {
    let magnitude = value.abs();
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
        let _ = write!(out, "{mantissa}e{sign}{digits:0>2}");
    } else {
        let _ = write!(out, "{value}");
    }
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
        check_value(f64::NAN, "NaN");
        check_value(f64::NEG_INFINITY, "-Inf");
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
