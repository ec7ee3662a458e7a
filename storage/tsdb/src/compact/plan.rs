//! Which blocks to merge or split next: metas in, one job out. Reads no block and no clock.
//!
//! Ranges are the block window times powers of three (2 h, 6 h, 18 h …) up to a tenth of the retention, each aligned to
//! its own length, so that every range lies within one of the next size. Blocks within one range become one block once
//! the range is over. A stray block that reaches over the ranges of other blocks is first split where those end.

use crate::state::BlockMeta;
use watchfire_model::DurationMs;

/// From one range to the next.
const RANGE_FACTOR: i64 = 3;

/// The longest range, as in Prometheus.
const RANGE_MAX_MS: i64 = 31 * 24 * 3_600_000;

/// A block holds at most this part of the retention, so that what is past it goes soon.
const RETENTION_PARTS: u64 = 10;

/// Small blocks that wait beside the finished block of their range before it is written anew.
const SMALL_BLOCKS_MAX: usize = 4;

/// Small blocks are merged at once when they have this part of the finished block's bytes.
const SMALL_PART: u64 = 8;

/// Lengths of the ranges, shortest first; at least the block window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<i64>);

/// What a plan knows of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) min_time: i64,
    /// Inclusive.
    pub(crate) max_time: i64,
    pub(crate) bytes: u64,
    pub(crate) is_stray: bool,
    /// Left alone, and everything that shares a time with it.
    pub(crate) is_damaged: bool,
}

/// Work on blocks, named by their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Job {
    /// All of these, in order, to one.
    Merge(Vec<usize>),
    /// One into two: samples before a time, and the others.
    Split { block: usize, end: i64 },
}

impl Ranges {
    pub(crate) fn new(span: i64, retention: DurationMs) -> Ranges {
        let max = i64::try_from(retention.0 / RETENTION_PARTS).unwrap_or(i64::MAX).min(RANGE_MAX_MS);
        let longer = |last: &i64| last.checked_mul(RANGE_FACTOR).filter(|next| *next <= max);
        Ranges(std::iter::successors(Some(span), longer).collect())
    }

    /// The end of the range of `level` that `time` lies in.
    fn end(&self, level: usize, time: i64) -> i64 {
        let len = self.0[level];
        time.saturating_sub(time.rem_euclid(len)).saturating_add(len)
    }

    /// The shortest range that holds all of a block; none where no range does.
    fn level(&self, block: &Candidate) -> Option<usize> {
        (0..self.0.len()).find(|level| block.max_time < self.end(*level, block.min_time))
    }
}

impl Candidate {
    pub(crate) fn new(meta: &BlockMeta, is_damaged: bool) -> Candidate {
        let BlockMeta { min_time, max_time, bytes, stray: is_stray, .. } = *meta;
        Candidate { min_time, max_time, bytes, is_stray, is_damaged }
    }

    fn overlaps(&self, start: i64, end: i64) -> bool {
        self.min_time < end && start <= self.max_time
    }
}

/// The next job, the smallest ranges first; none when everything is in order. Ranges that end after `until` are not
/// over: samples still come for them.
pub(crate) fn plan(blocks: &[Candidate], ranges: &Ranges, until: i64) -> Option<Job> {
    split(blocks, ranges, until).or_else(|| (0..ranges.0.len()).find_map(|level| merge(blocks, ranges, level, until)))
}

/// Finds a stray block that reaches over the end of a range that others keep to, and cuts it there. What is left begins
/// with its own first sample, so that a gap between samples costs no step.
fn split(blocks: &[Candidate], ranges: &Ranges, until: i64) -> Option<Job> {
    let strays = blocks.iter().enumerate().filter(|(_, block)| block.is_stray && !block.is_damaged);
    strays.into_iter().find_map(|(place, block)| {
        let end = ranges.end(cell(blocks, ranges, block.min_time, until), block.min_time);
        (end <= block.max_time).then_some(Job::Split { block: place, end })
    })
}

/// The level of the range around `time` that is one block, or is to become one: that of the longest block there; where
/// there is none, the longest range that is over.
fn cell(blocks: &[Candidate], ranges: &Ranges, time: i64, until: i64) -> usize {
    let end = ranges.end(0, time);
    let start = end.saturating_sub(ranges.0[0]);
    let regular = blocks.iter().filter(|block| !block.is_stray && block.overlaps(start, end));
    let top = ranges.0.len() - 1;
    let longest = regular.map(|block| ranges.level(block).unwrap_or(top)).max();
    longest.unwrap_or_else(|| (0..=top).rev().find(|level| ranges.end(*level, time) <= until).unwrap_or(0))
}

/// Finds a range of one level whose blocks are to become one.
fn merge(blocks: &[Candidate], ranges: &Ranges, level: usize, until: i64) -> Option<Job> {
    let mut order: Vec<usize> = (0..blocks.len()).collect();
    order.sort_by_key(|place| blocks[*place].min_time);
    let mut done_until = i64::MIN;
    for &first in &order {
        let start_time = blocks[first].min_time;
        if start_time < done_until {
            continue;
        }
        let end = ranges.end(level, start_time);
        let start = end.saturating_sub(ranges.0[level]);
        done_until = end;
        if end > until && level > 0 {
            continue;
        }
        let members: Vec<usize> = (0..blocks.len()).filter(|place| blocks[*place].overlaps(start, end)).collect();
        let within = |place: &usize| {
            let block = &blocks[*place];
            !block.is_damaged && start <= block.min_time && block.max_time < end
        };
        if members.len() >= 2 && members.iter().all(within) && is_due(blocks, &members, ranges, level) {
            return Some(Job::Merge(members));
        }
    }
    None
}

/// Whether it is time to merge: at once, unless one of the blocks is that of the whole range already and the others are
/// few and small.
fn is_due(blocks: &[Candidate], members: &[usize], ranges: &Ranges, level: usize) -> bool {
    let is_finished = |block: &Candidate| !block.is_stray && ranges.level(block) == Some(level);
    let members = || members.iter().map(|place| &blocks[*place]);
    let Some(finished) = members().find(|block| is_finished(block)) else {
        // Fragments of one window wait for its own block, unless there are many.
        return level > 0 || members().count() > SMALL_BLOCKS_MAX || members().any(|block| !block.is_stray);
    };
    let small = members().map(|block| block.bytes).sum::<u64>() - finished.bytes;
    members().count() > SMALL_BLOCKS_MAX || small.saturating_mul(SMALL_PART) >= finished.bytes
}

#[cfg(test)]
mod tests;
