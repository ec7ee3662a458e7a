//! Groups of the records that pass, and what is computed over them.

mod feed;
mod keys;

use super::session::{Ask, Failure, Planned, Session, Snapshot, Unit, answer};
use crate::LogStoreError;
use crate::store::Inner;
use feed::Table;
use keys::constant_key;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use watchfire_logblock::block::guarded;
use watchfire_logblock::query::Plan;
use watchfire_model::{AggregateRequest, AggregateSpec, Groups, LogAnswer, QueryBudget, TooManyGroups};

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
    let units = session.units(snapshot)?;
    let filters = Filters { spec, plans: Mutex::default() };
    let begin = || Part { groups: Groups::new(Arc::clone(spec)), charged: 0 };
    let parts = session.each(&units, begin, |part, unit| {
        match unit {
            Unit::Chunk(chunk) => {
                session.scan(chunk, |at, record| Ok(part.groups.add(chunk.first_sequence + at as u64, record)?))?
            }
            Unit::Granule(planned, granule) => add_granule(session, planned, *granule, &filters, &mut part.groups)?,
        }
        part.charge(session)
    })?;
    let mut parts = parts.into_iter().map(|part| part.groups);
    let mut groups = parts.next().unwrap_or_else(|| Groups::new(Arc::clone(spec)));
    for part in parts {
        groups.merge(part)?;
    }
    Ok(groups)
}

fn add_granule(
    session: &Session<'_>,
    planned: &Arc<Planned>,
    granule: usize,
    filters: &Filters<'_>,
    groups: &mut Groups,
) -> Result<(), Failure> {
    let stats = &planned.opened.layout.granules[granule];
    if session.takes_all(planned, granule)
        && filters.only_counts()
        && let Some(key) = constant_key(&filters.spec.by, stats, &planned.block.meta.stream)
    {
        for accumulator in groups.group(key)? {
            accumulator.count(stats.rows as u64);
        }
        session.spend(|cost| cost.granules_summed += 1);
        return Ok(());
    }
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
            only.map(|only| Plan::new(only, &planned.block, &planned.opened, &session.reads)).transpose()
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
