//! A record as blocks take it: borrowed from wherever it stands.

use crate::field::text_form;
use smol_str::SmolStr;
use std::borrow::Cow;
use watchfire_model::{FieldValue, Level, LogRecord, TimeNs};

/// A record whose texts are somebody else's. Its stream is that of the block.
#[derive(Debug, Clone, Copy)]
pub struct RecordRef<'a> {
    /// Event time.
    pub time: TimeNs,
    /// Arrival time.
    pub received: TimeNs,
    pub host: &'a str,
    pub message: &'a str,
    pub level: Option<Level>,
    /// Names and values, in order of arrival.
    pub fields: &'a [(&'a str, ValueRef<'a>)],
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueRef<'a> {
    Bool(bool),
    I64(i64),
    F64(f64),
    Text(&'a str),
}

impl<'a> RecordRef<'a> {
    /// `fields` are [`RecordRef::fields_of`] the same record.
    pub fn new(record: &'a LogRecord, fields: &'a [(&'a str, ValueRef<'a>)]) -> RecordRef<'a> {
        RecordRef {
            time: record.time,
            received: record.received,
            host: &record.host,
            message: &record.message,
            level: record.level,
            fields,
        }
    }

    pub fn fields_of(record: &'a LogRecord) -> Vec<(&'a str, ValueRef<'a>)> {
        record.fields.iter().map(|(name, value)| (name.as_str(), ValueRef::of(value))).collect()
    }
}

impl<'a> ValueRef<'a> {
    pub fn of(value: &'a FieldValue) -> ValueRef<'a> {
        match value {
            FieldValue::Bool(value) => ValueRef::Bool(*value),
            FieldValue::I64(value) => ValueRef::I64(*value),
            FieldValue::F64(value) => ValueRef::F64(*value),
            FieldValue::Text(value) => ValueRef::Text(value),
        }
    }

    pub fn to_value(self) -> FieldValue {
        match self {
            ValueRef::Bool(value) => FieldValue::Bool(value),
            ValueRef::I64(value) => FieldValue::I64(value),
            ValueRef::F64(value) => FieldValue::F64(value),
            ValueRef::Text(value) => FieldValue::Text(SmolStr::new(value)),
        }
    }

    /// The value as text, as searches see it.
    pub fn to_text(self) -> Cow<'a, str> {
        if let ValueRef::Text(text) = self {
            return Cow::Borrowed(text);
        }
        let mut text = String::new();
        text_form(self, &mut text);
        Cow::Owned(text)
    }
}
