//! Times as the API writes them.

use jiff::Timestamp as Instant;
use watchfire_model::{TimeNs, Timestamp};

/// RFC 3339 with nine decimals, so that texts sort as times do.
pub(crate) fn rfc3339_ns(time: TimeNs) -> String {
    let instant = Instant::from_nanosecond(i128::from(time.0)).expect("64-bit nanoseconds are within jiff's years");
    format!("{instant:.9}")
}

/// RFC 3339 with three decimals; times beyond the year 9999 are held there.
pub(crate) fn rfc3339_ms(time: Timestamp) -> String {
    let end = if time.0 < 0 { Instant::MIN } else { Instant::MAX };
    let instant = Instant::from_millisecond(time.0).unwrap_or(end);
    format!("{instant:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_fixed_decimals() {
        assert_eq!(rfc3339_ns(TimeNs(1)), "1970-01-01T00:00:00.000000001Z");
        assert_eq!(rfc3339_ns(TimeNs::MIN), "1677-09-21T00:12:43.145224192Z");
        assert_eq!(rfc3339_ms(Timestamp(1_435_781_430_000)), "2015-07-01T20:10:30.000Z");
        assert_eq!(&rfc3339_ms(Timestamp::MAX)[..4], "9999");
    }
}
