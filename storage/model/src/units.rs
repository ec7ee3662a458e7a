//! Durations and sizes as configuration files write them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A length of time in Prometheus' notation: `1h30m`, `15s`, `100ms`, `0`. Units, largest first, each at most once:
/// `y` (365 d), `w`, `d`, `h`, `m`, `s`, `ms`. Prometheus: `common/model/time.go`, `ParseDuration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DurationMs(pub u64);

/// Why a text is no duration or size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    #[error("`{0}` is not a duration, write for example 15s, 1m or 1h30m")]
    Duration(String),
    #[error("`{0}` is not a size, write for example 512KiB, 8MiB or 1GB")]
    Size(String),
}

const UNITS_MS: [(&str, u64); 7] = [
    ("y", 31_536_000_000),
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl DurationMs {
    pub fn from_secs(seconds: u64) -> DurationMs {
        DurationMs(seconds * 1000)
    }

    pub fn as_duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }

    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    pub fn parse(text: &str) -> Result<DurationMs, UnitError> {
        let error = || UnitError::Duration(text.to_owned());
        if text == "0" {
            return Ok(DurationMs(0));
        }
        let mut total: u64 = 0;
        let mut units = UNITS_MS.iter();
        let mut rest = text;
        if rest.is_empty() {
            return Err(error());
        }
        while !rest.is_empty() {
            let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?);
            let (unit, tail) = tail.split_at(tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len()));
            let (_, unit_ms) = units.find(|(name, _)| *name == unit).ok_or_else(error)?;
            let number: u64 = number.parse().map_err(|_| error())?;
            total = number.checked_mul(*unit_ms).and_then(|ms| total.checked_add(ms)).ok_or_else(error)?;
            rest = tail;
        }
        if total > i64::MAX as u64 { Err(error()) } else { Ok(DurationMs(total)) }
    }
}

/// Prometheus' way to print it: the largest units that divide it (`90s` is `1m30s`, 14 days are `2w`).
impl fmt::Display for DurationMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, unit_ms) in UNITS_MS {
            // Years, weeks and days only where nothing else remains: 8 days are `8d`, not `1w1d`.
            if matches!(unit, "y" | "w" | "d") && !rest.is_multiple_of(unit_ms) {
                continue;
            }
            if rest >= unit_ms {
                write!(f, "{}{unit}", rest / unit_ms)?;
                rest %= unit_ms;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for DurationMs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DurationMs, D::Error> {
        let text = String::deserialize(deserializer)?;
        DurationMs::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl Serialize for DurationMs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A number of bytes: `512B`, `64KiB`, `8MiB`, `1GiB`, `2TiB`; `KB`, `MB`, `GB` count the same as the binary units, as in
/// Prometheus (`units.Base2Bytes`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(pub u64);

impl ByteSize {
    pub const fn from_mib(mib: u64) -> ByteSize {
        ByteSize(mib << 20)
    }

    pub fn parse(text: &str) -> Result<ByteSize, UnitError> {
        let error = || UnitError::Size(text.to_owned());
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let shift = match unit.trim() {
            "" | "B" => 0,
            "KiB" | "KB" => 10,
            "MiB" | "MB" => 20,
            "GiB" | "GB" => 30,
            "TiB" | "TB" => 40,
            _ => return Err(error()),
        };
        let number: u64 = number.parse().map_err(|_| error())?;
        number.checked_mul(1 << shift).map(ByteSize).ok_or_else(error)
    }
}

impl ByteSize {
    /// For people: three figures and the largest unit that fits, `1.21 GiB`. [`fmt::Display`] is exact.
    pub fn rounded(self) -> String {
        const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        let mut value = self.0 as f64;
        let mut unit = 0;
        while value >= 999.5 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        let decimals = match value {
            _ if unit == 0 => 0,
            value if value < 9.995 => 2,
            value if value < 99.95 => 1,
            _ => 0,
        };
        format!("{value:.decimals$} {}", UNITS[unit])
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divides = |shift: u32| self.0 != 0 && self.0.trailing_zeros() >= shift;
        match self.0 {
            n if divides(40) => write!(f, "{}TiB", n >> 40),
            n if divides(30) => write!(f, "{}GiB", n >> 30),
            n if divides(20) => write!(f, "{}MiB", n >> 20),
            n if divides(10) => write!(f, "{}KiB", n >> 10),
            n => write!(f, "{n}B"),
        }
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
        let text = String::deserialize(deserializer)?;
        ByteSize::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_duration(text: &str, want: Option<(u64, &str)>) {
        let got = DurationMs::parse(text).ok().map(|duration| (duration.0, duration.to_string()));
        assert_eq!(got, want.map(|(ms, printed)| (ms, printed.to_owned())), "{text}");
    }

    #[test]
    fn sizes_are_rounded_for_people() {
        let check = |bytes: u64, want: &str| assert_eq!(ByteSize(bytes).rounded(), want);
        check(0, "0 B");
        check(999, "999 B");
        check(1000, "0.98 KiB");
        check(1 << 20, "1.00 MiB");
        check(1_300_000_000, "1.21 GiB");
        check(123 << 20, "123 MiB");
        check(u64::MAX, "16384 PiB");
    }

    #[test]
    fn durations_are_read_and_printed_as_prometheus_does() {
        check_duration("0", Some((0, "0s")));
        check_duration("90s", Some((90_000, "1m30s")));
        check_duration("1h30m", Some((5_400_000, "1h30m")));
        check_duration("15d", Some((1_296_000_000, "15d")));
        check_duration("14d", Some((1_209_600_000, "2w")));
        check_duration("100ms", Some((100, "100ms")));
        check_duration("10x", None);
        check_duration("10", None);
        check_duration("", None);
        check_duration("1m1h", None);
        check_duration("1m1m", None);
        check_duration("99999999999y", None);
    }

    #[track_caller]
    fn check_size(text: &str, want: Option<(u64, &str)>) {
        let got = ByteSize::parse(text).ok().map(|size| (size.0, size.to_string()));
        assert_eq!(got, want.map(|(bytes, printed)| (bytes, printed.to_owned())), "{text}");
    }

    #[test]
    fn sizes_are_binary() {
        check_size("0", Some((0, "0B")));
        check_size("8MiB", Some((8 << 20, "8MiB")));
        check_size("10MB", Some((10 << 20, "10MiB")));
        check_size("1000B", Some((1000, "1000B")));
        check_size("8 Mib", None);
        check_size("-1", None);
    }
}
