//! Sorting rows, or keeping the first ones of an order.

use super::RunError;
use crate::SortKey;
use crate::row::{Cell, Row};
use smol_str::SmolStr;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;
use watchfire_model::{FieldValue, QueryBudget, TimeNs};

/// Holds rows until all have come; with a limit no more than that.
#[derive(Debug)]
pub(crate) struct Sorter {
    keys: Arc<[SortKey]>,
    limit: usize,
    /// The last one of the order on top.
    rows: BinaryHeap<Entry>,
}

#[derive(Debug)]
struct Entry {
    keys: Arc<[SortKey]>,
    values: Vec<SortValue>,
    row: Row,
}

/// Numbers (text that reads as one among them) come before times, these before other text, nothing comes last.
#[derive(Debug, Clone, PartialEq)]
enum SortValue {
    Number(f64),
    Time(TimeNs),
    Text(SmolStr),
    Absent,
}

impl Sorter {
    pub(crate) fn new(keys: Vec<SortKey>, limit: usize) -> Sorter {
        Sorter { keys: keys.into(), limit, rows: BinaryHeap::new() }
    }

    pub(crate) fn push(&mut self, row: Row, budget: &QueryBudget) -> Result<(), RunError> {
        if self.limit == 0 {
            return Ok(());
        }
        let values = self.keys.iter().map(|key| SortValue::of(row.get(&key.field))).collect();
        let entry = Entry { keys: Arc::clone(&self.keys), values, row };
        if self.rows.len() >= self.limit {
            let Some(mut last) = self.rows.peek_mut() else { return Ok(()) };
            if entry.cmp(&last) == Ordering::Less {
                let (more, less) = (entry.row.bytes(), last.row.bytes());
                *last = entry;
                budget.return_memory(less);
                budget.take_memory(more)?;
            }
            return Ok(());
        }
        budget.take_memory(entry.row.bytes())?;
        self.rows.push(entry);
        Ok(())
    }

    /// The rows in order; each is given back to the budget as it leaves.
    pub(crate) fn finish<'b>(&mut self, budget: &'b QueryBudget) -> impl Iterator<Item = Row> + use<'b> {
        let entries = std::mem::take(&mut self.rows).into_sorted_vec();
        (0..).zip(entries).map(move |(number, entry)| {
            budget.return_memory(entry.row.bytes());
            // Whoever sorts again keeps this order among equal rows.
            Row { rank: (0, number), ..entry.row }
        })
    }
}

impl SortValue {
    fn of(cell: Option<&Cell>) -> SortValue {
        match cell {
            None => SortValue::Absent,
            Some(Cell::Time(time)) => SortValue::Time(*time),
            Some(Cell::Value(value)) if value.is_empty() => SortValue::Absent,
            Some(Cell::Value(value)) => match (value.as_number(), value) {
                (Some(number), _) => SortValue::Number(number),
                (None, FieldValue::Text(text)) => SortValue::Text(text.clone()),
                (None, value) => SortValue::Text(value.to_text()),
            },
        }
    }

    /// What kinds come in which order, whatever the direction.
    fn kind(&self) -> u8 {
        match self {
            SortValue::Number(_) => 0,
            SortValue::Time(_) => 1,
            SortValue::Text(_) => 2,
            SortValue::Absent => 3,
        }
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        for ((key, ours), theirs) in self.keys.iter().zip(&self.values).zip(&other.values) {
            let by_value = match (ours, theirs) {
                (SortValue::Number(ours), SortValue::Number(theirs)) => ours.total_cmp(theirs),
                (SortValue::Time(ours), SortValue::Time(theirs)) => ours.cmp(theirs),
                (SortValue::Text(ours), SortValue::Text(theirs)) => ours.cmp(theirs),
                _ => Ordering::Equal,
            };
            let by_value = if key.is_descending { by_value.reverse() } else { by_value };
            match ours.kind().cmp(&theirs.kind()).then(by_value) {
                Ordering::Equal => {}
                decided => return decided,
            }
        }
        self.row.rank.cmp(&other.row.rank)
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}
