//! Numbers for people. Formulas: Prometheus `template/template.go` and `common/helpers/templates`.

use super::super::TemplateError;
use super::super::number::{go_time, significant};
use super::failed;

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];
const BINARY: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];

/// `1234567` is `1.235M`, `0.00012` is `120u`.
pub(super) fn decimal(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return significant(value, 4);
    }
    let (value, prefix) = if value.abs() >= 1.0 { scale_down(value, 1000.0, &LARGE) } else { scale_up(value) };
    format!("{}{prefix}", significant(value, 4))
}

/// `1048576` is `1Mi`.
pub(super) fn binary(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return significant(value, 4);
    }
    let (value, prefix) = scale_down(value, 1024.0, &BINARY);
    format!("{}{prefix}", significant(value, 4))
}

/// Seconds: `135.4` is `2m 15s`, `0.05` is `50ms`.
pub(super) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return significant(seconds, 4);
    }
    if seconds == 0.0 {
        return "0s".to_owned();
    }
    if seconds.abs() < 1.0 {
        let (value, prefix) = scale_up(seconds);
        return format!("{}{prefix}s", significant(value, 4));
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let total = seconds.abs() as u64;
    let (days, hours, minutes, rest) = (total / 86_400, total / 3600 % 24, total / 60 % 60, total % 60);
    if days > 0 {
        format!("{sign}{days}d {hours}h {minutes}m {rest}s")
    } else if hours > 0 {
        format!("{sign}{hours}h {minutes}m {rest}s")
    } else if minutes > 0 {
        format!("{sign}{minutes}m {rest}s")
    } else {
        format!("{sign}{}s", significant(seconds.abs(), 4))
    }
}

/// `0.959` is `95.9%`.
pub(super) fn percentage(ratio: f64) -> String {
    format!("{}%", significant(ratio * 100.0, 4))
}

/// Unix seconds as `2022-01-25 12:00:03 +0000 UTC`.
pub(super) fn timestamp(seconds: f64) -> Result<String, TemplateError> {
    if !seconds.is_finite() {
        return Ok(significant(seconds, 4));
    }
    go_time(seconds).map_or_else(|| failed(format!("{seconds} is out of the range of times")), Ok)
}

fn scale_down(value: f64, base: f64, prefixes: &[&'static str]) -> (f64, &'static str) {
    prefixes.iter().fold(
        (value, ""),
        |(value, prefix), next| {
            if value.abs() < base { (value, prefix) } else { (value / base, *next) }
        },
    )
}

fn scale_up(value: f64) -> (f64, &'static str) {
    SMALL.iter().fold(
        (value, ""),
        |(value, prefix), next| {
            if value.abs() >= 1.0 { (value, prefix) } else { (value * 1000.0, *next) }
        },
    )
}
