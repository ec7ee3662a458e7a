//! Counts over time, whole or split by the values of a field.

use super::aggregate::gather;
use super::answer::answer;
use super::session::Ask;
use crate::store::Inner;
use crate::{Histogram, HistogramRequest, LogStoreError};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::Arc;
use watchfire_model::{
    Aggregate, AggregateFunction, AggregateSpec, FieldValue, GroupKey, Groups, KeyPart, QueryBudget, TimeBuckets,
    TimeNs,
};

pub(crate) fn histogram(
    inner: &Inner,
    request: &HistogramRequest,
    budget: &QueryBudget,
) -> Result<Histogram, LogStoreError> {
    let buckets = Buckets::new(request)?;
    let ask = Ask { filter: &request.filter, range: request.range, budget };
    let spec = Arc::new(buckets.spec(request.by.as_ref()));
    let (groups, found) = answer(inner, ask, |session, snapshot| gather(session, snapshot, &spec))?;
    let (series, total) = series(groups, buckets, request.by.is_some());
    Ok(Histogram {
        start: buckets.start,
        step_ns: request.step_ns,
        series,
        total,
        partial: found.partial,
        stats: found.cost,
    })
}

/// Evenly spaced stretches of time.
#[derive(Debug, Clone, Copy)]
struct Buckets {
    start: TimeNs,
    step_ns: i64,
    count: usize,
}

impl Buckets {
    fn new(request: &HistogramRequest) -> Result<Buckets, LogStoreError> {
        if request.step_ns < 1 {
            return Err(LogStoreError::Step);
        }
        let step = i128::from(request.step_ns);
        let (start, end) = (i128::from(request.range.start.0), i128::from(request.range.end.0));
        let aligned = start.div_euclid(step) * step;
        let count = if end > start { (end - aligned + step - 1) / step } else { 0 };
        // Below the smallest time there is nothing to count, but the first bucket still has to begin somewhere.
        let start = i64::try_from(aligned).map_err(|_| LogStoreError::Step)?;
        let max = HistogramRequest::BUCKETS_MAX;
        if count > max as i128 {
            let buckets = u64::try_from(count).unwrap_or(u64::MAX);
            return Err(LogStoreError::TooManyBuckets { buckets, max });
        }
        Ok(Buckets { start: TimeNs(start), step_ns: request.step_ns, count: count as usize })
    }

    /// Counts by the field, if there is one, and by bucket.
    fn spec(self, by: Option<&SmolStr>) -> AggregateSpec {
        let time = GroupKey::Time(TimeBuckets::Every { step_ns: self.step_ns, origin: self.start });
        let count = Aggregate { function: AggregateFunction::Count, field: None, only: None };
        AggregateSpec {
            by: by.cloned().map(GroupKey::Field).into_iter().chain([time]).collect(),
            functions: vec![count],
            // The budget bounds them.
            groups_max: usize::MAX,
        }
    }

    /// The bucket of a time inside the range.
    fn index(self, time: TimeNs) -> usize {
        // The count was checked, so the quotient is small; the difference may exceed 63 bits.
        ((i128::from(time.0) - i128::from(self.start.0)) / i128::from(self.step_ns)) as usize
    }
}

/// A value and its count in each bucket.
type Series = (Option<SmolStr>, Vec<u64>);

/// Their sum, and each with its bucket.
type Counts = (u64, Vec<(usize, u64)>);

/// The counts of the most frequent values, those of the others in one, and the sum of all.
fn series(groups: Groups, buckets: Buckets, is_split: bool) -> (Vec<Series>, u64) {
    let mut by_value: BTreeMap<Option<SmolStr>, Counts> = BTreeMap::new();
    for row in groups.into_rows() {
        let Some(FieldValue::I64(count)) = row.values.first().cloned().flatten() else { continue };
        let mut value = None;
        let mut bucket = 0;
        for part in row.key {
            match part {
                KeyPart::Text(text) => value = Some(text),
                KeyPart::Time(time) => bucket = buckets.index(time),
                KeyPart::Absent => {}
            }
        }
        let (total, counts) = by_value.entry(value).or_default();
        *total += count as u64;
        counts.push((bucket, count as u64));
    }
    let total = by_value.values().map(|(total, _)| total).sum();
    let mut most_first: Vec<_> = by_value.into_iter().collect();
    // Stable: of equal ones the first in order of the text.
    most_first.sort_by_key(|(_, (total, _))| std::cmp::Reverse(*total));
    let mut series: Vec<Series> = Vec::new();
    for (value, (_, counts)) in most_first {
        match series.len().cmp(&HistogramRequest::VALUES_MAX) {
            std::cmp::Ordering::Less => series.push((value, vec![0; buckets.count])),
            std::cmp::Ordering::Equal => series.push((Some(HistogramRequest::OTHER.into()), vec![0; buckets.count])),
            std::cmp::Ordering::Greater => {}
        }
        let last = series.len() - 1;
        for (bucket, count) in counts {
            series[last].1[bucket] += count;
        }
    }
    if series.is_empty() && !is_split {
        series.push((None, vec![0; buckets.count]));
    }
    (series, total)
}
