mod limits;
mod selectors;
mod windows;

use crate::{Both, LogSeries, LogSeriesConfig};
use std::sync::Arc;
use watchfire_logstore::{LogStore, LogStoreOptions};
use watchfire_model::{
    FieldValue, Grid, Labels, Level, LogRecord, LogSource, Matcher, QueryBudget, SelectError, SeriesReader,
    SeriesSource, TimeRange, Timestamp,
};
use watchfire_promql::{Engine, Value, parse};
use watchfire_store::{ManualClock, MemStorage};

/// 2026-11-20T00:00:00Z, in milliseconds.
const START_MS: i64 = 1_795_132_800_000;

/// `ns` behind the start.
fn record(ns: i64, service: &str, level: Option<u8>, message: &str, fields: &[(&str, FieldValue)]) -> LogRecord {
    let service = (!service.is_empty()).then(|| ("service".into(), FieldValue::Text(service.into())));
    let time = Timestamp(START_MS).to_ns().plus_ns(ns);
    LogRecord {
        time,
        received: time,
        stream: "default".into(),
        host: "node".into(),
        message: message.into(),
        level: level.and_then(Level::new),
        fields: service.into_iter().chain(fields.iter().map(|(name, value)| ((*name).into(), value.clone()))).collect(),
    }
}

/// A store that holds the records, the first half of them in a block.
fn store(records: &[LogRecord]) -> Arc<dyn LogSource> {
    let clock = Arc::new(ManualClock::new(Timestamp(START_MS + 3_600_000).to_ns()));
    let options = LogStoreOptions { compact_in_background: false, ..LogStoreOptions::default() };
    let store = LogStore::open(Arc::new(MemStorage::new(1)), clock, options).unwrap();
    store.wait_ready().unwrap();
    let (first, second) = records.split_at(records.len() / 2);
    for part in [first, second] {
        store.commit(store.append(part.to_vec()).unwrap()).unwrap();
        if part.len() == first.len() {
            store.flush().unwrap();
        }
    }
    Arc::new(store)
}

fn series_of(records: &[LogRecord]) -> LogSeries {
    LogSeries::new(store(records), LogSeriesConfig::default())
}

/// A vector as text, one line for each series; an error as its text.
fn ask(source: &dyn SeriesSource, query: &str, time_ms: i64) -> Vec<String> {
    let budget = QueryBudget::unlimited();
    let expr = parse(query).unwrap();
    match Engine::default().instant(source, &expr, Timestamp(time_ms), &budget) {
        Ok(output) => match output.value {
            Value::Vector(samples) => {
                samples.iter().map(|sample| format!("{} {}", sample.labels, sample.value)).collect()
            }
            other => vec![format!("{other:?}")],
        },
        Err(error) => vec![error.to_string()],
    }
}

/// The one number that an aggregation without labels yields; none where no series has a sample.
fn number(source: &dyn SeriesSource, query: &str, time_ms: i64) -> f64 {
    match ask(source, query, time_ms).as_slice() {
        [] => 0.0,
        [line] => line.rsplit(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{query}: {line}")),
        lines => panic!("{query}: {lines:?}"),
    }
}
