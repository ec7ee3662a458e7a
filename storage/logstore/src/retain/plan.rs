//! Which blocks have to go, by age and by bytes. Looks at nothing but its arguments.

use crate::LogStoreOptions;
use crate::state::LostRows;
use smol_str::SmolStr;
use std::collections::HashSet;
use watchfire_logblock::BlockMeta;
use watchfire_model::{ByteSize, DurationMs, TimeNs};

/// A block whose time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retiring {
    pub key: String,
    pub stream: SmolStr,
    pub rows: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Earliest and latest event time.
    pub times: (TimeNs, TimeNs),
    pub reason: RetireReason,
}

/// Why a block goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetireReason {
    /// Every record of it is older than its stream's retention.
    Age { retention: DurationMs },
    /// It is the oldest one of a stream that takes more bytes than it may.
    StreamBytes { bytes_max: ByteSize },
    /// It is the oldest one of a store that takes more bytes than it may.
    Bytes { bytes_max: ByteSize },
}

/// The blocks that go at a time that can be trusted; without one, nothing is old. By bytes one block stays in any case.
pub(super) fn plan(blocks: &[&BlockMeta], options: &LogStoreOptions, now: Option<TimeNs>) -> Vec<Retiring> {
    let mut oldest_first: Vec<&BlockMeta> = blocks.to_vec();
    oldest_first.sort_by(|a, b| (a.time_max, &a.key).cmp(&(b.time_max, &b.key)));
    let is_old = |block: &BlockMeta| now.is_some_and(|now| is_expired(options, now, block.time_max, &block.stream));
    let (old, mut left): (Vec<&BlockMeta>, Vec<&BlockMeta>) = oldest_first.into_iter().partition(|block| is_old(block));
    let by_age = |block: &BlockMeta| RetireReason::Age { retention: options.retention_of(&block.stream) };
    let mut retiring: Vec<Retiring> = old.into_iter().map(|block| retire(block, by_age(block))).collect();
    for (stream, bytes_max) in &options.stream_bytes_max {
        let of_stream: Vec<&BlockMeta> = left.iter().copied().filter(|block| block.stream == *stream).collect();
        let reason = RetireReason::StreamBytes { bytes_max: *bytes_max };
        retiring.extend(beyond(&of_stream, *bytes_max).iter().map(|block| retire(block, reason)));
    }
    let gone: HashSet<&str> = retiring.iter().map(|block| block.key.as_str()).collect();
    left.retain(|block| !gone.contains(block.key.as_str()));
    if let Some(bytes_max) = options.bytes_max {
        let reason = RetireReason::Bytes { bytes_max };
        retiring.extend(beyond(&left, bytes_max).iter().map(|block| retire(block, reason)));
    }
    retiring
}

/// Keys of losses that concern only records whose retention is over.
pub(super) fn forgotten(lost: &[LostRows], options: &LogStoreOptions, now: Option<TimeNs>) -> Vec<String> {
    let is_old = |lost: &&LostRows| now.is_some_and(|now| is_expired(options, now, lost.times.1, &lost.stream));
    lost.iter().filter(is_old).map(|lost| lost.key.clone()).collect()
}

/// The oldest of these that have to go for the rest to take no more than `bytes_max`.
fn beyond<'a>(oldest_first: &[&'a BlockMeta], bytes_max: ByteSize) -> Vec<&'a BlockMeta> {
    let mut bytes: u64 = oldest_first.iter().map(|block| block.bytes()).sum();
    let but_newest = oldest_first.split_last().map_or(&[][..], |(_, older)| older);
    let too_many = but_newest.iter().take_while(|block| {
        let goes = bytes > bytes_max.0;
        bytes -= block.bytes();
        goes
    });
    too_many.copied().collect()
}

fn retire(block: &BlockMeta, reason: RetireReason) -> Retiring {
    Retiring {
        key: block.key.clone(),
        stream: block.stream.clone(),
        rows: block.rows,
        bytes: block.bytes(),
        times: block.times(),
        reason,
    }
}

fn is_expired(options: &LogStoreOptions, now: TimeNs, time_max: TimeNs, stream: &str) -> bool {
    time_max < now.plus_ns(super::to_ns(options.retention_of(stream)).saturating_neg())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: DurationMs = DurationMs(24 * 3600 * 1000);

    fn block(key: &str, stream: &str, day: i64, bytes: u64) -> BlockMeta {
        let time = TimeNs(day * super::super::to_ns(DAY));
        BlockMeta {
            rows: 1,
            time_min: time,
            time_max: time,
            parquet_bytes: bytes,
            ..BlockMeta::new(key.to_owned(), stream.into())
        }
    }

    #[track_caller]
    fn check(options: &LogStoreOptions, day: Option<i64>, want: &[&str]) {
        let blocks = [
            block("a0", "a", 0, 10),
            block("b0", "b", 0, 10),
            block("a5", "a", 5, 10),
            block("b5", "b", 5, 10),
            block("a9", "a", 9, 10),
        ];
        let blocks: Vec<&BlockMeta> = blocks.iter().collect();
        let now = day.map(|day| TimeNs(day * super::super::to_ns(DAY)));
        let got: Vec<String> = plan(&blocks, options, now).into_iter().map(|block| block.key).collect();
        assert_eq!(got, want, "{options:?} on day {day:?}");
    }

    #[test]
    fn what_is_old_or_too_much_goes_oldest_first() {
        let by_age = LogStoreOptions {
            retention: DurationMs(3 * DAY.0),
            stream_retention: [("b".into(), DurationMs(100 * DAY.0))].into(),
            ..LogStoreOptions::default()
        };
        check(&by_age, Some(9), &["a0", "a5"]);
        check(&by_age, Some(8), &["a0"]);
        check(&by_age, Some(-1000), &[]);
        check(&by_age, None, &[]);
        let of_stream =
            LogStoreOptions { stream_bytes_max: [("a".into(), ByteSize(15))].into(), ..LogStoreOptions::default() };
        check(&of_stream, None, &["a0", "a5"]);
        let of_all = LogStoreOptions { bytes_max: Some(ByteSize(30)), ..LogStoreOptions::default() };
        check(&of_all, None, &["a0", "b0"]);
        check(&LogStoreOptions { bytes_max: Some(ByteSize(29)), ..of_all.clone() }, None, &["a0", "b0", "a5"]);
        check(&LogStoreOptions { bytes_max: Some(ByteSize(0)), ..of_all.clone() }, None, &["a0", "b0", "a5", "b5"]);
        check(&LogStoreOptions { bytes_max: Some(ByteSize(50)), ..of_all }, None, &[]);
        let both = LogStoreOptions { bytes_max: Some(ByteSize(20)), ..by_age };
        check(&both, Some(9), &["a0", "a5", "b0"]);
    }
}
