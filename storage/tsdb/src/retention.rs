//! What is kept how long: by age, by bytes, and for less time by rule.
//!
//! A block leaves the store when all of it is past the retention. A rule's series are hidden from queries as soon as
//! they are past the rule's time, and leave their blocks when these are merged, or when all of a block is past that time.

use crate::TsdbError;
use crate::block::Block;
use crate::compact::Rewrite;
use crate::deletion::pass_all;
use crate::options::RetentionRule;
use crate::state::{BlockMeta, TsdbDelta};
use crate::status::{LostSamples, RetentionReason, RetentionStep};
use crate::tsdb::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use watchfire_model::{DurationMs, Labels, Matcher, QueryBudget, Timestamp};
use watchfire_store::crash_point;

/// Windows with blocks that it takes to believe that the time of the newest of them has come: with the usual two hours,
/// data of half a day. A clock that jumps ahead for less deletes nothing.
const CONFIRMING_WINDOWS: u64 = 6;

/// From when on samples are kept, for every series.
#[derive(Debug, Clone)]
pub(crate) struct Cutoffs {
    /// `i64::MIN` where nothing is past the retention.
    all: i64,
    /// Rules, and the time before which their series are not kept.
    rules: Vec<(RetentionRule, i64)>,
}

impl Cutoffs {
    /// Everything is kept.
    pub(crate) fn none() -> Cutoffs {
        Cutoffs { all: i64::MIN, rules: Vec::new() }
    }

    /// The first time that is kept of a series.
    pub(crate) fn of(&self, labels: &Labels) -> i64 {
        self.all.max(self.hidden_before(labels))
    }

    /// The first time at which queries see a series: past its rule it is hidden at once, past the retention only when
    /// its block goes.
    pub(crate) fn hidden_before(&self, labels: &Labels) -> i64 {
        let concerned = |(rule, _): &&(RetentionRule, i64)| rule.concerns(labels);
        self.rules.iter().filter(concerned).map(|(_, oldest)| *oldest).fold(i64::MIN, i64::max)
    }

    /// Whether all series are treated alike, and the time that counts for them.
    pub(crate) fn common(&self) -> Option<i64> {
        self.rules.is_empty().then_some(self.all)
    }
}

impl RetentionRule {
    fn concerns(&self, labels: &Labels) -> bool {
        pass_all(&self.matchers, labels)
    }

    /// Names the rule's series, whatever its time.
    fn name(&self) -> String {
        let matchers: Vec<String> = self.matchers.iter().map(Matcher::to_string).collect();
        format!("{{{}}}", matchers.join(","))
    }
}

/// Time minus a length of time.
pub(crate) fn before(time: i64, length: DurationMs) -> i64 {
    time.saturating_sub(i64::try_from(length.0).unwrap_or(i64::MAX))
}

impl Shared {
    /// Samples before this time are past the retention; none while too few blocks say what time it is.
    pub(crate) fn oldest_kept(&self) -> Option<i64> {
        self.agreed_time().map(|time| before(time, self.options.retention))
    }

    /// Times from which on samples are in answers.
    pub(crate) fn cutoffs(&self) -> Cutoffs {
        let Some(time) = self.agreed_time() else { return Cutoffs::none() };
        let rules = self.options.retention_rules.iter();
        let rules = rules.map(|rule| (rule.clone(), before(time, rule.retention.min(self.options.retention))));
        Cutoffs { all: before(time, self.options.retention), rules: rules.collect() }
    }

    /// The time that both the clock and the blocks have reached; none while too few blocks say what time it is.
    fn agreed_time(&self) -> Option<i64> {
        match self.confirmed_time.load(Ordering::Relaxed) {
            i64::MIN => None,
            confirmed => Some(confirmed.min(self.now())),
        }
    }

    /// Finds the newest time that enough windows within one retention before it agree on.
    pub(crate) fn confirm_time(&self) {
        let blocks = self.blocks();
        let mut ends: Vec<(i64, u64)> = blocks
            .iter()
            .filter(|block| !block.meta.stray)
            .map(|block| (block.meta.max_time, block.meta.windows.max(1)))
            .collect();
        ends.sort_unstable();
        // Two blocks of one window say no more than one.
        ends.dedup_by_key(|(end, _)| self.window(*end));
        let wanted = CONFIRMING_WINDOWS.min(self.options.retention.0 / self.span() as u64).max(1);
        let agrees = |&(end, _): &&(i64, u64)| {
            let start = before(*end, self.options.retention);
            let within = ends.iter().filter(|(other, _)| start <= *other && other <= end);
            within.map(|(_, windows)| windows).sum::<u64>() >= wanted
        };
        let confirmed = ends.iter().rev().find(agrees).map_or(i64::MIN, |(end, _)| *end);
        self.confirmed_time.store(confirmed, Ordering::Relaxed);
    }

    /// Takes blocks out of the store that are past the retention or too much, and one block's series that are past the
    /// time of a rule.
    pub(crate) fn apply_retention(&self) -> Result<(), TsdbError> {
        let steps = self.retention_steps();
        let is_deletion = |step: &&RetentionStep| !matches!(step.reason, RetentionReason::Rule { .. });
        let remove: Vec<String> = steps.iter().filter(is_deletion).map(|step| step.block.clone()).collect();
        if !remove.is_empty() {
            let deleted = remove.len() as u64;
            self.transact(TsdbDelta { remove, ..TsdbDelta::default() })?;
            crash_point("tsdb.retention.deleted");
            self.metrics.retention_deleted_blocks.inc_by(deleted);
            self.confirm_time();
        }
        if self.options.retention_rules.is_empty() || self.is_too_soon(&self.compaction_failed) {
            return Ok(());
        }
        match self.next_purge() {
            Some(block) => self.purge(&block).inspect_err(|_| {
                self.compaction_failed.store(self.now(), Ordering::Relaxed);
            }),
            None => Ok(()),
        }
    }

    /// What the retention would do now. Blocks whose rules were seen to concern none of their series are left out.
    pub(crate) fn retention_steps(&self) -> Vec<RetentionStep> {
        let mut blocks: Vec<Arc<Block>> = self.blocks().to_vec();
        let mut steps = Vec::new();
        let retention = self.options.retention;
        if let Some(oldest) = self.oldest_kept() {
            while let Some(place) = next_to_go(&blocks, |block| block.max_time < oldest) {
                steps.push(step(&blocks.remove(place).meta, RetentionReason::Age { retention }));
            }
        }
        if let Some(max) = self.options.bytes_max {
            let mut bytes = blocks.iter().map(|block| block.meta.bytes).sum::<u64>() + self.wal.size();
            // The newest block stays, whatever its size.
            while bytes > max.0 && blocks.len() > 1 {
                let Some(place) = next_to_go(&blocks, |_| true) else { break };
                let block = blocks.remove(place);
                bytes -= block.meta.bytes;
                steps.push(step(&block.meta, RetentionReason::Bytes { max: max.0 }));
            }
        }
        let cutoffs = self.cutoffs();
        if cutoffs.rules.is_empty() {
            return steps;
        }
        for place in (0..blocks.len()).filter(|place| !covers_another(&blocks, *place)) {
            let block = &blocks[place];
            let due = due_rules(block, &cutoffs);
            steps.extend(due.map(|rule| step(&block.meta, RetentionReason::Rule { rule: rule.name() })));
        }
        steps
    }

    /// What damage has cost, as far as it would still be kept.
    pub(crate) fn lost_samples(&self) -> Vec<LostSamples> {
        let oldest = self.oldest_kept().unwrap_or(i64::MIN);
        self.manifest.state().lost.iter().filter(|lost| lost.max_time.0 >= oldest).cloned().collect()
    }

    /// A block with series that a rule takes out. What is found to hold none is remembered until the store is closed.
    fn next_purge(&self) -> Option<Arc<Block>> {
        let blocks = self.blocks();
        let cutoffs = self.cutoffs();
        let is_due = |block: &Block| due_rules(block, &cutoffs).any(|rule| self.holds_any(block, rule));
        let place = (0..blocks.len()).find(|place| !covers_another(&blocks, *place) && is_due(&blocks[*place]))?;
        Some(Arc::clone(&blocks[place]))
    }

    fn holds_any(&self, block: &Block, rule: &RetentionRule) -> bool {
        let budget = QueryBudget::unlimited();
        let found = block.index(&self.caches, &budget).map(|index| {
            let series = crate::index::resolve(&rule.matchers, &index.postings, &index.symbols, &budget);
            series.is_ok_and(|series| !series.is_empty())
        });
        match found {
            Ok(true) => true,
            Ok(false) => {
                block.note_without(rule.name());
                false
            }
            Err(error) => {
                self.note_damage(block, &error);
                false
            }
        }
    }

    /// Writes a block anew without the series of the rules that it is past.
    fn purge(&self, block: &Arc<Block>) -> Result<(), TsdbError> {
        let cutoffs = self.cutoffs();
        let mut purged = block.meta.purged.clone();
        purged.extend(due_rules(block, &cutoffs).map(RetentionRule::name));
        let Some(rewritten) = self.rewrite(&Rewrite::of(std::slice::from_ref(block), &cutoffs))? else {
            self.transact(TsdbDelta { remove: vec![block.meta.key.clone()], ..TsdbDelta::default() })?;
            self.metrics.retention_deleted_blocks.inc();
            return Ok(());
        };
        // What the log holds of them shall not come back by a repair.
        let BlockMeta { stray, windows, .. } = block.meta;
        let replacement = BlockMeta { stray, windows, purged, ..BlockMeta::of(rewritten) };
        self.replace(std::slice::from_ref(block), vec![replacement], Vec::new())?;
        crash_point("tsdb.retention.rewritten");
        self.metrics.retention_rewritten_blocks.inc();
        Ok(())
    }
}

/// The block that ends first among those that may go: none goes before another that it covers.
fn next_to_go(blocks: &[Arc<Block>], may_go: impl Fn(&BlockMeta) -> bool) -> Option<usize> {
    let free = (0..blocks.len()).filter(|place| may_go(&blocks[*place].meta) && !covers_another(blocks, *place));
    free.min_by_key(|place| blocks[*place].meta.max_time)
}

/// Whether a block that was written before shares a time with this one: without this one, queries would show the samples
/// that it replaced.
fn covers_another(blocks: &[Arc<Block>], place: usize) -> bool {
    let range = blocks[place].meta.range();
    blocks[..place].iter().any(|earlier| earlier.meta.range().overlaps(range))
}

/// Rules whose time all of a block is past, and whose series it may still hold.
fn due_rules<'a>(block: &'a Block, cutoffs: &'a Cutoffs) -> impl Iterator<Item = &'a RetentionRule> {
    let is_due = |(rule, oldest): &&(RetentionRule, i64)| {
        let is_past = block.meta.max_time < *oldest && !block.is_damaged();
        is_past && !block.meta.purged.contains(&rule.name()) && !block.is_known_without(&rule.name())
    };
    cutoffs.rules.iter().filter(is_due).map(|(rule, _)| rule)
}

fn step(meta: &BlockMeta, reason: RetentionReason) -> RetentionStep {
    RetentionStep {
        block: meta.key.clone(),
        min_time: Timestamp(meta.min_time),
        max_time: Timestamp(meta.max_time),
        samples: meta.samples,
        bytes: meta.bytes,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchfire_store::MemStorage;

    /// Ranges of blocks in the order in which they were written; which go, in their order, when all before `oldest` may.
    #[track_caller]
    fn check(ranges: &[(i64, i64)], oldest: i64, want: &[(i64, i64)]) {
        let storage: Arc<dyn watchfire_store::Storage> = Arc::new(MemStorage::new(1));
        let block = |&(min_time, max_time): &(i64, i64)| {
            let written =
                crate::block::WrittenBlock { key: "b".into(), bytes: 1, min_time, max_time, series: 1, samples: 1 };
            Arc::new(Block::new(BlockMeta::of(written), Arc::clone(&storage)))
        };
        let mut blocks: Vec<Arc<Block>> = ranges.iter().map(block).collect();
        let mut gone = Vec::new();
        while let Some(place) = next_to_go(&blocks, |block| block.max_time < oldest) {
            let block = blocks.remove(place);
            gone.push((block.meta.min_time, block.meta.max_time));
        }
        assert_eq!(gone, want, "{ranges:?} before {oldest}");
    }

    #[test]
    fn a_block_stays_while_it_covers_one_that_stays() {
        check(&[(0, 9), (10, 19), (20, 29)], 20, &[(0, 9), (10, 19)]);
        check(&[(10, 19), (0, 9)], 20, &[(0, 9), (10, 19)]);
        check(&[(0, 9), (3, 4)], 20, &[(0, 9), (3, 4)]); // Both go, the covered one first.
        check(&[(0, 25), (3, 4)], 20, &[]); // Without the second the first would show what it replaced.
        check(&[(3, 4), (0, 25)], 20, &[(3, 4)]);
        check(&[(0, 25), (3, 4), (4, 8), (9, 9)], 20, &[]);
        check(&[(0, 5), (5, 25), (25, 26), (6, 7)], 20, &[(0, 5)]);
    }
}
