//! `stats`, `top` and `uniq` as one plan of grouping, and its groups as rows.

use super::{RunError, RunRequest, bucket};
use crate::pipe::HITS;
use crate::row::{Cell, Row};
use crate::{Bucket, Pipe, StatsFunction, StatsKey};
use smol_str::SmolStr;
use std::sync::Arc;
use watchfire_model::{
    Aggregate, AggregateFunction, AggregateSpec, FieldValue, GroupKey, GroupRow, Groups, KeyPart, QueryBudget, TimeNs,
    TimeRangeNs,
};

/// What is grouped and computed, and which rows come out.
#[derive(Debug, Clone)]
pub(crate) struct Grouping {
    pub(crate) spec: Arc<AggregateSpec>,
    /// Names of the keys and of the computed values.
    columns: Vec<SmolStr>,
    shape: Shape,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    /// Every group, in order of its key.
    All,
    /// So many groups, in order of their keys.
    First(usize),
    /// So many groups with the largest counts.
    Most(usize),
}

impl Grouping {
    /// The grouping of a pipe; `None` for other pipes.
    pub(crate) fn of(pipe: &Pipe, request: &RunRequest) -> Result<Option<Grouping>, RunError> {
        let by_fields = |names: &[SmolStr]| names.iter().cloned().map(GroupKey::Field).collect();
        let (by, functions, columns, shape) = match pipe {
            Pipe::Stats(stats) => {
                let buckets = stats.by.iter().find_map(|key| match key {
                    StatsKey::Time(bucket) => Some(bucket),
                    StatsKey::Field(_) => None,
                });
                let over_ns = rate_ns(buckets, request);
                let by = stats.by.iter().map(|key| {
                    Ok(match key {
                        StatsKey::Field(name) => GroupKey::Field(name.clone()),
                        StatsKey::Time(bucket) => GroupKey::Time(bucket::buckets(bucket, request.range)?),
                    })
                });
                let functions = stats.results.iter().map(|result| {
                    Ok(Aggregate {
                        function: lower(result.function, over_ns),
                        field: result.field.clone(),
                        only: result.only.as_ref().map(|only| only.to_filter(request.now)).transpose()?,
                    })
                });
                let keys = stats.by.iter().map(|key| key.name().into());
                let columns = keys.chain(stats.results.iter().map(|result| result.name.clone())).collect();
                let functions = functions.collect::<Result<_, RunError>>()?;
                (by.collect::<Result<_, RunError>>()?, functions, columns, Shape::All)
            }
            Pipe::Top { limit, by } => {
                let count = Aggregate { function: AggregateFunction::Count, field: None, only: None };
                let columns = by.iter().cloned().chain([SmolStr::new_static(HITS)]).collect();
                (by_fields(by), vec![count], columns, Shape::Most(*limit))
            }
            Pipe::Uniq { by, limit } => (by_fields(by), Vec::new(), by.clone(), limit.map_or(Shape::All, Shape::First)),
            _ => return Ok(None),
        };
        let spec = Arc::new(AggregateSpec { by, functions, groups_max: request.groups_max });
        Ok(Some(Grouping { spec, columns, shape }))
    }

    /// The grouping with other fields than those that the pipe names.
    pub(crate) fn with_spec(self, spec: AggregateSpec) -> Grouping {
        Grouping { spec: Arc::new(spec), ..self }
    }

    /// The same where all that is seen of it is what the next pipe keeps: a sort by the first count need not see every group.
    pub(crate) fn before(self, next: Option<&Pipe>) -> Grouping {
        let Some(Pipe::Sort { by, limit: Some(limit) }) = next else { return self };
        let ([key], Shape::All, Some(first)) = (by.as_slice(), self.shape, self.spec.functions.first()) else {
            return self;
        };
        let is_count = first.function == AggregateFunction::Count;
        // A key of that name would hide the count.
        let place = self.columns.iter().position(|column| *column == key.field);
        if is_count && key.is_descending && place == Some(self.spec.by.len()) {
            return Grouping { shape: Shape::Most(*limit), ..self };
        }
        self
    }

    /// The groups as rows in their order. Their memory is taken until the end of the query.
    pub(crate) fn rows(
        &self,
        groups: Groups,
        budget: &QueryBudget,
    ) -> Result<impl Iterator<Item = Row> + use<>, RunError> {
        /// Bytes of a group with its values in lists of its own, about.
        const ROW_BYTES: u64 = 256;
        let kept = match self.shape {
            Shape::All => groups.len(),
            Shape::First(limit) | Shape::Most(limit) => groups.len().min(limit),
        };
        budget.take_memory(kept as u64 * ROW_BYTES)?;
        let rows = match self.shape {
            Shape::All => groups.finish(),
            Shape::First(limit) => first(groups, limit),
            Shape::Most(limit) => groups.most_counted(limit),
        };
        let columns = self.columns.clone();
        Ok((0..).zip(rows).map(move |(number, group)| row(&columns, number, group)))
    }
}

fn row(columns: &[SmolStr], number: u64, group: GroupRow) -> Row {
    let keys = group.key.into_iter().map(|part| match part {
        KeyPart::Absent => None,
        KeyPart::Text(text) => Some(Cell::Value(FieldValue::Text(text))),
        KeyPart::Time(time) => Some(Cell::Time(time)),
    });
    let values = group.values.into_iter().map(|value| value.map(Cell::Value));
    let cells = columns.iter().zip(keys.chain(values));
    let cells = cells.filter_map(|(name, cell)| cell.map(|cell| (name.clone(), cell))).collect();
    Row { rank: (0, number), arrival: number, cells }
}

/// The first `limit` groups in the order of their keys.
fn first(groups: Groups, limit: usize) -> Vec<GroupRow> {
    let order = |a: &GroupRow, b: &GroupRow| a.key.cmp(&b.key);
    let mut rows = groups.into_rows();
    if limit < rows.len() {
        rows.select_nth_unstable_by(limit, order);
        rows.truncate(limit);
    }
    rows.sort_unstable_by(order);
    rows
}

/// Nanoseconds that a rate is taken over: of the interval, or of the whole range.
fn rate_ns(bucket: Option<&Bucket>, request: &RunRequest) -> i64 {
    let TimeRangeNs { start: TimeNs(start), end: TimeNs(end) } = request.range;
    bucket.map_or_else(|| end.saturating_sub(start), |bucket| bucket.step_ns).max(1)
}

fn lower(function: StatsFunction, over_ns: i64) -> AggregateFunction {
    match function {
        StatsFunction::Count => AggregateFunction::Count,
        StatsFunction::Sum => AggregateFunction::Sum,
        StatsFunction::Avg => AggregateFunction::Avg,
        StatsFunction::Min => AggregateFunction::Min,
        StatsFunction::Max => AggregateFunction::Max,
        StatsFunction::Quantile(share) => AggregateFunction::Quantile(share),
        StatsFunction::CountUniq => AggregateFunction::CountUniq,
        StatsFunction::Values(max) => AggregateFunction::Values(max),
        StatsFunction::First => AggregateFunction::First,
        StatsFunction::Last => AggregateFunction::Last,
        StatsFunction::Rate => AggregateFunction::Rate { over_ns },
    }
}
