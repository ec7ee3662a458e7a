//! Groups of the records that pass, and what is computed over them.

mod count;
mod feed;
mod keys;
mod summed;

use super::answer::{Snapshot, answer};
use super::session::{Ask, Failure, Planned, Session, Unit};
use crate::LogStoreError;
use crate::memtable::Chunk;
use crate::remembered::{Counts, GROUPS_MAX};
use crate::store::Inner;
use count::count_rows;
use feed::Table;
use foldhash::HashMap;
use keys::constant_key;
use parking_lot::Mutex;
use std::sync::Arc;
use summed::Summing;
use watchfire_logblock::block::guarded;
use watchfire_logblock::query::{Granule, Plan, RowSet};
use watchfire_model::{
    Aggregate, AggregateFunction, AggregateRequest, AggregateSpec, Counting, FieldValue, GroupPartition, GroupRow,
    Groups, KeyPart, LogAnswer, QueryBudget, TooManyGroups,
};

/// So many groups are merged by the thread that asks.
const MERGED_ALONE_MAX: usize = 20_000;

/// As [`watchfire_model::LogSource::aggregate`].
pub(crate) fn aggregate(
    inner: &Inner,
    request: &AggregateRequest,
    budget: &QueryBudget,
) -> Result<(Groups, LogAnswer), LogStoreError> {
    let ask = Ask { filter: &request.filter, range: request.range, budget };
    let spec = Arc::new(request.spec.clone());
    answer(inner, ask, |session, snapshot| gather(session, snapshot, &spec))
}

/// What one thread has gathered.
#[derive(Debug)]
struct Part {
    groups: Counting,
    /// Bytes that were paid for.
    charged: u64,
}

/// The groups of all records of a snapshot that pass.
pub(super) fn gather(session: &Session<'_>, snapshot: Snapshot, spec: &Arc<AggregateSpec>) -> Result<Groups, Failure> {
    let filters = Filters { spec, plans: Mutex::default() };
    let mut groups = Groups::new(Arc::clone(spec));
    let mut units: Vec<Unit> = snapshot.chunks.into_iter().map(Unit::Chunk).collect();
    for planned in session.plan_all(&snapshot.blocks)? {
        let mut left = planned.granules.clone();
        if filters.only_counts() {
            left = sum(session, &planned, spec, &mut groups)?;
        }
        units.extend(left.into_iter().map(|granule| Unit::Granule(Arc::clone(&planned), granule)));
    }
    let begin = || Part { groups: Counting::new(Groups::new(Arc::clone(spec))), charged: 0 };
    let parts = session.each(&units, begin, |part, unit| {
        let groups = &mut part.groups;
        match unit {
            Unit::Chunk(chunk) if filters.only_counts() => count_chunk(session, chunk, spec, groups)?,
            Unit::Chunk(chunk) => session
                .scan(chunk, |at, record| Ok(groups.groups_mut().add(chunk.first_sequence + at as u64, record)?))?,
            Unit::Granule(planned, granule) if filters.only_counts() => {
                let count = |columns: Granule<'_>, rows: &RowSet| count_rows(&spec.by, columns, rows, groups);
                session.select(planned, *granule, count)?.map_or(Ok(()), Err)?;
            }
            Unit::Granule(planned, granule) => {
                add_granule(session, planned, *granule, &filters, groups.groups_mut())?;
            }
        }
        part.charge(session)
    })?;
    let parts = parts.into_iter().map(|part| part.groups.finish()).collect::<Result<Vec<_>, _>>()?;
    merge(session, groups, parts)
}

/// The groups of all threads as one; several threads merge what is much.
fn merge(session: &Session<'_>, mut summed: Groups, mut parts: Vec<Groups>) -> Result<Groups, Failure> {
    if parts.iter().map(Groups::len).sum::<usize>() <= MERGED_ALONE_MAX {
        for groups in parts {
            summed.merge(groups)?;
        }
        return Ok(summed);
    }
    let spec = Arc::clone(summed.spec());
    let n_functions = spec.functions.len();
    parts.push(summed);
    let bytes = parts.iter().map(Groups::bytes).sum();
    let apart: Vec<Mutex<Vec<GroupPartition>>> = Groups::apart(parts).into_iter().map(Mutex::new).collect();
    let merge = |(): &mut (), parts: &Mutex<Vec<GroupPartition>>| {
        session.check()?;
        let mut parts = parts.lock();
        *parts = vec![GroupPartition::merge_all(std::mem::take(&mut parts), n_functions)];
        Ok(())
    };
    session.each(&apart, || (), merge)?;
    let merged = apart.into_iter().flat_map(Mutex::into_inner).collect();
    Ok(Groups::of_parts(spec, merged, bytes)?)
}

/// Counts what the statistics of a block tell; the granules that have to be looked at.
fn sum(
    session: &Session<'_>,
    planned: &Arc<Planned>,
    spec: &AggregateSpec,
    groups: &mut Groups,
) -> Result<Vec<usize>, Failure> {
    let failed = |error| Failure::Block { block: Arc::clone(&planned.block), error };
    let summary = guarded(|| summed::summary(planned, &session.reads)).map_err(failed)?;
    let mut summing = Summing::new(&spec.by, planned, summary.as_deref());
    let mut left = Vec::new();
    for granule in &planned.granules {
        let is_summed = session.count(planned, *granule)?.is_some_and(|rows| summing.add(*granule, rows));
        if !is_summed {
            left.push(*granule);
        }
    }
    for (key, rows) in summing.finish() {
        for accumulator in groups.group(&key)? {
            accumulator.count(rows);
        }
    }
    session.spend(|cost| cost.granules_summed += (planned.granules.len() - left.len()) as u64);
    Ok(left)
}

/// Counts the records of a chunk by their keys, as [`Groups::add`] does.
fn count_chunk(
    session: &Session<'_>,
    chunk: &Chunk,
    spec: &AggregateSpec,
    groups: &mut Counting,
) -> Result<(), Failure> {
    if session.takes_whole(chunk)
        && let Some(key) = constant_key(&spec.by, chunk.times, None)
    {
        return Ok(groups.count(key.iter().map(KeyPart::as_ref), chunk.len() as u64)?);
    }
    if !session.covers(chunk) {
        return session.scan(chunk, |_, record| Ok(groups.add(record)?));
    }
    let question = session.question(&spec.by);
    if let Some(counts) = chunk.remembered.get(&question) {
        return give(&counts, groups);
    }
    // As long as there are few they are counted apart, to be remembered.
    let count = Aggregate { function: AggregateFunction::Count, field: None, only: None };
    let few_spec = AggregateSpec { by: spec.by.clone(), functions: vec![count], groups_max: GROUPS_MAX };
    let mut few = Some(Groups::new(Arc::new(few_spec)));
    session.scan(chunk, |at, record| {
        if let Some(counted) = &mut few {
            if counted.add(at as u64, record).is_ok() {
                return Ok(());
            }
            give(&few.take().map(counts).unwrap_or_default(), groups)?;
        }
        Ok(groups.add(record)?)
    })?;
    if let Some(counted) = few {
        let counts = Counts::new(counts(counted));
        give(&counts, groups)?;
        chunk.remembered.put(&question, counts);
    }
    Ok(())
}

/// Every group with its records, their number being the one function.
fn counts(groups: Groups) -> Vec<(Vec<KeyPart>, u64)> {
    let count = |row: GroupRow| match row.values.first() {
        Some(Some(FieldValue::I64(count))) if *count > 0 => Some((row.key, *count as u64)),
        _ => None,
    };
    groups.into_rows().into_iter().filter_map(count).collect()
}

fn give(counts: &[(Vec<KeyPart>, u64)], groups: &mut Counting) -> Result<(), Failure> {
    for (key, count) in counts {
        groups.count(key.iter().map(KeyPart::as_ref), *count)?;
    }
    Ok(())
}

fn add_granule(
    session: &Session<'_>,
    planned: &Arc<Planned>,
    granule: usize,
    filters: &Filters<'_>,
    groups: &mut Groups,
) -> Result<(), Failure> {
    let only = filters.of_block(session, planned)?;
    let too_many = session
        .select(planned, granule, |columns, rows| Table::read(filters.spec, &only, columns, rows)?.add_to(groups))?;
    too_many.map_or(Ok(()), |error| Err(error.into()))
}

/// The functions' own filters.
#[derive(Debug)]
struct Filters<'a> {
    spec: &'a AggregateSpec,
    /// By the key of a block, for each function with a filter its plan.
    plans: Mutex<HashMap<String, Arc<Vec<Option<Plan>>>>>,
}

impl Filters<'_> {
    /// Whether nothing is looked at in a record.
    fn only_counts(&self) -> bool {
        self.spec.functions.iter().all(|aggregate| aggregate.field.is_none() && aggregate.only.is_none())
    }

    fn of_block(&self, session: &Session<'_>, planned: &Planned) -> Result<Arc<Vec<Option<Plan>>>, Failure> {
        let key = &planned.block.meta.key;
        if let Some(plans) = self.plans.lock().get(key) {
            return Ok(Arc::clone(plans));
        }
        let plan = |aggregate: &Aggregate| {
            let only = aggregate.only.as_ref();
            only.map(|only| Plan::new(only, &planned.block, &planned.opened, &session.reads, session.ask.budget))
                .transpose()
        };
        let plans = guarded(|| self.spec.functions.iter().map(plan).collect::<Result<Vec<_>, _>>());
        let plans = plans.map_err(|error| Failure::Block { block: Arc::clone(&planned.block), error })?;
        let plans = Arc::new(plans);
        self.plans.lock().insert(key.clone(), Arc::clone(&plans));
        Ok(plans)
    }
}

impl Part {
    fn charge(&mut self, session: &Session<'_>) -> Result<(), Failure> {
        let bytes = self.groups.bytes();
        session.hold(bytes.saturating_sub(self.charged))?;
        self.charged = bytes.max(self.charged);
        Ok(())
    }
}

impl From<TooManyGroups> for Failure {
    fn from(error: TooManyGroups) -> Failure {
        Failure::Query(error.into())
    }
}
