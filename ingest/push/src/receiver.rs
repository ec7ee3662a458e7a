//! Takes requests into the metric store.

use crate::content::{Message, message_of};
use crate::snappy::{claimed_len, decompress};
use crate::{DecoderV1, DecoderV2, Limits, Metadata, Metrics, Series, WriteError, Written};
use std::sync::Arc;
use std::time::Duration;
use watchfire_model::{Labels, MemoryHold, MemoryPool, MetricMetadata, OutOfMemory, Sample};
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
        self.metrics.ignored_exemplars.inc_by(series.n_exemplars);
        if series.n_histograms > 0 {
            let text = "native histograms are not supported, set `send_native_histograms: false`";
            self.refuse(batch, "histogram", series.n_histograms, || text.to_owned());
        }
        let n_samples = series.samples.len() as u64;
        let labels = match series.labels(&self.limits) {
            Ok(labels) => labels,
            Err(fault) => {
                // A series without samples may be all that is wrong.
                self.refuse(batch, fault.label(), n_samples.max(1), || fault.to_string());
                return Ok(());
            }
        };
        if let Some(metadata) = series.metadata {
            let name = labels.metric_name().map_or("", |name| name.as_str());
            self.note_metadata(&metadata, name.as_bytes());
        }
        if series.samples.is_empty() {
            return Ok(());
        }
        match self.tsdb.register(&labels) {
            Ok(id) => batch.push(labels, id, &series.samples),
            Err(error) => {
                let Some(reason) = refusal_of_series(&error) else { return Err(unavailable(&error)) };
                self.refuse(batch, reason, n_samples, || error.to_string());
            }
        }
        Ok(())
    }

    /// Appends and commits. Samples whose series the store has dropped meanwhile are registered once more.
    fn store(&self, mut batch: Batch) -> Result<Written, WriteError> {
        let mut written = Written::default();
        let appended = self.tsdb.append(&batch.samples).map_err(|error| unavailable(&error))?;
        self.count_appended(&mut batch, &mut written, &appended);
        if !appended.unknown.is_empty() {
            let again = batch.register_again(&self.tsdb, &appended.unknown).map_err(|error| unavailable(&error))?;
            let appended = self.tsdb.append(&again).map_err(|error| unavailable(&error))?;
            self.count_appended(&mut batch, &mut written, &appended);
            let text = "the series were dropped while the request was stored";
            self.refuse(&mut batch, "unknown_series", appended.unknown.len() as u64, || text.to_owned());
        }
        self.tsdb.commit().map_err(|error| unavailable(&error))?;
        match batch.first_refusal {
            None => Ok(written),
            Some(first) => Err(WriteError::Partial { written, refused: batch.n_refused, first }),
        }
    }

    fn count_appended(&self, batch: &mut Batch, written: &mut Written, appended: &Appended) {
        written.samples += appended.stored as u64;
        self.refuse(batch, "too_old", appended.too_old as u64, || "a sample is older than the retention".to_owned());
        let text = "a sample lies too far ahead of this server's clock";
        self.refuse(batch, "too_far_ahead", appended.too_far_ahead as u64, || text.to_owned());
    }

    /// Notes samples that will never be stored.
    fn refuse(&self, batch: &mut Batch, reason: &'static str, samples: u64, text: impl FnOnce() -> String) {
        if samples > 0 {
            self.metrics.count_refused(reason, samples);
            batch.n_refused += samples;
            batch.first_refusal.get_or_insert_with(text);
        }
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

/// The samples of one request.
#[derive(Debug, Default)]
struct Batch {
    samples: Vec<(SeriesId, Sample)>,
    /// Each series, and where its samples begin.
    series: Vec<(usize, Labels)>,
    n_refused: u64,
    /// In words.
    first_refusal: Option<String>,
}

impl Batch {
    fn push(&mut self, labels: Labels, id: SeriesId, samples: &[Sample]) {
        self.series.push((self.samples.len(), labels));
        self.samples.extend(samples.iter().map(|sample| (id, *sample)));
    }

    /// Bytes, estimated; labels are shared with the store.
    fn memory(&self) -> u64 {
        (size_of_val(self.samples.as_slice()) + size_of_val(self.series.as_slice())) as u64
    }

    /// The samples at these indexes, which rise, with new ids.
    fn register_again(&self, tsdb: &Tsdb, indexes: &[usize]) -> Result<Vec<(SeriesId, Sample)>, TsdbError> {
        let mut again = Vec::with_capacity(indexes.len());
        let mut last: Option<(usize, SeriesId)> = None;
        for &index in indexes {
            let series = self.series.partition_point(|(start, _)| *start <= index) - 1;
            let id = match last {
                Some((known, id)) if known == series => id,
                _ => tsdb.register(&self.series[series].1)?,
            };
            last = Some((series, id));
            again.push((id, self.samples[index].1));
        }
        Ok(again)
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
