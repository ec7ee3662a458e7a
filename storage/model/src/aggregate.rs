//! Grouping records and computing over each group: the meaning of `stats`, which every faster way must reproduce.
//!
//! - The key of a group is the text form of its fields (`5` and `"5"` are one group); records without the field are a group
//!   of their own. `message`, `host`, `stream` and `level` are fields like others.
//! - Numbers are what [`crate::FieldValue::as_number`] says; what is no number does not take part in `sum`, `avg`, `min`,
//!   `max` and quantiles.

mod accumulator;
mod counting;
mod groups;
mod key;
mod partition;

pub use accumulator::Accumulator;
pub use counting::Counting;
pub use groups::{GroupRow, Groups, TooManyGroups};
pub use key::{KeyPart, KeyPartRef};
pub use partition::GroupPartition;

use crate::{LogFilter, TimeNs};
use smol_str::SmolStr;

/// What is computed over which groups.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateSpec {
    /// Empty: one group of all records, there even when no record passes.
    pub by: Vec<GroupKey>,
    pub functions: Vec<Aggregate>,
    /// Groups that an answer may have; more are an error.
    pub groups_max: usize,
}

/// What tells groups apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupKey {
    Field(SmolStr),
    Time(TimeBuckets),
}

/// Intervals of event time that records are sorted into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeBuckets {
    /// `origin` plus every multiple of `step_ns` (at least 1).
    Every { step_ns: i64, origin: TimeNs },
    /// From each of these to the next, ascending; where days differ in length. What is before the first counts to it.
    Starts(Vec<TimeNs>),
}

/// One computed value of each group.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    pub function: AggregateFunction,
    /// What it looks at; `count` without one counts records, with one those that have the field (not empty).
    pub field: Option<SmolStr>,
    /// Only records that pass this as well take part.
    pub only: Option<LogFilter>,
}

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AggregateFunction {
    Count,
    Sum,
    Avg,
    /// The smallest number; without any, the first text in order.
    Min,
    Max,
    /// 0 to 1: the smallest number that at least this share of the numbers does not exceed (nearest rank).
    Quantile(f64),
    /// Different values in their text form, exactly.
    CountUniq,
    /// Different values in their text form, sorted, up to this many.
    Values(usize),
    /// The value in the earliest record that has one (the first to arrive among equal times).
    First,
    /// The value in the latest record that has one.
    Last,
    /// Records (or, with a field, its sum) per second, over so many nanoseconds.
    Rate {
        over_ns: i64,
    },
}

impl TimeBuckets {
    /// The start of the bucket that the time lies in.
    pub fn bucket(&self, time: TimeNs) -> TimeNs {
        match self {
            TimeBuckets::Every { step_ns, origin } => {
                let (step, origin) = (i128::from((*step_ns).max(1)), i128::from(origin.0));
                let start = origin + (i128::from(time.0) - origin).div_euclid(step) * step;
                TimeNs(start.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
            }
            TimeBuckets::Starts(starts) => {
                let behind = starts.partition_point(|start| *start <= time);
                starts.get(behind.saturating_sub(1)).copied().unwrap_or(time)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FieldValue, LogRecord};
    use std::sync::Arc;

    fn record(time: i64, fields: &[(&str, FieldValue)]) -> LogRecord {
        LogRecord {
            time: TimeNs(time),
            received: TimeNs(time),
            stream: "default".into(),
            host: "node".into(),
            message: SmolStr::default(),
            level: None,
            fields: fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
        }
    }

    fn spec(by: Vec<GroupKey>, functions: &[(AggregateFunction, Option<&str>)]) -> Arc<AggregateSpec> {
        let aggregate = |(function, field): &(AggregateFunction, Option<&str>)| Aggregate {
            function: *function,
            field: field.map(Into::into),
            only: None,
        };
        Arc::new(AggregateSpec { by, functions: functions.iter().map(aggregate).collect(), groups_max: 3 })
    }

    #[test]
    fn computes_over_groups_and_merges_parts() {
        let functions = [
            (AggregateFunction::Count, None),
            (AggregateFunction::Sum, Some("took")),
            (AggregateFunction::Quantile(0.5), Some("took")),
            (AggregateFunction::CountUniq, Some("took")),
            (AggregateFunction::Last, Some("took")),
        ];
        let spec = spec(vec![GroupKey::Field("code".into())], &functions);
        let records = [
            record(1, &[("code", FieldValue::I64(200)), ("took", FieldValue::I64(1))]),
            record(2, &[("code", FieldValue::Text("200".into())), ("took", FieldValue::F64(0.5))]),
            record(3, &[("took", FieldValue::Text("slow".into()))]),
            record(3, &[("code", FieldValue::I64(200)), ("took", FieldValue::Text("3".into()))]),
        ];
        let whole = |value| Some(FieldValue::I64(value));
        let wanted = vec![
            GroupRow {
                key: vec![KeyPart::Absent],
                values: vec![whole(1), None, None, whole(1), Some(FieldValue::Text("slow".into()))],
            },
            GroupRow {
                key: vec![KeyPart::Text("200".into())],
                values: vec![
                    whole(3),
                    Some(FieldValue::F64(4.5)),
                    whole(1),
                    whole(3),
                    Some(FieldValue::Text("3".into())),
                ],
            },
        ];
        for split in 0..=records.len() {
            let (mut first, mut second) = (Groups::new(Arc::clone(&spec)), Groups::new(Arc::clone(&spec)));
            for (arrival, record) in (0..).zip(&records) {
                let part = if arrival < split as u64 { &mut first } else { &mut second };
                part.add(arrival, record).unwrap();
            }
            first.merge(second).unwrap();
            assert_eq!(first.finish(), wanted, "split at {split}");
        }
    }

    #[test]
    fn what_groups_hold_is_counted() {
        let long = "x".repeat(1 << 20);
        for function in
            [AggregateFunction::First, AggregateFunction::Last, AggregateFunction::Min, AggregateFunction::Values(9)]
        {
            let mut groups = Groups::new(spec(vec![GroupKey::Field("id".into())], &[(function, Some("text"))]));
            for id in 0..3 {
                let text = FieldValue::Text(long.as_str().into());
                groups.add(0, &record(0, &[("id", FieldValue::I64(id)), ("text", text)])).unwrap();
            }
            assert!((3 << 20..4 << 20).contains(&groups.bytes()), "{function:?}: {}", groups.bytes());
        }
    }

    #[test]
    fn the_most_counted_groups_come_first() {
        let spec = spec(vec![GroupKey::Field("id".into())], &[(AggregateFunction::Count, None)]);
        let spec = Arc::new(AggregateSpec { groups_max: 100, ..spec.as_ref().clone() });
        for limit in [0, 1, 3, 9, 20] {
            let mut groups = Groups::new(Arc::clone(&spec));
            for n in 0..60_i64 {
                groups.add(0, &record(0, &[("id", FieldValue::I64(n % 9 % (n % 7 + 1)))])).unwrap();
            }
            let count = |row: &GroupRow| row.values[0].as_ref().and_then(FieldValue::as_number).unwrap() as i64;
            let mut wanted = groups.clone().finish();
            wanted.sort_by_key(|row| std::cmp::Reverse(count(row)));
            wanted.truncate(limit);
            assert_eq!(groups.most_counted(limit), wanted);
        }
    }

    #[test]
    fn groups_are_bounded_and_none_is_one() {
        let mut groups = Groups::new(spec(vec![GroupKey::Field("id".into())], &[(AggregateFunction::Count, None)]));
        for id in 0..3 {
            groups.add(0, &record(0, &[("id", FieldValue::I64(id))])).unwrap();
        }
        assert_eq!(groups.add(0, &record(0, &[])), Err(TooManyGroups { max: 3 }));
        let nothing = Groups::new(spec(Vec::new(), &[(AggregateFunction::Count, None)]));
        assert_eq!(nothing.finish(), vec![GroupRow { key: Vec::new(), values: vec![Some(FieldValue::I64(0))] }]);
    }

    #[test]
    fn buckets_hold_their_times() {
        let every = TimeBuckets::Every { step_ns: 10, origin: TimeNs(3) };
        assert_eq!([-8, 2, 3, 12, 13].map(|time| every.bucket(TimeNs(time)).0), [-17, -7, 3, 3, 13]);
        let starts = TimeBuckets::Starts(vec![TimeNs(0), TimeNs(23), TimeNs(48)]);
        assert_eq!([-1, 0, 22, 23, 99].map(|time| starts.bucket(TimeNs(time)).0), [0, 0, 0, 23, 48]);
    }
}
