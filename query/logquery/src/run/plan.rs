//! What a query leaves to the source, and what is done with what comes from there.

use super::context::Context;
use super::group::Grouping;
use super::names::{Mapping, Needed};
use super::{RunError, RunRequest};
use crate::fields::is_time;
use crate::{Pipe, Query};
use smol_str::SmolStr;
use watchfire_model::{Aggregate, AggregateSpec, FieldSelection, GroupKey, LogFilter, ScanOrder};

/// How a query is run.
#[derive(Debug)]
pub(super) struct Plan {
    /// Everything that the source filters by.
    pub filter: LogFilter,
    pub start: Start,
    /// Pipes that follow.
    pub rest: Vec<Pipe>,
}

/// What the source is asked for.
#[derive(Debug)]
pub(super) enum Start {
    /// Groups: boxed, as it is far larger than the others.
    Aggregate(Box<Grouping>),
    Scan {
        order: ScanOrder,
        fields: FieldSelection,
    },
    Context(Context),
}

impl Plan {
    pub(super) fn new(query: &Query, request: &RunRequest) -> Result<Plan, RunError> {
        let mut mapping = Mapping::default();
        let mut filters = vec![query.filter.clone()];
        for (index, pipe) in query.pipes.iter().enumerate().skip(query.pipes.len() - query.rest().len()) {
            if let Pipe::Filter(expr) = pipe {
                let Some(filter) = mapping.filter(&expr.to_filter(request.now)?) else { break };
                filters.push(filter);
                continue;
            }
            if let Some(grouping) = Grouping::of(pipe, request)? {
                let Some(spec) = stored(&grouping.spec, &mapping) else { break };
                let filter = if filters.len() == 1 { filters.swap_remove(0) } else { LogFilter::And(filters) };
                let grouping = grouping.before(query.pipes.get(index + 1));
                let start = Start::Aggregate(Box::new(grouping.with_spec(spec)));
                return Ok(Plan { filter, start, rest: query.pipes[index + 1..].to_vec() });
            }
            if !mapping.follow(pipe) {
                break;
            }
        }
        Ok(Plan::streamed(query))
    }

    /// The plan in which the source does nothing but search.
    pub(super) fn streamed(query: &Query) -> Plan {
        let filter = query.filter.clone();
        let rest = query.rest();
        let fields = Needed::by(rest);
        if let [Pipe::Context { before, after }, rest @ ..] = rest {
            let context = Context { before: *before, after: *after, fields: Needed::by(rest) };
            return Plan { filter, start: Start::Context(context), rest: rest.to_vec() };
        }
        let order = if needs_order(rest) { ScanOrder::NewestFirst } else { ScanOrder::Any };
        Plan { filter, start: Start::Scan { order, fields: fields.selection() }, rest: rest.to_vec() }
    }
}

/// Whether it shows in the answer in which order records come: unless something sorts or groups them first.
fn needs_order(pipes: &[Pipe]) -> bool {
    for pipe in pipes {
        match pipe {
            Pipe::Limit(_) | Pipe::Offset(_) => return true,
            Pipe::Stats(_) | Pipe::Top { .. } | Pipe::Uniq { .. } | Pipe::Sort { .. } => return false,
            _ => {}
        }
    }
    true
}

/// The specification in the store's names; `None` when the store has no such field.
fn stored(spec: &AggregateSpec, mapping: &Mapping) -> Option<AggregateSpec> {
    let field = |name: &SmolStr| mapping.stored(name).filter(|stored| !is_time(stored));
    let by = spec.by.iter().map(|key| match key {
        GroupKey::Field(name) => field(name).map(GroupKey::Field),
        GroupKey::Time(buckets) => mapping.has_time().then(|| GroupKey::Time(buckets.clone())),
    });
    let by = by.collect::<Option<Vec<_>>>()?;
    let functions = spec.functions.iter().map(|aggregate| {
        Some(Aggregate {
            function: aggregate.function,
            field: match &aggregate.field {
                None => None,
                Some(name) => Some(field(name)?),
            },
            only: match &aggregate.only {
                None => None,
                Some(only) => Some(mapping.filter(only)?),
            },
        })
    });
    Some(AggregateSpec { by, functions: functions.collect::<Option<Vec<_>>>()?, groups_max: spec.groups_max })
}
