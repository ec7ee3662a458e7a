//! Data directories of every released format open for ever, and answer the same.

mod one;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use watchfire_logstore::{LogStore, LogStoreOptions, SearchRequest};
use watchfire_model::{
    DurationMs, Labels, LogFilter, LogRecord, QueryBudget, Sample, Samples, SeriesSource, TimeRange, TimeRangeNs,
};
use watchfire_store::{DirStorage, ManualClock, Storage};
use watchfire_tsdb::{Tsdb, TsdbOptions};

const FORMATS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/formats");

/// Samples of a series: bits of values by time.
type Series = BTreeMap<Labels, BTreeMap<i64, u64>>;

#[test]
fn format_1_opens_and_answers_the_same() {
    check("1");
}

#[test]
fn format_2_opens_and_answers_the_same() {
    check("2");
}

/// Both directories hold the same data.
fn check(format: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    copy(&Path::new(FORMATS).join(format), dir.path());
    let (records, series, mut metadata) = (records_of_one(), series_of_one(), one::metadata());
    metadata.sort_by_key(|(metric, _)| *metric);
    // The second turn opens what the first has written out in today's formats.
    for turn in ["as it lay", "written out by this version"] {
        let storage: Arc<dyn Storage> = Arc::new(DirStorage::open(dir.path()).expect("the directory opens"));
        let clock = Arc::new(ManualClock::new(one::WRITTEN.to_ns()));
        let logs = LogStore::open(Arc::clone(&storage), clock.clone(), LogStoreOptions::default()).expect("logs open");
        let options = TsdbOptions { block_span: DurationMs(one::BLOCK_SPAN_MS), ..TsdbOptions::default() };
        let tsdb = Tsdb::open(storage, clock, options).expect("metrics open");
        logs.wait_ready().expect("the write-ahead log is read");
        tsdb.wait_ready().expect("the write-ahead log is read");

        assert_eq!(search_all(&logs), records, "{turn}");
        assert_eq!(select_all(&tsdb), series, "{turn}");
        let found = tsdb.metadata();
        let wanted: Vec<_> =
            metadata.iter().map(|(metric, known)| ((*metric).to_owned(), vec![known.clone()])).collect();
        assert_eq!(found, wanted, "{turn}");

        logs.flush().expect("logs are written out");
        logs.maintain().expect("logs are kept in order");
        tsdb.maintain().expect("metrics are kept in order");
        assert_eq!(search_all(&logs), records, "{turn}, after a flush");
        assert_eq!(select_all(&tsdb), series, "{turn}, after maintenance");
        take_fresh(&logs, &tsdb, turn);
    }
}

/// Something new is taken as well; it is taken out of the model's sight by its stream and name.
fn take_fresh(logs: &LogStore, tsdb: &Tsdb, turn: &str) {
    let record = LogRecord { stream: FRESH.into(), message: turn.into(), ..one::records(0)[0].clone() };
    let position = logs.append(vec![record]).expect("a fresh record is taken");
    logs.commit(position).expect("a fresh record is durable");
    let series = tsdb.register(&Labels::from_pairs([("__name__", FRESH)])).expect("a fresh series is taken");
    let appended =
        tsdb.append(&[(series, Sample { time: one::WRITTEN, value: 1.0 })]).expect("a fresh sample is taken");
    assert_eq!(appended.stored, 1);
    tsdb.commit().expect("a fresh sample is durable");
}

const FRESH: &str = "fresh";

/// All records but the fresh ones, fields sorted by name, in order of time and number.
fn search_all(logs: &LogStore) -> Vec<LogRecord> {
    let mut request = SearchRequest {
        filter: LogFilter::All,
        range: TimeRangeNs::ALL,
        limit: 100,
        cursor: None,
        order: watchfire_model::ScanOrder::NewestFirst,
        fields: watchfire_model::FieldSelection::All,
    };
    let mut found = Vec::new();
    loop {
        let page = logs.search(&request, &QueryBudget::unlimited()).expect("an answer");
        assert_eq!(page.partial, Vec::<String>::new());
        found.extend(page.records.into_iter().map(|stored| stored.record).filter(|record| record.stream != FRESH));
        let Some(cursor) = page.next_cursor else { break };
        request.cursor = Some(cursor);
    }
    found.reverse();
    found
}

fn records_of_one() -> Vec<LogRecord> {
    let mut records: Vec<LogRecord> = (0..one::BATCHES).flat_map(one::records).collect();
    for record in &mut records {
        record.fields.sort_by(|a, b| a.0.cmp(&b.0));
    }
    records
}

fn select_all(tsdb: &Tsdb) -> Series {
    let budget = QueryBudget::unlimited();
    let mut found = Series::new();
    for reader in tsdb.select(&[], TimeRange::ALL, &budget).expect("an answer") {
        let mut samples = Samples::default();
        reader.read(TimeRange::ALL, &budget, &mut samples).expect("samples");
        let bits = samples.times.into_iter().zip(samples.values.into_iter().map(f64::to_bits)).collect();
        if reader.labels().metric_name().is_none_or(|name| name != FRESH) {
            found.insert(reader.labels().clone(), bits);
        }
    }
    assert_eq!(tsdb.status().damaged_blocks, Vec::<String>::new());
    found
}

fn series_of_one() -> Series {
    let mut series = Series::new();
    for (labels, time, value) in (0..one::TICKS).flat_map(one::samples) {
        series.entry(labels).or_default().insert(time.0, value.to_bits());
    }
    series
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let place = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).expect("a copy");
        }
    }
}
