//! The protobuf format: `io.prometheus.client.MetricFamily` messages, each behind its length.
//! <https://github.com/prometheus/client_model>, `io/prometheus/client/metrics.proto`; what becomes of them:
//! Prometheus `model/textparse/protobufparse.go`.

mod family;
mod metric;
mod series;

use self::family::Family;
use self::metric::{HistogramMessage, Metric, MetricValue, exemplar};
use self::series::SeriesText;
use super::{
    Entry, ExemplarLine, ExpositionError, MetadataFact, MetadataLine, Place, Problem, ReadOptions, SampleLine,
    SampleValue, Text, openmetrics_float,
};
use std::sync::Arc;
use watchfire_model::MetricKind;
use watchfire_model::protobuf::Fields;

/// Reads a page of metric families. A histogram or summary shows one series after the other, as the text formats do.
///
/// Memory is bounded by the page: series are written out one at a time, into one buffer.
#[derive(Debug)]
pub struct ProtobufParser<'a> {
    families: Fields<'a>,
    /// The family that was read last, from one.
    position: usize,
    options: ReadOptions,
    family: Option<Family<'a>>,
    /// What of the family's metadata is still to be told: help, unit, kind.
    metadata_told: usize,
    metric: Option<Metric<'a>>,
    /// Which of the metric's samples comes next.
    part: Part,
    series: SeriesText,
}

/// The samples of one metric, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The value of a simple metric, or the native histogram.
    Whole,
    Count,
    Sum,
    /// A quantile or a classic bucket; the one beyond the last is the bucket to infinity, where that is not written.
    Piece(usize),
    Done,
}

/// One sample without its series, which stands in [`ProtobufParser::series`].
#[derive(Debug)]
struct PartSample {
    value: SampleValue,
    exemplars: Vec<ExemplarLine>,
}

impl<'a> ProtobufParser<'a> {
    pub fn new(page: &'a [u8], options: ReadOptions) -> ProtobufParser<'a> {
        ProtobufParser {
            families: Fields::new(page),
            position: 0,
            options,
            family: None,
            metadata_told: 0,
            metric: None,
            part: Part::Done,
            series: SeriesText::default(),
        }
    }

    /// The next entry, `None` at the end.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_, 'a>>, ExpositionError> {
        match self.advance() {
            Ok(None) => Ok(None),
            Ok(Some(Step::Metadata(line))) => Ok(Some(Entry::Metadata(line))),
            Ok(Some(Step::Sample(sample, begins_group))) => {
                let (time, start) = self.metric.as_ref().map_or((None, None), |metric| (metric.time, metric.start));
                Ok(Some(Entry::Sample(SampleLine {
                    series: self.series.as_str(),
                    passage: self.series.as_str(),
                    lines: 1,
                    value: sample.value,
                    time,
                    start: start.filter(|_| self.options.start_times),
                    begins_group,
                    exemplars: sample.exemplars,
                })))
            }
            Err(problem) => Err(ExpositionError { place: self.place(), problem }),
        }
    }

    /// The place that was read last.
    pub fn place(&self) -> Place {
        Place::Family(self.position)
    }

    fn advance(&mut self) -> Result<Option<Step<'a>>, Problem> {
        loop {
            if let Some(metric) = self.metric.take() {
                let part = self.part;
                let step = self.sample(&metric)?;
                self.metric = Some(metric);
                if let Some(sample) = step {
                    let begins_group = matches!(part, Part::Whole | Part::Count);
                    return Ok(Some(Step::Sample(sample, begins_group)));
                }
                self.metric = None;
            }
            if let Some(family) = &mut self.family {
                while self.metadata_told < METADATA_FACTS {
                    self.metadata_told += 1;
                    if let Some(line) = family.metadata(self.metadata_told) {
                        return Ok(Some(Step::Metadata(line)));
                    }
                }
                if let Some(metric) = family.next_metric()? {
                    self.part = self.first_part(&metric);
                    self.metric = Some(metric);
                    continue;
                }
            }
            self.position += 1;
            self.family = match self.families.next_delimited()? {
                Some(fields) => Family::read(fields)?,
                None => return Ok(None),
            };
            self.metadata_told = 0;
        }
    }

    fn first_part(&self, metric: &Metric<'_>) -> Part {
        match &metric.value {
            MetricValue::Histogram(histogram) if self.is_native(histogram) => Part::Whole,
            MetricValue::Histogram(_) | MetricValue::Summary { .. } => Part::Count,
            MetricValue::Simple { .. } => Part::Whole,
        }
    }

    fn is_native(&self, histogram: &HistogramMessage<'_>) -> bool {
        self.options.native_histograms && histogram.is_native()
    }

    /// The sample of the current part, with its series written out; moves on to the next part.
    fn sample(&mut self, metric: &Metric<'a>) -> Result<Option<PartSample>, Problem> {
        let Some(family) = &self.family else { return Ok(None) };
        let kind = family.kind;
        let part = self.part;
        let mut piece = None;
        let (suffix, value, exemplars) = match (&metric.value, part) {
            (_, Part::Done) => return Ok(None),
            (MetricValue::Simple { value, exemplar: given }, _) => {
                self.part = Part::Done;
                ("", SampleValue::Float(*value), given.map(exemplar).transpose()?.into_iter().collect())
            }
            (MetricValue::Summary { count, sum, quantiles }, _) => {
                let (suffix, value) = match part {
                    Part::Piece(index) => {
                        let (quantile, value) = quantiles[index];
                        piece = Some(("quantile", openmetrics_float(quantile)));
                        ("", value)
                    }
                    Part::Sum => ("_sum", *sum),
                    Part::Whole | Part::Count | Part::Done => ("_count", *count as f64),
                };
                self.part = next_piece(part, |index| index < quantiles.len());
                (suffix, SampleValue::Float(value), Vec::new())
            }
            (MetricValue::Histogram(histogram), Part::Whole) => {
                let has_classic = self.options.classic_too && !histogram.buckets.is_empty();
                self.part = if has_classic { Part::Count } else { Part::Done };
                let native = histogram.to_native(kind == MetricKind::GaugeHistogram);
                let native = native.map_err(|fault| family.histogram_problem(fault))?;
                ("", SampleValue::Histogram(Arc::new(native)), histogram.native_exemplars()?)
            }
            (MetricValue::Histogram(histogram), _) => {
                let (suffix, value, given) = match part {
                    Part::Piece(index) => {
                        let bucket = histogram.buckets.get(index);
                        let bound = bucket.map_or(f64::INFINITY, |bucket| bucket.bound);
                        piece = Some(("le", openmetrics_float(bound)));
                        let count = bucket.map_or(histogram.count, |bucket| bucket.count);
                        ("_bucket", count.value(), bucket.and_then(|bucket| bucket.exemplar))
                    }
                    Part::Sum => ("_sum", histogram.sum, None),
                    Part::Whole | Part::Count | Part::Done => ("_count", histogram.count.value(), None),
                };
                // Buckets behind the one to infinity are none.
                let is_open = |index: usize| {
                    index == 0 || histogram.buckets.get(index - 1).is_none_or(|it| it.bound < f64::INFINITY)
                };
                self.part = next_piece(part, |index| index <= histogram.buckets.len() && is_open(index));
                (suffix, SampleValue::Float(value), given.map(exemplar).transpose()?.into_iter().collect())
            }
        };
        let piece = piece.as_ref().map(|(name, value)| (*name, value.as_str()));
        self.series.write(family.name, suffix, &metric.labels, piece)?;
        Ok(Some(PartSample { value, exemplars }))
    }
}

/// Help, unit and kind.
const METADATA_FACTS: usize = 3;

/// What [`ProtobufParser::advance`] comes to.
#[derive(Debug)]
enum Step<'a> {
    Metadata(MetadataLine<'a>),
    /// With whether it begins a group.
    Sample(PartSample, bool),
}

fn next_piece(part: Part, exists: impl Fn(usize) -> bool) -> Part {
    let index = match part {
        Part::Whole | Part::Count => return Part::Sum,
        Part::Sum => 0,
        Part::Piece(index) => index + 1,
        Part::Done => return Part::Done,
    };
    if exists(index) { Part::Piece(index) } else { Part::Done }
}

impl<'a> Family<'a> {
    /// The `n`-th fact, from one; `None` where the page does not say it.
    fn metadata(&self, n: usize) -> Option<MetadataLine<'a>> {
        let fact = match n {
            1 => MetadataFact::Help(Text::plain(self.help?)),
            2 => MetadataFact::Unit(self.unit?),
            _ => MetadataFact::Kind(self.kind),
        };
        Some(MetadataLine { metric: Text::plain(self.name), fact })
    }
}

#[cfg(test)]
mod tests;
