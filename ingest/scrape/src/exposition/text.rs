//! The text format, version 0.0.4.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use super::line::{Line, RawLabel, Style, Text};
use super::number::{parse_milliseconds, parse_value};
use super::{Entry, ExpositionError, MetadataFact, MetadataLine, Parsed, Problem};
use watchfire_model::{MetricKind, Timestamp};

/// Reads a page of text 0.0.4. Blank lines and comments are skipped; the last line break may be missing.
#[derive(Debug)]
pub struct TextParser<'a> {
    rest: &'a str,
    /// The line that was read last, from one.
    line: usize,
    labels: Vec<RawLabel<'a>>,
}

impl<'a> TextParser<'a> {
    pub fn new(page: &'a str) -> TextParser<'a> {
        TextParser { rest: page, line: 0, labels: Vec::new() }
    }

    /// The next entry, `None` at the end.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_, 'a>>, ExpositionError> {
        while !self.rest.is_empty() {
            let mut line = self.next_line();
            line.blanks();
            if line.is_at_end() {
                continue;
            }
            let parsed =
                if line.eat(b'#') { metadata(&mut line) } else { sample(&mut line, &mut self.labels).map(Some) };
            let parsed = parsed.map_err(|problem| ExpositionError { line: self.line, problem })?;
            if let Some(parsed) = parsed {
                return Ok(Some(parsed.into_entry(&self.labels)));
            }
        }
        Ok(None)
    }

    fn next_line(&mut self) -> Line<'a> {
        let end = memchr::memchr(b'\n', self.rest.as_bytes()).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.strip_prefix('\n').unwrap_or(rest);
        self.line += 1;
        Line::new(text.strip_suffix('\r').unwrap_or(text), Style::Loose)
    }
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

fn sample<'a>(line: &mut Line<'a>, labels: &mut Vec<RawLabel<'a>>) -> Result<Parsed<'a>, Problem> {
    let series = line.series(labels)?;
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
    Ok(Parsed::Sample { series: series.text, name: series.name, value, time })
}
