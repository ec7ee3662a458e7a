//! What is stored: records and samples that follow from their number, so that a judge knows every byte of them.

use crate::random::Random;
use watchfire_model::{FieldValue, Labels, Level, LogRecord, TimeNs};

/// The field that holds a record's number.
pub(crate) const ID_FIELD: &str = "id";
/// A stream whose records are kept for a shorter time than others.
pub(crate) const SHORT_STREAM: &str = "short";
/// Series that samples are written to.
pub(crate) const SERIES: u64 = 12;

const STREAMS: [&str; 3] = [LogRecord::DEFAULT_STREAM, "audit log", SHORT_STREAM];

/// The record of a number, as sent at `now`; its fields are sorted by name, as answers show them.
pub(crate) fn record(id: u64, now: TimeNs) -> LogRecord {
    let mut random = Random::new(id);
    // Some senders are minutes late, some a day.
    let late_ms = if random.one_in(12) { 86_400_000 } else { random.within(0..1_800_000) as i64 };
    let time = now.plus_ns(-late_ms * 1_000_000);
    let len = if random.one_in(400) { 70_000 } else { random.within(0..300) as usize };
    let took = match random.within(0..4) {
        0 => FieldValue::I64(random.next() as i64),
        1 => FieldValue::F64(random.within(0..10_000) as f64 / 16.0),
        2 => FieldValue::Text(format!("{} ms", random.within(0..100)).into()),
        _ => FieldValue::Bool(random.one_in(2)),
    };
    let mut fields = vec![(ID_FIELD.into(), FieldValue::I64(id as i64)), ("took".into(), took)];
    if random.one_in(3) {
        fields.insert(0, ("a.b".into(), FieldValue::Text(words(&mut random, 40).into())));
    }
    LogRecord {
        time,
        received: now,
        stream: STREAMS[random.within(0..3) as usize].into(),
        host: format!("node-{}", random.within(0..5)).into(),
        message: words(&mut random, len).into(),
        level: Level::new(random.within(0..9) as u8),
        fields,
    }
}

/// Text of about `len` bytes that does not compress to nothing.
fn words(random: &mut Random, len: usize) -> String {
    let mut text = String::with_capacity(len + 20);
    while text.len() < len {
        text.push_str(["refused ", "größe ", "-> ", "GET /v1/items/", "zk"][random.within(0..5) as usize]);
        text.push_str(&random.within(0..100_000).to_string());
        text.push(' ');
    }
    text
}

/// Labels of a series.
pub(crate) fn series(number: u64) -> Labels {
    let name = if number < 4 { "requests_total" } else { "temperature" };
    Labels::from_pairs([("__name__", name), ("instance", &format!("node-{number}")), ("größe", "中")])
}

/// The value of the write with a number; each write has another one, so that a judge sees which it was.
pub(crate) fn value(write: u64) -> f64 {
    match write % 5 {
        0 => write as f64,
        1 => write as f64 / 1000.0,
        2 => -(write as f64) * 1e-9,
        // NaN payloads are kept bit for bit.
        3 => f64::from_bits(0x7ff8_0000_0000_0000 | write),
        _ => f64::from_bits(write << 11 | 0x3ff0_0000_0000_0000),
    }
}
