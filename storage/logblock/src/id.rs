//! The name of a record: stable over flushes and restarts, and enough to find it again.

use std::fmt;
use std::str::FromStr;
use watchfire_model::TimeNs;

/// Event time and arrival number. Ordered as answers are, oldest first. Printed as 16 + 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    pub time: TimeNs,
    /// Counts the records that this store accepted; never given twice to durable records.
    pub sequence: u64,
}

/// A text that is no record id or cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a record id: 33 characters, two hexadecimal numbers of 16 digits joined by a hyphen")]
pub struct RecordIdError(String);

const DIGITS: usize = 16;

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:016x}", self.time.0, self.sequence)
    }
}

impl FromStr for RecordId {
    type Err = RecordIdError;

    fn from_str(text: &str) -> Result<RecordId, RecordIdError> {
        let number = |digits: &str| {
            let plain = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
        };
        let parse = || {
            let (time, sequence) = text.split_once('-')?;
            Some(RecordId { time: TimeNs(number(time)? as i64), sequence: number(sequence)? })
        };
        parse().ok_or_else(|| RecordIdError(text.chars().take(2 * DIGITS + 2).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Option<(i64, u64)>) {
        let got = text.parse::<RecordId>().ok();
        assert_eq!(got.map(|id| (id.time.0, id.sequence)), want, "{text}");
        if let Some(id) = got {
            assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn ids_are_read_back() {
        check("0000000000000001-00000000000000ff", Some((1, 255)));
        check("ffffffffffffffff-0000000000000000", Some((-1, 0)));
        check("", None);
        check("1-2", None);
        check("+000000000000001-00000000000000ff", None);
        check("0000000000000001-00000000000000ff-", None);
    }
}
