//! Takes requests into the metric store.

use crate::batch::{Batch, Column};
use crate::content::{Message, message_of};
use crate::snappy::{claimed_len, decompress};
use crate::{DecoderV1, DecoderV2, Limits, Metadata, Metrics, Series, WriteError, Written};
use std::sync::Arc;
use std::time::Duration;
use watchfire_model::{Exemplar, Labels, MemoryHold, MemoryPool, MetricMetadata, OutOfMemory, Point};
use watchfire_tsdb::{Appended, SeriesId, Tsdb, TsdbError};

/// When a sender may come again that was told 503.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The receiving end of remote write. Shared by all requests.
#[derive(Debug)]
pub struct Receiver {
    tsdb: Arc<Tsdb>,
    limits: Limits,
    /// What the messages and samples of all requests at work may take.
    memory: Arc<MemoryPool>,
    metrics: Metrics,
}

impl Receiver {
    pub fn new(tsdb: Arc<Tsdb>, limits: Limits, memory: Arc<MemoryPool>) -> Receiver {
        Receiver { tsdb, limits, memory, metrics: Metrics::default() }
    }

    /// Longest body to read, in bytes as sent.
    pub fn body_max(&self) -> usize {
        usize::try_from(self.limits.body_max.0).unwrap_or(usize::MAX)
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Stores what a body holds and returns when it is durable. Blocks: call it where blocking is allowed. Success is a 204.
    ///
    /// # Errors
    /// [`WriteError::status`] is the answer's code, the error with its causes the answer's text.
    pub fn write(
        &self,
        body: &[u8],
        content_type: Option<&str>,
        content_encoding: Option<&str>,
    ) -> Result<Written, WriteError> {
        self.metrics.received_bytes.inc_by(body.len() as u64);
        let result = self.write_uncounted(body, content_type, content_encoding);
        let (status, written) =
            result.as_ref().map_or_else(|error| (error.status(), error.written()), |written| (204, *written));
        self.metrics.count_request(status);
        self.metrics.samples.inc_by(written.samples);
        self.metrics.histograms.inc_by(written.histograms);
        self.metrics.exemplars.inc_by(written.exemplars);
        result
    }

    fn write_uncounted(
        &self,
        body: &[u8],
        content_type: Option<&str>,
        content_encoding: Option<&str>,
    ) -> Result<Written, WriteError> {
        let message_kind = message_of(content_type, content_encoding)?;
        let mut hold = self.hold(claimed_len(body, &self.limits)? as u64)?;
        let message = decompress(body, &self.limits)?;
        self.metrics.message_bytes.inc_by(message.len() as u64);
        let mut batch = Batch::default();
        self.collect(&message, message_kind, &mut batch)?;
        hold.resize(hold.bytes() + batch.memory()).map_err(busy)?;
        self.store(batch)
    }

    /// Reads all series of a message and registers them.
    fn collect(&self, message: &[u8], kind: Message, batch: &mut Batch) -> Result<(), WriteError> {
        let mut series = Series::default();
        match kind {
            Message::V1 => {
                let mut decoder = DecoderV1::new(message, &self.limits);
                while decoder.next(&mut series, &mut |metadata| self.note_metadata(&metadata, metadata.metric))? {
                    self.collect_series(&series, batch)?;
                }
            }
            Message::V2 => {
                let mut decoder = DecoderV2::new(message, &self.limits)?;
                while decoder.next(&mut series)? {
                    self.collect_series(&series, batch)?;
                }
            }
        }
        Ok(())
    }

    fn collect_series(&self, series: &Series<'_>, batch: &mut Batch) -> Result<(), WriteError> {
        let faults = &series.histogram_faults;
        if let Some(fault) = faults.first() {
            self.refuse(batch, "histogram", faults.len() as u64, || format!("a native histogram is none: {fault}"));
        }
        let n_points = series.n_points() as u64;
        let labels = match series.labels(&self.limits) {
            Ok(labels) => labels,
            Err(fault) => {
                // A series without samples may be all that is wrong.
                self.refuse(batch, fault.label(), n_points.max(1), || fault.to_string());
                return Ok(());
            }
        };
        if let Some(metadata) = series.metadata {
            let name = labels.metric_name().map_or("", |name| name.as_str());
            self.note_metadata(&metadata, name.as_bytes());
        }
        if n_points == 0 && series.exemplars.is_empty() {
            return Ok(());
        }
        match self.tsdb.register(&labels) {
            Ok(id) => self.collect_points(series, &labels, id, batch),
            Err(error) => {
                let Some(reason) = refusal_of_series(&error) else { return Err(unavailable(&error)) };
                self.metrics.count_refused_exemplars(reason, series.exemplars.len());
                self.refuse(batch, reason, n_points, || error.to_string());
            }
        }
        Ok(())
    }

    fn collect_points(&self, series: &Series<'_>, labels: &Labels, id: SeriesId, batch: &mut Batch) {
        batch.samples.push(labels, id, series.samples.iter().copied());
        batch.started.push(labels, id, series.started.iter().cloned());
        batch.histograms.push(labels, id, series.histograms.iter().cloned());
        let last_of = |points: &[Point]| points.last().map(|point| point.time);
        let last = series.samples.last().map(|sample| sample.time);
        let last = last.or_else(|| last_of(&series.started)).or_else(|| last_of(&series.histograms));
        let exemplars: Vec<Exemplar> = series.exemplars.iter().filter_map(|raw| raw.read(&self.limits, last)).collect();
        self.metrics.count_refused_exemplars("labels", series.exemplars.len() - exemplars.len());
        batch.exemplars.push(labels, id, exemplars);
    }

    /// Appends and commits. What belongs to series that the store has dropped meanwhile is registered once more.
    fn store(&self, mut batch: Batch) -> Result<Written, WriteError> {
        let samples = std::mem::take(&mut batch.samples);
        let floats = self.append(&samples, &mut batch, |items| self.tsdb.append(items))?;
        let started = std::mem::take(&mut batch.started);
        let floats = floats + self.append(&started, &mut batch, |items| self.tsdb.append_points(items))?;
        let histograms = std::mem::take(&mut batch.histograms);
        let histograms = self.append(&histograms, &mut batch, |items| self.tsdb.append_points(items))?;
        let exemplars = self.append_exemplars(&batch.exemplars)?;
        self.tsdb.commit().map_err(|error| unavailable(&error))?;
        let written = Written { samples: floats, histograms, exemplars };
        match batch.first_refusal {
            None => Ok(written),
            Some(first) => Err(WriteError::Partial { written, refused: batch.n_refused, first }),
        }
    }

    /// Returns how many of the column's items are stored; those of series that are gone even then are refused.
    fn append<T: Clone>(
        &self,
        column: &Column<T>,
        batch: &mut Batch,
        append: impl Fn(&[(SeriesId, T)]) -> Result<Appended, TsdbError>,
    ) -> Result<u64, WriteError> {
        if column.items.is_empty() {
            return Ok(0);
        }
        let appended = append(&column.items).map_err(|error| unavailable(&error))?;
        let mut stored = self.count_appended(batch, &appended);
        if !appended.unknown.is_empty() {
            let again = column.register_again(&self.tsdb, &appended.unknown).map_err(|error| unavailable(&error))?;
            let appended = append(&again).map_err(|error| unavailable(&error))?;
            stored += self.count_appended(batch, &appended);
            let text = "the series were dropped while the request was stored";
            self.refuse(batch, "unknown_series", appended.unknown.len() as u64, || text.to_owned());
        }
        Ok(stored)
    }

    /// Returns how many are stored. One that cannot be is counted, and refuses nothing: there is nobody who would send it
    /// again.
    fn append_exemplars(&self, column: &Column<Exemplar>) -> Result<u64, WriteError> {
        if column.items.is_empty() {
            return Ok(0);
        }
        let append = |items: &[(SeriesId, Exemplar)]| {
            let appended = self.tsdb.append_exemplars(items).map_err(|error| unavailable(&error))?;
            self.metrics.count_refused_exemplars("too_old", appended.too_old);
            self.metrics.count_refused_exemplars("too_far_ahead", appended.too_far_ahead);
            self.metrics.count_refused_exemplars("duplicate", appended.duplicates);
            self.metrics.count_refused_exemplars("labels", appended.too_long);
            Ok::<_, WriteError>(appended)
        };
        let appended = append(&column.items)?;
        if appended.unknown.is_empty() {
            return Ok(appended.stored as u64);
        }
        let again = column.register_again(&self.tsdb, &appended.unknown).map_err(|error| unavailable(&error))?;
        let further = append(&again)?;
        self.metrics.count_refused_exemplars("unknown_series", further.unknown.len());
        Ok((appended.stored + further.stored) as u64)
    }

    fn count_appended(&self, batch: &mut Batch, appended: &Appended) -> u64 {
        self.refuse(batch, "too_old", appended.too_old as u64, || "a sample is older than the retention".to_owned());
        let text = "a sample lies too far ahead of this server's clock";
        self.refuse(batch, "too_far_ahead", appended.too_far_ahead as u64, || text.to_owned());
        appended.stored as u64
    }

    fn refuse(&self, batch: &mut Batch, reason: &'static str, samples: u64, text: impl FnOnce() -> String) {
        self.metrics.count_refused(reason, samples);
        batch.refuse(samples, text);
    }

    /// Metadata that cannot be read is left out: it is no sample.
    fn note_metadata(&self, metadata: &Metadata<'_>, metric: &[u8]) {
        let texts = [metric, metadata.help, metadata.unit].map(std::str::from_utf8);
        let [Ok(metric), Ok(help), Ok(unit)] = texts else { return };
        let is_short = metric.len() <= self.limits.name_len_max
            && unit.len() <= self.limits.name_len_max
            && help.len() <= self.limits.value_len_max;
        if metric.is_empty() || !is_short {
            return;
        }
        let metadata = MetricMetadata { kind: metadata.kind, help: help.to_owned(), unit: unit.to_owned() };
        self.tsdb.set_metadata(metric, metadata);
    }

    fn hold(&self, bytes: u64) -> Result<MemoryHold, WriteError> {
        self.memory.take(bytes).map_err(busy)
    }
}

/// The label `reason` where the series is to blame; none where the store cannot take anything now.
fn refusal_of_series(error: &TsdbError) -> Option<&'static str> {
    match error {
        TsdbError::SeriesLimit { .. } => Some("series_limit"),
        TsdbError::LabelsTooLong { .. } => Some("labels_too_long"),
        _ => None,
    }
}

fn unavailable(error: &TsdbError) -> WriteError {
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        reason.push_str(": ");
        reason.push_str(&source.to_string());
        cause = source.source();
    }
    WriteError::Unavailable { reason, retry_after: RETRY_AFTER }
}

fn busy(error: OutOfMemory) -> WriteError {
    WriteError::Unavailable { reason: error.to_string(), retry_after: Duration::from_secs(1) }
}

#[cfg(test)]
mod tests;
