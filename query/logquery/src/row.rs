//! What pipes work on: a record taken apart into named cells, and the table that comes out.

use crate::fields::{TIME_FIELD, is_time};
use crate::moment::time_text;
use serde::{Serialize, Serializer};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::fmt;
use watchfire_model::{
    FieldSelection, FieldValue, HOST_FIELD, LEVEL_FIELD, Level, LogRecord, MESSAGE_FIELD, RecordView, STREAM_FIELD,
    TextKind, TimeNs,
};

/// A value in a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// The event time, or the start of an interval; RFC 3339 as text.
    Time(TimeNs),
    Value(FieldValue),
}

/// The answer of a query: named columns, and as many cells in each row; `None` where a row has no value.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Table {
    pub columns: Vec<SmolStr>,
    pub rows: Vec<Vec<Option<Cell>>>,
}

/// Bytes that a cell takes beside its texts, about.
const CELL_BYTES: usize = 56;
/// Bytes that a row takes beside its cells, about.
const ROW_BYTES: usize = 96;

/// Named cells in order, each name once. A record as a row has its time, stream, host, level and message as cells.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// Where it stands among rows of equal order: newest record first, groups by their key.
    pub rank: (i64, u64),
    /// Number of arrival; for groups their number.
    pub arrival: u64,
    pub cells: Vec<(SmolStr, Cell)>,
}

impl Row {
    pub(crate) fn of_record(arrival: u64, record: &LogRecord) -> Row {
        let fixed = |name| SmolStr::new_static(name);
        let text = |text: &SmolStr| Cell::Value(FieldValue::Text(text.clone()));
        let mut cells = Vec::with_capacity(record.fields.len() + 5);
        cells.push((fixed(TIME_FIELD), Cell::Time(record.time)));
        cells.push((fixed(STREAM_FIELD), text(&record.stream)));
        cells.push((fixed(HOST_FIELD), text(&record.host)));
        if let Some(level) = record.level {
            cells.push((fixed(LEVEL_FIELD), Cell::Value(FieldValue::I64(i64::from(level.number())))));
        }
        cells.push((fixed(MESSAGE_FIELD), text(&record.message)));
        // What the head of the record says counts.
        let is_head = |name: &str| matches!(name, TIME_FIELD | STREAM_FIELD | HOST_FIELD | LEVEL_FIELD | MESSAGE_FIELD);
        let fields = record.fields.iter().filter(|(name, _)| !is_head(name));
        cells.extend(fields.map(|(name, value)| (name.clone(), Cell::Value(value.clone()))));
        // Newest first: the bits of a number turned over run the other way.
        Row { rank: (!record.time.0, !arrival), arrival, cells }
    }

    /// Of a record as far as somebody looks at it.
    pub(crate) fn of_selected(arrival: u64, record: &LogRecord, fields: &FieldSelection) -> Row {
        let FieldSelection::Only(names) = fields else { return Row::of_record(arrival, record) };
        let mut cells = Vec::with_capacity(names.len() + 2);
        cells.push((SmolStr::new_static(TIME_FIELD), Cell::Time(record.time)));
        cells.push((SmolStr::new_static(STREAM_FIELD), Cell::Value(FieldValue::Text(record.stream.clone()))));
        let selected = names.iter().filter_map(|name| Some((name.clone(), Cell::Value(record.value(name)?))));
        cells.extend(selected);
        Row { rank: (!record.time.0, !arrival), arrival, cells }
    }

    /// The row as a record again: times and stream are those of `origin`, whatever was removed.
    pub(crate) fn into_record(self, origin: &LogRecord) -> LogRecord {
        let mut record = LogRecord {
            time: origin.time,
            received: origin.received,
            stream: origin.stream.clone(),
            host: SmolStr::default(),
            message: SmolStr::default(),
            level: None,
            fields: Vec::with_capacity(self.cells.len()),
        };
        for (name, cell) in self.cells {
            match name.as_str() {
                TIME_FIELD | STREAM_FIELD => {}
                HOST_FIELD => record.host = cell.into_text(),
                MESSAGE_FIELD => record.message = cell.into_text(),
                LEVEL_FIELD => match cell.as_level() {
                    Some(level) => record.level = Some(level),
                    None => record.fields.push((name, cell.into_value())),
                },
                _ => record.fields.push((name, cell.into_value())),
            }
        }
        record
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Cell> {
        self.cells.iter().find(|(cell, _)| cell == name).map(|(_, cell)| cell)
    }

    /// Sets a cell, in its place where there is one of this name.
    pub(crate) fn set(&mut self, name: &SmolStr, value: FieldValue) {
        match self.cells.iter_mut().find(|(cell, _)| cell == name) {
            Some((_, cell)) => *cell = Cell::Value(value),
            None => self.cells.push((name.clone(), Cell::Value(value))),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Cell> {
        let index = self.cells.iter().position(|(cell, _)| cell == name)?;
        Some(self.cells.remove(index).1)
    }

    /// The text of a cell; `None` without one.
    pub(crate) fn text_of(&self, name: &str) -> Option<SmolStr> {
        self.get(name).map(|cell| cell.clone().into_text())
    }

    /// Memory that the row takes, estimated.
    pub(crate) fn bytes(&self) -> u64 {
        let cells = self.cells.iter().map(|(name, cell)| CELL_BYTES + heap_len(name) + cell.heap_len());
        (ROW_BYTES + cells.sum::<usize>()) as u64
    }
}

/// Short texts are held in place.
fn heap_len(text: &SmolStr) -> usize {
    if text.is_heap_allocated() { text.len() } else { 0 }
}

impl Cell {
    fn heap_len(&self) -> usize {
        if let Cell::Value(FieldValue::Text(text)) = self { heap_len(text) } else { 0 }
    }

    pub(crate) fn into_text(self) -> SmolStr {
        match self {
            Cell::Time(time) => time_text(time).into(),
            Cell::Value(value) => value.into_text(),
        }
    }

    fn into_value(self) -> FieldValue {
        match self {
            Cell::Time(time) => FieldValue::Text(time_text(time).into()),
            Cell::Value(value) => value,
        }
    }

    pub(crate) fn as_number(&self) -> Option<f64> {
        if let Cell::Value(value) = self { value.as_number() } else { None }
    }

    fn as_level(&self) -> Option<Level> {
        match self {
            Cell::Value(FieldValue::I64(number)) => u8::try_from(*number).ok().and_then(Level::new),
            Cell::Value(FieldValue::Text(text)) => {
                text.parse().ok().and_then(Level::new).or_else(|| Level::from_word(text))
            }
            Cell::Value(FieldValue::F64(_) | FieldValue::Bool(_)) | Cell::Time(_) => None,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Time(time) => f.write_str(&time_text(*time)),
            Cell::Value(value) => write!(f, "{value}"),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::Time(time) => serializer.serialize_str(&time_text(*time)),
            Cell::Value(value) => value.serialize(serializer),
        }
    }
}

impl RecordView for Row {
    fn event_time(&self) -> Option<TimeNs> {
        match self.get(TIME_FIELD) {
            Some(Cell::Time(time)) => Some(*time),
            _ => None,
        }
    }

    fn value(&self, name: &str) -> Option<FieldValue> {
        self.get(name).map(|cell| cell.clone().into_value())
    }

    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).map(|cell| match cell {
            Cell::Value(FieldValue::Text(text)) => Cow::Borrowed(text.as_str()),
            other => Cow::Owned(other.to_string()),
        })
    }

    fn number(&self, name: &str) -> Option<f64> {
        match name {
            MESSAGE_FIELD | HOST_FIELD | STREAM_FIELD => None,
            _ => self.get(name).and_then(Cell::as_number),
        }
    }

    fn any_text(&self, passes: &mut dyn FnMut(TextKind, &str) -> bool) -> bool {
        self.cells.iter().any(|(name, cell)| match cell {
            Cell::Value(_) if name == LEVEL_FIELD => false,
            Cell::Value(FieldValue::Text(text)) => passes(TextKind::of(name), text),
            Cell::Value(other) => passes(TextKind::of(name), &other.to_text()),
            Cell::Time(time) => !is_time(name) && passes(TextKind::Value, &time_text(*time)),
        })
    }
}
