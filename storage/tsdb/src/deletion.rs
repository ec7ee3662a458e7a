//! Deletion of series and ranges.
//!
//! A tombstone in the manifest says what is deleted, and which blocks it concerns: those that existed then. The head lets
//! go of its samples at once; the log is read as if they had never come. What is written later is not concerned.

use crate::TsdbError;
use crate::appender::Log;
use crate::block::Block;
use crate::compact::Rewrite;
use crate::head::{HeadIndex, Series};
use crate::index::resolve;
use crate::retention::Cutoffs;
use crate::state::{BlockMeta, MatcherText, Tombstone, TsdbDelta, TsdbState};
use crate::tsdb::Shared;
use roaring::RoaringBitmap;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use watchfire_model::{Labels, MatchOp, Matcher, MatcherError, QueryBudget, TimeRange, Timestamp};
use watchfire_wal::Position;

/// Tombstones that are kept at once: every read of a block that they concern looks at each.
const TOMBSTONES_MAX: usize = 1000;

/// A tombstone, ready to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Deletion {
    pub(crate) id: u64,
    /// A series that passes all of any list is concerned.
    selectors: Vec<Vec<Matcher>>,
    pub(crate) range: TimeRange,
    /// Samples of earlier records of the log are concerned.
    pub(crate) position: Position,
}

impl Deletion {
    fn of(tombstone: &Tombstone) -> Result<Deletion, MatcherError> {
        let selector = |texts: &Vec<MatcherText>| texts.iter().map(MatcherText::to_matcher).collect();
        Ok(Deletion {
            id: tombstone.id,
            selectors: tombstone.selectors.iter().map(selector).collect::<Result<_, _>>()?,
            range: TimeRange { start: Timestamp(tombstone.start), end: Timestamp(tombstone.end) },
            position: tombstone.position,
        })
    }

    /// All that a manifest's state holds.
    pub(crate) fn all(state: &TsdbState) -> Result<Vec<Deletion>, MatcherError> {
        state.tombstones.iter().map(Deletion::of).collect()
    }

    pub(crate) fn concerns(&self, labels: &Labels) -> bool {
        self.selectors.iter().any(|matchers| pass_all(matchers, labels))
    }
}

/// What of a series in a block is deleted.
pub(crate) fn deleted_ranges(deletions: &[Deletion], block: &BlockMeta, labels: &Labels) -> Vec<TimeRange> {
    let named = deletions.iter().filter(|deletion| block.tombstones.contains(&deletion.id));
    named.filter(|deletion| deletion.concerns(labels)).map(|deletion| deletion.range).collect()
}

/// Whether a label set passes all matchers.
pub(crate) fn pass_all(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches_labels(labels))
}

impl MatcherText {
    fn of(matcher: &Matcher) -> MatcherText {
        MatcherText {
            name: matcher.name().to_string(),
            op: matcher.op().as_str().to_owned(),
            value: matcher.value().to_string(),
        }
    }

    fn to_matcher(&self) -> Result<Matcher, MatcherError> {
        let ops = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex];
        let op = ops.into_iter().find(|op| op.as_str() == self.op).unwrap_or(MatchOp::Equal);
        Matcher::new(self.name.as_str(), op, self.value.as_str())
    }
}

impl Shared {
    pub(crate) fn deletions(&self) -> Arc<Vec<Deletion>> {
        Arc::clone(&self.deletions.read())
    }

    pub(crate) fn delete_series(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> Result<u64, TsdbError> {
        // What is still in the log only could not be told from what comes meanwhile.
        self.replay.wait()?;
        let _guard = self.maintenance.lock();
        let state = self.manifest.state();
        if state.tombstones.len() >= TOMBSTONES_MAX {
            return Err(TsdbError::TombstoneLimit { max: TOMBSTONES_MAX });
        }
        let mut touched = self.labels_in_blocks(selectors, range);
        // Nothing comes to log and head meanwhile.
        let mut appender = self.appender.lock();
        let index = self.head.index.read();
        // What is not durable might be written again behind the tombstone, should the log fail.
        appender.rescue(Log { wal: &self.wal, index: &index, metadata: &self.metadata })?;
        if let Some(last) = appender.last() {
            self.wal.commit(last)?;
            appender.note_durable(last);
        }
        let in_head = series_in_head(&index, selectors);
        let tombstone = Tombstone {
            id: state.tombstones.iter().map(|tombstone| tombstone.id).max().unwrap_or(0) + 1,
            selectors: selectors.iter().map(|matchers| matchers.iter().map(MatcherText::of).collect()).collect(),
            start: range.start.0,
            end: range.end.0,
            position: self.wal.next_position(),
        };
        // It has to be readable as long as it is kept.
        Deletion::of(&tombstone)?;
        self.transact(TsdbDelta { deletion: Some(tombstone), ..TsdbDelta::default() })?;
        for series in in_head {
            let (deleted, grown) = series.samples().delete(range);
            self.head.samples.fetch_sub(deleted as u64, Ordering::Relaxed);
            self.head.sample_bytes.fetch_add(grown, Ordering::Relaxed);
            if deleted > 0 {
                touched.insert(index.labels(&series));
            }
        }
        let is_deleted = |labels: &Labels| selectors.iter().any(|matchers| pass_all(matchers, labels));
        self.exemplars.lock().delete(is_deleted, range);
        self.metrics.deleted_series.inc_by(touched.len() as u64);
        Ok(touched.len() as u64)
    }

    pub(crate) fn clean_tombstones(&self) -> Result<(), TsdbError> {
        self.replay.wait()?;
        let _guard = self.maintenance.lock();
        let blocks = self.blocks();
        for block in blocks.iter().filter(|block| !block.meta.tombstones.is_empty() && !block.is_damaged()) {
            self.check_closing()?;
            self.clean_block(block)?;
        }
        // Who holds the id of a series that held nothing is told to register it again.
        let _appender = self.appender.lock();
        let dropped = self.head.index.write().drop_idle(u32::MAX, &HashSet::new());
        self.metrics.dropped_series.inc_by(dropped as u64);
        self.head.measure_index();
        Ok(())
    }

    /// Writes a block anew without what its tombstones delete.
    fn clean_block(&self, block: &Arc<Block>) -> Result<(), TsdbError> {
        let blocks = std::slice::from_ref(block);
        self.check_space(blocks)?;
        let rewritten = self.rewrite(&Rewrite::of(blocks, &Cutoffs::none()))?;
        // What the log holds of it shall not come back by a repair: the tombstone may be gone by then.
        let BlockMeta { stray, windows, ref purged, .. } = block.meta;
        let replacement =
            rewritten.map(|written| BlockMeta { stray, windows, purged: purged.clone(), ..BlockMeta::of(written) });
        self.replace(blocks, replacement.into_iter().collect(), Vec::new())
    }

    /// Label sets of the blocks' series that pass any selector and may have samples within the range.
    fn labels_in_blocks(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> BTreeSet<Labels> {
        let budget = QueryBudget::unlimited();
        let mut found = BTreeSet::new();
        for block in self.blocks().iter().filter(|block| block.meta.range().overlaps(range) && !block.is_damaged()) {
            let index = match block.index(&self.caches, &budget) {
                Ok(index) => index,
                Err(error) => {
                    // A damaged block is named like any other: what is mended of it is without the deleted.
                    self.note_damage(block, &error);
                    continue;
                }
            };
            for matchers in selectors {
                let series = resolve(matchers, &index.postings, &index.symbols, &budget);
                let series = series.expect("a budget without limit is never exhausted");
                found.extend(series.iter().map(|number| index.labels(number)));
            }
        }
        found
    }
}

fn series_in_head(index: &HeadIndex, selectors: &[Vec<Matcher>]) -> Vec<Arc<Series>> {
    let budget = QueryBudget::unlimited();
    let mut slots = RoaringBitmap::new();
    for matchers in selectors {
        let found = resolve(matchers, &index.postings, &index.symbols, &budget);
        slots |= found.expect("a budget without limit is never exhausted");
    }
    slots.iter().filter_map(|slot| index.slot(slot).cloned()).collect()
}
