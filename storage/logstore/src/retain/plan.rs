//! Which blocks have to go, by age and by bytes. Looks at nothing but its arguments.

use super::Retention;
use crate::state::LostRows;
use smol_str::SmolStr;
use std::collections::HashSet;
use watchfire_logblock::BlockMeta;
use watchfire_model::{ByteSize, DurationMs, TimeNs, stream_names};

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

/// The blocks that go at a time that can be trusted; without one, nothing is old. By bytes one block of a stream stays in
/// any case. A block of several streams goes when all of them let it go, by age or by bytes; its bytes count for each.
pub(super) fn plan(blocks: &[&BlockMeta], retention: &Retention, now: Option<TimeNs>) -> Vec<Retiring> {
    let mut oldest_first: Vec<&BlockMeta> = blocks.to_vec();
    oldest_first.sort_by(|a, b| (a.time_max, &a.key).cmp(&(b.time_max, &b.key)));
    let is_old = |block: &BlockMeta| now.is_some_and(|now| retention.is_over(now, block.time_max, &block.stream));
    let (old, left): (Vec<&BlockMeta>, Vec<&BlockMeta>) = oldest_first.into_iter().partition(|block| is_old(block));
    let by_age = |block: &BlockMeta| RetireReason::Age { retention: retention.age_of(&block.stream) };
    let mut retiring: Vec<Retiring> = old.into_iter().map(|block| retire(block, by_age(block))).collect();
    let too_much = beyond_streams(&left, retention);
    let mut kept = Vec::new();
    for block in left {
        let lets_go = |name: &str| {
            too_much.contains(&(block.key.as_str(), name))
                || now.is_some_and(|now| retention.is_over(now, block.time_max, name))
        };
        let limit = |name| retention.stream_bytes_max.get(name).filter(|_| too_much.contains(&(&*block.key, name)));
        match stream_names(&block.stream).find_map(limit) {
            Some(bytes_max) if stream_names(&block.stream).all(lets_go) => {
                retiring.push(retire(block, RetireReason::StreamBytes { bytes_max: *bytes_max }));
            }
            _ => kept.push(block),
        }
    }
    if let Some(bytes_max) = retention.bytes_max {
        let reason = RetireReason::Bytes { bytes_max };
        retiring.extend(beyond(&kept, bytes_max).iter().map(|block| retire(block, reason)));
    }
    retiring
}

/// Blocks, by key and stream, beyond the bytes that the stream may take.
fn beyond_streams<'a>(oldest_first: &[&'a BlockMeta], retention: &'a Retention) -> HashSet<(&'a str, &'a str)> {
    let of_stream = |(name, bytes_max): (&'a SmolStr, &ByteSize)| {
        let has_name = |block: &&&'a BlockMeta| stream_names(&block.stream).any(|stream| stream == name);
        let blocks: Vec<&BlockMeta> = oldest_first.iter().filter(has_name).copied().collect();
        let too_much = beyond(&blocks, *bytes_max);
        too_much.into_iter().map(|block| (block.key.as_str(), name.as_str())).collect::<Vec<_>>()
    };
    retention.stream_bytes_max.iter().flat_map(of_stream).collect()
}

/// Keys of losses that concern only records whose retention is over.
pub(super) fn forgotten(lost: &[LostRows], retention: &Retention, now: Option<TimeNs>) -> Vec<String> {
    let is_old = |lost: &&LostRows| now.is_some_and(|now| retention.is_over(now, lost.times.1, &lost.stream));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogStoreOptions;

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
        check_blocks(&blocks, options, day, want);
    }

    #[track_caller]
    fn check_blocks(blocks: &[BlockMeta], options: &LogStoreOptions, day: Option<i64>, want: &[&str]) {
        let blocks: Vec<&BlockMeta> = blocks.iter().collect();
        let now = day.map(|day| TimeNs(day * super::super::to_ns(DAY)));
        let retiring = plan(&blocks, &Retention::of(options), now);
        let got: Vec<String> = retiring.into_iter().map(|block| block.key).collect();
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
    #[test]
    fn a_block_of_several_streams_goes_when_all_of_them_let_it_go() {
        let blocks = [
            block("a0", "a", 0, 10),
            block("ab0", "a,b", 0, 10),
            block("b0", "b", 0, 10),
            block("ab5", "a,b", 5, 10),
            block("b9", "b", 9, 10),
        ];
        let by_age = LogStoreOptions {
            retention: DurationMs(3 * DAY.0),
            stream_retention: [("b".into(), DurationMs(7 * DAY.0))].into(),
            ..LogStoreOptions::default()
        };
        check_blocks(&blocks, &by_age, Some(6), &["a0"]);
        check_blocks(&blocks, &by_age, Some(8), &["a0", "ab0", "b0"]);
        check_blocks(&blocks, &by_age, Some(13), &["a0", "ab0", "b0", "ab5"]);
        // What one stream has too much of stays as long as the other one wants it.
        let bytes = |limits: &[(&str, u64)]| LogStoreOptions {
            retention: DurationMs(1000 * DAY.0),
            stream_bytes_max: limits.iter().map(|(name, max)| ((*name).into(), ByteSize(*max))).collect(),
            ..LogStoreOptions::default()
        };
        check_blocks(&blocks, &bytes(&[("a", 10)]), None, &["a0"]);
        check_blocks(&blocks, &bytes(&[("b", 10)]), None, &["b0"]);
        check_blocks(&blocks, &bytes(&[("a", 10), ("b", 10)]), None, &["a0", "ab0", "b0"]);
        check_blocks(&blocks, &bytes(&[("a", 30), ("b", 30)]), None, &[]);
        // By bytes for the one, by age for the other.
        let both = LogStoreOptions { stream_bytes_max: [("b".into(), ByteSize(20))].into(), ..by_age };
        check_blocks(&blocks, &both, Some(6), &["a0", "ab0", "b0"]);
    }
}
