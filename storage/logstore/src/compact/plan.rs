//! Which blocks to merge. Looks at nothing but what the manifest says of the blocks.
//!
//! Blocks of one stream and day are merged once there are enough of them and the largest is not larger than the others
//! together. So every record that is rewritten ends up in a block of at least twice the size, and is rewritten a number
//! of times that grows with the logarithm of a block's size only; and of blocks that are not yet large there are never
//! many.

use crate::key::DAY_NS;
use std::collections::BTreeMap;
use watchfire_logblock::BlockMeta;

/// Fewer blocks are not worth a merge.
pub(crate) const INPUTS_MIN: usize = 8;
/// More are not read at once.
const INPUTS_MAX: usize = 64;
/// Bytes of the inputs' granules, of which one each is in memory.
const GRANULES_BYTES_MAX: u64 = 64 << 20;
/// Bytes of text in one merged block, before compression.
const RAW_BYTES_MAX: u64 = 1 << 30;

/// The blocks to merge next, the smallest ones first, if there are any; all of one stream and day.
pub(crate) fn next<'a>(blocks: &[&'a BlockMeta], rows_max: u64) -> Option<Vec<&'a BlockMeta>> {
    let mut groups: BTreeMap<(&str, i64, i64), Vec<&'a BlockMeta>> = BTreeMap::new();
    for block in blocks.iter().filter(|block| is_small(block, rows_max)) {
        let day = |time: i64| time.div_euclid(DAY_NS);
        let key = (block.stream.as_str(), day(block.time_min.0), day(block.time_max.0));
        groups.entry(key).or_default().push(block);
    }
    let inputs = groups.into_values().filter_map(|group| inputs(group, rows_max));
    inputs.min_by_key(|inputs| (rows(inputs) / inputs.len() as u64, inputs[0].key.as_str()))
}

/// Whether a block may grow.
fn is_small(block: &BlockMeta, rows_max: u64) -> bool {
    !block.full && block.rows <= rows_max / 2 && block.text_bytes() <= RAW_BYTES_MAX / 2
}

/// As many of these as can be merged at once, if they are enough.
fn inputs(mut group: Vec<&BlockMeta>, rows_max: u64) -> Option<Vec<&BlockMeta>> {
    group.sort_by(|a, b| (a.rows, &a.key).cmp(&(b.rows, &b.key)));
    let mut best = 0;
    let (mut rows, mut raw, mut granules) = (0, 0, 0);
    for (index, block) in group.iter().take(INPUTS_MAX).enumerate() {
        let largest_is_small = block.rows <= rows;
        rows += block.rows;
        raw += block.text_bytes();
        granules += block.granule_bytes();
        if rows > rows_max || raw > RAW_BYTES_MAX || granules > GRANULES_BYTES_MAX {
            break;
        }
        if index + 1 >= INPUTS_MIN && largest_is_small {
            best = index + 1;
        }
    }
    group.truncate(best);
    (best > 0).then_some(group)
}

fn rows(blocks: &[&BlockMeta]) -> u64 {
    blocks.iter().map(|block| block.rows).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use watchfire_model::TimeNs;

    const ROWS_MAX: u64 = 100_000;

    fn block(number: usize, stream: &str, day: i64, rows: u64) -> BlockMeta {
        BlockMeta {
            rows,
            time_min: TimeNs(day * DAY_NS),
            time_max: TimeNs(day * DAY_NS + 1),
            raw_bytes: rows * 100,
            ..BlockMeta::new(format!("{number:04}"), stream.into())
        }
    }

    #[track_caller]
    fn check(rows: &[u64], want: Option<usize>) {
        let blocks: Vec<BlockMeta> =
            rows.iter().enumerate().map(|(number, rows)| block(number, "s", 0, *rows)).collect();
        let got = next(&blocks.iter().collect::<Vec<_>>(), ROWS_MAX).map(|inputs| inputs.len());
        assert_eq!(got, want, "{rows:?}");
    }

    #[test]
    fn enough_blocks_of_like_size_are_merged() {
        check(&[], None);
        check(&[10; 7], None);
        check(&[10; 8], Some(8));
        check(&[1; 70], Some(64));
        check(&[1, 1, 1, 1, 1, 1, 1, 1000], None);
        check(&[1, 1, 1, 1, 1, 1, 1, 1, 1000], Some(8));
        check(&[1, 1, 1, 1, 1, 1, 1, 7], Some(8));
        check(&[1, 1, 1, 1, 1, 1, 1, 8], None);
        // One more would be too large.
        check(&[12_000; 12], Some(8));
        check(&[60_000; 20], None);
    }

    #[test]
    fn streams_and_days_stay_apart_and_the_smallest_go_first() {
        let mut blocks: Vec<BlockMeta> = (0..8).map(|number| block(number, "a", 0, 100)).collect();
        blocks.extend((8..16).map(|number| block(number, "b", 0, 10)));
        blocks.extend((16..23).map(|number| block(number, "a", 1, 1)));
        let inputs = next(&blocks.iter().collect::<Vec<_>>(), ROWS_MAX).unwrap();
        assert!(inputs.iter().all(|block| block.stream == "b") && inputs.len() == 8);
        blocks.retain(|block| block.stream == "a");
        let inputs = next(&blocks.iter().collect::<Vec<_>>(), ROWS_MAX).unwrap();
        assert!(inputs.iter().all(|block| block.rows == 100));
        for block in &mut blocks {
            block.full = true;
        }
        assert_eq!(next(&blocks.iter().collect::<Vec<_>>(), ROWS_MAX), None);
    }

    /// Merges until there is nothing to merge; how many rows were written for it.
    fn settle(blocks: &mut Vec<BlockMeta>, number: &mut usize, rows_of_full: u64) -> u64 {
        let mut written = 0;
        while let Some(inputs) = next(&blocks.iter().collect::<Vec<_>>(), ROWS_MAX) {
            let keys: Vec<String> = inputs.iter().map(|block| block.key.clone()).collect();
            let (stream, day) = (inputs[0].stream.clone(), inputs[0].time_min.0 / DAY_NS);
            assert!(inputs.iter().all(|block| block.stream == stream && block.time_min.0 / DAY_NS == day));
            let mut left = rows(&inputs);
            assert!(left <= ROWS_MAX);
            written += left;
            blocks.retain(|block| !keys.contains(&block.key));
            while left > 0 {
                let merged = block(*number, &stream, day, left.min(rows_of_full));
                blocks.push(BlockMeta { full: left > rows_of_full, ..merged });
                *number += 1;
                left -= left.min(rows_of_full);
            }
        }
        written
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Flushes come one after the other; however they are, merging ends, few blocks are left, and no row is written
        /// more often than a block can double.
        #[test]
        fn merging_ends_and_costs_little(
            flushes in proptest::collection::vec((prop::sample::select(&["a", "b"][..]), 0i64..2, 1u64..3000), 1..150),
            rows_of_full in prop_oneof![Just(u64::MAX), 2_000u64..50_000],
        ) {
            let mut blocks = Vec::new();
            let mut number = 0;
            let mut written = 0;
            let mut rows = 0;
            for (stream, day, count) in flushes {
                blocks.push(block(number, stream, day, count));
                number += 1;
                rows += count;
                written += settle(&mut blocks, &mut number, rows_of_full);
            }
            prop_assert_eq!(blocks.iter().map(|block| block.rows).sum::<u64>(), rows);
            prop_assert!(written <= rows * u64::from(ROWS_MAX.ilog2()), "{} rows written for {}", written, rows);
            let small = blocks.iter().filter(|block| is_small(block, ROWS_MAX)).count();
            prop_assert!(small <= 4 * (INPUTS_MIN + 10), "{} blocks are left", small);
        }
    }
}
