//! The pipes of a running query, one behind the other.

use super::group::Grouping;
use super::sort::Sorter;
use super::{RunError, RunRequest};
use crate::Pipe;
use crate::operator::RowOperator;
use crate::row::Row;
use watchfire_model::{Groups, QueryBudget};

/// Whether further rows are of any use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    More,
    Enough,
}

/// Where the rows at the end of the chain go.
pub(crate) trait RowSink {
    fn take(&mut self, row: Row) -> Result<Flow, RunError>;
}

/// Pipes with what they remember.
#[derive(Debug)]
pub(crate) struct Chain<'b> {
    links: Vec<Link>,
    budget: &'b QueryBudget,
}

#[derive(Debug)]
enum Link {
    Row(RowOperator),
    /// Rows that may still pass.
    Limit(usize),
    /// Rows that are still left out.
    Offset(usize),
    Sort(Sorter),
    Group(Grouping, GroupsHeld),
}

/// Groups while they grow, and the memory that is taken for them.
#[derive(Debug)]
struct GroupsHeld {
    groups: Option<Groups>,
    taken: u64,
}

/// Memory is asked for in steps of this many bytes: the account is shared by all queries.
const MEMORY_STEP: u64 = 64 << 10;

impl<'b> Chain<'b> {
    pub(crate) fn new(pipes: &[Pipe], request: &RunRequest, budget: &'b QueryBudget) -> Result<Chain<'b>, RunError> {
        let mut links = Vec::with_capacity(pipes.len());
        for (index, pipe) in pipes.iter().enumerate() {
            let link = match pipe {
                Pipe::Limit(limit) => Link::Limit(*limit),
                Pipe::Offset(offset) => Link::Offset(*offset),
                Pipe::Sort { by, limit } => {
                    let behind = rows_wanted(&pipes[index + 1..]);
                    let limit = limit.unwrap_or(usize::MAX).min(behind);
                    Link::Sort(Sorter::new(by.clone(), limit))
                }
                pipe => {
                    if let Some(operator) = RowOperator::of(pipe, request.now)? {
                        Link::Row(operator)
                    } else if let Some(grouping) = Grouping::of(pipe, request)? {
                        let groups = Some(Groups::new(grouping.spec.clone()));
                        Link::Group(grouping, GroupsHeld { groups, taken: 0 })
                    } else {
                        // `context` stands first and is gone from the pipes by then.
                        return Err(crate::Problem::ContextNotFirst.into());
                    }
                }
            };
            links.push(link);
        }
        Ok(Chain { links, budget })
    }

    /// Takes a row through the pipes, as far as it gets.
    pub(crate) fn push(&mut self, row: Row, sink: &mut impl RowSink) -> Result<Flow, RunError> {
        self.push_behind(0, row, sink)
    }

    fn push_behind(&mut self, from: usize, mut row: Row, sink: &mut impl RowSink) -> Result<Flow, RunError> {
        let mut flow = Flow::More;
        for link in &mut self.links[from..] {
            match link {
                Link::Row(operator) => {
                    if !operator.apply(&mut row) {
                        return Ok(flow);
                    }
                }
                Link::Limit(0) => return Ok(Flow::Enough),
                Link::Limit(left) => {
                    *left -= 1;
                    if *left == 0 {
                        flow = Flow::Enough;
                    }
                }
                Link::Offset(0) => {}
                Link::Offset(left) => {
                    *left -= 1;
                    return Ok(flow);
                }
                Link::Sort(sorter) => {
                    sorter.push(row, self.budget)?;
                    return Ok(flow);
                }
                Link::Group(_, held) => {
                    held.add(&row, self.budget)?;
                    return Ok(flow);
                }
            }
        }
        let taken = sink.take(row)?;
        Ok(if flow == Flow::Enough { flow } else { taken })
    }

    /// Lets go what pipes held back until the last row had come.
    pub(crate) fn finish(mut self, sink: &mut impl RowSink) -> Result<(), RunError> {
        for index in 0..self.links.len() {
            let rows: Box<dyn Iterator<Item = Row>> = match &mut self.links[index] {
                Link::Sort(sorter) => Box::new(sorter.finish(self.budget)),
                Link::Group(grouping, held) => {
                    let Some(groups) = held.groups.take() else { continue };
                    let rows = grouping.rows(groups, self.budget)?;
                    self.budget.return_memory(held.taken);
                    Box::new(rows)
                }
                Link::Row(_) | Link::Limit(_) | Link::Offset(_) => continue,
            };
            for (n, row) in rows.enumerate() {
                if n.is_multiple_of(ROWS_PER_CHECK) {
                    self.budget.check()?;
                }
                if self.push_behind(index + 1, row, sink)? == Flow::Enough {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Rows between two looks at whether the query was cancelled.
const ROWS_PER_CHECK: usize = 1024;

impl GroupsHeld {
    fn add(&mut self, row: &Row, budget: &QueryBudget) -> Result<(), RunError> {
        let Some(groups) = &mut self.groups else { return Ok(()) };
        groups.add(row.arrival, row)?;
        let bytes = groups.bytes();
        if bytes > self.taken {
            let wanted = bytes + MEMORY_STEP;
            budget.take_memory(wanted - self.taken)?;
            self.taken = wanted;
        }
        Ok(())
    }
}

/// How many of the rows in front of these pipes matter: what an `offset` and a `limit` leave.
fn rows_wanted(pipes: &[Pipe]) -> usize {
    let mut skipped = 0_usize;
    for pipe in pipes {
        match pipe {
            Pipe::Offset(offset) => skipped = skipped.saturating_add(*offset),
            Pipe::Limit(limit) => return skipped.saturating_add(*limit),
            // These neither remove rows nor move them.
            Pipe::Fields(_) | Pipe::Drop(_) | Pipe::Rename(_) | Pipe::Format { .. } | Pipe::Math { .. } => {}
            _ => break,
        }
    }
    usize::MAX
}
