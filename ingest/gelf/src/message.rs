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
//! | any other key, with or without `_` | a field, the name without one leading `_` ([`crate::fields::field_name`]) |
//! | objects | flattened with dots, arrays as JSON text, booleans kept, null dropped |

use crate::config::MessageLimits;
use crate::decode::Arrival;
use crate::fault::FaultReason;
use crate::fields::{Fields, field_name};
use crate::json::{JsonError, Reader, Value};
use crate::{number, timestamp};
use smol_str::{SmolStr, ToSmolStr};
use std::borrow::Cow;
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

/// The keys with a meaning of their own, as far as they were there.
#[derive(Debug, Default)]
struct Core<'a> {
    host: Option<Cow<'a, str>>,
    short_message: Option<Cow<'a, str>>,
    message: Option<Cow<'a, str>>,
    timestamp: Option<Cow<'a, str>>,
    level: Option<Value<'a>>,
}

/// Reads the object at the reader, which stands at its `{`. `None` when the message is blank and blank ones are dropped.
pub(crate) fn read_message(
    reader: &mut Reader<'_>,
    arrival: &Arrival,
    limits: &MessageLimits,
    mut fault: impl FnMut(FaultReason),
) -> Result<Option<LogRecord>, JsonError> {
    reader.bump();
    let mut core = Core::default();
    let mut fields = Fields::new();
    while let Some(key) = reader.next_key()? {
        match key.as_ref() {
            "version" => drop(reader.skip_value()?),
            "host" => core.host = text(reader)?,
            "short_message" => core.short_message = text(reader)?,
            "message" => core.message = text(reader)?,
            "timestamp" => core.timestamp = text(reader)?,
            "level" => core.level = scalar(reader)?,
            FULL_MESSAGE_FIELD => {
                if let Some(text) = text(reader)? {
                    fields.insert(FULL_MESSAGE_FIELD, FieldValue::Text(text.into()));
                }
            }
            key => fields.read(&field_name(key), reader)?,
        }
    }
    let mut repairs = Repairs::default();
    let level = core.level.and_then(|level| repairs.level(level, &mut fields));
    let time = core.timestamp.map_or(arrival.received, |raw| repairs.time(&raw, arrival, limits, &mut fields));
    let message = repairs.message(core.short_message, core.message, &mut fields);
    let host = match core.host.as_deref().map(str::trim) {
        Some(host) if !host.is_empty() => SmolStr::new(host),
        _ => {
            repairs.note(FaultReason::NoHost);
            arrival.sender.to_smolstr()
        }
    };
    let drop_blank = message.is_empty() && limits.drop_blank;
    repairs.finish(&mut fields, &mut fault);
    let fields = fields.finish(&mut fault);
    if drop_blank {
        fault(FaultReason::BlankDropped);
        return Ok(None);
    }
    let stream = SmolStr::new_static(LogRecord::DEFAULT_STREAM);
    Ok(Some(LogRecord { time, received: arrival.received, stream, host, message, level, fields }))
}

/// The value at the reader as text; null is no value.
fn text<'a>(reader: &mut Reader<'a>) -> Result<Option<Cow<'a, str>>, JsonError> {
    Ok(match scalar(reader)? {
        None | Some(Value::Null | Value::Object) => None,
        Some(Value::Text(text)) => Some(text),
        Some(Value::Bare(raw) | Value::Array(raw)) => Some(Cow::Borrowed(raw)),
        Some(Value::Bool(value)) => Some(Cow::Borrowed(if value { "true" } else { "false" })),
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
            Value::Text(text) => FieldValue::Text(text.into()),
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
            fields.insert(LEVEL_FIELD, original);
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
        fields.insert(TIMESTAMP_FIELD, FieldValue::Text(raw.into()));
        arrival.received
    }

    /// The line itself: the first of `short_message`, `message` and `full_message` that is not blank.
    fn message(&mut self, short: Option<Cow<'_, str>>, plain: Option<Cow<'_, str>>, fields: &mut Fields) -> SmolStr {
        let is_filled = |text: &Cow<'_, str>| !text.trim().is_empty();
        let had_any = short.is_some() || plain.is_some();
        if let Some(short) = short.filter(is_filled) {
            if let Some(plain) = plain {
                fields.insert(SECOND_MESSAGE_FIELD, FieldValue::Text(plain.into()));
            }
            return short.into();
        }
        if let Some(plain) = plain.filter(is_filled) {
            return plain.into();
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
        fields.insert(FAULT_FIELD, FieldValue::Text(labels.join(", ").into()));
        reasons.for_each(fault);
    }
}
