//! One series of a message, whatever the version, and what may be wrong with it.

use crate::Limits;
use watchfire_model::{
    Exemplar, HistogramFault, Labels, LabelsBuilder, METRIC_NAME, MetricKind, Point, Sample, Timestamp,
};

/// A series and its samples. Filled again and again, to reuse its memory.
#[derive(Debug, Default)]
pub struct Series<'a> {
    /// Names and values as sent.
    pub labels: Vec<(&'a [u8], &'a [u8])>,
    /// Those that do not say when counting began.
    pub samples: Vec<Sample>,
    /// Those that do.
    pub started: Vec<Point>,
    /// Native histograms; a staleness marker among them is a float.
    pub histograms: Vec<Point>,
    /// Why the others are none.
    pub histogram_faults: Vec<HistogramFault>,
    pub exemplars: Vec<RawExemplar<'a>>,
    /// Version 2.0 only; 1.0 sends it apart.
    pub metadata: Option<Metadata<'a>>,
}

/// An exemplar as sent.
#[derive(Debug, Clone, Default)]
pub struct RawExemplar<'a> {
    /// Names and values.
    pub labels: Vec<(&'a [u8], &'a [u8])>,
    pub value: f64,
    /// Unix milliseconds; 0 stands for the time of its sample.
    pub time: i64,
}

/// What a message says of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// Name of the metric family; empty in version 2.0, where it is the series' name.
    pub metric: &'a [u8],
    pub kind: MetricKind,
    pub help: &'a [u8],
    pub unit: &'a [u8],
}

/// Why a series is refused while the others of its message are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SeriesFault {
    #[error("a label set has no metric name")]
    NoName,
    #[error("a label has no name")]
    EmptyLabelName,
    #[error("a label stands twice in a label set")]
    DuplicateLabel,
    #[error("a label is not UTF-8")]
    NotUtf8,
    #[error("a label set has more than {max} labels")]
    TooManyLabels { max: usize },
    #[error("a label's name is longer than {max} bytes")]
    LongName { max: usize },
    #[error("a label's value is longer than {max} bytes")]
    LongValue { max: usize },
}

impl SeriesFault {
    /// The value of the label `reason`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            SeriesFault::NoName => "no_name",
            SeriesFault::EmptyLabelName => "empty_label_name",
            SeriesFault::DuplicateLabel => "duplicate_label",
            SeriesFault::NotUtf8 => "not_utf8",
            SeriesFault::TooManyLabels { .. } => "too_many_labels",
            SeriesFault::LongName { .. } => "long_label_name",
            SeriesFault::LongValue { .. } => "long_label_value",
        }
    }
}

impl Series<'_> {
    pub(crate) fn clear(&mut self) {
        self.labels.clear();
        self.samples.clear();
        self.started.clear();
        self.histograms.clear();
        self.histogram_faults.clear();
        self.exemplars.clear();
        self.metadata = None;
    }

    /// Adds a sample; `start` in Unix milliseconds, 0 where it is not known.
    pub(crate) fn push(&mut self, sample: Sample, start: i64) {
        if start == 0 {
            self.samples.push(sample);
        } else {
            self.started.push(Point { start: Some(Timestamp(start)), ..Point::from(sample) });
        }
    }

    pub(crate) fn push_histogram(&mut self, histogram: Result<Point, HistogramFault>) {
        match histogram {
            Ok(point) => self.histograms.push(point),
            Err(fault) => self.histogram_faults.push(fault),
        }
    }

    /// Samples of every kind, exemplars not among them.
    pub(crate) fn n_points(&self) -> usize {
        self.samples.len() + self.started.len() + self.histograms.len()
    }

    /// The label set, checked. Labels may come in any order; those with an empty value are no labels.
    pub fn labels(&self, limits: &Limits) -> Result<Labels, SeriesFault> {
        if self.labels.len() > limits.labels_max {
            return Err(SeriesFault::TooManyLabels { max: limits.labels_max });
        }
        let mut builder = LabelsBuilder::default();
        for (name, value) in &self.labels {
            if name.is_empty() {
                return Err(SeriesFault::EmptyLabelName);
            }
            if name.len() > limits.name_len_max {
                return Err(SeriesFault::LongName { max: limits.name_len_max });
            }
            if value.len() > limits.value_len_max {
                return Err(SeriesFault::LongValue { max: limits.value_len_max });
            }
            let (name, value) = (text(name)?, text(value)?);
            if builder.get(name).is_some() {
                return Err(SeriesFault::DuplicateLabel);
            }
            builder.set(name, value);
        }
        if builder.get(METRIC_NAME).is_none() {
            return Err(SeriesFault::NoName);
        }
        Ok(builder.build())
    }
}

impl RawExemplar<'_> {
    /// Checked; `None` where its labels are none.
    pub(crate) fn read(&self, limits: &Limits, sample_time: Option<Timestamp>) -> Option<Exemplar> {
        let mut builder = LabelsBuilder::default();
        for (name, value) in &self.labels {
            let (name, value) = (text(name).ok()?, text(value).ok()?);
            if name.is_empty() || builder.get(name).is_some() || value.len() > limits.value_len_max {
                return None;
            }
            builder.set(name, value);
        }
        let time = if self.time == 0 { sample_time.unwrap_or_default() } else { Timestamp(self.time) };
        let exemplar = Exemplar { labels: builder.build(), value: self.value, time };
        exemplar.is_short().then_some(exemplar)
    }
}

fn text(bytes: &[u8]) -> Result<&str, SeriesFault> {
    std::str::from_utf8(bytes).map_err(|_| SeriesFault::NotUtf8)
}

/// `MetricType` of both versions' metadata.
pub(crate) fn kind_of(number: u64) -> MetricKind {
    match number {
        1 => MetricKind::Counter,
        2 => MetricKind::Gauge,
        3 => MetricKind::Histogram,
        4 => MetricKind::GaugeHistogram,
        5 => MetricKind::Summary,
        6 => MetricKind::Info,
        7 => MetricKind::StateSet,
        _ => MetricKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(labels: &[(&str, &str)], want: Result<&str, SeriesFault>) {
        let limits = Limits { labels_max: 4, name_len_max: 10, value_len_max: 10, ..Limits::default() };
        let labels = labels.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let got = Series { labels, ..Series::default() }.labels(&limits).map(|labels| labels.to_string());
        assert_eq!(got, want.map(str::to_owned));
    }

    #[test]
    fn label_sets() {
        check(&[("__name__", "up"), ("b", "2"), ("a", "1")], Ok(r#"up{a="1", b="2"}"#));
        check(&[("__name__", "my.metric"), ("a b", "ä")], Ok(r#"{"my.metric", "a b"="ä"}"#));
        check(&[("__name__", "up"), ("a", "")], Ok("up"));
        check(&[("a", "1")], Err(SeriesFault::NoName));
        check(&[("__name__", "")], Err(SeriesFault::NoName));
        check(&[("__name__", "up"), ("", "1")], Err(SeriesFault::EmptyLabelName));
        check(&[("__name__", "up"), ("a", "1"), ("a", "1")], Err(SeriesFault::DuplicateLabel));
        check(&[("a", "1"); 5], Err(SeriesFault::TooManyLabels { max: 4 }));
        check(&[("__name__", "up"), ("a2345678901", "")], Err(SeriesFault::LongName { max: 10 }));
        check(&[("__name__", "up"), ("a", "12345678901")], Err(SeriesFault::LongValue { max: 10 }));
        let series = Series { labels: vec![(b"__name__", b"\xff")], ..Series::default() };
        assert_eq!(series.labels(&Limits::default()), Err(SeriesFault::NotUtf8));
    }
}
