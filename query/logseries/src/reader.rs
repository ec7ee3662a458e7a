//! One log-derived series, and the gathering that all series of a selector share.

use crate::gather::{self, Cells};
use crate::selection::Selection;
use crate::source::{Partial, refusal};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use watchfire_model::{Grid, Labels, LogSource, QueryBudget, Samples, SelectError, SeriesReader, TimeRange};

/// What one selector found; its samples are gathered when the first series is read.
pub(crate) struct Found {
    pub(crate) source: Arc<dyn LogSource>,
    pub(crate) selection: Selection,
    pub(crate) range: TimeRange,
    /// Where the windows of the query have their edges, if it said so.
    pub(crate) grid: Option<Grid>,
    pub(crate) partial: Arc<Partial>,
    /// Their memory is taken from the query's budget until its end.
    pub(crate) gathered: OnceLock<Result<BTreeMap<Labels, Cells>, SelectError>>,
}

/// One series of what a selector found.
pub(crate) struct LogDerived {
    pub(crate) found: Arc<Found>,
    pub(crate) labels: Labels,
}

impl Found {
    fn gather(&self, budget: &QueryBudget) -> Result<BTreeMap<Labels, Cells>, SelectError> {
        let (source, selection) = (&*self.source, &self.selection);
        let found = match (self.grid, selection.metric.aggregate()) {
            (Some(grid), Some(function)) => gather::counted(source, selection, (self.range, grid), function, budget),
            _ => gather::scanned(source, selection, self.range, budget),
        };
        let (series, answer) = found.map_err(refusal)?;
        self.partial.note(answer);
        Ok(series)
    }

    /// Between two samples of a counter that nothing lies between, in milliseconds.
    fn step_ms(&self) -> i64 {
        match self.grid {
            Some(grid) if self.selection.metric.aggregate().is_some() => grid.step_ms.max(1),
            _ => 1,
        }
    }
}

impl SeriesReader for LogDerived {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn read(&self, range: TimeRange, budget: &QueryBudget, into: &mut Samples) -> Result<(), SelectError> {
        let found = &self.found;
        let gathered = found.gathered.get_or_init(|| found.gather(budget)).as_ref().map_err(Clone::clone)?;
        // Records that arrived after the series were listed may have made others, never taken these away.
        let Some(cells) = gathered.get(&self.labels) else { return Ok(()) };
        let before = into.len();
        if found.selection.metric.is_counter() {
            add_up(cells, found.range, found.step_ms(), range, into);
        } else {
            let from = cells.partition_point(|(time, _)| *time < range.start.0);
            for (time, value) in cells[from..].iter().take_while(|(time, _)| *time <= range.end.0) {
                into.push(*time, *value);
            }
        }
        Ok(budget.take_samples((into.len() - before) as u64)?)
    }
}

/// The running sums of `cells`, which hold all of `counted`, as far as they lie within `range`: a sample at each step up, and
/// one with the sum before it `step_ms` earlier, so that the first step within a window is seen as a step.
fn add_up(cells: &Cells, counted: TimeRange, step_ms: i64, range: TimeRange, into: &mut Samples) {
    let start = counted.start.plus_ms(-1).0;
    let mut put = |time: i64, sum: f64| {
        if range.start.0 <= time && time <= range.end.0 {
            into.push(time, sum);
            into.set_start(start);
        }
    };
    let (mut sum, mut last) = (0.0, start);
    for (time, value) in cells {
        let before = time.saturating_sub(step_ms);
        if before > last {
            put(before, sum);
        }
        sum += value;
        put(*time, sum);
        last = *time;
    }
}
