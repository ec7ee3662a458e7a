//! Log records as every input produces them and every query shows them.

use crate::TimeNs;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::fmt;

/// The line itself.
pub const MESSAGE_FIELD: &str = "message";
/// The sending host.
pub const HOST_FIELD: &str = "host";
/// The stream that the record belongs to.
pub const STREAM_FIELD: &str = "stream";
/// The severity, 0 to 7.
pub const LEVEL_FIELD: &str = "level";

/// Syslog severity, 0 (emergency) to 7 (debug). RFC 5424, section 6.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Level(u8);

impl Level {
    pub const NAMES: [&'static str; 8] =
        ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];

    /// Accepts 0 to 7.
    pub fn new(number: u8) -> Option<Level> {
        (number <= 7).then_some(Level(number))
    }

    /// Reads a severity word in any case, with the short forms that loggers use (`err`, `warn`, `crit`, `fatal` …).
    pub fn from_word(word: &str) -> Option<Level> {
        let number = match word.to_ascii_lowercase().as_str() {
            "emergency" | "emerg" | "panic" => 0,
            "alert" => 1,
            "critical" | "crit" | "fatal" => 2,
            "error" | "err" | "severe" => 3,
            "warning" | "warn" => 4,
            "notice" => 5,
            "info" | "informational" | "information" => 6,
            "debug" | "trace" | "verbose" => 7,
            _ => return None,
        };
        Some(Level(number))
    }

    pub fn number(self) -> u8 {
        self.0
    }

    pub fn name(self) -> &'static str {
        Level::NAMES[usize::from(self.0)]
    }
}

impl TryFrom<u8> for Level {
    type Error = String;

    fn try_from(number: u8) -> Result<Level, String> {
        Level::new(number).ok_or_else(|| format!("level {number} is not in 0 to 7"))
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> u8 {
        level.0
    }
}

/// The value of a field: any type in any record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FieldValue {
    Bool(bool),
    I64(i64),
    F64(f64),
    Text(SmolStr),
}

impl FieldValue {
    /// The value as a number, where it is one; numeric text counts, booleans do not.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            FieldValue::Bool(_) => None,
            FieldValue::I64(number) => Some(*number as f64),
            FieldValue::F64(number) => Some(*number),
            FieldValue::Text(text) => text.trim().parse().ok(),
        }
    }

    /// Whether it is the empty text.
    pub fn is_empty(&self) -> bool {
        matches!(self, FieldValue::Text(text) if text.is_empty())
    }

    /// The value as text, as searches see it.
    pub fn to_text(&self) -> SmolStr {
        match self {
            FieldValue::Text(text) => text.clone(),
            other => smol_str::format_smolstr!("{other}"),
        }
    }
}

impl FieldValue {
    /// The value as text, without a copy of what is text already.
    pub fn into_text(self) -> SmolStr {
        match self {
            FieldValue::Text(text) => text,
            other => other.to_text(),
        }
    }
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldValue::Bool(value) => write!(f, "{value}"),
            FieldValue::I64(value) => write!(f, "{value}"),
            FieldValue::F64(value) => write!(f, "{value}"),
            FieldValue::Text(value) => f.write_str(value),
        }
    }
}

/// One log record. Cloning is cheap: texts are shared.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord {
    /// When it happened, by its sender; the time of arrival where the sender gave none.
    pub time: TimeNs,
    /// When it arrived here.
    pub received: TimeNs,
    /// The streams it belongs to, see [`stream_names`]; they decide how long it is kept.
    pub stream: SmolStr,
    /// The sending host, by its own name or by its address; may be empty.
    pub host: SmolStr,
    /// The line itself; may be empty.
    pub message: SmolStr,
    pub level: Option<Level>,
    /// Further fields in order of arrival, names flattened with dots, each name once.
    pub fields: Vec<(SmolStr, FieldValue)>,
}

impl LogRecord {
    /// The stream of records that no rule sends elsewhere.
    pub const DEFAULT_STREAM: &'static str = "default";

    pub fn field(&self, name: &str) -> Option<&FieldValue> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }
}

/// The names in a record's `stream`: one, or several sorted and joined by commas. A record is stored once and kept as long
/// as the stream of them that keeps longest.
pub fn stream_names(streams: &str) -> impl Iterator<Item = &str> {
    streams.split(',')
}

/// What filters and groupings look at: a record, or a row that a query made of one.
pub trait RecordView {
    /// The event time, where there is one.
    fn event_time(&self) -> Option<TimeNs>;

    /// The value of any field, with its type; the line and the head of the record are fields like others.
    fn value(&self, name: &str) -> Option<FieldValue>;

    /// The same as text.
    fn text(&self, name: &str) -> Option<Cow<'_, str>>;

    /// The same as a number, where it is one; the line, the host and the stream never are.
    fn number(&self, name: &str) -> Option<f64>;

    /// Whether some text passes; the level and the time do not take part. Long texts are handed out where they lie.
    fn any_text(&self, passes: &mut dyn FnMut(TextKind, &str) -> bool) -> bool;
}

/// How a text is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// By its words.
    Message,
    /// Each of the names in it, see [`stream_names`].
    Streams,
    /// By its words where it holds white space, else as a whole.
    Value,
}

impl TextKind {
    /// Of the field that a query calls so.
    pub fn of(name: &str) -> TextKind {
        match name {
            MESSAGE_FIELD => TextKind::Message,
            STREAM_FIELD => TextKind::Streams,
            _ => TextKind::Value,
        }
    }
}

impl RecordView for LogRecord {
    fn event_time(&self) -> Option<TimeNs> {
        Some(self.time)
    }

    fn value(&self, name: &str) -> Option<FieldValue> {
        match name {
            MESSAGE_FIELD => Some(FieldValue::Text(self.message.clone())),
            HOST_FIELD => Some(FieldValue::Text(self.host.clone())),
            STREAM_FIELD => Some(FieldValue::Text(self.stream.clone())),
            LEVEL_FIELD => self.level.map(|level| FieldValue::I64(i64::from(level.number()))),
            _ => self.field(name).cloned(),
        }
    }

    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            MESSAGE_FIELD => Some(Cow::Borrowed(&self.message)),
            HOST_FIELD => Some(Cow::Borrowed(&self.host)),
            STREAM_FIELD => Some(Cow::Borrowed(&self.stream)),
            LEVEL_FIELD => self.level.map(|level| Cow::Owned(level.number().to_string())),
            _ => self.field(name).map(|value| match value {
                FieldValue::Text(text) => Cow::Borrowed(text.as_str()),
                other => Cow::Owned(other.to_string()),
            }),
        }
    }

    fn number(&self, name: &str) -> Option<f64> {
        match name {
            LEVEL_FIELD => self.level.map(|level| f64::from(level.number())),
            MESSAGE_FIELD | HOST_FIELD | STREAM_FIELD => None,
            _ => self.field(name).and_then(FieldValue::as_number),
        }
    }

    fn any_text(&self, passes: &mut dyn FnMut(TextKind, &str) -> bool) -> bool {
        passes(TextKind::Message, &self.message)
            || passes(TextKind::Value, &self.host)
            || passes(TextKind::Streams, &self.stream)
            || self.fields.iter().any(|(_, value)| match value {
                FieldValue::Text(text) => passes(TextKind::Value, text),
                other => passes(TextKind::Value, &other.to_text()),
            })
    }
}
