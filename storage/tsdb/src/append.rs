//! Samples on their way in: what is refused, the log, the head.

use crate::appender::Log;
use crate::head::{Pushed, Scratch};
use crate::incoming::Incoming;
use crate::retention::before;
use crate::tsdb::{SeriesId, Shared};
use crate::{Appended, TsdbError};
use std::sync::atomic::Ordering;
use watchfire_model::{ByteSize, Point, PointValue, Sample};

impl Shared {
    pub(crate) fn append_points(&self, points: &[(SeriesId, Point)]) -> Result<Appended, TsdbError> {
        let float = |(id, point): &(SeriesId, Point)| match (&point.value, point.start) {
            (PointValue::Float(value), None) => Some((*id, Sample { time: point.time, value: *value })),
            _ => None,
        };
        match points.iter().map(float).collect::<Option<Vec<_>>>() {
            Some(floats) => self.append(&floats),
            None => self.append(points),
        }
    }

    pub(crate) fn append<S: Incoming>(&self, samples: &[(SeriesId, S)]) -> Result<Appended, TsdbError> {
        self.admit(samples.len())?;
        let (oldest, newest) = self.time_limits();
        let mut appended = Appended::default();
        let mut taken = Vec::with_capacity(samples.len());
        let mut appender = self.appender.lock();
        let index = self.head.index.read();
        for (position, (id, sample)) in samples.iter().enumerate() {
            if index.get(*id).is_none() {
                appended.unknown.push(position);
            } else if sample.time() < oldest {
                appended.too_old += 1;
            } else if sample.time() > newest {
                appended.too_far_ahead += 1;
            } else if let Some(stored) = sample.to_stored() {
                taken.push((*id, stored));
            } else {
                appended.invalid += 1;
            }
        }
        appended.stored = taken.len();
        if !taken.is_empty() {
            let log = Log { wal: &self.wal, index: &index, metadata: &self.metadata };
            let until = self.flushed_until().unwrap_or(i64::MIN);
            appender.enter_windows(self.windows(&taken, until), log)?;
            appender.write(&taken, log)?;
            self.head.unsynced_bytes.store(appender.unsynced_bytes() as i64, Ordering::Relaxed);
            let is_replaying = self.replay.is_running();
            let mut scratch = Scratch::default();
            let (mut times, mut held, mut strays) = ((i64::MAX, i64::MIN), taken.len(), 0);
            for (id, sample) in &taken {
                let Some(series) = index.get(*id) else { continue };
                let (time, (value, extra)) = (sample.time(), sample.parts());
                times = (times.0.min(time), times.1.max(time));
                strays += usize::from(time < until);
                if is_replaying {
                    series.samples().push_fresh(time, value, extra, &mut scratch);
                    continue;
                }
                match series.samples().push(time, value, extra, &mut scratch) {
                    Pushed::Next => {}
                    Pushed::Replaced => {
                        appended.duplicates += 1;
                        held -= 1;
                    }
                    Pushed::Duplicate => appended.duplicates += 1,
                    Pushed::Late => appended.out_of_order += 1,
                }
            }
            if is_replaying {
                self.replay.fresh_samples.fetch_add(taken.len() as u64, Ordering::Relaxed);
            }
            self.head.note(times, held, strays);
            self.head.sample_bytes.fetch_add(scratch.grown, Ordering::Relaxed);
        }
        drop((index, appender));
        self.count(&appended);
        Ok(appended)
    }

    /// Makes everything appended so far durable; what a failed session has lost is written into a new one first.
    pub(crate) fn commit(&self) -> Result<(), TsdbError> {
        let last = {
            let mut appender = self.appender.lock();
            let index = self.head.index.read();
            appender.rescue(Log { wal: &self.wal, index: &index, metadata: &self.metadata })?;
            appender.last()
        };
        let Some(last) = last else { return Ok(()) };
        self.wal.commit(last)?;
        let mut appender = self.appender.lock();
        appender.note_durable(last);
        self.head.unsynced_bytes.store(appender.unsynced_bytes() as i64, Ordering::Relaxed);
        Ok(())
    }

    /// Whether there is room for `count` samples, on the disk and in memory.
    pub(crate) fn admit(&self, count: usize) -> Result<(), TsdbError> {
        let refused = |error| {
            self.metrics.refused_samples.inc_by(count as u64);
            Err(error)
        };
        if !self.storage.has_room() {
            return refused(TsdbError::DiskFull);
        }
        let ByteSize(bytes_max) = self.options.head_bytes_max;
        // New series are refused earlier: known ones have this margin until a flush has made room. It is theirs even where
        // the series alone, taken under a larger limit, exceed the limit now.
        let is_over = self.head.bytes() >= bytes_max.saturating_add(bytes_max / 4);
        if is_over && self.head.flushable_bytes() >= bytes_max / 4 {
            return refused(TsdbError::HeadFull { max: self.options.head_bytes_max });
        }
        let fresh_max = self.options.late_samples_max;
        if self.replay.is_running() && self.replay.fresh_samples.load(Ordering::Relaxed) >= fresh_max {
            return refused(TsdbError::Replaying { max: fresh_max });
        }
        // All of it may have to be written again, should the log fail.
        if self.head.unsynced_bytes.load(Ordering::Relaxed).max(0) as u64 > self.options.unsynced_bytes_max.0 {
            self.metrics.unsynced_waits.inc();
            if let Err(error) = self.commit() {
                return refused(error);
            }
        }
        Ok(())
    }

    /// Times of the oldest and the newest sample that are taken.
    pub(crate) fn time_limits(&self) -> (i64, i64) {
        let now = self.now();
        let ahead = i64::try_from(self.options.ahead_max.0).unwrap_or(i64::MAX);
        let confirmed = self.confirmed_time.load(Ordering::Relaxed);
        let oldest = self.oldest_kept().unwrap_or_else(|| before(now, self.options.retention));
        (oldest, now.max(confirmed).saturating_add(ahead))
    }

    /// Windows of samples, neighbours once; those before `until` are left out.
    fn windows<S: Incoming>(&self, samples: &[(SeriesId, S)], until: i64) -> impl Iterator<Item = i64> {
        let mut last = None;
        let windows =
            samples.iter().map(|(_, sample)| self.window(sample.time())).filter(move |window| *window >= until);
        windows.filter(move |window| last.replace(*window) != Some(*window))
    }

    fn count(&self, appended: &Appended) {
        self.metrics.appended_samples.inc_by(appended.stored as u64);
        self.metrics.duplicate_samples.inc_by(appended.duplicates as u64);
        self.metrics.out_of_order_samples.inc_by(appended.out_of_order as u64);
        self.metrics.too_old_samples.inc_by(appended.too_old as u64);
        self.metrics.too_far_ahead_samples.inc_by(appended.too_far_ahead as u64);
        self.metrics.invalid_histograms.inc_by(appended.invalid as u64);
        self.metrics.unknown_series_samples.inc_by(appended.unknown.len() as u64);
        self.metrics.head_samples.inc_by(appended.stored as i64);
    }
}
