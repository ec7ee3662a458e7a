//! The formats in which targets show their metrics: pure parsers over borrowed bytes.
//!
//! [`Exposition`] gives the entries of a page one after the other and stops at the first error. Of the text formats nothing is
//! copied but text with escapes and exemplars; a series of a protobuf page is written out as the text formats have it, so that
//! who stores samples knows series by one kind of text, whatever the format.

mod content_type;
mod line;
mod number;
mod openmetrics;
mod protobuf;
mod series;
mod text;
mod validator;

pub use content_type::{ContentTypeError, Format, format_of};
pub use line::{RawLabel, Text, read_series};
pub use openmetrics::OpenMetricsParser;
pub use protobuf::ProtobufParser;
pub use text::TextParser;

pub(crate) use number::openmetrics_float;
pub(crate) use series::write_series;

use std::fmt;
use std::sync::Arc;
use watchfire_model::protobuf::ProtobufError;
use watchfire_model::{Histogram, HistogramFault, Labels, MetricKind, Timestamp};

/// One meaningful part of a page. `'p` is the parser's life, `'a` the page's.
#[derive(Debug, Clone)]
pub enum Entry<'p, 'a> {
    Sample(SampleLine<'p>),
    Metadata(MetadataLine<'a>),
    Created(CreatedLine),
}

/// When counting began for a group of samples: those since the last entry that begins a group, and those that follow before the
/// next such. Only where [`ReadOptions::start_times`] asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreatedLine {
    pub start: Timestamp,
    pub begins_group: bool,
}

/// One fact about a metric family.
#[derive(Debug, Clone, Copy)]
pub struct MetadataLine<'a> {
    pub metric: Text<'a>,
    pub fact: MetadataFact<'a>,
}

/// What a metadata line says.
#[derive(Debug, Clone, Copy)]
pub enum MetadataFact<'a> {
    Kind(MetricKind),
    Help(Text<'a>),
    Unit(&'a str),
}

/// A sample as it is written.
#[derive(Debug, Clone)]
pub struct SampleLine<'p> {
    /// Name and labels as they are written, for [`read_series`]: equal text means an equal series, not the other way round.
    pub series: &'p str,
    /// What stands between the sample before and the end of `series`, which it ends with: for
    /// [`TextParser::take_known`].
    pub passage: &'p str,
    /// Lines of the passage, its last one among them.
    pub lines: usize,
    pub value: SampleValue,
    /// Only where the page says a time.
    pub time: Option<Timestamp>,
    /// When counting began, where it is said beside the value.
    pub start: Option<Timestamp>,
    /// Whether this is the first sample of its group: a metric's with these labels, but for `le` and `quantile`. Always true
    /// in the text format, which knows no groups.
    pub begins_group: bool,
    pub exemplars: Vec<ExemplarLine>,
}

/// What a sample holds.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleValue {
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// An exemplar as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct ExemplarLine {
    pub labels: Labels,
    pub value: f64,
    /// Without one, it has the time of its sample.
    pub time: Option<Timestamp>,
}

/// What is wanted of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each can be wanted without the others")]
pub struct ReadOptions {
    /// Whether native histograms are read; otherwise such a metric shows its classic series.
    pub native_histograms: bool,
    /// Whether a native histogram's classic series are read as well, where it has classic buckets.
    pub classic_too: bool,
    /// Whether it is told when counting began; OpenMetrics' `_created` samples are then no series of their own.
    pub start_times: bool,
    /// Whether a page of OpenMetrics is read on where it breaks the rules of families and their samples, as Prometheus does.
    pub tolerant: bool,
}

/// A parsed line whose labels are not looked at any more.
#[derive(Debug)]
enum Parsed<'a> {
    Metadata(MetadataLine<'a>),
    Sample(SampleLine<'a>),
    Created(CreatedLine),
}

impl<'a> Parsed<'a> {
    fn into_entry<'p>(self) -> Entry<'p, 'a>
    where
        'a: 'p,
    {
        match self {
            Parsed::Metadata(line) => Entry::Metadata(line),
            Parsed::Sample(line) => Entry::Sample(line),
            Parsed::Created(line) => Entry::Created(line),
        }
    }
}

/// Why a page is refused, and at which place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ExpositionError {
    pub place: Place,
    pub problem: Problem,
}

/// A place on a page; counts from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Line(usize),
    /// Protobuf has no lines, but metric families.
    Family(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Family(family) => write!(f, "metric family {family}"),
        }
    }
}

/// What is wrong with a line or a metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("the page is not UTF-8")]
    NotUtf8,
    #[error("a metric name is missing or has a character that is not allowed")]
    MetricName,
    #[error("a label name is missing or has a character that is not allowed")]
    LabelName,
    #[error("a label has no `=`")]
    LabelEquals,
    #[error("a quoted text is missing or does not end")]
    Quotes,
    #[error("between two labels stands something other than one comma")]
    LabelSeparator,
    #[error("the label `{0}` is given twice")]
    DuplicateLabel(String),
    #[error("there is no single space between the series and its value")]
    ValueSeparator,
    #[error("`{0}` is not a number")]
    Value(String),
    #[error("`{0}` is not a time")]
    Time(String),
    #[error("unexpected text `{0}` at the end")]
    Trailing(String),
    #[error("the exemplar is malformed")]
    Exemplar,
    #[error("the exemplar's labels have more than 128 characters")]
    ExemplarLength,
    #[error("an exemplar may stand only at counters and histogram buckets")]
    ExemplarPlace,
    #[error("a comment that is not HELP, TYPE, UNIT or EOF")]
    Comment,
    #[error("`{0}` is not a metric type")]
    Kind(String),
    #[error("the line is blank")]
    Blank,
    #[error("the page does not end with `# EOF`")]
    NoEof,
    #[error("text after `# EOF`")]
    AfterEof,
    #[error("metric `{metric}`: {rule}")]
    Family { metric: String, rule: &'static str },
    #[error(transparent)]
    Protobuf(#[from] ProtobufError),
    #[error("a metric has more than {max} {what}")]
    TooMany { what: &'static str, max: usize },
    #[error("its series, written out, take more than {max} bytes")]
    Expansion { max: usize },
    #[error("metric `{metric}`: no native histogram: {fault}")]
    Histogram { metric: String, fault: HistogramFault },
}

/// A page in one of the formats, entry by entry.
#[derive(Debug)]
pub enum Exposition<'a> {
    Text(TextParser<'a>),
    OpenMetrics(Box<OpenMetricsParser<'a>>),
    Protobuf(Box<ProtobufParser<'a>>),
}

impl<'a> Exposition<'a> {
    /// Checks that a page of text is UTF-8; everything else shows as entries are read.
    pub fn new(page: &'a [u8], format: Format, options: ReadOptions) -> Result<Exposition<'a>, ExpositionError> {
        if format == Format::Protobuf {
            return Ok(Exposition::Protobuf(Box::new(ProtobufParser::new(page, options))));
        }
        let page = str::from_utf8(page).map_err(|error| ExpositionError {
            place: Place::Line(1 + memchr::memchr_iter(b'\n', &page[..error.valid_up_to()]).count()),
            problem: Problem::NotUtf8,
        })?;
        Ok(match format {
            Format::OpenMetrics => Exposition::OpenMetrics(Box::new(OpenMetricsParser::new(page, options))),
            Format::Text | Format::Protobuf => Exposition::Text(TextParser::new(page)),
        })
    }

    /// The next entry, `None` at a proper end. After an error the page is done with.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_, 'a>>, ExpositionError> {
        match self {
            Exposition::Text(parser) => parser.next_entry(),
            Exposition::OpenMetrics(parser) => parser.next_entry(),
            Exposition::Protobuf(parser) => parser.next_entry(),
        }
    }

    /// The place that was read last.
    pub fn place(&self) -> Place {
        match self {
            Exposition::Text(parser) => parser.place(),
            Exposition::OpenMetrics(parser) => parser.place(),
            Exposition::Protobuf(parser) => parser.place(),
        }
    }
}

#[cfg(test)]
mod tests;
