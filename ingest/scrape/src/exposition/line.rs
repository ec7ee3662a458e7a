//! What both text formats share: names, label lists and quoted text within one line.

use super::Problem;
use std::borrow::Cow;

/// Text as written: with escapes where `escaped`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text<'a> {
    pub raw: &'a str,
    /// Whether `raw` holds a backslash.
    pub escaped: bool,
}

impl<'a> Text<'a> {
    pub(super) fn plain(raw: &'a str) -> Text<'a> {
        Text { raw, escaped: false }
    }

    pub(super) fn with_escapes(raw: &'a str) -> Text<'a> {
        Text { raw, escaped: memchr::memchr(b'\\', raw.as_bytes()).is_some() }
    }

    /// The text that is meant: `\\`, `\"` and `\n` are undone, an unknown escape stands for itself.
    pub fn unescape(self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        let mut text = String::with_capacity(self.raw.len());
        let mut rest = self.raw;
        while let Some((before, after)) = rest.split_once('\\') {
            text.push_str(before);
            let (meant, len) = match after.as_bytes().first() {
                Some(b'n') => ("\n", 1),
                Some(b'\\') => ("\\", 1),
                Some(b'"') => ("\"", 1),
                _ => ("\\", 0),
            };
            text.push_str(meant);
            rest = &after[len..];
        }
        text.push_str(rest);
        Cow::Owned(text)
    }
}

/// A label as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawLabel<'a> {
    pub name: Text<'a>,
    pub value: Text<'a>,
}

/// How generous a format is with blanks and commas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Text 0.0.4: blanks between tokens, a comma after the last label.
    Loose,
    /// OpenMetrics 1.0: neither.
    Strict,
}

/// A series as written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Series<'a> {
    pub(super) text: &'a str,
    pub(super) name: Text<'a>,
    /// Where it ends on its line.
    pub(super) end: usize,
}

/// Name and labels of a series text that a [`super::SampleLine`] has; the labels replace what `labels` held, without the metric's
/// name, in written order.
pub fn read_series<'a>(text: &'a str, labels: &mut Vec<RawLabel<'a>>) -> Result<Text<'a>, Problem> {
    let mut line = Line::new(text, Style::Loose);
    let series = line.series(labels)?;
    if line.is_at_end() { Ok(series.name) } else { Err(Problem::Trailing(line.rest().to_owned())) }
}

/// Above this many labels duplicates are looked for in a sorted copy instead of pair by pair.
const LABELS_COMPARED_IN_PAIRS: usize = 24;

const METRIC_START: u8 = 1;
const METRIC_REST: u8 = 2;
const LABEL_START: u8 = 4;
const LABEL_REST: u8 = 8;

/// Which places in a name each byte may take.
const NAME_BYTES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let c = byte as u8;
        table[byte] = if c.is_ascii_alphabetic() || c == b'_' {
            METRIC_START | METRIC_REST | LABEL_START | LABEL_REST
        } else if c.is_ascii_digit() {
            METRIC_REST | LABEL_REST
        } else if c == b':' {
            METRIC_START | METRIC_REST
        } else {
            0
        };
        byte += 1;
    }
    table
};

/// Whether a name needs no quotes; colons stand in metric names only.
pub(super) fn is_plain_name(name: &str, is_metric: bool) -> bool {
    let (start, rest) = if is_metric { (METRIC_START, METRIC_REST) } else { (LABEL_START, LABEL_REST) };
    let bytes = name.as_bytes();
    bytes.first().is_some_and(|byte| NAME_BYTES[usize::from(*byte)] & start != 0)
        && bytes.iter().all(|byte| NAME_BYTES[usize::from(*byte)] & rest != 0)
}

/// Reads one line from left to right.
#[derive(Debug)]
pub(super) struct Line<'a> {
    text: &'a str,
    at: usize,
    style: Style,
}

impl<'a> Line<'a> {
    /// `text` is one line without its line break.
    pub(super) fn new(text: &'a str, style: Style) -> Line<'a> {
        Line { text, at: 0, style }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Skips spaces and tabs; returns whether there were any.
    pub(super) fn blanks(&mut self) -> bool {
        let start = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        self.at > start
    }

    fn blanks_if_loose(&mut self) {
        if self.style == Style::Loose {
            self.blanks();
        }
    }

    /// Everything up to the next blank or the end; empty where a blank or the end comes first.
    pub(super) fn token(&mut self) -> &'a str {
        let bytes = &self.text.as_bytes()[self.at..];
        let len = bytes.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(bytes.len());
        let token = &self.text[self.at..self.at + len];
        self.at += len;
        token
    }

    /// A metric's name in metadata: plain, or any text in quotes.
    pub(super) fn metric_name(&mut self) -> Result<Text<'a>, Problem> {
        if self.peek() == Some(b'"') {
            let name = self.quoted()?;
            return if name.raw.is_empty() { Err(Problem::MetricName) } else { Ok(name) };
        }
        self.plain_name(METRIC_START, METRIC_REST).map(Text::plain).ok_or(Problem::MetricName)
    }

    /// A series: `name`, `name{labels}` or `{"name", labels}`. The labels replace what `labels` held.
    pub(super) fn series(&mut self, labels: &mut Vec<RawLabel<'a>>) -> Result<Series<'a>, Problem> {
        labels.clear();
        let start = self.at;
        let mut name = self.plain_name(METRIC_START, METRIC_REST).map(Text::plain);
        let mut end = self.at;
        self.blanks_if_loose();
        if self.eat(b'{') {
            self.labels(&mut name, labels)?;
            end = self.at;
        }
        let name = name.filter(|name| !name.raw.is_empty()).ok_or(Problem::MetricName)?;
        check_duplicates(labels)?;
        Ok(Series { text: &self.text[start..end], name, end })
    }

    /// An exemplar's labels: a list without a metric's name.
    pub(super) fn exemplar_labels(&mut self, labels: &mut Vec<RawLabel<'a>>) -> Result<(), Problem> {
        labels.clear();
        if !self.eat(b'{') {
            return Err(Problem::Exemplar);
        }
        // With a name already there, a quoted one is refused.
        self.labels(&mut Some(Text::plain("")), labels)?;
        check_duplicates(labels)
    }

    /// The list after `{` up to and with `}`; a quoted text alone is the metric's name where that is still `None`.
    fn labels(&mut self, name: &mut Option<Text<'a>>, labels: &mut Vec<RawLabel<'a>>) -> Result<(), Problem> {
        let mut after_comma = false;
        loop {
            self.blanks_if_loose();
            if self.eat(b'}') {
                let refused = after_comma && self.style == Style::Strict;
                return if refused { Err(Problem::LabelSeparator) } else { Ok(()) };
            }
            self.label(name, labels)?;
            self.blanks_if_loose();
            if self.eat(b',') {
                after_comma = true;
            } else {
                return if self.eat(b'}') { Ok(()) } else { Err(Problem::LabelSeparator) };
            }
        }
    }

    fn label(&mut self, name: &mut Option<Text<'a>>, labels: &mut Vec<RawLabel<'a>>) -> Result<(), Problem> {
        let label_name = if self.peek() == Some(b'"') {
            let text = self.quoted()?;
            self.blanks_if_loose();
            if self.peek() != Some(b'=') {
                if name.is_some() {
                    return Err(Problem::LabelEquals);
                }
                *name = Some(text);
                return Ok(());
            }
            if text.raw.is_empty() {
                return Err(Problem::LabelName);
            }
            text
        } else {
            Text::plain(self.plain_name(LABEL_START, LABEL_REST).ok_or(Problem::LabelName)?)
        };
        self.blanks_if_loose();
        if !self.eat(b'=') {
            return Err(Problem::LabelEquals);
        }
        self.blanks_if_loose();
        let value = self.quoted()?;
        labels.push(RawLabel { name: label_name, value });
        Ok(())
    }

    fn plain_name(&mut self, start: u8, rest: u8) -> Option<&'a str> {
        let bytes = &self.text.as_bytes()[self.at..];
        if NAME_BYTES[usize::from(*bytes.first()?)] & start == 0 {
            return None;
        }
        let len = bytes.iter().position(|&byte| NAME_BYTES[usize::from(byte)] & rest == 0).unwrap_or(bytes.len());
        let name = &self.text[self.at..self.at + len];
        self.at += len;
        Some(name)
    }

    /// Text in double quotes; both quotes are taken.
    fn quoted(&mut self) -> Result<Text<'a>, Problem> {
        if !self.eat(b'"') {
            return Err(Problem::Quotes);
        }
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut escaped = false;
        loop {
            match bytes.get(self.at) {
                None => return Err(Problem::Quotes),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(_) => self.at += 1,
            }
        }
        let raw = &self.text[start..self.at];
        self.at += 1;
        Ok(Text { raw, escaped })
    }
}

fn check_duplicates(labels: &[RawLabel<'_>]) -> Result<(), Problem> {
    let duplicate = if labels.len() <= LABELS_COMPARED_IN_PAIRS {
        let is_twice = |index: &usize| labels[..*index].iter().any(|earlier| earlier.name == labels[*index].name);
        (1..labels.len()).find(is_twice).map(|index| labels[index].name.unescape())
    } else {
        let mut names: Vec<_> = labels.iter().map(|label| label.name.unescape()).collect();
        names.sort_unstable();
        names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone())
    };
    duplicate.map_or(Ok(()), |name| Err(Problem::DuplicateLabel(name.into_owned())))
}
