//! Conditions on a value as it is: measures with units, dates, addresses.

use crate::{FieldValue, TimeNs};
use std::net::IpAddr;
use std::ops::Bound;

/// A condition on one value.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueTest {
    /// A number, or text that is a number with a unit (`1.5s`, `10MiB`), measured in the unit's base (seconds, bytes).
    Measure { unit: Unit, range: crate::NumberRange },
    /// Text that is a date and time (RFC 3339, or a date alone: its midnight in UTC).
    Date { low: Bound<TimeNs>, high: Bound<TimeNs> },
    /// Text that is an address within the network.
    Cidr { network: IpAddr, prefix: u8 },
    /// Text between others, in order of code points, as it is.
    Between { low: Bound<smol_str::SmolStr>, high: Bound<smol_str::SmolStr> },
}

/// What a measure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number without a unit counts `per_number` nanoseconds.
    Duration { per_number_ns: u64 },
    /// A number without a unit counts so many bytes.
    Bytes { per_number: u64 },
}

impl ValueTest {
    pub fn passes(&self, value: &FieldValue) -> bool {
        match self {
            ValueTest::Cidr { network, prefix } => {
                let FieldValue::Text(text) = value else { return false };
                text.trim().parse().is_ok_and(|address| within(address, *network, *prefix))
            }
            ValueTest::Between { low, high } => {
                let text = value.to_text();
                let above = match low {
                    Bound::Included(low) => text >= *low,
                    Bound::Excluded(low) => text > *low,
                    Bound::Unbounded => true,
                };
                above
                    && match high {
                        Bound::Included(high) => text <= *high,
                        Bound::Excluded(high) => text < *high,
                        Bound::Unbounded => true,
                    }
            }
            ValueTest::Measure { .. } | ValueTest::Date { .. } => false,
        }
    }
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
