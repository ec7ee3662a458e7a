//! Groups of the records that pass, and what is computed over them.

mod feed;
mod keys;
mod summed;

use super::answer::{Snapshot, answer};
use super::session::{Ask, Failure, Planned, Session, Unit};
use crate::LogStoreError;
use crate::memtable::Chunk;
use crate::store::Inner;
use feed::Table;
use foldhash::HashMap;
use keys::constant_key;
use parking_lot::Mutex;
use std::sync::Arc;
use summed::Summing;
use watchfire_logblock::block::guarded;
use watchfire_logblock::query::Plan;
use watchfire_model::{
    AggregateRequest, AggregateSpec, GroupKey, Groups, KeyPart, LogAnswer, QueryBudget, RecordView as _, TooManyGroups,
};

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
    groups: Groups,
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
    let begin = || Part { groups: Groups::new(Arc::clone(spec)), charged: 0 };
    let parts = session.each(&units, begin, |part, unit| {
        match unit {
            Unit::Chunk(chunk) if filters.only_counts() => count_chunk(session, chunk, spec, &mut part.groups)?,
            Unit::Chunk(chunk) => {
                session.scan(chunk, |at, record| Ok(part.groups.add(chunk.first_sequence + at as u64, record)?))?;
            }
            Unit::Granule(planned, granule) => add_granule(session, planned, *granule, &filters, &mut part.groups)?,
        }
        part.charge(session)
    })?;
    for part in parts {
        groups.merge(part.groups)?;
    }
    Ok(groups)
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
        for accumulator in groups.group(key)? {
            accumulator.count(rows);
        }
    }
    session.spend(|cost| cost.granules_summed += (planned.granules.len() - left.len()) as u64);
    Ok(left)
}

/// Counts the records of a chunk by their keys, as [`Groups::add`] does, but looks each group up once.
fn count_chunk(session: &Session<'_>, chunk: &Chunk, spec: &AggregateSpec, groups: &mut Groups) -> Result<(), Failure> {
    let mut counts: HashMap<Vec<KeyPart>, u64> = HashMap::default();
    if session.takes_whole(chunk)
        && let Some(key) = constant_key(&spec.by, chunk.times, None)
    {
        counts.insert(key, chunk.len() as u64);
    } else {
        let mut key = Vec::with_capacity(spec.by.len());
        session.scan(chunk, |_, record| {
            key.clear();
            key.extend(spec.by.iter().map(|part| match part {
                GroupKey::Field(name) => record.text(name).map_or(KeyPart::Absent, |text| KeyPart::Text(text.into())),
                GroupKey::Time(buckets) => KeyPart::Time(buckets.bucket(record.time)),
            }));
            match counts.get_mut(key.as_slice()) {
                Some(count) => *count += 1,
                None => drop(counts.insert(key.clone(), 1)),
            }
            Ok(())
        })?;
    }
    for (key, count) in counts {
        for accumulator in groups.group(key)? {
            accumulator.count(count);
        }
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
        let plan = |aggregate: &watchfire_model::Aggregate| {
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
