//! One JSON object as a log record. GELF 1.1, "Payload specification"; what real senders do beyond it is taken as follows.
//!
//! | input | record |
//! | --- | --- |
//! | `version` | ignored, whatever it is |
//! | `host` missing or blank | the sender's address; `gelf_fault` says so. Numbers and objects count as their text |
//! | `short_message` missing or blank | `message`, then the first line of `full_message`; blank ones are kept empty |
//! | `message` beside a `short_message` | field `_message` |
//! | `timestamp` of any unit, as number or text, or RFC 3339 | the time, exact to the nanosecond |
//! | `timestamp` zero, negative, unreadable or too far ahead | time of arrival; the original in field `gelf_timestamp` |
//! | `level` as number, text or word | 0 to 7; anything else leaves it unset and stays in field `gelf_level` |
//! | any other key, with or without `_` | a field, the name without one leading `_` ([`crate::names`]) |
//! | objects | flattened with dots, arrays as JSON text, booleans kept, null dropped |

use crate::config::MessageLimits;
use crate::decode::Arrival;
use crate::fault::FaultReason;
use crate::fields::Fields;
use crate::json::{JsonError, RawText, Reader, Value};
use crate::names::{Meaning, Names};
use crate::{number, timestamp};
use smol_str::{SmolStr, ToSmolStr};
use watchfire_model::{FieldValue, Level, LogRecord, TimeNs};

/// What was wrong with the message, by the words of [`FaultReason::label`].
const FAULT_FIELD: &str = "gelf_fault";
/// A timestamp that the record's time does not show.
const TIMESTAMP_FIELD: &str = "gelf_timestamp";
/// A level that is none.
const LEVEL_FIELD: &str = "gelf_level";
const FULL_MESSAGE_FIELD: &str = "full_message";
/// A `message` that stands beside a `short_message`.
const SECOND_MESSAGE_FIELD: &str = "_message";

/// Payloads of at least so many bytes have room for their records made at once.
const LARGE_LEN: usize = 64 << 10;
/// But for no more records than this.
const EXPECTED_MAX: usize = 1 << 14;
/// Bytes of the room for texts with escapes that are kept for the next message.
const SCRATCH_KEPT: usize = 64 << 10;

/// The keys with a meaning of their own, as far as they were there.
#[derive(Debug, Default)]
struct Core<'a> {
    host: Option<RawText<'a>>,
    short_message: Option<RawText<'a>>,
    message: Option<RawText<'a>>,
    timestamp: Option<RawText<'a>>,
    level: Option<Value<'a>>,
}

/// Reads one message after another. What it keeps between them saves work and is part of no record.
#[derive(Debug)]
pub(crate) struct MessageReader {
    names: Names,
    fields: Fields,
    /// For texts with escapes.
    scratch: String,
    /// Bytes of a message in the last large payload; 0 before there was one.
    message_len: usize,
}

impl MessageReader {
    pub(crate) fn new() -> MessageReader {
        MessageReader { names: Names::new(), fields: Fields::default(), scratch: String::new(), message_len: 0 }
    }

    /// How many messages a payload of so many bytes may hold, for which to take room at once: by the last one of its kind.
    pub(crate) fn expected(&self, len: usize) -> usize {
        if len < LARGE_LEN || self.message_len == 0 { 0 } else { (len / self.message_len + 1).min(EXPECTED_MAX) }
    }

    /// Notes how many messages a payload held.
    pub(crate) fn expect_more(&mut self, len: usize, n_messages: usize) {
        if len >= LARGE_LEN && n_messages > 0 {
            self.message_len = len / n_messages;
        }
    }

    /// Reads the object at the reader, which stands at its `{`. `None` when the message is blank and blank ones are
    /// dropped.
    pub(crate) fn read(
        &mut self,
        reader: &mut Reader<'_>,
        arrival: &Arrival,
        limits: &MessageLimits,
        mut fault: impl FnMut(FaultReason),
    ) -> Result<Option<LogRecord>, JsonError> {
        let core = self.read_members(reader);
        self.names.end();
        let core = match core {
            Ok(core) => core,
            Err(error) => {
                self.fields.clear();
                return Err(error);
            }
        };
        let MessageReader { fields, scratch, .. } = self;
        let mut repairs = Repairs::default();
        let level = core.level.and_then(|level| repairs.level(level, fields));
        let time = match core.timestamp {
            Some(raw) => repairs.time(raw.resolve(scratch), arrival, limits, fields),
            None => arrival.received,
        };
        let message = repairs.message(core.short_message, core.message, fields, scratch);
        let host = match core.host.map(|host| host.resolve(scratch).trim()) {
            Some(host) if !host.is_empty() => SmolStr::new(host),
            _ => {
                repairs.note(FaultReason::NoHost);
                arrival.sender.to_smolstr()
            }
        };
        repairs.finish(fields, &mut fault);
        let fields = fields.finish(&mut fault);
        self.shrink();
        if message.is_empty() && limits.drop_blank {
            fault(FaultReason::BlankDropped);
            return Ok(None);
        }
        let stream = SmolStr::new_static(LogRecord::DEFAULT_STREAM);
        Ok(Some(LogRecord { time, received: arrival.received, stream, host, message, level, fields }))
    }

    fn read_members<'a>(&mut self, reader: &mut Reader<'a>) -> Result<Core<'a>, JsonError> {
        let MessageReader { names, fields, scratch, .. } = self;
        reader.bump();
        let mut core = Core::default();
        while let Some(meaning) = names.next(reader)? {
            match meaning {
                Meaning::Version => drop(reader.skip_value()?),
                Meaning::Host => core.host = text(reader)?,
                Meaning::ShortMessage => core.short_message = text(reader)?,
                Meaning::Message => core.message = text(reader)?,
                Meaning::Timestamp => core.timestamp = text(reader)?,
                Meaning::Level => core.level = scalar(reader)?,
                Meaning::FullMessage => {
                    if let Some(text) = text(reader)? {
                        fields.add(FULL_MESSAGE_FIELD, FieldValue::Text(SmolStr::new(text.resolve(scratch))));
                    }
                }
                Meaning::Field(name) => fields.read(name, reader, scratch)?,
            }
        }
        Ok(core)
    }

    /// Gives back the room of a large text.
    fn shrink(&mut self) {
        if self.scratch.capacity() > SCRATCH_KEPT {
            self.scratch = String::new();
        }
    }
}

/// The value at the reader as text; null is no value.
fn text<'a>(reader: &mut Reader<'a>) -> Result<Option<RawText<'a>>, JsonError> {
    if reader.peek() == Some(b'"') {
        return reader.string().map(Some);
    }
    Ok(match scalar(reader)? {
        None | Some(Value::Null | Value::Object) => None,
        Some(Value::Text(text)) => Some(text),
        Some(Value::Bare(raw) | Value::Array(raw)) => Some(RawText::plain(raw)),
        Some(Value::Bool(value)) => Some(RawText::plain(if value { "true" } else { "false" })),
    })
}

/// The value at the reader, an object as its JSON text; null is no value.
fn scalar<'a>(reader: &mut Reader<'a>) -> Result<Option<Value<'a>>, JsonError> {
    if reader.peek() == Some(b'{') {
        return reader.skip_value().map(|raw| Some(Value::Array(raw)));
    }
    Ok(Some(reader.value()?).filter(|value| *value != Value::Null))
}

/// What had to be repaired, and the repairs.
#[derive(Debug, Default)]
struct Repairs {
    reasons: [Option<FaultReason>; 4],
    n_reasons: usize,
    is_blank: bool,
}

impl Repairs {
    fn note(&mut self, reason: FaultReason) {
        self.reasons[self.n_reasons] = Some(reason);
        self.n_reasons += 1;
    }

    fn level(&mut self, value: Value<'_>, fields: &mut Fields) -> Option<Level> {
        let original = match value {
            Value::Bare(word) => number::field_value(word),
            Value::Text(text) => FieldValue::Text(text.to_cow().into()),
            Value::Bool(value) => FieldValue::Bool(value),
            Value::Array(raw) => FieldValue::Text(raw.into()),
            Value::Null | Value::Object => return None,
        };
        let level = match &original {
            FieldValue::I64(number) => u8::try_from(*number).ok().and_then(Level::new),
            FieldValue::Text(text) => Level::from_word(text.trim()),
            FieldValue::F64(_) | FieldValue::Bool(_) => None,
        };
        let as_whole = |number: f64| (number.fract() == 0.0 && number >= 0.0).then_some(number as u8);
        let level = level.or_else(|| original.as_number().and_then(as_whole).and_then(Level::new));
        if level.is_none() {
            self.note(FaultReason::BadLevel);
            fields.add(LEVEL_FIELD, original);
        }
        level
    }

    fn time(&mut self, raw: &str, arrival: &Arrival, limits: &MessageLimits, fields: &mut Fields) -> TimeNs {
        let future_max_ns = i64::try_from(limits.future_max.0.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
        let reason = match timestamp::read(raw) {
            Some(time) if time <= arrival.received.plus_ns(future_max_ns) => return time,
            Some(_) => FaultReason::FutureTimestamp,
            None => FaultReason::BadTimestamp,
        };
        self.note(reason);
        fields.add(TIMESTAMP_FIELD, FieldValue::Text(raw.into()));
        arrival.received
    }

    /// The line itself: the first of `short_message`, `message` and `full_message` that is not blank.
    fn message(
        &mut self,
        short: Option<RawText<'_>>,
        plain: Option<RawText<'_>>,
        fields: &mut Fields,
        scratch: &mut String,
    ) -> SmolStr {
        let had_any = short.is_some() || plain.is_some();
        let mut filled = |text: RawText<'_>| {
            let text = text.resolve(scratch);
            (!text.trim().is_empty()).then(|| SmolStr::new(text))
        };
        if let Some(short) = short.and_then(&mut filled) {
            if let Some(plain) = plain {
                fields.add(SECOND_MESSAGE_FIELD, FieldValue::Text(plain.to_cow().into()));
            }
            return short;
        }
        if let Some(plain) = plain.and_then(filled) {
            return plain;
        }
        let full = match fields.get(FULL_MESSAGE_FIELD) {
            Some(FieldValue::Text(full)) => full.lines().find(|line| !line.trim().is_empty()).map(SmolStr::new),
            _ => None,
        };
        full.unwrap_or_else(|| {
            if had_any {
                self.is_blank = true;
            } else {
                self.note(FaultReason::NoMessage);
            }
            SmolStr::default()
        })
    }

    /// Writes the reasons into the record's own field and counts them.
    fn finish(self, fields: &mut Fields, mut fault: impl FnMut(FaultReason)) {
        if self.is_blank {
            fault(FaultReason::BlankMessage);
        }
        if self.n_reasons == 0 {
            return;
        }
        let reasons = self.reasons.into_iter().flatten();
        let labels: Vec<&str> = reasons.clone().map(FaultReason::label).collect();
        fields.add(FAULT_FIELD, FieldValue::Text(labels.join(", ").into()));
        reasons.for_each(fault);
    }
}
