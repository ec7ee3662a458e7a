//! A record as it lies in a batch, looked at without taking it apart. FORMAT.md, "Batch".

use smol_str::SmolStr;
use std::borrow::Cow;
use watchfire_logblock::ValueRef;
use watchfire_logblock::codec::Reader;
use watchfire_model::{
    FieldSelection, FieldValue, HOST_FIELD, LEVEL_FIELD, Level, LogRecord, MESSAGE_FIELD, RecordView, STREAM_FIELD,
    TextKind, TimeNs,
};

/// Stands for a record without a level.
pub(crate) const LEVEL_NONE: u8 = 255;

/// Kinds of values, as written.
const FALSE: u8 = 0;
const TRUE: u8 = 1;
const I64: u8 = 2;
const F64: u8 = 3;
const TEXT: u8 = 4;

/// Borrows from the batch.
#[derive(Debug, Clone)]
pub(crate) struct EncodedRecord<'a> {
    pub(crate) time: TimeNs,
    pub(crate) received: TimeNs,
    pub(crate) level: Option<Level>,
    pub(crate) stream: &'a str,
    pub(crate) host: &'a str,
    pub(crate) message: &'a str,
    fields: Fields<'a>,
}

/// The fields of a record in order of arrival; ends where they make no sense.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> EncodedRecord<'a> {
    /// Reads the head of the record that `reader` stands at.
    pub(crate) fn read(reader: Reader<'a>) -> Option<EncodedRecord<'a>> {
        let mut reader = reader;
        let time = reader.i64()?;
        let received = time.wrapping_add(reader.signed()?);
        let level = match reader.u8()? {
            LEVEL_NONE => None,
            number => Some(Level::new(number)?),
        };
        let (stream, host, message) = (reader.text()?, reader.text()?, reader.text()?);
        let left = reader.count()?;
        let fields = Fields { reader, left };
        Some(EncodedRecord { time: TimeNs(time), received: TimeNs(received), level, stream, host, message, fields })
    }

    pub(crate) fn fields(&self) -> Fields<'a> {
        self.fields.clone()
    }

    /// Fields that the record has.
    pub(crate) fn n_fields(&self) -> usize {
        self.fields.left
    }

    /// The reader behind the record, if all of its fields make sense.
    pub(crate) fn end(&self) -> Option<Reader<'a>> {
        let mut fields = self.fields();
        while fields.left > 0 {
            fields.next()?;
        }
        Some(fields.reader)
    }

    /// The record, its fields sorted by name, without those that nobody looks at.
    pub(crate) fn to_record(&self, wanted: &FieldSelection) -> LogRecord {
        let is_wanted = |name: &str| match wanted {
            FieldSelection::All => true,
            FieldSelection::Only(names) => names.contains(name),
        };
        let text = |name, text: &str| if is_wanted(name) { SmolStr::new(text) } else { SmolStr::default() };
        let mut fields: Vec<(SmolStr, FieldValue)> = Vec::with_capacity(self.n_fields());
        let kept = self.fields().filter(|(name, _)| is_wanted(name));
        fields.extend(kept.map(|(name, value)| (SmolStr::new(name), value.to_value())));
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        LogRecord {
            time: self.time,
            received: self.received,
            stream: SmolStr::new(self.stream),
            host: text(HOST_FIELD, self.host),
            message: text(MESSAGE_FIELD, self.message),
            level: self.level.filter(|_| is_wanted(LEVEL_FIELD)),
            fields,
        }
    }

    /// The first field of this name. What stands before it is stepped over as bytes.
    fn field(&self, name: &str) -> Option<ValueRef<'a>> {
        let Fields { mut reader, left } = self.fields();
        for _ in 0..left {
            let is_found = reader.bytes()? == name.as_bytes();
            let kind = reader.u8()?;
            if is_found {
                return read_value(kind, &mut reader);
            }
            match kind {
                FALSE | TRUE => {}
                I64 => _ = reader.varint()?,
                F64 => _ = reader.take(size_of::<f64>())?,
                TEXT => _ = reader.bytes()?,
                _ => return None,
            }
        }
        None
    }
}

/// The value of this kind that the reader stands at; none where it makes no sense.
fn read_value<'a>(kind: u8, reader: &mut Reader<'a>) -> Option<ValueRef<'a>> {
    Some(match kind {
        FALSE => ValueRef::Bool(false),
        TRUE => ValueRef::Bool(true),
        I64 => ValueRef::I64(reader.signed()?),
        F64 => ValueRef::F64(reader.f64()?),
        TEXT => ValueRef::Text(reader.text()?),
        _ => return None,
    })
}

impl RecordView for EncodedRecord<'_> {
    fn event_time(&self) -> Option<TimeNs> {
        Some(self.time)
    }

    fn value(&self, name: &str) -> Option<FieldValue> {
        match name {
            MESSAGE_FIELD => Some(FieldValue::Text(self.message.into())),
            HOST_FIELD => Some(FieldValue::Text(self.host.into())),
            STREAM_FIELD => Some(FieldValue::Text(self.stream.into())),
            LEVEL_FIELD => self.level.map(|level| FieldValue::I64(i64::from(level.number()))),
            _ => self.field(name).map(ValueRef::to_value),
        }
    }

    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            MESSAGE_FIELD => Some(Cow::Borrowed(self.message)),
            HOST_FIELD => Some(Cow::Borrowed(self.host)),
            STREAM_FIELD => Some(Cow::Borrowed(self.stream)),
            LEVEL_FIELD => self.level.map(|level| Cow::Owned(level.number().to_string())),
            _ => self.field(name).map(ValueRef::to_text),
        }
    }

    fn number(&self, name: &str) -> Option<f64> {
        match name {
            LEVEL_FIELD => self.level.map(|level| f64::from(level.number())),
            MESSAGE_FIELD | HOST_FIELD | STREAM_FIELD => None,
            _ => self.field(name).and_then(|value| match value {
                ValueRef::Bool(_) => None,
                ValueRef::I64(number) => Some(number as f64),
                ValueRef::F64(number) => Some(number),
                ValueRef::Text(text) => text.trim().parse().ok(),
            }),
        }
    }

    fn any_text(&self, passes: &mut dyn FnMut(TextKind, &str) -> bool) -> bool {
        passes(TextKind::Message, self.message)
            || passes(TextKind::Value, self.host)
            || passes(TextKind::Streams, self.stream)
            || self.fields().any(|(_, value)| passes(TextKind::Value, &value.to_text()))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, ValueRef<'a>);

    fn next(&mut self) -> Option<(&'a str, ValueRef<'a>)> {
        self.left = self.left.checked_sub(1)?;
        let reader = &mut self.reader;
        let name = reader.text()?;
        let kind = reader.u8()?;
        let value = read_value(kind, reader)?;
        Some((name, value))
    }
}
