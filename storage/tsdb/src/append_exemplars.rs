//! Exemplars on their way in.

use crate::TsdbError;
use crate::appender::Log;
use crate::exemplars::Fate;
use crate::record::encode_exemplars;
use crate::status::ExemplarsAppended;
use crate::tsdb::{SeriesId, Shared};
use std::sync::atomic::Ordering;
use watchfire_model::{Exemplar, Labels};

/// Exemplars in one record.
const RECORD_EXEMPLARS_MAX: usize = 1 << 14;

impl Shared {
    /// What is a duplicate is known before the log is written: targets show an exemplar until they have another.
    pub(crate) fn append_exemplars(&self, given: &[(SeriesId, Exemplar)]) -> Result<ExemplarsAppended, TsdbError> {
        self.admit(0)?;
        let (oldest, newest) = self.time_limits();
        let mut appended = ExemplarsAppended::default();
        let mut taken: Vec<(SeriesId, Exemplar)> = Vec::new();
        let mut taken_labels: Vec<Labels> = Vec::new();
        let mut appender = self.appender.lock();
        let index = self.head.index.read();
        {
            let exemplars = self.exemplars.lock();
            for (position, (id, exemplar)) in given.iter().enumerate() {
                let Some(series) = index.get(*id) else {
                    appended.unknown.push(position);
                    continue;
                };
                if !exemplar.is_short() {
                    appended.too_long += 1;
                } else if exemplar.time.0 < oldest {
                    appended.too_old += 1;
                } else if exemplar.time.0 > newest {
                    appended.too_far_ahead += 1;
                } else {
                    let labels = index.labels(series);
                    match exemplars.fate(&labels, exemplar) {
                        Fate::Duplicate => appended.duplicates += 1,
                        Fate::TooOld => appended.too_old += 1,
                        Fate::Stored => {
                            taken.push((*id, exemplar.clone()));
                            taken_labels.push(labels);
                        }
                    }
                }
            }
        }
        let log = Log { wal: &self.wal, index: &index, metadata: &self.metadata };
        for taken in taken.chunks(RECORD_EXEMPLARS_MAX) {
            let mut payload = Vec::new();
            encode_exemplars(taken, &mut payload);
            let ids: Vec<SeriesId> = taken.iter().map(|(id, _)| *id).collect();
            appender.write_record(payload, &ids, log)?;
        }
        self.head.unsynced_bytes.store(appender.unsynced_bytes() as i64, Ordering::Relaxed);
        let mut exemplars = self.exemplars.lock();
        for (labels, (_, exemplar)) in taken_labels.iter().zip(taken) {
            match exemplars.add(labels, exemplar) {
                Fate::Stored => appended.stored += 1,
                Fate::Duplicate => appended.duplicates += 1,
                Fate::TooOld => appended.too_old += 1,
            }
        }
        self.metrics.exemplars.set(exemplars.len() as i64);
        drop((exemplars, index, appender));
        let refused = appended.too_old + appended.too_far_ahead + appended.too_long;
        self.metrics.appended_exemplars.inc_by(appended.stored as u64);
        self.metrics.refused_exemplars.inc_by(refused as u64);
        Ok(appended)
    }
}
