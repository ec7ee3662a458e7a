//! Feeds the accumulators of groups from the columns of a granule.

use super::keys::RowGroups;
use crate::query::values::{Numbers, Values};
use std::collections::HashSet;
use watchfire_logblock::block::ReadError;
use watchfire_logblock::query::{Granule, Plan, RowSet};
use watchfire_model::{Accumulator, AggregateFunction, AggregateSpec, Groups, TimeNs, TimeRangeNs, TooManyGroups};

/// What one function looks at in one granule.
#[derive(Debug)]
struct Column {
    /// Rows that its own filter lets pass.
    only: Option<Vec<bool>>,
    values: Option<Values>,
    /// For what computes with numbers alone.
    numbers: Option<Numbers>,
}

/// Rows with what all functions look at.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<u32>,
    groups: RowGroups,
    columns: Vec<Column>,
    /// Event times and arrival numbers, where some function looks at them.
    edges: Option<(Vec<i64>, Vec<u64>)>,
}

impl Table {
    /// `only` has a plan for each function with a filter of its own.
    pub(super) fn read(
        spec: &AggregateSpec,
        only: &[Option<Plan>],
        granule: Granule<'_>,
        rows: &RowSet,
    ) -> Result<Table, ReadError> {
        let numbered = numbered(rows, granule.stats().rows);
        let groups = RowGroups::new(&spec.by, granule, &numbered)?;
        let mut columns = Vec::with_capacity(spec.functions.len());
        for (aggregate, only) in spec.functions.iter().zip(only) {
            let only = only.as_ref().map(|plan| passing(granule, plan)).transpose()?;
            let values = aggregate.field.as_ref().map(|name| Values::read(granule, name)).transpose()?;
            let numbers = match &values {
                Some(values) if takes_numbers(aggregate.function) => Some(values.numbers(&numbered)?),
                _ => None,
            };
            columns.push(Column { only, values, numbers });
        }
        let looks_at_edges = |function| matches!(function, AggregateFunction::First | AggregateFunction::Last);
        let edges = if spec.functions.iter().any(|aggregate| looks_at_edges(aggregate.function)) {
            Some((granule.times()?, granule.sequences()?))
        } else {
            None
        };
        Ok(Table { rows: numbered, groups, columns, edges })
    }

    /// Adds every row to its group. What was added before an error stands: the whole answer has to begin anew.
    pub(super) fn add_to(self, groups: &mut Groups) -> Result<Option<TooManyGroups>, ReadError> {
        let members = members(&self.groups, self.columns.iter().any(Column::looks_at_places));
        let numbers: Vec<Option<Sorted>> = self.columns.iter().map(|column| self.sorted(column)).collect();
        for (id, key) in self.groups.keys.iter().enumerate() {
            let accumulators = match groups.group(key) {
                Ok(accumulators) => accumulators,
                Err(error) => return Ok(Some(error)),
            };
            let mut grown = 0;
            for ((column, numbers), accumulator) in self.columns.iter().zip(&numbers).zip(accumulators) {
                if let Some(numbers) = numbers {
                    grown += accumulator.numbers(numbers.of(id));
                } else if column.counts_all() {
                    accumulator.count(members.counts[id]);
                } else {
                    let places = members.of(id).filter(|at| column.takes(self.rows[*at]));
                    grown += self.feed(column, places, accumulator)?;
                }
            }
            groups.grow(grown as u64);
        }
        Ok(None)
    }

    /// The numbers of a column, group after group.
    fn sorted(&self, column: &Column) -> Option<Sorted> {
        let Numbers { places, values } = column.numbers.as_ref()?;
        let taken = || places.iter().zip(values).filter(|(at, _)| column.takes(self.rows[**at as usize]));
        let mut starts = vec![0; self.groups.keys.len() + 1];
        for (at, _) in taken() {
            starts[self.groups.ids[*at as usize] as usize + 1] += 1;
        }
        for id in 1..starts.len() {
            starts[id] += starts[id - 1];
        }
        let mut next = starts.clone();
        let mut sorted = vec![0.0; starts[starts.len() - 1]];
        for (at, value) in taken() {
            let place = &mut next[self.groups.ids[*at as usize] as usize];
            sorted[*place] = *value;
            *place += 1;
        }
        Some(Sorted { values: sorted, starts })
    }

    /// Adds the rows at these places; how many bytes the accumulator has grown.
    fn feed(
        &self,
        column: &Column,
        places: impl Iterator<Item = usize>,
        accumulator: &mut Accumulator,
    ) -> Result<usize, ReadError> {
        let Some(values) = &column.values else {
            accumulator.count(places.count() as u64);
            return Ok(0);
        };
        let mut grown = 0;
        if let (Accumulator::Count(_), Some(texts)) = (&*accumulator, values.texts()) {
            let present = places.filter(|at| texts.get(self.rows[*at] as usize).is_some_and(|text| !text.is_empty()));
            accumulator.count(present.count() as u64);
            return Ok(0);
        }
        if let (Accumulator::Uniq(_) | Accumulator::Values { .. }, Some(texts)) = (&*accumulator, values.texts()) {
            let mut seen: HashSet<usize, foldhash::fast::RandomState> = HashSet::default();
            for row in places.map(|at| self.rows[at] as usize) {
                let is_known = texts.key(row).is_some_and(|key| !seen.insert(key));
                if let Some(text) = texts.get(row).filter(|_| !is_known) {
                    grown += accumulator.text(text.into());
                }
            }
            return Ok(grown);
        }
        for at in places {
            let row = self.rows[at] as usize;
            if let Some(value) = values.value(row)? {
                let (time, arrival) =
                    self.edges.as_ref().map_or((0, 0), |(times, arrivals)| (times[row], arrivals[row]));
                grown += accumulator.value(&value, TimeNs(time), arrival);
            }
        }
        Ok(grown)
    }
}

impl Column {
    /// Whether it counts every record of the group, whatever is in it.
    fn counts_all(&self) -> bool {
        self.only.is_none() && self.values.is_none()
    }

    /// Whether it looks at the members of a group one by one.
    fn looks_at_places(&self) -> bool {
        self.numbers.is_none() && !self.counts_all()
    }

    fn takes(&self, row: u32) -> bool {
        self.only.as_ref().is_none_or(|only| only[row as usize])
    }
}

/// The rows by their numbers, of a granule of so many.
pub(super) fn numbered(rows: &RowSet, all: usize) -> Vec<u32> {
    if rows.len() == all { (0..all as u32).collect() } else { rows.iter().map(|row| row as u32).collect() }
}

/// Whether each row of the granule passes a plan.
fn passing(granule: Granule<'_>, plan: &Plan) -> Result<Vec<bool>, ReadError> {
    let mut passes = vec![false; granule.stats().rows];
    for row in granule.select(plan, TimeRangeNs::ALL)?.iter() {
        passes[row] = true;
    }
    Ok(passes)
}

/// Numbers of rows, group after group.
#[derive(Debug)]
struct Sorted {
    values: Vec<f64>,
    /// Where each group begins, and where the last one ends.
    starts: Vec<usize>,
}

impl Sorted {
    fn of(&self, id: usize) -> &[f64] {
        &self.values[self.starts[id]..self.starts[id + 1]]
    }
}

/// Which places of the rows belong to each group.
#[derive(Debug)]
struct Members {
    counts: Vec<u64>,
    /// Places, group after group.
    places: Vec<u32>,
    /// Where each group begins among the places, and where the last one ends.
    starts: Vec<usize>,
}

impl Members {
    fn of(&self, id: usize) -> impl Iterator<Item = usize> + '_ {
        self.places[self.starts[id]..self.starts[id + 1]].iter().map(|at| *at as usize)
    }
}

/// `listed`: whether somebody looks at the single members.
fn members(groups: &RowGroups, listed: bool) -> Members {
    let mut counts = vec![0u64; groups.keys.len()];
    for id in &groups.ids {
        counts[*id as usize] += 1;
    }
    let mut starts = Vec::with_capacity(counts.len() + 1);
    starts.push(0);
    for count in &counts {
        starts.push(starts[starts.len() - 1] + *count as usize);
    }
    let mut places = Vec::new();
    if listed {
        places = vec![0u32; groups.ids.len()];
        let mut next = starts.clone();
        for (at, id) in groups.ids.iter().enumerate() {
            let place = &mut next[*id as usize];
            places[*place] = at as u32;
            *place += 1;
        }
    }
    Members { counts, places, starts }
}

/// Whether only the numbers among the values take part.
fn takes_numbers(function: AggregateFunction) -> bool {
    match function {
        AggregateFunction::Sum
        | AggregateFunction::Avg
        | AggregateFunction::Quantile(_)
        | AggregateFunction::Rate { .. } => true,
        AggregateFunction::Count
        | AggregateFunction::Min
        | AggregateFunction::Max
        | AggregateFunction::CountUniq
        | AggregateFunction::Values(_)
        | AggregateFunction::First
        | AggregateFunction::Last => false,
    }
}
