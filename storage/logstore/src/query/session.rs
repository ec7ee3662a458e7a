//! One attempt at an answer: its work spread over threads, what it takes from the budget, and what it costs.

use super::answer::Snapshot;
use super::cheap_first::cheap_first;
use super::pool::Step;
use crate::LogStoreError;
use crate::encoded::EncodedRecord;
use crate::memtable::Chunk;
use crate::remembered::Question;
use crate::store::Inner;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use watchfire_logblock::block::{Block, Opened, ReadError, Reads, guarded};
use watchfire_logblock::query::{Granule, Plan, RowSet, overlaps};
use watchfire_model::{Exhausted, GroupKey, LogCost, LogFilter, QueryBudget, TimeNs, TimeRangeNs};

/// Bytes of text, times parts of the filter, between two looks at the budget: some milliseconds.
const CHECK_BYTES: usize = 4 << 20;
/// What a record costs besides its message, in bytes of text.
const RECORD_BYTES: usize = 256;
/// So few pieces of work are done by the thread that asks.
const ALONE_MAX: usize = 4;

/// What is asked of a query's records, and what it may spend.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) filter: &'a LogFilter,
    pub(crate) range: TimeRangeNs,
    pub(crate) budget: &'a QueryBudget,
}

/// One attempt at an answer, shared by all threads that work on it.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) inner: &'a Inner,
    pub(crate) ask: Ask<'a>,
    /// What records in memory are held against: the same filter.
    cheap_first: Arc<LogFilter>,
    pub(crate) reads: Reads,
    cost: Mutex<LogCost>,
    /// What was left out of the answer in the midst of it.
    left_out: Mutex<BTreeSet<String>>,
    /// Samples taken from the budget.
    taken: AtomicU64,
    /// Bytes of memory taken from it.
    held: AtomicU64,
    /// Of these, for the columns of one granule for each thread.
    held_for_granules: Mutex<u64>,
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
    /// Those that may hold records that pass, ascending.
    pub(crate) granules: Vec<usize>,
}

/// What one thread looks at in one go.
#[derive(Debug, Clone)]
pub(crate) enum Unit {
    Chunk(Arc<Chunk>),
    Granule(Arc<Planned>, usize),
}

impl From<Exhausted> for Failure {
    fn from(exhausted: Exhausted) -> Failure {
        Failure::Query(exhausted.into())
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(inner: &'a Inner, ask: Ask<'a>) -> Session<'a> {
        Session {
            inner,
            ask,
            cheap_first: Arc::new(cheap_first(ask.filter)),
            reads: Reads::default(),
            cost: Mutex::default(),
            left_out: Mutex::default(),
            taken: AtomicU64::new(0),
            held: AtomicU64::new(0),
            held_for_granules: Mutex::new(0),
        }
    }

    /// What the answer has cost, and the blocks that were left out in the midst of it.
    pub(super) fn finish(self) -> (LogCost, BTreeSet<String>) {
        self.ask.budget.return_memory(*self.held_for_granules.lock());
        (self.cost.into_inner(), self.left_out.into_inner())
    }

    /// Gives everything back to the budget.
    pub(super) fn give_up(&self) {
        self.ask.budget.return_samples(self.taken.load(Ordering::Relaxed));
        self.ask.budget.return_memory(self.held.load(Ordering::Relaxed));
    }

    /// Takes samples from the budget, to be given back should the attempt fail.
    pub(crate) fn take(&self, samples: u64) -> Result<(), Failure> {
        self.taken.fetch_add(samples, Ordering::Relaxed);
        Ok(self.ask.budget.take_samples(samples)?)
    }

    /// Takes memory from the budget, to be given back should the attempt fail; otherwise with the answer.
    pub(crate) fn hold(&self, bytes: u64) -> Result<(), Failure> {
        self.ask.budget.take_memory(bytes)?;
        self.held.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Gives back what the query no longer holds.
    pub(crate) fn release(&self, samples: u64, bytes: u64) {
        self.taken.fetch_sub(samples, Ordering::Relaxed);
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.ask.budget.return_samples(samples);
        self.ask.budget.return_memory(bytes);
    }

    /// Sees to it that each thread may hold the columns of one granule of the block.
    fn hold_granules(&self, block: &Block) -> Result<(), Failure> {
        let mut held = self.held_for_granules.lock();
        let missing = (block.meta.granule_bytes() * self.threads() as u64).saturating_sub(*held);
        self.hold(missing)?;
        *held += missing;
        Ok(())
    }

    pub(crate) fn threads(&self) -> usize {
        self.inner.queries.threads()
    }

    pub(crate) fn check(&self) -> Result<(), Failure> {
        Ok(self.ask.budget.check()?)
    }

    /// Adds to the cost of the answer.
    pub(crate) fn spend(&self, add: impl FnOnce(&mut LogCost)) {
        add(&mut self.cost.lock());
    }

    /// Takes a block that cannot be read out of further queries; whether it is only this query that does without it.
    pub(super) fn set_aside(&self, block: &Block, error: &ReadError) -> Result<bool, LogStoreError> {
        match error {
            ReadError::Exhausted(exhausted) => Err((*exhausted).into()),
            ReadError::Missing | ReadError::Damaged(_) => {
                self.inner.set_damaged(block, &error.to_string());
                Ok(false)
            }
            ReadError::Storage(_) => Ok(true),
        }
    }

    /// Goes on without a block in the midst of an answer.
    pub(crate) fn leave_out(&self, block: &Block, error: &ReadError) -> Result<(), Failure> {
        self.set_aside(block, error).map_err(Failure::Query)?;
        self.left_out.lock().insert(block.meta.key.clone());
        Ok(())
    }

    /// Hands every item to `work`, on several threads if there are enough; each thread gathers in a value of its own.
    pub(crate) fn each<T: Sync, S: Send>(
        &self,
        items: &[T],
        begin: impl Fn() -> S,
        work: impl Fn(&mut S, &T) -> Result<(), Failure> + Sync,
    ) -> Result<Vec<S>, Failure> {
        if items.len() <= ALONE_MAX {
            let mut gathered = begin();
            for item in items {
                work(&mut gathered, item)?;
            }
            return Ok(vec![gathered]);
        }
        let gathered: Vec<Mutex<S>> = (0..self.threads().min(items.len())).map(|_| Mutex::new(begin())).collect();
        let next = AtomicUsize::new(0);
        self.run(gathered.len(), &|runner| {
            let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) else { return Ok(Step::Done) };
            work(&mut gathered[runner].lock(), item)?;
            Ok(Step::More)
        })?;
        Ok(gathered.into_iter().map(Mutex::into_inner).collect())
    }

    /// Lets runners make steps; the first failure ends them all.
    pub(crate) fn run(
        &self,
        runners: usize,
        step: &(dyn Fn(usize) -> Result<Step, Failure> + Sync),
    ) -> Result<(), Failure> {
        let failure: Mutex<Option<Failure>> = Mutex::new(None);
        let failed = AtomicBool::new(false);
        self.inner.queries.run(runners, &|runner| {
            if failed.load(Ordering::Relaxed) {
                return Step::Done;
            }
            step(runner).unwrap_or_else(|error| {
                failure.lock().get_or_insert(error);
                failed.store(true, Ordering::Relaxed);
                Step::Done
            })
        });
        failure.into_inner().map_or(Ok(()), Err)
    }

    /// Opens a block and finds out which of its granules to look at.
    pub(crate) fn plan(&self, block: &Arc<Block>) -> Result<Arc<Planned>, Failure> {
        self.check()?;
        self.hold_granules(block)?;
        let began = Instant::now();
        let plan = || {
            let opened = block.open(&self.reads)?;
            let plan = guarded(|| Plan::new(self.ask.filter, block, &opened, &self.reads, self.ask.budget))?;
            Ok((opened, plan))
        };
        let (opened, plan) = plan().map_err(|error| Failure::Block { block: Arc::clone(block), error })?;
        let all = &opened.layout.granules;
        let possible = plan.granules(&opened.layout);
        let mut granules: Vec<usize> =
            possible.iter().filter(|granule| overlaps(self.ask.range, all[*granule].times)).collect();
        let planned = Planned { block: Arc::clone(block), opened: Arc::clone(&opened), plan, granules: Vec::new() };
        if !matches!(planned.plan, Plan::Constant(_)) {
            // Statistics may know that nothing passes where the index does not.
            let mut counted = Vec::with_capacity(granules.len());
            for index in &granules {
                counted.push(self.count(&planned, *index)? != Some(0));
            }
            let mut counted = counted.into_iter();
            granules.retain(|_| counted.next().unwrap_or(true));
        }
        self.spend(|cost| {
            cost.granules += all.len() as u64;
            cost.granules_pruned += (all.len() - granules.len()) as u64;
            cost.planning += began.elapsed();
        });
        Ok(Arc::new(Planned { granules, ..planned }))
    }

    /// How many rows of a granule pass, where statistics tell.
    pub(crate) fn count(&self, planned: &Planned, index: usize) -> Result<Option<u64>, Failure> {
        self.read(planned, index, |granule| granule.count_without_reading(&planned.plan, self.ask.range))
    }

    /// The blocks, opened and planned.
    pub(crate) fn plan_all(&self, blocks: &[Arc<Block>]) -> Result<Vec<Arc<Planned>>, Failure> {
        let planned = self.each(blocks, Vec::new, |planned, block| {
            planned.push(self.plan(block)?);
            Ok(())
        })?;
        Ok(planned.into_iter().flatten().collect())
    }

    /// Everything that there is to look at.
    pub(crate) fn units(&self, snapshot: Snapshot) -> Result<Vec<Unit>, Failure> {
        let mut units: Vec<Unit> = snapshot.chunks.into_iter().map(Unit::Chunk).collect();
        for planned in self.plan_all(&snapshot.blocks)? {
            units.extend(planned.granules.iter().map(|granule| Unit::Granule(Arc::clone(&planned), *granule)));
        }
        Ok(units)
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
            budget: Some(self.ask.budget),
        };
        guarded(|| work(granule)).map_err(|error| Failure::Block { block: Arc::clone(&planned.block), error })
    }

    /// The rows of a granule that pass, if there are any, and `work` on them.
    pub(crate) fn select<T: Default>(
        &self,
        planned: &Planned,
        index: usize,
        work: impl FnOnce(Granule<'_>, &RowSet) -> Result<T, ReadError>,
    ) -> Result<T, Failure> {
        let range = self.ask.range;
        let began = Instant::now();
        let mut filtering = Duration::ZERO;
        let mut is_false = false;
        let result = self.read(planned, index, |granule| {
            let rows = granule.select(&planned.plan, range)?;
            filtering = began.elapsed();
            is_false = rows.is_empty();
            if is_false { Ok(T::default()) } else { work(granule, &rows) }
        });
        let rows = planned.opened.layout.granules[index].rows as u64;
        self.spend(|cost| {
            cost.granules_read += 1;
            cost.granules_false += u64::from(is_false);
            cost.records_scanned += rows;
            cost.filtering += filtering;
            cost.collecting += began.elapsed().saturating_sub(filtering);
        });
        result
    }

    /// Whether every record of the chunk passes, without looking.
    pub(crate) fn takes_whole(&self, chunk: &Chunk) -> bool {
        *self.ask.filter == LogFilter::All && self.covers(chunk)
    }

    /// Whether all records of the chunk lie in the range.
    pub(crate) fn covers(&self, chunk: &Chunk) -> bool {
        self.ask.range.contains(chunk.times.0) && self.ask.range.contains(chunk.times.1)
    }

    /// To ask a chunk that is covered how many of its records pass.
    pub(crate) fn question(&self, by: &[GroupKey]) -> Question {
        Question::new(&self.cheap_first, by)
    }

    /// Hands every record in a chunk that passes to `visit`, with its place.
    pub(crate) fn scan(
        &self,
        chunk: &Chunk,
        mut visit: impl FnMut(usize, &EncodedRecord<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        let question = self.question(&[]);
        if chunk.remembered.get(&question).is_some_and(|counts| counts.is_empty()) {
            return Ok(());
        }
        let filter = &*self.cheap_first;
        let parts = parts(filter);
        let mut looked_at = CHECK_BYTES;
        let mut is_barren = true;
        for (at, record) in chunk.records().enumerate() {
            looked_at += (RECORD_BYTES + record.message.len()).saturating_mul(parts);
            if looked_at >= CHECK_BYTES {
                self.check()?;
                looked_at = 0;
            }
            if self.ask.range.contains(record.time) && filter.matches(&record) {
                is_barren = false;
                visit(at, &record)?;
            }
        }
        if is_barren && self.covers(chunk) {
            chunk.remembered.put(&question, Arc::default());
        }
        self.spend(|cost| {
            cost.records_scanned += chunk.len() as u64;
            cost.filtering += began.elapsed();
        });
        Ok(())
    }
}

impl Unit {
    /// Earliest and latest event time.
    pub(crate) fn times(&self) -> (TimeNs, TimeNs) {
        match self {
            Unit::Chunk(chunk) => chunk.times,
            Unit::Granule(planned, granule) => planned.opened.layout.granules[*granule].times,
        }
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
