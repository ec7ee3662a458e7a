//! Reads a page into the batch: which series a sample is of, and what of it is stored.

use super::{ScrapeReport, TargetAppender};
use crate::cache::{Seen, Sighting};
use crate::classic::{ClassicCollector, Converted, Fate};
use crate::exposition::{
    CreatedLine, Entry, ExemplarLine, Exposition, Format, MetadataFact, MetadataLine, RawLabel, SampleLine,
    SampleValue, TextParser, format_of, read_series,
};
use crate::family_metadata::{FamilyMetadata, MetadataCollector};
use crate::fetch::{Page, ScrapeFailure};
use crate::metrics::SampleLoss;
use crate::sample_rules::Made;
use std::hash::BuildHasher;
use watchfire_model::{Exemplar, MetricKind, Timestamp};
use watchfire_tsdb::SeriesId;

/// Series that are offered to a full store on one page; the others are left out without asking.
const REFUSALS_MAX: u64 = 1_000;

/// Metadata that a target remembers to have told; beyond it, some is told again.
const METADATA_TOLD_MAX: usize = 16_384;

/// Exemplars without a time that a target remembers to have shown; beyond it, some are stored again.
const UNTIMED_MAX: usize = 16_384;

/// How far a page is read.
#[derive(Debug)]
struct Reading<'a> {
    /// When the page was scraped.
    at: Timestamp,
    metadata: MetadataCollector<'a>,
    /// The metric of which the page told the kind last, and the kind.
    family: Option<MetadataLine<'a>>,
    kind: MetricKind,
    /// Where the samples of the group at hand begin in the batch, and when their counting began.
    group_begin: usize,
    group_start: Option<Timestamp>,
    /// Samples of series that stood earlier on the page.
    duplicates: u64,
    exemplars: u64,
}

impl TargetAppender {
    pub(super) fn read_page(
        &mut self,
        page: Page,
        at: Timestamp,
        report: &mut ScrapeReport,
    ) -> Result<(), ScrapeFailure> {
        self.metrics.received_bytes.inc_by(page.received_len() as u64);
        let format = format_of(page.content_type.as_deref(), self.rules.fallback)?;
        let page = page.into_plain(self.rules.limits.body_bytes, self.page_len)?;
        self.page_len = page.bytes.len();
        self.body_bytes = page.bytes.len() as u64;
        self.metrics.page_bytes.inc_by(page.bytes.len() as u64);
        self.read_samples(&page.bytes, format, at, report)
    }

    fn read_samples(
        &mut self,
        page: &[u8],
        format: Format,
        at: Timestamp,
        report: &mut ScrapeReport,
    ) -> Result<(), ScrapeFailure> {
        let mut exposition = Exposition::new(page, format, self.rules.read)?;
        let mut classic = self.rules.histograms.convert_classic.then(ClassicCollector::default);
        let mut reading = Reading {
            at,
            metadata: MetadataCollector::default(),
            family: None,
            kind: MetricKind::Unknown,
            group_begin: 0,
            group_start: None,
            duplicates: 0,
            exemplars: 0,
        };
        loop {
            if let Exposition::Text(parser) = &mut exposition
                && classic.is_none()
            {
                self.read_known(parser, &mut reading, report)?;
            }
            match exposition.next_entry()? {
                None => break,
                Some(Entry::Metadata(line)) => {
                    if let Some(known) = reading.take_metadata(line) {
                        self.tell_metadata(known);
                    }
                }
                Some(Entry::Created(line)) => {
                    if let Some(classic) = &mut classic {
                        let before = if line.begins_group { classic.finish() } else { None };
                        if let Some(converted) = before {
                            self.take_converted(converted, &mut reading, report)?;
                        }
                        classic.start(line.start);
                    }
                    self.take_created(line, &mut reading);
                }
                Some(Entry::Sample(sample)) => match &mut classic {
                    None => {
                        if sample.begins_group {
                            reading.begin_group(self.batch.len());
                        }
                        self.take_sample(sample, &mut reading, report)?;
                    }
                    Some(classic) => self.take_or_gather(classic, sample, &mut reading, report)?,
                },
            }
        }
        if let Exposition::OpenMetrics(parser) = &exposition
            && let Some(rule) = parser.broken_rule()
        {
            self.metrics.nonstandard_pages.inc();
            tracing::debug!(target = %self.target_labels, %rule, "page breaks the rules of its format");
        }
        if let Some(converted) = classic.and_then(|mut classic| classic.finish()) {
            self.take_converted(converted, &mut reading, report)?;
        }
        if let Some(known) = reading.metadata.finish() {
            self.tell_metadata(known);
        }
        self.metrics.lost(SampleLoss::duplicate, reading.duplicates);
        self.metrics.exemplars.inc_by(reading.exemplars);
        Ok(())
    }

    /// Takes samples as long as the page looks like the last one.
    fn read_known(
        &mut self,
        parser: &mut TextParser<'_>,
        reading: &mut Reading<'_>,
        report: &mut ScrapeReport,
    ) -> Result<(), ScrapeFailure> {
        while let Some((passage, lines)) = self.cache.expected()
            && let Some((value, time)) = parser.take_known(passage, lines)
        {
            let (time, tracked) = self.time_of(time);
            let (id, kind) = self.cache.see_expected(tracked);
            reading.kind = kind;
            report.scraped += 1;
            self.known_samples += 1;
            if let Some(id) = id {
                self.count_kept(report)?;
                self.batch.push(id, time.unwrap_or(reading.at), value);
            }
        }
        Ok(())
    }

    /// The time of a sample where the page's is to be stored, and whether the sample's series has its staleness followed.
    fn time_of(&self, time: Option<Timestamp>) -> (Option<Timestamp>, bool) {
        let time = time.filter(|_| self.rules.honor_timestamps);
        (time, time.is_none() || self.rules.track_timestamps_staleness)
    }

    fn count_kept(&self, report: &mut ScrapeReport) -> Result<(), ScrapeFailure> {
        report.kept += 1;
        let max = self.rules.samples_max();
        if report.kept > max {
            return Err(ScrapeFailure::Limit { key: "sample_limit", found: report.kept, max });
        }
        Ok(())
    }

    fn take_created(&mut self, line: CreatedLine, reading: &mut Reading<'_>) {
        if line.begins_group {
            reading.begin_group(self.batch.len());
        }
        reading.group_start = Some(line.start);
        self.batch.start_from(reading.group_begin, line.start);
    }

    /// Takes a sample of a page whose classic histograms are converted.
    fn take_or_gather(
        &mut self,
        classic: &mut ClassicCollector,
        mut sample: SampleLine<'_>,
        reading: &mut Reading<'_>,
        report: &mut ScrapeReport,
    ) -> Result<(), ScrapeFailure> {
        let is_histogram = reading.kind == MetricKind::Histogram;
        let family = reading.family.filter(|_| is_histogram).map(|line| line.metric.unescape());
        let mut labels = Vec::new();
        let name = read_series(sample.series, &mut labels)?;
        if !sample.begins_group {
            sample.start = sample.start.or(reading.group_start);
        }
        let (finished, fate) = classic.take(family.as_deref(), name, &labels, &sample);
        if let Some(converted) = finished {
            self.take_converted(converted, reading, report)?;
        }
        if sample.begins_group {
            reading.begin_group(self.batch.len());
        }
        if fate == Fate::Other || self.rules.histograms.keep_classic {
            self.take_sample(sample, reading, report)?;
        }
        Ok(())
    }

    fn take_converted(
        &mut self,
        converted: Converted,
        reading: &mut Reading<'_>,
        report: &mut ScrapeReport,
    ) -> Result<(), ScrapeFailure> {
        let line = SampleLine {
            series: &converted.series,
            passage: &converted.series,
            lines: 1,
            value: SampleValue::Histogram(converted.histogram),
            time: converted.time,
            start: converted.start,
            begins_group: true,
            exemplars: converted.exemplars,
        };
        self.take_sample(line, reading, report)
    }

    fn take_sample(
        &mut self,
        sample: SampleLine<'_>,
        reading: &mut Reading<'_>,
        report: &mut ScrapeReport,
    ) -> Result<(), ScrapeFailure> {
        report.scraped += 1;
        let (time, tracked) = self.time_of(sample.time);
        let SampleLine { series, passage, lines, .. } = sample;
        let seen = Seen { series, passage, lines, kind: reading.kind, tracked };
        let (id, sighting) = match self.cache.see(&seen) {
            Some(known) => known,
            None => (self.add_series(&seen, report)?, Sighting::First),
        };
        let Some(id) = id else { return Ok(()) };
        if sighting == Sighting::Again && time.is_none() {
            reading.duplicates += 1;
            return Ok(());
        }
        self.count_kept(report)?;
        let time = time.unwrap_or(reading.at);
        match sample.value {
            SampleValue::Float(value) => self.batch.push(id, time, value),
            SampleValue::Histogram(histogram) => {
                let histogram = self.rules.histogram_of(histogram)?;
                self.batch.push_histogram(id, time, histogram);
            }
        }
        if let Some(start) = sample.start.or(reading.group_start) {
            self.batch.start_from(self.batch.len() - 1, start);
        }
        for exemplar in sample.exemplars {
            reading.exemplars += 1;
            self.take_exemplar(id, exemplar, time);
        }
        Ok(())
    }

    /// Takes an exemplar; one without a time only when it is another than the series showed before.
    fn take_exemplar(&mut self, id: SeriesId, line: ExemplarLine, sample_time: Timestamp) {
        if line.time.is_none() {
            let hasher = foldhash::quality::FixedState::default();
            let hash = hasher.hash_one((&line.labels, line.value.to_bits()));
            if self.untimed_exemplars.len() >= UNTIMED_MAX {
                self.untimed_exemplars.clear();
            }
            if self.untimed_exemplars.insert(id.0, hash) == Some(hash) {
                return;
            }
        }
        let ExemplarLine { labels, value, time } = line;
        let exemplar = Exemplar { labels, value, time: time.unwrap_or(sample_time) };
        if !self.batch.push_exemplar(id, exemplar) {
            self.metrics.lost_exemplars.inc();
        }
    }

    /// Builds the labels of a series that is new to the cache and registers it.
    fn add_series(&mut self, seen: &Seen<'_>, report: &mut ScrapeReport) -> Result<Option<SeriesId>, ScrapeFailure> {
        if !self.quota.has_room() {
            report.beyond_quota += 1;
            return Ok(None);
        }
        if report.refused >= REFUSALS_MAX {
            report.refused += 1;
            return Ok(None);
        }
        let mut raw_labels: Vec<RawLabel<'_>> = Vec::new();
        let name = read_series(seen.series, &mut raw_labels)?;
        // What is refused is not remembered: there may be room for it at the next scrape.
        let id = match self.rules.labels_of(&self.target_labels, name, &raw_labels, seen.kind)? {
            Made::Dropped => None,
            Made::TooLarge => {
                report.too_large += 1;
                return Ok(None);
            }
            Made::Labels(labels) => {
                let id = self.register(&labels)?;
                if id.is_none() {
                    report.refused += 1;
                    return Ok(None);
                }
                id
            }
        };
        if let Some(id) = id {
            report.added += 1;
            self.quota.note(id);
        }
        self.cache.insert(seen, id);
        Ok(id)
    }

    /// Tells the store what is new of a metric.
    fn tell_metadata(&mut self, family: FamilyMetadata<'_>) {
        if self.metadata_told.len() >= METADATA_TOLD_MAX {
            self.metadata_told.clear();
        }
        if self.metadata_told.insert(family.fingerprint()) {
            self.tsdb.set_metadata(&family.metric.unescape(), family.to_stored());
        }
    }
}

impl<'a> Reading<'a> {
    /// The samples from this place of the batch on are of another group.
    fn begin_group(&mut self, place: usize) {
        self.group_begin = place;
        self.group_start = None;
    }

    /// Returns what is known of the metric before, when the line begins another.
    fn take_metadata(&mut self, line: MetadataLine<'a>) -> Option<FamilyMetadata<'a>> {
        if let MetadataFact::Kind(kind) = line.fact {
            self.kind = kind;
            self.family = Some(line);
        }
        self.metadata.take_line(line)
    }
}
