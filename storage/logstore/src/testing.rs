//! Records for tests: a deliberately tiny space, so that values meet.

use proptest::collection::vec;
use proptest::prelude::*;
use std::ops::Range;
use watchfire_model::{FieldValue, Level, LogRecord, TimeNs};

pub(crate) fn record(time: i64, message: &str) -> LogRecord {
    LogRecord {
        time: TimeNs(time),
        received: TimeNs(time),
        stream: LogRecord::DEFAULT_STREAM.into(),
        host: "node-1".into(),
        message: message.into(),
        level: None,
        fields: Vec::new(),
    }
}

const MESSAGES: [&str; 9] = [
    "",
    "GET /v1/items 200",
    "connection refused",
    "Connection-Refused by PEER",
    "a -> b",
    "größe ÄB 中",
    "a a b",
    "200",
    "İ x",
];
const HOSTS: [&str; 4] = ["node-1", "Node-1", "", "two words"];
const STREAMS: [&str; 3] = ["default", "audit log", ""];
const NAMES: [&str; 9] = ["service", "took", "took:kind", "a.b", "", "host", "message", "time", "größe"];
const TEXTS: [&str; 14] = [
    "",
    "1",
    "1.0",
    "01",
    "order-service",
    "Order",
    "true",
    "NaN",
    " 5 ",
    "connection refused",
    "->",
    "- -",
    "200",
    "ÄB",
];

fn value() -> impl Strategy<Value = FieldValue> {
    prop_oneof![
        any::<bool>().prop_map(FieldValue::Bool),
        prop_oneof![-2i64..3, Just(200), Just(i64::MIN), Just(9_007_199_254_740_993)].prop_map(FieldValue::I64),
        prop_oneof![Just(1.0), Just(-0.0), Just(0.5), Just(1e300), Just(f64::INFINITY)].prop_map(FieldValue::F64),
        prop::sample::select(&TEXTS[..]).prop_map(|text| FieldValue::Text(text.into())),
        // A value longer than any token of the index.
        prop_oneof![Just(200usize), Just(201)].prop_map(|len| FieldValue::Text("x".repeat(len).into())),
    ]
}

prop_compose! {
    fn any_record()(
        time in 0i64..1000,
        delay in -5i64..5,
        stream in prop::sample::select(&STREAMS[..]),
        host in prop::sample::select(&HOSTS[..]),
        message in prop::sample::select(&MESSAGES[..]),
        level in proptest::option::of(0u8..8),
        mut fields in vec((prop::sample::select(&NAMES[..]), value()), 0..5),
        day in prop_oneof![9 => Just(0i64), 1 => Just(1i64), 1 => Just(-1i64)],
    ) -> LogRecord {
        fields.sort_by_key(|(name, _)| *name);
        fields.dedup_by_key(|(name, _)| *name);
        let time = day * 86_400_000_000_000 + time;
        LogRecord {
            time: TimeNs(time),
            received: TimeNs(time + delay),
            stream: stream.into(),
            host: host.into(),
            message: message.into(),
            level: level.and_then(Level::new),
            fields: fields.into_iter().map(|(name, value)| (name.into(), value)).collect(),
        }
    }
}

/// Records whose fields are sorted by name, as answers show them.
pub(crate) fn records(count: Range<usize>) -> impl Strategy<Value = Vec<LogRecord>> {
    vec(any_record(), count)
}
