//! From records to the samples of each series.

use crate::metric::{Combine, Measure};
use crate::selection::Selection;
use foldhash::{HashMap, HashMapExt as _};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use watchfire_model::{
    Aggregate, AggregateFunction, AggregateRequest, AggregateSpec, Exhausted, FieldSelection, FieldValue, Grid,
    GroupKey, KeyPart, Labels, LogAnswer, LogRecord, LogSource, LogSourceError, MESSAGE_FIELD, QueryBudget,
    RecordView as _, STREAM_FIELD, ScanOrder, ScanRequest, TimeBuckets, TimeNs, TimeRange, TimeRangeNs, Timestamp,
};

/// Nanoseconds of a millisecond.
const MS: i64 = 1_000_000;
/// Samples whose memory is taken at once.
const CELLS_PER_CHARGE: usize = 4096;

/// The samples of one series, each time once, in order: Unix milliseconds and values.
pub(crate) type Cells = Vec<(i64, f64)>;

/// What one millisecond of one series holds while records come in.
#[derive(Debug, Clone, Copy)]
struct Cell {
    ms: i64,
    value: f64,
    /// Full time and number of arrival: which of two is the last.
    order: (TimeNs, u64),
}

/// The label sets of a selection that have records within `range`, in order.
pub(crate) fn label_sets(
    source: &dyn LogSource,
    selection: &Selection,
    range: TimeRange,
    series_max: usize,
    budget: &QueryBudget,
) -> Result<(Vec<Labels>, LogAnswer), LogSourceError> {
    let spec = AggregateSpec {
        by: field_keys(selection),
        functions: vec![Aggregate { function: AggregateFunction::Count, field: None, only: None }],
        groups_max: series_max,
    };
    let request = AggregateRequest { filter: selection.filter.clone(), range: records_of(range), spec };
    let (groups, answer) = source.aggregate(&request, budget)?;
    let mut sets: Vec<Labels> = Vec::new();
    for row in groups.into_rows() {
        let is_counted = row.values.first().and_then(Option::as_ref).and_then(FieldValue::as_number) > Some(0.0);
        sets.extend(is_counted.then(|| selection.labels(&texts(&row.key))).flatten());
    }
    sets.sort_unstable();
    sets.dedup();
    Ok((sets, answer))
}

/// The samples of every series, one per step of the grid, counted by the source.
pub(crate) fn counted(
    source: &dyn LogSource,
    selection: &Selection,
    (range, grid): (TimeRange, Grid),
    function: AggregateFunction,
    budget: &QueryBudget,
) -> Result<(BTreeMap<Labels, Cells>, LogAnswer), LogSourceError> {
    let step_ms = grid.step_ms.max(1);
    // From behind one edge up to and including the next.
    let origin = grid.origin.to_ns().plus_ns(1);
    let mut by = field_keys(selection);
    by.push(GroupKey::Time(TimeBuckets::Every { step_ns: step_ms.saturating_mul(MS), origin }));
    let field = (function != AggregateFunction::Count).then(|| selection.field.clone()).flatten();
    let functions = vec![Aggregate { function, field, only: None }];
    // The memory of the groups is the query's.
    let spec = AggregateSpec { by, functions, groups_max: usize::MAX };
    let request = AggregateRequest { filter: selection.filter.clone(), range: records_of(range), spec };
    let (groups, answer) = source.aggregate(&request, budget)?;
    budget.take_memory((groups.len() * size_of::<(i64, f64)>()) as u64)?;
    let mut series: BTreeMap<Labels, Cells> = BTreeMap::new();
    for mut row in groups.into_rows() {
        let Some(KeyPart::Time(start)) = row.key.pop() else { continue };
        let value = row.values.first().and_then(Option::as_ref).and_then(FieldValue::as_number);
        if let (Some(labels), Some(value)) = (selection.labels(&texts(&row.key)), value) {
            let end = start.plus_ns(-1).to_ms().plus_ms(step_ms);
            // The last step may be cut off by the end of what is asked for: it holds nothing beyond.
            series.entry(labels).or_default().push((end.min(range.end).0, value));
        }
    }
    for cells in series.values_mut() {
        join(cells, selection.metric.combine());
    }
    Ok((series, answer))
}

/// The samples of every series, one per millisecond, from the records themselves.
pub(crate) fn scanned(
    source: &dyn LogSource,
    selection: &Selection,
    range: TimeRange,
    budget: &QueryBudget,
) -> Result<(BTreeMap<Labels, Cells>, LogAnswer), LogSourceError> {
    let measure = selection.metric.measure();
    let wanted = selection.keys.iter().chain(&selection.field).filter(|name| *name != STREAM_FIELD).cloned();
    let message = (measure == Measure::MessageBytes).then_some(SmolStr::new_static(MESSAGE_FIELD));
    let request = ScanRequest {
        filter: selection.filter.clone(),
        range: records_of(range),
        order: ScanOrder::Any,
        fields: FieldSelection::Only(wanted.chain(message).collect()),
    };
    let mut gathered = Gathered { groups: HashMap::new(), paid: 0, stopped: None };
    let mut key: Vec<SmolStr> = Vec::with_capacity(selection.keys.len());
    let answer = source.scan(&request, budget, &mut |arrival, record| {
        let value = match measure {
            Measure::One => 1.0,
            Measure::MessageBytes => record.message.len() as f64,
            Measure::Number => match selection.field.as_ref().and_then(|name| record.number(name)) {
                Some(number) => number,
                None => return ControlFlow::Continue(()),
            },
        };
        key.clear();
        key.extend(selection.keys.iter().map(|name| text_of(record, name)));
        let cell = Cell { ms: sample_time(record.time), value, order: (record.time, arrival) };
        gathered.add(&key, cell, budget)
    })?;
    if let Some(exhausted) = gathered.stopped {
        return Err(exhausted.into());
    }
    let mut series: BTreeMap<Labels, Cells> = BTreeMap::new();
    for (key, mut cells) in gathered.groups {
        // Sums do not depend on the order but for their last digit; with it, answers repeat.
        cells.sort_unstable_by_key(|cell| (cell.ms, cell.order));
        let Some(labels) = selection.labels(&key) else { continue };
        series.entry(labels).or_default().extend(cells.iter().map(|cell| (cell.ms, cell.value)));
    }
    for cells in series.values_mut() {
        join(cells, selection.metric.combine());
    }
    Ok((series, answer))
}

/// Records by the texts of their keys.
struct Gathered {
    groups: HashMap<Vec<SmolStr>, Vec<Cell>>,
    /// Cells whose memory is taken and that are not there yet.
    paid: usize,
    stopped: Option<Exhausted>,
}

impl Gathered {
    fn add(&mut self, key: &[SmolStr], cell: Cell, budget: &QueryBudget) -> ControlFlow<()> {
        if self.paid == 0 {
            if let Err(exhausted) = budget.take_memory((CELLS_PER_CHARGE * size_of::<Cell>()) as u64) {
                self.stopped = Some(exhausted);
                return ControlFlow::Break(());
            }
            self.paid = CELLS_PER_CHARGE;
        }
        self.paid -= 1;
        match self.groups.get_mut(key) {
            Some(cells) => cells.push(cell),
            None => drop(self.groups.insert(key.to_vec(), vec![cell])),
        }
        ControlFlow::Continue(())
    }
}

/// The records whose samples lie within `range`.
fn records_of(range: TimeRange) -> TimeRangeNs {
    let behind = |time: Timestamp| time.to_ns().plus_ns(1);
    TimeRangeNs { start: behind(range.start.plus_ms(-1)), end: behind(range.end) }
}

/// The full millisecond at or behind a record's time, so that windows without their start hold what they should.
fn sample_time(time: TimeNs) -> i64 {
    time.plus_ns(MS - 1).to_ms().0
}

fn field_keys(selection: &Selection) -> Vec<GroupKey> {
    selection.keys.iter().cloned().map(GroupKey::Field).collect()
}

/// Records without a field have the empty text.
fn texts(key: &[KeyPart]) -> Vec<SmolStr> {
    let text = |part: &KeyPart| if let KeyPart::Text(text) = part { text.clone() } else { SmolStr::default() };
    key.iter().map(text).collect()
}

fn text_of(record: &LogRecord, name: &str) -> SmolStr {
    record.value(name).map_or_else(SmolStr::default, FieldValue::into_text)
}

/// Brings cells into order and those of one time together.
fn join(cells: &mut Cells, combine: Combine) {
    cells.sort_by_key(|(time, _)| *time);
    cells.dedup_by(|further, held| {
        let is_same = further.0 == held.0;
        if is_same {
            held.1 = combine.join(held.1, further.1);
        }
        is_same
    });
}
