//! The records around each hit: of the same container, before and after it.

use super::RunError;
use super::names::Needed;
use crate::fields::container_field;
use crate::row::Row;
use smol_str::SmolStr;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::ControlFlow;
use watchfire_model::{
    FieldPattern, FieldSelection, HOST_FIELD, LogAnswer, LogFilter, LogRecord, LogSource, QueryBudget, ScanOrder,
    ScanRequest, TimeRangeNs,
};

/// Hits whose surroundings are shown; the newest ones.
const HITS_MAX: usize = 10_000;
/// Containers whose records are looked through.
const CONTAINERS_MAX: usize = 100;

/// What `context` shows.
#[derive(Debug)]
pub(super) struct Context {
    pub before: usize,
    pub after: usize,
    /// What further pipes look at.
    pub fields: Needed,
}

/// The host, and which field of the record names its container how.
type Container = (SmolStr, Option<(&'static str, SmolStr)>);

/// What a search found.
struct Hits {
    /// Their numbers of arrival.
    arrivals: BTreeSet<u64>,
    containers: HashMap<Container, Surroundings>,
    answer: LogAnswer,
}

/// The records of a container while they pass, the oldest first.
#[derive(Debug, Default)]
struct Surroundings {
    /// Those that a hit would show before it.
    recent: VecDeque<Row>,
    /// How many of those that follow the last hit are still shown.
    following: usize,
}

impl Context {
    /// Every hit and what surrounds it, each record once, the newest first.
    pub(super) fn rows(
        &self,
        filter: LogFilter,
        range: TimeRangeNs,
        source: &dyn LogSource,
        budget: &QueryBudget,
    ) -> Result<(Vec<Row>, LogAnswer), RunError> {
        let Hits { arrivals, containers: mut surroundings, mut answer } = find(filter, range, source, budget)?;
        if arrivals.is_empty() {
            return Ok((Vec::new(), answer));
        }
        let filter = LogFilter::Or(surroundings.keys().map(filter_of).collect());
        let mut fields = self.fields.clone();
        for name in identity() {
            fields.add(&name);
        }
        let asked = ScanRequest { filter, range, order: ScanOrder::OldestFirst, fields: fields.selection() };
        let mut rows = Vec::new();
        let mut failed = None;
        let further = source.scan(&asked, budget, &mut |arrival, record| {
            let Some(around) = surroundings.get_mut(&container(record)) else { return ControlFlow::Continue(()) };
            let row = Row::of_record(arrival, record);
            let is_hit = arrivals.contains(&arrival);
            if let Err(error) = budget.take_memory(row.bytes()) {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            if is_hit {
                rows.extend(around.recent.drain(..));
                around.following = self.after;
                rows.push(row);
            } else if around.following > 0 {
                around.following -= 1;
                rows.push(row);
            } else {
                around.recent.push_back(row);
                if around.recent.len() > self.before
                    && let Some(gone) = around.recent.pop_front()
                {
                    budget.return_memory(gone.bytes());
                }
            }
            ControlFlow::Continue(())
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        answer.cost.add(&further.cost);
        for note in further.partial {
            if !answer.partial.contains(&note) {
                answer.partial.push(note);
            }
        }
        rows.sort_unstable_by_key(|row| row.rank);
        Ok((rows, answer))
    }
}

/// The newest hits, and their containers.
fn find(filter: LogFilter, range: TimeRangeNs, source: &dyn LogSource, budget: &QueryBudget) -> Result<Hits, RunError> {
    let fields = FieldSelection::Only(identity().collect());
    let asked = ScanRequest { filter, range, order: ScanOrder::NewestFirst, fields };
    let mut arrivals = BTreeSet::new();
    let mut containers = HashMap::new();
    let mut has_more = false;
    let mut answer = source.scan(&asked, budget, &mut |arrival, record| {
        let container = container(record);
        if arrivals.len() == HITS_MAX || (containers.len() == CONTAINERS_MAX && !containers.contains_key(&container)) {
            has_more = true;
            return ControlFlow::Break(());
        }
        arrivals.insert(arrival);
        containers.entry(container).or_insert_with(Surroundings::default);
        ControlFlow::Continue(())
    })?;
    if has_more {
        let note = format!(
            "context is shown for the newest hits only, {HITS_MAX} of them in {CONTAINERS_MAX} containers at most"
        );
        answer.partial.push(note);
    }
    Ok(Hits { arrivals, containers, answer })
}

/// The fields that tell containers apart.
fn identity() -> impl Iterator<Item = SmolStr> {
    crate::fields::CONTAINER_FIELDS.into_iter().chain([HOST_FIELD]).map(SmolStr::new_static)
}

fn container(record: &LogRecord) -> Container {
    let named = container_field(record).and_then(|name| record.field(name).map(|value| (name, value.to_text())));
    (record.host.clone(), named)
}

/// Finds the container's records, and perhaps others: patterns take letters of either case.
fn filter_of((host, named): &Container) -> LogFilter {
    let is = |name: &str, value: &SmolStr| LogFilter::Field { name: name.into(), pattern: FieldPattern::text(value) };
    let mut parts = Vec::new();
    // An empty host is no word to search for.
    if !host.is_empty() {
        parts.push(is(HOST_FIELD, host));
    }
    parts.extend(named.iter().map(|(name, value)| is(name, value)));
    LogFilter::And(parts)
}
