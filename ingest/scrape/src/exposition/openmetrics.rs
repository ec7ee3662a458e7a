//! OpenMetrics 1.0, read strictly: what the specification forbids is an error; or as far as it can be read, as what is said of
//! families and their samples is broken by many pages, by each of Go's runtime metrics for one.
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>

use super::line::{Line, RawLabel, Style, Text};
use super::number::{parse_seconds, parse_value, seconds_to_ms};
use super::validator::{SampleFacts, SampleRole, Validator};
use super::{
    CreatedLine, Entry, ExemplarLine, ExpositionError, MetadataFact, MetadataLine, Parsed, Place, Problem, ReadOptions,
    SampleLine, SampleValue,
};
use watchfire_model::{Exemplar, LabelsBuilder, MetricKind, Timestamp};

/// Reads a page of OpenMetrics.
#[derive(Debug)]
pub struct OpenMetricsParser<'a> {
    rest: &'a str,
    options: ReadOptions,
    /// The line that was read last, from one.
    line: usize,
    labels: Vec<RawLabel<'a>>,
    exemplar_labels: Vec<RawLabel<'a>>,
    validator: Validator<'a>,
    /// The first rule of families and samples that the page broke and was read on.
    broken_rule: Option<ExpositionError>,
}

impl<'a> OpenMetricsParser<'a> {
    pub fn new(page: &'a str, options: ReadOptions) -> OpenMetricsParser<'a> {
        OpenMetricsParser {
            rest: page,
            options,
            line: 0,
            labels: Vec::new(),
            exemplar_labels: Vec::new(),
            validator: Validator::default(),
            broken_rule: None,
        }
    }

    /// The next entry, `None` after `# EOF`.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_, 'a>>, ExpositionError> {
        self.line += 1;
        match self.parse_line() {
            Ok(parsed) => Ok(parsed.map(Parsed::into_entry)),
            Err(problem) => Err(ExpositionError { place: self.place(), problem }),
        }
    }

    /// The place that was read last.
    pub fn place(&self) -> Place {
        Place::Line(self.line)
    }

    /// The first broken rule that was tolerated.
    pub fn broken_rule(&self) -> Option<&ExpositionError> {
        self.broken_rule.as_ref()
    }

    /// Notes a broken rule where the page is read on.
    fn tolerate(&mut self, problem: Problem) -> Result<(), Problem> {
        if !self.options.tolerant {
            return Err(problem);
        }
        let place = self.place();
        self.broken_rule.get_or_insert(ExpositionError { place, problem });
        Ok(())
    }

    fn parse_line(&mut self) -> Result<Option<Parsed<'a>>, Problem> {
        if self.rest.is_empty() {
            return Err(Problem::NoEof);
        }
        let end = memchr::memchr(b'\n', self.rest.as_bytes()).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.strip_prefix('\n').unwrap_or(rest);
        if text.is_empty() {
            return Err(Problem::Blank);
        }
        if text == "# EOF" {
            self.validator.finish().or_else(|problem| self.tolerate(problem))?;
            return if self.rest.is_empty() { Ok(None) } else { Err(Problem::AfterEof) };
        }
        let mut line = Line::new(text, Style::Strict);
        if text.starts_with('#') { self.metadata(&mut line).map(Some) } else { self.sample(&mut line).map(Some) }
    }

    /// `# KEYWORD name text`, with single spaces.
    fn metadata(&mut self, line: &mut Line<'a>) -> Result<Parsed<'a>, Problem> {
        if line.token() != "#" || !line.eat(b' ') {
            return Err(Problem::Comment);
        }
        let keyword = line.token();
        if !matches!(keyword, "HELP" | "TYPE" | "UNIT") || !line.eat(b' ') {
            return Err(Problem::Comment);
        }
        let metric = line.metric_name()?;
        if !line.eat(b' ') {
            return Err(Problem::MetricName);
        }
        let rest = line.rest();
        let fact = match keyword {
            "HELP" => MetadataFact::Help(Text::with_escapes(rest)),
            "UNIT" => MetadataFact::Unit(rest),
            _ => MetadataFact::Kind(kind_of(rest).ok_or_else(|| Problem::Kind(rest.to_owned()))?),
        };
        if let Err(problem) = self.validator.metadata(metric.unescape(), fact) {
            self.tolerate(problem)?;
            self.validator.restart(metric.unescape(), fact);
        }
        Ok(Parsed::Metadata(MetadataLine { metric, fact }))
    }

    /// `series value [time] [# {labels} value [time]]`, with single spaces.
    fn sample(&mut self, line: &mut Line<'a>) -> Result<Parsed<'a>, Problem> {
        let series = line.series(&mut self.labels)?;
        if !line.eat(b' ') {
            return Err(Problem::ValueSeparator);
        }
        let token = line.token();
        let value = parse_value(token).ok_or_else(|| Problem::Value(token.to_owned()))?;
        let mut time = None;
        let mut exemplars = Vec::new();
        let mut has_exemplar = false;
        if line.eat(b' ') {
            if !line.rest().starts_with('#') {
                let token = line.token();
                time = Some(Timestamp(parse_seconds(token).ok_or_else(|| Problem::Time(token.to_owned()))?));
            }
            has_exemplar = time.is_none() || line.eat(b' ');
        }
        if has_exemplar {
            exemplars.push(exemplar(line, &mut self.exemplar_labels)?);
        }
        if !line.is_at_end() {
            return Err(Problem::Trailing(line.rest().to_owned()));
        }
        let facts = SampleFacts { name: series.name.unescape(), labels: &self.labels, value, time, has_exemplar };
        let role = self
            .validator
            .sample(&facts)
            .or_else(|problem| self.tolerate(problem).map(|()| SampleRole { begins_group: true, is_created: false }))?;
        if role.is_created
            && self.options.start_times
            && let Some(start) = seconds_to_ms(value)
        {
            let start = Timestamp(start);
            return Ok(Parsed::Created(CreatedLine { start, begins_group: role.begins_group }));
        }
        Ok(Parsed::Sample(SampleLine {
            series: series.text,
            passage: series.text,
            lines: 1,
            value: SampleValue::Float(value),
            time,
            start: None,
            begins_group: role.begins_group,
            exemplars,
        }))
    }
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
        "unknown" => MetricKind::Unknown,
        _ => return None,
    })
}

/// `# {labels} value [time]`.
fn exemplar<'a>(line: &mut Line<'a>, labels: &mut Vec<RawLabel<'a>>) -> Result<ExemplarLine, Problem> {
    if !line.eat(b'#') || !line.eat(b' ') {
        return Err(Problem::Exemplar);
    }
    line.exemplar_labels(labels)?;
    let chars = |label: &RawLabel<'_>| label.name.unescape().chars().count() + label.value.unescape().chars().count();
    if labels.iter().map(chars).sum::<usize>() > Exemplar::LABELS_CHARS_MAX {
        return Err(Problem::ExemplarLength);
    }
    if !line.eat(b' ') {
        return Err(Problem::Exemplar);
    }
    let token = line.token();
    let value = parse_value(token).ok_or_else(|| Problem::Value(token.to_owned()))?;
    let mut time = None;
    if line.eat(b' ') {
        let token = line.token();
        time = Some(Timestamp(parse_seconds(token).ok_or_else(|| Problem::Time(token.to_owned()))?));
    }
    let mut builder = LabelsBuilder::default();
    for label in labels.iter() {
        builder.set(label.name.unescape(), label.value.unescape());
    }
    Ok(ExemplarLine { labels: builder.build(), value, time })
}
