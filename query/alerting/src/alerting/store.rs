//! Writes what rules produce into the metric store.

use super::Alerting;
use crate::group::stale_markers;
use std::collections::BTreeSet;
use watchfire_model::{Labels, Point, Timestamp};
use watchfire_tsdb::SeriesId;

impl Alerting {
    /// Appends samples; those that the store refuses are counted, the rest is stored.
    pub(super) fn store(&self, samples: &[(Labels, Point)]) -> Result<(), String> {
        let mut problem = None;
        let mut left: Vec<&(Labels, Point)> = samples.iter().collect();
        // A series can leave the head between its registration and the append: then it is registered once more.
        for _ in 0..2 {
            if left.is_empty() {
                break;
            }
            let mut registered: Vec<(SeriesId, Point)> = Vec::with_capacity(left.len());
            let mut taken = Vec::with_capacity(left.len());
            for entry in left.drain(..) {
                match self.tsdb.register(&entry.0) {
                    Ok(id) => {
                        registered.push((id, entry.1.clone()));
                        taken.push(entry);
                    }
                    Err(error) => {
                        self.metrics.samples_refused.inc();
                        problem = Some(error.to_string());
                    }
                }
            }
            let appended = self.tsdb.append_points(&registered).map_err(|error| {
                self.metrics.samples_refused.inc_by(registered.len() as u64);
                error.to_string()
            })?;
            let refused = appended.too_old + appended.too_far_ahead;
            if refused > 0 {
                self.metrics.samples_refused.inc_by(refused as u64);
                problem = Some(format!("{refused} samples are too old or too far ahead to be stored"));
            }
            left = appended.unknown.iter().filter_map(|index| taken.get(*index).copied()).collect();
        }
        if !left.is_empty() {
            self.metrics.samples_refused.inc_by(left.len() as u64);
            problem = Some("the store dropped series while they were written".to_owned());
        }
        problem.map_or(Ok(()), Err)
    }

    /// Ends the series of groups that are gone.
    pub(super) fn end_series(&self, gone: impl Iterator<Item = BTreeSet<Labels>>, now: Timestamp) {
        let ended: Vec<Labels> = gone.flatten().collect();
        if let Err(error) = self.store(&stale_markers(ended, now)) {
            tracing::warn!(%error, "staleness markers of removed groups were not stored");
        }
    }
}
