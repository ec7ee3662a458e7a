//! The pipes that need no other rows, for whoever hands out records one by one: search, live tail, export.

use crate::operator::RowOperator;
use crate::row::Row;
use crate::{Pipe, Query};
use watchfire_model::LogRecord;

/// Applies pipes to one record after the other. Times and stream of a record stay what they are.
#[derive(Debug, Clone)]
pub struct RowPipeline {
    links: Vec<Link>,
}

#[derive(Debug, Clone)]
enum Link {
    Row(RowOperator),
    /// Records that may still pass.
    Limit(usize),
    /// Records that are still left out.
    Offset(usize),
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum RowResult {
    Emit(LogRecord),
    /// It does not pass.
    Skip,
    /// Neither this record nor any later one passes.
    Done,
}

impl Query {
    /// The pipes behind what [`Query::filter`] covers, if each of them needs no other row than the one it works on; `None`
    /// where records are sorted, grouped or shown in context.
    pub fn row_pipeline(&self) -> Option<RowPipeline> {
        let link = |pipe: &Pipe| match pipe {
            Pipe::Limit(limit) => Some(Link::Limit(*limit)),
            Pipe::Offset(offset) => Some(Link::Offset(*offset)),
            // Patterns were tried when the query was made.
            pipe => RowOperator::of(pipe, self.now).ok().flatten().map(Link::Row),
        };
        self.rest().iter().map(link).collect::<Option<Vec<_>>>().map(|links| RowPipeline { links })
    }
}

impl RowPipeline {
    /// Whether records pass as they are.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Takes one record through the pipes; `arrival` is its number, which `sample` chooses by.
    pub fn apply(&mut self, arrival: u64, record: &LogRecord) -> RowResult {
        if self.is_empty() {
            return RowResult::Emit(record.clone());
        }
        let mut row = Row::of_record(arrival, record);
        for link in &mut self.links {
            match link {
                Link::Row(operator) => {
                    if !operator.apply(&mut row) {
                        return RowResult::Skip;
                    }
                }
                Link::Limit(0) => return RowResult::Done,
                Link::Limit(left) => *left -= 1,
                Link::Offset(0) => {}
                Link::Offset(left) => {
                    *left -= 1;
                    return RowResult::Skip;
                }
            }
        }
        RowResult::Emit(row.into_record(record))
    }

    /// Whether no further record passes: a limit is used up.
    pub fn is_done(&self) -> bool {
        self.links.iter().any(|link| matches!(link, Link::Limit(0)))
    }
}
