//! The text format, versions 0.0.4 and 1.0.0, which differ in that the latter has names in quotes.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use super::line::{Line, RawLabel, Style, Text};
use super::number::{parse_milliseconds, parse_value, scan_number};
use super::{Entry, ExpositionError, MetadataFact, MetadataLine, Parsed, Place, Problem, SampleLine, SampleValue};
use watchfire_model::{MetricKind, Timestamp};

/// Reads a page of text. Blank lines and comments are skipped; the last line break may be missing.
#[derive(Debug)]
pub struct TextParser<'a> {
    page: &'a str,
    /// Where the next line begins.
    at: usize,
    /// The line that was read last, from one.
    line: usize,
    /// Where the last sample ended, and its line.
    sample_end: usize,
    sample_line: usize,
    labels: Vec<RawLabel<'a>>,
}

impl<'a> TextParser<'a> {
    pub fn new(page: &'a str) -> TextParser<'a> {
        TextParser { page, at: 0, line: 0, sample_end: 0, sample_line: 0, labels: Vec::new() }
    }

    /// The next entry, `None` at the end.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_, 'a>>, ExpositionError> {
        while self.at < self.page.len() {
            let begin = self.at;
            let mut line = self.next_line();
            line.blanks();
            if line.is_at_end() {
                continue;
            }
            let parsed = if line.eat(b'#') { metadata(&mut line) } else { self.sample(&mut line, begin).map(Some) };
            let parsed = parsed.map_err(|problem| ExpositionError { place: self.place(), problem })?;
            if let Some(parsed) = parsed {
                return Ok(Some(parsed.into_entry()));
            }
        }
        Ok(None)
    }

    /// The place that was read last.
    pub fn place(&self) -> Place {
        Place::Line(self.line)
    }

    /// Takes the next sample where the page goes on with `passage`, which an earlier [`SampleLine`] had as it is, with that
    /// many lines. What was good then is good now, so only value and time are read. `None` where anything else stands there:
    /// then nothing is taken, and [`TextParser::next_entry`] tells what it is.
    pub fn take_known(&mut self, passage: &str, lines: usize) -> Option<(f64, Option<Timestamp>)> {
        if self.at != self.sample_end {
            return None;
        }
        let rest = &self.page.as_bytes()[self.at..];
        let rest = rest.strip_prefix(passage.as_bytes())?.strip_prefix(b" ")?;
        let (value, value_len) = match scan_number(rest) {
            Some(scanned) => scanned,
            None => long_number(rest)?,
        };
        let mut len = value_len;
        let mut time = None;
        if rest.get(len) == Some(&b' ') {
            let (ms, end) = whole_number(rest, len + 1)?;
            time = Some(Timestamp(ms));
            len = end;
        }
        match rest.get(len) {
            Some(b'\n') => len += 1,
            None => {}
            Some(_) => return None,
        }
        self.at += passage.len() + 1 + len;
        self.line += lines;
        (self.sample_end, self.sample_line) = (self.at, self.line);
        Some((value, time))
    }

    fn next_line(&mut self) -> Line<'a> {
        let rest = &self.page[self.at..];
        let end = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        self.at = (self.at + end + 1).min(self.page.len());
        self.line += 1;
        let text = &rest[..end];
        Line::new(text.strip_suffix('\r').unwrap_or(text), Style::Loose)
    }

    fn sample(&mut self, line: &mut Line<'a>, begin: usize) -> Result<Parsed<'a>, Problem> {
        let series = line.series(&mut self.labels)?;
        let passage = &self.page[self.sample_end..begin + series.end];
        line.blanks();
        let token = line.token();
        let value = parse_value(token).ok_or_else(|| Problem::Value(token.to_owned()))?;
        line.blanks();
        let mut time = None;
        if !line.is_at_end() {
            let token = line.token();
            time = Some(Timestamp(parse_milliseconds(token).ok_or_else(|| Problem::Time(token.to_owned()))?));
            line.blanks();
        }
        if !line.is_at_end() {
            return Err(Problem::Trailing(line.rest().to_owned()));
        }
        let lines = self.line - self.sample_line;
        (self.sample_end, self.sample_line) = (self.at, self.line);
        Ok(Parsed::Sample(SampleLine {
            series: series.text,
            passage,
            lines,
            value: SampleValue::Float(value),
            time,
            start: None,
            begins_group: true,
            exemplars: Vec::new(),
        }))
    }
}

/// The number at the start of `bytes` up to a blank or the end of the line, where it is none of the short ones.
#[cold]
fn long_number(bytes: &[u8]) -> Option<(f64, usize)> {
    let len = bytes.iter().position(|byte| matches!(byte, b' ' | b'\n')).unwrap_or(bytes.len());
    let value = parse_value(str::from_utf8(&bytes[..len]).ok()?)?;
    Some((value, len))
}

/// The whole number from `at` on, and where it ends.
fn whole_number(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let len = bytes[at..].iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'-')).unwrap_or(bytes.len() - at);
    let text = str::from_utf8(&bytes[at..at + len]).ok()?;
    Some((parse_milliseconds(text)?, at + len))
}

/// What follows `#`: `HELP`, `TYPE`, or a comment, which is `None`.
fn metadata<'a>(line: &mut Line<'a>) -> Result<Option<Parsed<'a>>, Problem> {
    line.blanks();
    let keyword = line.token();
    if !matches!(keyword, "HELP" | "TYPE") {
        return Ok(None);
    }
    line.blanks();
    let metric = line.metric_name()?;
    line.blanks();
    let rest = line.rest();
    if keyword == "HELP" {
        let fact = MetadataFact::Help(Text::with_escapes(rest));
        return Ok(Some(Parsed::Metadata(MetadataLine { metric, fact })));
    }
    let word = rest.trim_end_matches([' ', '\t']);
    let kind = kind_of(word).ok_or_else(|| Problem::Kind(word.to_owned()))?;
    Ok(Some(Parsed::Metadata(MetadataLine { metric, fact: MetadataFact::Kind(kind) })))
}

fn kind_of(word: &str) -> Option<MetricKind> {
    Some(match word {
        "counter" => MetricKind::Counter,
        "gauge" => MetricKind::Gauge,
        "histogram" => MetricKind::Histogram,
        "gaugehistogram" => MetricKind::GaugeHistogram,
        "summary" => MetricKind::Summary,
        "info" => MetricKind::Info,
        "stateset" => MetricKind::StateSet,
        "untyped" | "unknown" => MetricKind::Unknown,
        _ => return None,
    })
}
