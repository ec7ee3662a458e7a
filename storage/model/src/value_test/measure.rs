//! Lengths of time and sizes as logs write them: `1.5s`, `1m30s`, `250µs`, `10MiB`, `3 kB`.

use crate::FieldValue;

/// What a measure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number without a unit counts `per_number` nanoseconds.
    Duration { per_number_ns: u64 },
    /// A number without a unit counts so many bytes.
    Bytes { per_number: u64 },
}

/// What a text with a unit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// In seconds.
    Time,
    /// In bytes.
    Size,
}

/// Digits of a number that are looked at.
const DIGITS_MAX: usize = 19;
const NS_PER_SECOND: u64 = 1_000_000_000;

/// Units of time with their nanoseconds.
const TIMES: [(&str, u64); 13] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", NS_PER_SECOND),
    ("sec", NS_PER_SECOND),
    ("m", 60 * NS_PER_SECOND),
    ("min", 60 * NS_PER_SECOND),
    ("h", 3_600 * NS_PER_SECOND),
    ("d", 86_400 * NS_PER_SECOND),
    ("w", 604_800 * NS_PER_SECOND),
    ("y", 31_536_000 * NS_PER_SECOND),
];

/// Units of size with their bytes: powers of 1000, and of 1024 where they say so with an `i`.
const SIZES: [(&str, u64); 10] = [
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("pib", 1 << 50),
];

impl Unit {
    /// The unit of a field's plain numbers, by the end of its name: `took_ms`, `wait.us`, `age_seconds`; else seconds.
    pub fn duration_of(field: &str) -> Unit {
        let per_number_ns = match suffix(field).as_str() {
            "ns" | "nanos" | "nanoseconds" => 1,
            "us" | "micros" | "microseconds" => 1_000,
            "ms" | "msec" | "millis" | "milliseconds" => 1_000_000,
            "min" | "minutes" => 60 * NS_PER_SECOND,
            "h" | "hours" => 3_600 * NS_PER_SECOND,
            _ => NS_PER_SECOND,
        };
        Unit::Duration { per_number_ns }
    }

    /// The unit of a field's plain numbers, by the end of its name: `body_kb`, `free.mib`; else bytes.
    pub fn bytes_of(field: &str) -> Unit {
        let suffix = suffix(field);
        let known = SIZES.into_iter().find(|(name, _)| *name == suffix);
        Unit::Bytes { per_number: known.map_or(1, |(_, bytes)| bytes) }
    }

    /// The value in seconds or bytes, where it is a number or measures the same.
    pub fn of(self, value: &FieldValue) -> Option<f64> {
        let (dimension, per_number, base) = match self {
            Unit::Duration { per_number_ns } => (Dimension::Time, per_number_ns, NS_PER_SECOND),
            Unit::Bytes { per_number } => (Dimension::Size, per_number, 1),
        };
        if let Some(number) = value.as_number() {
            return Some(scale(number, per_number, base));
        }
        let FieldValue::Text(text) = value else { return None };
        measure(text).and_then(|(found, number)| (found == dimension).then_some(number))
    }
}

/// Reads a number with a unit, or several in a row (`1h2m3.5s`), as seconds or bytes. Units of size in any case.
pub fn measure(text: &str) -> Option<(Dimension, f64)> {
    let (is_negative, mut rest) = match text.trim().strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.trim()),
    };
    let mut total: Option<(Dimension, f64)> = None;
    while !rest.is_empty() {
        let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_len);
        let tail = tail.strip_prefix(' ').unwrap_or(tail);
        let unit_len = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        let number: f64 = number.parse().ok()?;
        let part = one(number, unit)?;
        total = match total {
            None => Some(part),
            // Sizes are never written in several parts.
            Some((Dimension::Time, before)) if part.0 == Dimension::Time => Some((Dimension::Time, before + part.1)),
            Some(_) => return None,
        };
        rest = tail;
    }
    total.map(|(dimension, number)| (dimension, if is_negative { -number } else { number }))
}

/// Reads a length of time exactly, as nanoseconds: `5m`, `1h30m`, `1.5s`. Digits below a nanosecond are cut off.
pub fn duration_ns(text: &str) -> Option<i64> {
    let mut total: i128 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let (unit, tail) = tail.split_at(tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len()));
        let (_, ns) = TIMES.into_iter().find(|(name, _)| *name == unit)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        // No nanosecond count has more digits than the ones that fit.
        let fraction = &fraction[..fraction.len().min(DIGITS_MAX)];
        if whole.len() > DIGITS_MAX || number.is_empty() || number == "." {
            return None;
        }
        let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i128>().ok() };
        let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
        total += digits(whole)? * i128::from(ns) + digits(fraction)? * i128::from(ns) / scale;
        rest = tail;
    }
    (!text.is_empty()).then(|| i64::try_from(total).ok())?
}

fn one(number: f64, unit: &str) -> Option<(Dimension, f64)> {
    if let Some((_, ns)) = TIMES.into_iter().find(|(name, _)| *name == unit) {
        return Some((Dimension::Time, scale(number, ns, NS_PER_SECOND)));
    }
    let (_, bytes) = SIZES.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    Some((Dimension::Size, scale(number, bytes, 1)))
}

/// `number * per_number / base` with one rounding, as one of the two divides the other.
fn scale(number: f64, per_number: u64, base: u64) -> f64 {
    if per_number >= base { number * (per_number / base) as f64 } else { number / (base / per_number) as f64 }
}

/// What stands behind the last `_`, `.` or `-` of a name, in lower case; empty without one.
fn suffix(field: &str) -> String {
    field.rsplit_once(['_', '.', '-']).map_or_else(String::new, |(_, suffix)| suffix.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact() {
        for (text, want) in [
            ("5m", Some(300_000_000_000)),
            ("1h30m", Some(5_400_000_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("9223372036854775807ns", Some(i64::MAX)),
            ("9223372036854775808ns", None),
            ("0.0000000019s", Some(1)),
            ("300y", None),
            ("", None),
            ("5", None),
            (".s", None),
            ("1.2.3s", None),
            ("-5m", None),
            ("5MiB", None),
        ] {
            assert_eq!(duration_ns(text), want, "{text:?}");
        }
    }

    #[track_caller]
    fn check(text: &str, want: Option<(Dimension, f64)>) {
        assert_eq!(measure(text), want, "{text:?}");
    }

    #[test]
    fn numbers_with_units() {
        let (time, size) = (|seconds| Some((Dimension::Time, seconds)), |bytes| Some((Dimension::Size, bytes)));
        check("1.5s", time(1.5));
        check("250µs", time(0.00025));
        check("1h2m3.5s", time(3723.5));
        check("-2 ms", time(-0.002));
        check("1d", time(86400.0));
        check("10MiB", size(10_485_760.0));
        check("3 kB", size(3000.0));
        check("7B", size(7.0));
        check("", None);
        check("5", None);
        check("s", None);
        check("1.2.3s", None);
        check("1s 5", None);
        check("1MiB1B", None);
        check("1x", None);
        check("--1s", None);
    }
}
