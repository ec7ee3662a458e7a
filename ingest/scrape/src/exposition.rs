//! The formats in which targets show their metrics: pure parsers over borrowed bytes.
//!
//! [`Exposition`] gives the entries of a page one after the other and stops at the first error. Nothing is copied but
//! text with escapes; names, labels and values borrow from the page.

mod content_type;
mod line;
mod number;
mod openmetrics;
mod text;
mod validator;

pub use content_type::{ContentTypeError, Format, format_of};
pub use line::{RawLabel, Text};
pub use openmetrics::OpenMetricsParser;
pub use text::TextParser;

use watchfire_model::{MetricKind, Timestamp};

/// One meaningful line of a page. `'p` is the parser's life, `'a` the page's.
#[derive(Debug, Clone)]
pub enum Entry<'p, 'a> {
    Sample(SampleLine<'p, 'a>),
    Metadata(MetadataLine<'a>),
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
pub struct SampleLine<'p, 'a> {
    /// Name and labels as they are written: equal text means an equal series, not the other way round.
    pub series: &'a str,
    pub name: Text<'a>,
    /// In written order, without the metric's name, each name once; values may be empty.
    pub labels: &'p [RawLabel<'a>],
    pub value: f64,
    /// Only where the page says a time.
    pub time: Option<Timestamp>,
}

/// A parsed line whose labels still lie in the parser's buffer.
#[derive(Debug)]
enum Parsed<'a> {
    Metadata(MetadataLine<'a>),
    Sample { series: &'a str, name: Text<'a>, value: f64, time: Option<Timestamp> },
}

impl<'a> Parsed<'a> {
    fn into_entry<'p>(self, labels: &'p [RawLabel<'a>]) -> Entry<'p, 'a> {
        match self {
            Parsed::Metadata(line) => Entry::Metadata(line),
            Parsed::Sample { series, name, value, time } => {
                Entry::Sample(SampleLine { series, name, labels, value, time })
            }
        }
    }
}

/// Why a page is refused, and at which line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ExpositionError {
    /// Counts from one.
    pub line: usize,
    pub problem: Problem,
}

/// What is wrong with a line.
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
}

/// A page in one of the formats, entry by entry.
#[derive(Debug)]
pub enum Exposition<'a> {
    Text(TextParser<'a>),
    OpenMetrics(Box<OpenMetricsParser<'a>>),
}

impl<'a> Exposition<'a> {
    /// Checks that the page is UTF-8; everything else shows as entries are read.
    pub fn new(page: &'a [u8], format: Format) -> Result<Exposition<'a>, ExpositionError> {
        let page = str::from_utf8(page).map_err(|error| ExpositionError {
            line: 1 + memchr::memchr_iter(b'\n', &page[..error.valid_up_to()]).count(),
            problem: Problem::NotUtf8,
        })?;
        Ok(match format {
            Format::Text => Exposition::Text(TextParser::new(page)),
            Format::OpenMetrics => Exposition::OpenMetrics(Box::new(OpenMetricsParser::new(page))),
        })
    }

    /// The next entry, `None` at a proper end. After an error the page is done with.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_, 'a>>, ExpositionError> {
        match self {
            Exposition::Text(parser) => parser.next_entry(),
            Exposition::OpenMetrics(parser) => parser.next_entry(),
        }
    }
}

#[cfg(test)]
mod tests;
