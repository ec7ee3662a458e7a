//! One query: a snapshot of the store, and what to do about blocks that cannot be read.

use crate::memtable::Chunk;
use crate::{LogStoreError, SearchStats};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use watchfire_logblock::block::{Block, Opened, ReadError, Reads, guarded};
use watchfire_logblock::query::Plan;
use watchfire_logblock::query::RowSet;
use watchfire_logblock::query::{Granule, covers, overlaps};
use watchfire_model::{LogFilter, LogRecord, QueryBudget, TimeRangeNs};

/// Bytes of text, times parts of the filter, between two looks at the budget: some milliseconds.
const CHECK_BYTES: usize = 4 << 20;
/// What a record costs besides its message, in bytes of text.
const RECORD_BYTES: usize = 256;

/// Everything in the store at one moment, each record once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) chunks: Vec<Arc<Chunk>>,
    pub(crate) blocks: Vec<Arc<Block>>,
    /// What it does not hold, though it should.
    pub(crate) missing: Vec<Missing>,
}

/// Records that no answer holds.
#[derive(Debug, Clone)]
pub(crate) struct Missing {
    /// When they were, if that is known.
    pub(crate) times: Option<TimeRangeNs>,
    pub(crate) what: String,
}

/// Where snapshots come from.
pub(crate) trait Source {
    fn snapshot(&self) -> Snapshot;

    /// Takes a damaged block out of further queries.
    fn set_damaged(&self, block: &Block, what: &str);
}

/// An answer and what it cost.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    pub(crate) value: T,
    pub(crate) partial: Vec<String>,
    pub(crate) stats: SearchStats,
}

/// One attempt at an answer.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) filter: &'a LogFilter,
    pub(crate) range: TimeRangeNs,
    pub(crate) budget: &'a QueryBudget,
    /// Only what overlaps the range.
    pub(crate) snapshot: Snapshot,
    pub(crate) stats: SearchStats,
    pub(crate) reads: Reads,
    /// Samples taken from the budget.
    taken: u64,
    /// Bytes of memory taken from it.
    held: u64,
    /// Of these, for the columns of one granule.
    held_for_granule: u64,
}

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) enum Failure {
    Block { block: Arc<Block>, error: ReadError },
    Query(LogStoreError),
}

/// A block that is opened and planned.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) block: Arc<Block>,
    pub(crate) opened: Arc<Opened>,
    pub(crate) plan: Plan,
}

/// Tries until the answer holds everything that can be read; what cannot is named in it.
pub(crate) fn answer<T>(
    source: &dyn Source,
    filter: &LogFilter,
    range: TimeRangeNs,
    budget: &QueryBudget,
    attempt: impl Fn(&mut Session<'_>) -> Result<T, Failure>,
) -> Result<Answer<T>, LogStoreError> {
    let mut excluded: HashSet<String> = HashSet::new();
    let mut bytes_read = 0;
    loop {
        let mut snapshot = source.snapshot();
        let mut partial: BTreeSet<String> = snapshot.missing.drain(..).filter_map(|it| it.told_in(range)).collect();
        snapshot.chunks.retain(|chunk| overlaps(range, chunk.times));
        snapshot.blocks.retain(|block| overlaps(range, (block.meta.time_min, block.meta.time_max)));
        snapshot.blocks.retain(|block| {
            let readable = !block.is_damaged() && !excluded.contains(&block.meta.key);
            if !readable {
                partial.insert(block.meta.key.clone());
            }
            readable
        });
        let stats = SearchStats::default();
        let reads = Reads::default();
        let mut session =
            Session { filter, range, budget, snapshot, stats, reads, taken: 0, held: 0, held_for_granule: 0 };
        let result = attempt(&mut session);
        bytes_read += session.reads.bytes();
        budget.note_bytes(session.reads.bytes());
        match result {
            Ok(value) => {
                budget.return_memory(session.held_for_granule);
                let stats = SearchStats { bytes_read, ..session.stats };
                return Ok(Answer { value, partial: partial.into_iter().collect(), stats });
            }
            Err(Failure::Query(error)) => return Err(error),
            Err(Failure::Block { block, error }) => {
                budget.return_samples(session.taken);
                budget.return_memory(session.held);
                match error {
                    ReadError::Exhausted(exhausted) => return Err(exhausted.into()),
                    ReadError::Missing | ReadError::Damaged(_) => source.set_damaged(&block, &error.to_string()),
                    ReadError::Storage(_) => {
                        excluded.insert(block.meta.key.clone());
                    }
                }
            }
        }
    }
}

impl Missing {
    /// Its words, if it may concern the range.
    fn told_in(self, range: TimeRangeNs) -> Option<String> {
        let concerns = self.times.is_none_or(|times| times.start < range.end && range.start < times.end);
        concerns.then_some(self.what)
    }
}

impl Session<'_> {
    /// Takes samples from the budget, to be given back should the attempt fail.
    pub(crate) fn take(&mut self, samples: u64) -> Result<(), Failure> {
        self.taken += samples;
        self.budget.take_samples(samples).map_err(|exhausted| Failure::Query(exhausted.into()))
    }

    /// Takes memory from the budget, to be given back should the attempt fail; otherwise with the answer.
    pub(crate) fn hold(&mut self, bytes: u64) -> Result<(), Failure> {
        self.budget.take_memory(bytes).map_err(|exhausted| Failure::Query(exhausted.into()))?;
        self.held += bytes;
        Ok(())
    }

    /// Sees to it that the columns of one granule of the block may be held.
    fn hold_granule(&mut self, block: &Block) -> Result<(), Failure> {
        let missing = block.meta.granule_bytes().saturating_sub(self.held_for_granule);
        self.hold(missing)?;
        self.held_for_granule += missing;
        Ok(())
    }

    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.budget.check().map_err(|exhausted| Failure::Query(exhausted.into()))
    }

    /// Opens a block and finds out which of its granules to look at.
    pub(crate) fn plan(&mut self, block: &Arc<Block>) -> Result<(Planned, Vec<usize>), Failure> {
        self.check()?;
        self.hold_granule(block)?;
        let plan = || {
            let opened = block.open(&self.reads)?;
            let plan = guarded(|| Plan::new(self.filter, block, &opened, &self.reads))?;
            Ok((opened, plan))
        };
        let (opened, plan) = plan().map_err(|error| Failure::Block { block: Arc::clone(block), error })?;
        let granules = &opened.layout.granules;
        let possible: Vec<usize> = plan
            .granules(&opened.layout)
            .iter()
            .filter(|granule| overlaps(self.range, granules[*granule].times))
            .collect();
        self.stats.granules += granules.len() as u64;
        self.stats.granules_pruned += (granules.len() - possible.len()) as u64;
        Ok((Planned { block: Arc::clone(block), opened, plan }, possible))
    }

    /// Runs `work` on a granule; what goes wrong is the block's failure.
    pub(crate) fn read<T>(
        &self,
        planned: &Planned,
        index: usize,
        work: impl FnOnce(Granule<'_>) -> Result<T, ReadError>,
    ) -> Result<T, Failure> {
        self.check()?;
        let granule = Granule {
            block: &planned.block,
            opened: &planned.opened,
            index,
            reads: &self.reads,
            held: None,
            budget: Some(self.budget),
        };
        guarded(|| work(granule)).map_err(|error| Failure::Block { block: Arc::clone(&planned.block), error })
    }

    /// The rows of a granule that pass, and `work` on them.
    pub(crate) fn select<T>(
        &mut self,
        planned: &Planned,
        index: usize,
        work: impl FnOnce(Granule<'_>, &RowSet) -> Result<T, ReadError>,
    ) -> Result<T, Failure> {
        self.stats.granules_read += 1;
        self.stats.records_scanned += planned.opened.layout.granules[index].rows as u64;
        let range = self.range;
        self.read(planned, index, |granule| {
            let rows = granule.select(&planned.plan, range)?;
            work(granule, &rows)
        })
    }

    /// Whether every record of the granule passes, without looking.
    pub(crate) fn takes_all(&self, planned: &Planned, index: usize) -> bool {
        planned.plan == Plan::Constant(true) && covers(self.range, &planned.opened.layout.granules[index])
    }

    /// Hands every record in a chunk that passes to `visit`, with its place.
    pub(crate) fn scan(
        &mut self,
        chunk: &Chunk,
        mut visit: impl FnMut(usize, &LogRecord) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.stats.records_scanned += chunk.records.len() as u64;
        let parts = parts(self.filter);
        let mut looked_at = CHECK_BYTES;
        for (at, record) in chunk.records.iter().enumerate() {
            looked_at += (RECORD_BYTES + record.message.len()).saturating_mul(parts);
            if looked_at >= CHECK_BYTES {
                self.check()?;
                looked_at = 0;
            }
            if self.range.contains(record.time) && self.filter.matches(record) {
                visit(at, record)?;
            }
        }
        Ok(())
    }
}

/// Conditions in a filter, one at least.
fn parts(filter: &LogFilter) -> usize {
    match filter {
        LogFilter::And(filters) | LogFilter::Or(filters) => filters.iter().map(parts).sum::<usize>().max(1),
        LogFilter::Not(filter) => parts(filter),
        _ => 1,
    }
}
