//! What lies in `tests/data/formats/1`, computed anew: the program that wrote the directory used this very file.

use watchfire_model::{
    FieldValue, Labels, Level, LogRecord, MetricKind, MetricMetadata, STALE_NAN_BITS, TimeNs, Timestamp,
};

/// When the directory was written, Unix ms: 2026-11-21T02:00:00Z.
pub(crate) const WRITTEN: Timestamp = Timestamp(1_795_226_400_000);

/// Length of time of a metric block, in milliseconds: a minute, so that there are many.
pub(crate) const BLOCK_SPAN_MS: u64 = 60_000;

/// Batches of records, in order of arrival. Flushed after the second and the fourth; the store was opened anew before the
/// fifth and the sixth, which are in the write-ahead log only, in two sessions.
pub(crate) const BATCHES: usize = 6;
const BATCH_RECORDS: usize = 60;

/// Scrapes, 15 s apart; the last few are in the write-ahead log only.
pub(crate) const TICKS: i64 = 320;
const TICK_MS: i64 = 15_000;
const SERIES: i64 = 7;

/// One series' sample as it was appended.
pub(crate) type Written = (Labels, Timestamp, f64);

/// Records of one batch. Event times go over two days in steps of nine minutes, so that blocks of several days come to be.
pub(crate) fn records(batch: usize) -> Vec<LogRecord> {
    (0..BATCH_RECORDS).map(|place| record(batch * BATCH_RECORDS + place)).collect()
}

fn record(number: usize) -> LogRecord {
    let n = number as i64;
    let time = TimeNs((WRITTEN.0 - (360 - n) * 540_000) * 1_000_000 + n % 3);
    let took = match number % 4 {
        0 => FieldValue::I64(n - 100),
        1 => FieldValue::F64(n as f64 / 8.0),
        2 => FieldValue::Text(format!("{n} ms").into()),
        _ => FieldValue::Bool(number.is_multiple_of(3)),
    };
    let mut fields = vec![("number".into(), FieldValue::I64(n)), ("took".into(), took)];
    if number.is_multiple_of(5) {
        fields.insert(0, ("a.b".into(), FieldValue::Text("größe 中".into())));
    }
    if number.is_multiple_of(50) {
        fields.push(("long".into(), FieldValue::Text("x".repeat(300).into())));
    }
    if number.is_multiple_of(11) {
        fields.push(("limit".into(), FieldValue::F64(f64::INFINITY)));
        fields.push(("max".into(), FieldValue::I64(i64::MIN)));
    }
    LogRecord {
        time,
        received: TimeNs(time.0 + 1_000_000 * (n % 7)),
        stream: if number.is_multiple_of(7) { "audit log".into() } else { LogRecord::DEFAULT_STREAM.into() },
        host: if number.is_multiple_of(13) { "".into() } else { format!("node-{}", number % 3).into() },
        message: if number.is_multiple_of(17) { "".into() } else { format!("GET /v1/items/{n} refused").into() },
        level: Level::new((number % 10) as u8),
        fields,
    }
}

/// When a scrape happened.
pub(crate) fn tick_time(tick: i64) -> Timestamp {
    WRITTEN.plus_ms((tick - TICKS) * TICK_MS)
}

/// What a scrape brought, late samples and samples written a second time among it; of one time the last one counts.
pub(crate) fn samples(tick: i64) -> Vec<Written> {
    let time = tick_time(tick);
    let mut written: Vec<Written> = (0..SERIES).map(|number| (series(number), time, value(number, tick))).collect();
    if tick > 200 && tick % 40 == 0 {
        written.push((series(5), tick_time(tick - 120).plus_ms(7), f64::from_bits(tick as u64)));
        written.push((series(4), tick_time(tick - 80), -1.5));
        written.push((series(0), time, 0.25));
    }
    written
}

fn series(number: i64) -> Labels {
    let parity = if number % 2 == 0 { "even" } else { "" };
    let name = if number < 3 { "requests_total" } else { "temperature" };
    Labels::from_pairs([
        ("__name__", name),
        ("number", &number.to_string()),
        ("parity", parity),
        ("größe", "中 \"quoted\"\n"),
    ])
}

fn value(number: i64, tick: i64) -> f64 {
    match number {
        0 => (tick * 17) as f64,
        1 => (tick % 50 * 3) as f64,
        2 => (tick * tick) as f64 / 1000.0,
        3 if tick % 9 == 0 => f64::from_bits(STALE_NAN_BITS),
        3 => 36.6 + (tick % 10) as f64 / 10.0,
        4 => (tick as f64).sin() * 1e-7,
        5 => {
            [f64::NAN, f64::INFINITY, -0.0, f64::MIN_POSITIVE, f64::from_bits(0x7ff8_0000_dead_beef)][tick as usize % 5]
        }
        _ => 42.0,
    }
}

/// Metrics and what is known of them.
pub(crate) fn metadata() -> Vec<(&'static str, MetricMetadata)> {
    let of = |kind, help: &str| MetricMetadata { kind, help: help.to_owned(), unit: String::new() };
    vec![
        ("requests_total", of(MetricKind::Counter, "Requests so far.")),
        ("temperature", of(MetricKind::Gauge, "Degrees; a line\nbreak.")),
    ]
}
