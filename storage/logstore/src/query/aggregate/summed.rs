//! Groups that are counted from the statistics of a block, without a look at its rows.

use super::keys::constant_key;
use crate::query::session::Planned;
use foldhash::HashMap;
use smol_str::format_smolstr;
use watchfire_logblock::block::layout::HOST;
use watchfire_logblock::block::{MINUTE_NS, ReadError, Reads, Summary, ValueCounts};
use watchfire_model::{GroupKey, HOST_FIELD, KeyPart, LEVEL_FIELD, MESSAGE_FIELD, STREAM_FIELD, TimeBuckets, TimeNs};

/// Counts of one block so far.
#[derive(Debug, Default)]
pub(super) struct Summed {
    /// Rows of all groups whose key is known for whole granules.
    constant: HashMap<Vec<KeyPart>, u64>,
    /// Rows by the index of their value in the column's statistics.
    by_value: Vec<u64>,
    by_level: [u64; 8],
    by_time: HashMap<TimeNs, u64>,
    /// Rows without the field.
    absent: u64,
}

/// What the statistics of a block can say about one key.
#[derive(Debug)]
enum Source<'a> {
    Values(&'a ValueCounts),
    Level,
    Time(&'a TimeBuckets),
    /// Nothing but for whole granules.
    Constant,
}

/// Counts granules of one block.
#[derive(Debug)]
pub(super) struct Summing<'a> {
    by: &'a [GroupKey],
    planned: &'a Planned,
    summary: Option<&'a Summary>,
    source: Source<'a>,
    summed: Summed,
}

impl<'a> Summing<'a> {
    pub(super) fn new(by: &'a [GroupKey], planned: &'a Planned, summary: Option<&'a Summary>) -> Summing<'a> {
        let source = match (by, summary) {
            ([GroupKey::Time(buckets)], Some(_)) => Source::Time(buckets),
            ([GroupKey::Field(name)], Some(summary)) => match name.as_str() {
                LEVEL_FIELD => Source::Level,
                STREAM_FIELD | MESSAGE_FIELD => Source::Constant,
                HOST_FIELD => summary.value_counts(HOST).map_or(Source::Constant, Source::Values),
                _ => {
                    let layout = &planned.opened.layout;
                    let counts = layout.field(name).and_then(|field| summary.value_counts(layout.fields[field].leaf));
                    counts.map_or(Source::Constant, Source::Values)
                }
            },
            _ => Source::Constant,
        };
        let by_value = if let Source::Values(counts) = source { vec![0; counts.values.len()] } else { Vec::new() };
        Summing { by, planned, summary, source, summed: Summed { by_value, ..Summed::default() } }
    }

    /// Counts the rows of a granule of which `passing` pass; whether that was possible.
    pub(super) fn add(&mut self, index: usize, passing: u64) -> bool {
        let stats = &self.planned.opened.layout.granules[index];
        if passing == 0 {
            return true;
        }
        if let Some(key) = constant_key(self.by, stats.times, Some(&self.planned.block.meta.stream)) {
            *self.summed.constant.entry(key).or_default() += passing;
            return true;
        }
        // Otherwise it is not known which of the rows pass.
        let Some(summary) = self.summary.filter(|_| passing == stats.rows as u64) else { return false };
        match self.source {
            Source::Values(counts) => {
                let mut present = 0;
                for (value, rows) in &counts.granules[index] {
                    self.summed.by_value[*value as usize] += u64::from(*rows);
                    present += u64::from(*rows);
                }
                self.summed.absent += passing.saturating_sub(present);
                true
            }
            Source::Level => {
                let levels = &summary.granules[index].levels;
                for (sum, rows) in self.summed.by_level.iter_mut().zip(levels) {
                    *sum += u64::from(*rows);
                }
                self.summed.absent += levels.last().map_or(0, |rows| u64::from(*rows));
                true
            }
            Source::Time(buckets) => self.add_minutes(buckets, summary, index),
            Source::Constant => false,
        }
    }

    /// Minutes serve where each lies in one bucket.
    fn add_minutes(&mut self, buckets: &TimeBuckets, summary: &Summary, index: usize) -> bool {
        let Some(minutes) = summary.granules[index].time_counts() else { return false };
        let (first, last) = self.planned.opened.layout.granules[index].times;
        let bucket = |(minute, rows): (TimeNs, u32)| {
            let begin = buckets.bucket(minute.max(first));
            let end = buckets.bucket(minute.plus_ns(MINUTE_NS - 1).min(last));
            (begin == end).then_some((begin, u64::from(rows)))
        };
        let Some(counts) = minutes.map(bucket).collect::<Option<Vec<_>>>() else { return false };
        for (bucket, rows) in counts {
            *self.summed.by_time.entry(bucket).or_default() += rows;
        }
        true
    }

    /// Every group with its rows.
    pub(super) fn finish(self) -> Vec<(Vec<KeyPart>, u64)> {
        let Summed { constant, by_value, by_level, by_time, absent } = self.summed;
        let mut groups: Vec<(Vec<KeyPart>, u64)> = constant.into_iter().collect();
        if let Source::Values(counts) = self.source {
            let values = counts.values.iter().zip(by_value);
            groups.extend(values.map(|(value, rows)| (vec![KeyPart::Text(value.clone())], rows)));
        }
        let levels = (0..).zip(by_level);
        groups.extend(levels.map(|(level, rows): (u8, u64)| (vec![KeyPart::Text(format_smolstr!("{level}"))], rows)));
        groups.extend(by_time.into_iter().map(|(bucket, rows)| (vec![KeyPart::Time(bucket)], rows)));
        groups.push((vec![KeyPart::Absent], absent));
        groups.retain(|(_, rows)| *rows > 0);
        groups
    }
}

/// The statistics of a block, if it has any.
pub(super) fn summary(planned: &Planned, reads: &Reads) -> Result<Option<std::sync::Arc<Summary>>, ReadError> {
    planned.block.summary(&planned.opened, reads)
}
