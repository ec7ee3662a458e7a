//! Conditions on a value as it is: measures with units, dates, addresses.

mod date;
mod measure;

pub use date::parse_date;
pub use measure::{Dimension, Unit, duration_ns, measure};

use crate::{FieldValue, NumberRange, TimeNs};
use std::net::IpAddr;
use std::ops::Bound;

/// A condition on one value.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueTest {
    /// A number, or text that is a number with a unit (`1.5s`, `10MiB`), measured in the unit's base (seconds, bytes).
    Measure { unit: Unit, range: NumberRange },
    /// Text that is a date and time (RFC 3339, or a date alone: its midnight in UTC), see [`parse_date`].
    Date { low: Bound<TimeNs>, high: Bound<TimeNs> },
    /// Text that is an address within the network.
    Cidr { network: IpAddr, prefix: u8 },
    /// Text between others, in order of code points, as it is.
    Between { low: Bound<smol_str::SmolStr>, high: Bound<smol_str::SmolStr> },
}

impl ValueTest {
    pub fn passes(&self, value: &FieldValue) -> bool {
        match self {
            ValueTest::Measure { unit, range } => unit.of(value).is_some_and(|number| range.contains(number)),
            ValueTest::Date { low, high } => {
                let FieldValue::Text(text) = value else { return false };
                parse_date(text.trim()).is_some_and(|time| is_between(&time, low.as_ref(), high.as_ref()))
            }
            ValueTest::Cidr { network, prefix } => {
                let FieldValue::Text(text) = value else { return false };
                text.trim().parse().is_ok_and(|address| within(address, *network, *prefix))
            }
            ValueTest::Between { low, high } => is_between(&value.to_text(), low.as_ref(), high.as_ref()),
        }
    }
}

fn is_between<T: PartialOrd>(value: &T, low: Bound<&T>, high: Bound<&T>) -> bool {
    let above = match low {
        Bound::Included(low) => value >= low,
        Bound::Excluded(low) => value > low,
        Bound::Unbounded => true,
    };
    let below = match high {
        Bound::Included(high) => value <= high,
        Bound::Excluded(high) => value < high,
        Bound::Unbounded => true,
    };
    above && below
}

fn within(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
            u32::from(address) & mask == u32::from(network) & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
            u128::from(address) & mask == u128::from(network) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(test: &ValueTest, value: impl Into<Sample>, want: bool) {
        let Sample(value) = value.into();
        assert_eq!(test.passes(&value), want, "{test:?} on {value:?}");
    }

    struct Sample(FieldValue);

    impl From<&str> for Sample {
        fn from(text: &str) -> Sample {
            Sample(FieldValue::Text(text.into()))
        }
    }

    impl From<f64> for Sample {
        fn from(number: f64) -> Sample {
            Sample(FieldValue::F64(number))
        }
    }

    fn above(low: f64) -> NumberRange {
        NumberRange { low: Bound::Excluded(low), high: Bound::Unbounded }
    }

    #[test]
    fn measures_have_units() {
        let milliseconds = ValueTest::Measure { unit: Unit::duration_of("took_ms"), range: above(1.5) };
        check(&milliseconds, 1500.0, false);
        check(&milliseconds, 1501.0, true);
        check(&milliseconds, "1501", true);
        check(&milliseconds, "1.5s", false);
        check(&milliseconds, "1.6 s", true);
        check(&milliseconds, "1m0.5s", true);
        check(&milliseconds, "10MiB", false);
        check(&milliseconds, "soon", false);
        check(&milliseconds, f64::NAN, false);
        let seconds = ValueTest::Measure { unit: Unit::duration_of("took"), range: above(1.5) };
        check(&seconds, 2.0, true);
        check(&seconds, "1400ms", false);
        check(&seconds, "-3s", false);
        let size = ValueTest::Measure { unit: Unit::bytes_of("size"), range: above(1024.0) };
        check(&size, 1025.0, true);
        check(&size, "1KiB", false);
        check(&size, "1.1 KiB", true);
        check(&size, "1kB", false);
        let kilobytes = ValueTest::Measure { unit: Unit::bytes_of("body_kb"), range: above(1024.0) };
        check(&kilobytes, 1.0, false);
        check(&kilobytes, 2.0, true);
    }

    #[test]
    fn dates_are_read_from_text() {
        let day = parse_date("2026-11-20").expect("a date");
        let from = ValueTest::Date { low: Bound::Included(day), high: Bound::Unbounded };
        check(&from, "2026-11-20", true);
        check(&from, "2026-11-20T00:30:00+01:00", false);
        check(&from, " 2026-11-20 00:00:00.1 ", true);
        check(&from, "tomorrow", false);
        check(&from, 1e18, false);
    }

    #[test]
    fn addresses_lie_in_networks() {
        let network = |text: &str, prefix| ValueTest::Cidr { network: text.parse().expect("an address"), prefix };
        check(&network("10.1.2.3", 8), "10.255.0.1", true);
        check(&network("10.0.0.0", 8), "11.0.0.1", false);
        check(&network("0.0.0.0", 0), "255.1.1.1", true);
        check(&network("10.0.0.1", 32), "10.0.0.2", false);
        check(&network("0.0.0.0", 0), "::1", false);
        check(&network("2001:db8::", 32), "2001:db8:1::1", true);
        check(&network("::", 0), "fe80::1", true);
        check(&network("10.0.0.0", 8), "10.0.0.1:80", false);
    }

    #[test]
    fn texts_lie_between_others() {
        let test = ValueTest::Between { low: Bound::Included("b".into()), high: Bound::Excluded("d".into()) };
        for (text, want) in [("a", false), ("b", true), ("cz", true), ("d", false), ("B", false)] {
            check(&test, text, want);
        }
    }
}
