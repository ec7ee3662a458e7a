use super::*;
use proptest::prelude::*;

const SPAN: i64 = 10;

/// Ranges of 10, 30 and 90.
fn ranges() -> Ranges {
    Ranges::new(SPAN, DurationMs(900))
}

fn block(min_time: i64, max_time: i64, bytes: u64) -> Candidate {
    Candidate { min_time, max_time, bytes, is_stray: false, is_damaged: false }
}

fn stray(min_time: i64, max_time: i64, bytes: u64) -> Candidate {
    Candidate { is_stray: true, ..block(min_time, max_time, bytes) }
}

fn damaged(min_time: i64, max_time: i64, bytes: u64) -> Candidate {
    Candidate { is_damaged: true, ..block(min_time, max_time, bytes) }
}

#[track_caller]
fn check(blocks: &[Candidate], until: i64, want: impl Into<Option<Job>>) {
    assert_eq!(plan(blocks, &ranges(), until), want.into(), "{blocks:?} until {until}");
}

#[test]
fn ranges_grow_by_three_up_to_a_tenth_of_the_retention() {
    let hours = |ranges: Ranges| ranges.0.iter().map(|ms| ms / 3_600_000).collect::<Vec<_>>();
    let of = |days: u64| hours(Ranges::new(2 * 3_600_000, DurationMs(days * 86_400_000)));
    assert_eq!(of(15), [2, 6, 18]);
    assert_eq!(of(1), [2]);
    assert_eq!(of(3650), [2, 6, 18, 54, 162, 486]);
    assert_eq!(hours(Ranges::new(2 * 3_600_000, DurationMs(u64::MAX))), [2, 6, 18, 54, 162, 486]);
}

#[test]
fn ranges_that_are_over_become_one_block() {
    let three = [block(0, 9, 5), block(10, 19, 5), block(20, 29, 5)];
    check(&three, 30, Some(Job::Merge(vec![0, 1, 2])));
    check(&three, 29, None); // Samples still come for the last window.
    check(&[block(0, 9, 5), block(25, 29, 5)], 30, Some(Job::Merge(vec![0, 1]))); // A window without a block.
    check(&[block(0, 9, 5), block(30, 39, 5)], 60, None); // Neighbours, but not of one range.
    check(&[block(0, 9, 5), block(30, 39, 5)], 90, Some(Job::Merge(vec![0, 1])));
    check(&[block(0, 29, 5), block(30, 59, 5), block(60, 89, 5)], 90, Some(Job::Merge(vec![0, 1, 2])));
    check(&[block(0, 89, 5), block(90, 179, 5), block(180, 269, 5)], 900, None); // As long as they get.
    check(&[block(-30, -21, 5), block(-20, -11, 5), block(0, 9, 5)], 10, Some(Job::Merge(vec![0, 1])));
    check(&[], 900, None);
}

#[test]
fn strays_come_to_the_block_of_their_range() {
    check(&[block(0, 9, 80), stray(3, 4, 5)], 20, None); // Few and small: they wait.
    check(&[block(0, 9, 80), stray(3, 4, 10)], 20, Some(Job::Merge(vec![0, 1])));
    let small = stray(3, 4, 1);
    check(&[block(0, 9, 80), small, small, small, small], 20, Some(Job::Merge(vec![0, 1, 2, 3, 4])));
    check(&[block(0, 9, 80), stray(3, 4, 5), block(20, 29, 80)], 30, Some(Job::Merge(vec![0, 1, 2])));
    check(&[small, small], 5, None); // Of a window that is not over.
    check(&[small, small], 30, Some(Job::Merge(vec![0, 1])));
    check(&[block(0, 29, 80), stray(3, 14, 5)], 30, None);
    check(&[block(0, 29, 80), stray(3, 14, 10)], 30, Some(Job::Merge(vec![0, 1])));
}

#[test]
fn a_stray_over_several_ranges_is_split_where_they_end() {
    check(&[block(0, 9, 80), block(10, 19, 80), stray(3, 14, 1)], 20, Some(Job::Split { block: 2, end: 10 }));
    check(&[block(0, 29, 80), stray(3, 34, 1)], 60, Some(Job::Split { block: 1, end: 30 }));
    check(&[stray(3, 34, 1)], 90, None); // Nobody else is there, and the range of 90 is over.
    check(&[stray(3, 94, 1)], 90, Some(Job::Split { block: 0, end: 90 }));
    check(&[stray(3, 34, 1)], 20, Some(Job::Split { block: 0, end: 10 }));
}

#[test]
fn damage_is_left_alone() {
    check(&[block(0, 9, 5), damaged(10, 19, 5), block(20, 29, 5)], 30, None);
    check(&[damaged(0, 9, 5), block(30, 39, 5), block(40, 49, 5)], 60, Some(Job::Merge(vec![1, 2])));
    let stray_and_damaged = Candidate { is_stray: true, ..damaged(3, 94, 1) };
    check(&[stray_and_damaged], 90, None);
}

/// What a job makes of blocks; pieces and merged blocks reach exactly from their first to their last sample, which is
/// taken to be that of their parts.
fn carry_out(blocks: &mut Vec<Candidate>, job: &Job) {
    match job {
        Job::Merge(members) => {
            let merged = members.iter().map(|place| blocks[*place]).reduce(|a, b| Candidate {
                min_time: a.min_time.min(b.min_time),
                max_time: a.max_time.max(b.max_time),
                bytes: a.bytes + b.bytes,
                is_stray: a.is_stray && b.is_stray,
                is_damaged: false,
            });
            let last = *members.last().expect("a merge has members");
            blocks[last] = merged.expect("a merge has members");
            for place in members[..members.len() - 1].iter().rev() {
                blocks.remove(*place);
            }
        }
        Job::Split { block, end } => {
            let whole = blocks[*block];
            assert!(whole.min_time < *end && *end <= whole.max_time, "both pieces hold something");
            blocks[*block] = Candidate { max_time: end - 1, ..whole };
            blocks.insert(block + 1, Candidate { min_time: *end, ..whole });
        }
    }
}

fn any_block() -> impl Strategy<Value = Candidate> {
    let window = (-20i64..40, 0i64..10, 0i64..10, 1u64..100)
        .prop_map(|(window, a, b, bytes)| block(window * SPAN + a.min(b), window * SPAN + a.max(b), bytes));
    let anywhere = (-200i64..400, 0i64..300, 1u64..100).prop_map(|(min, len, bytes)| stray(min, min + len, bytes));
    prop_oneof![
        4 => window.clone(),
        2 => anywhere,
        1 => window.prop_map(|block| Candidate { is_damaged: true, ..block }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn planning_ends_with_every_range_in_order(
        mut blocks in proptest::collection::vec(any_block(), 0..40),
        until in -100i64..500,
    ) {
        let (ranges, given) = (ranges(), blocks.clone());
        let mut steps = 0;
        while let Some(job) = plan(&blocks, &ranges, until) {
            if let Job::Merge(members) = &job {
                let merged = || members.iter().map(|place| &blocks[*place]);
                prop_assert!(merged().all(|block| !block.is_damaged));
                let first = merged().map(|block| block.min_time).min().unwrap_or(0);
                let last = merged().map(|block| block.max_time).max().unwrap_or(0);
                let fits = (0..ranges.0.len()).any(|level| last < ranges.end(level, first));
                prop_assert!(fits, "the output lies in one aligned range");
                let others = (0..blocks.len()).filter(|place| !members.contains(place));
                for other in others {
                    prop_assert!(!blocks[other].overlaps(first, last + 1), "nothing else shares a time with it");
                }
            }
            carry_out(&mut blocks, &job);
            steps += 1;
            prop_assert!(steps < 10_000, "it ends");
        }
        let damaged = |blocks: &[Candidate]| blocks.iter().filter(|block| block.is_damaged).copied().collect::<Vec<_>>();
        prop_assert_eq!(damaged(&blocks), damaged(&given), "damage stays as it is");
        let bytes = |blocks: &[Candidate]| blocks.iter().map(|block| (block.min_time, block.max_time)).collect::<Vec<_>>();
        for (time, _) in bytes(&given) {
            prop_assert!(bytes(&blocks).iter().any(|(min, max)| *min <= time && time <= *max), "{time} is still there");
        }
    }
}
