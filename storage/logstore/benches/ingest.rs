//! What taking in and finding costs: `cargo bench -p watchfire-logstore -- day.ndjson` with GELF messages, one a line, as
//! `loggen ndjson day.ndjson 1000000` writes them. Parsing is left out of the figures. Needs about 2 KiB of memory a message.

#![expect(clippy::print_stdout, reason = "the figures are the output")]

#[path = "../../logblock/benches/loggen/mod.rs"]
mod loggen;

use loggen::parse;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};
use watchfire_logstore::{FieldsRequest, HistogramRequest, LogStore, LogStoreOptions, SearchRequest};
use watchfire_model::{
    Aggregate, AggregateFunction, AggregateRequest, AggregateSpec, ByteSize, FieldPattern, FieldSelection, GroupKey,
    LogFilter, LogRecord, LogSource as _, NumberRange, QueryBudget, ScanOrder, TimeRangeNs, Wildcard,
};
use watchfire_store::{DirStorage, Storage, SystemClock};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 1000;
const REPEATS: usize = 7;

fn main() {
    let Some(path) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) else {
        println!("name a file of GELF messages, one a line: cargo bench -p watchfire-logstore -- day.ndjson");
        return;
    };
    let batches = read_batches(&path);
    let count: usize = batches.iter().map(Vec::len).sum();
    let per_million = |value: f64| value / count as f64 * 1e6;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let storage: Arc<dyn Storage> = Arc::new(DirStorage::open(directory.path()).expect("a fresh directory"));
    let options = LogStoreOptions { compact_in_background: false, ..LogStoreOptions::default() };
    let open =
        || LogStore::open(Arc::clone(&storage), Arc::new(SystemClock), options.clone()).expect("the store opens");
    let store = open();

    let (cpu, wall) = (cpu_seconds(), Instant::now());
    let work_bytes = peak_work_bytes(&store, || {
        for batch in batches {
            let position = store.append(batch).expect("there is room");
            store.commit(position).expect("the disk works");
        }
        println!("append: {:.2} cpu-s/M with flushes under way", per_million(cpu_seconds() - cpu));
        store.flush().expect("the disk works");
    });
    println!("a flush holds {} besides its memtable", ByteSize(work_bytes));
    println!(
        "append and flush: {:.2} cpu-s/M, {:.0} records/s",
        per_million(cpu_seconds() - cpu),
        count as f64 / wall.elapsed().as_secs_f64()
    );
    let status = store.status();
    println!("disk: {:.1} B/record in {} blocks", status.block_bytes as f64 / count as f64, status.blocks);
    for (ending, bytes) in sizes(&*storage) {
        println!("  {ending}: {:.1} B/record", bytes as f64 / count as f64);
    }
    let (cpu, wall) = (cpu_seconds(), Instant::now());
    let work_bytes = peak_work_bytes(&store, || store.compact().expect("the disk works"));
    let (cpu, wall) = (cpu_seconds() - cpu, wall.elapsed().as_secs_f64());
    println!("a merge holds {}", ByteSize(work_bytes));
    let status = store.status();
    println!("compact: {:.2} cpu-s/M, {wall:.1} s", per_million(cpu));
    println!("disk: {:.1} B/record in {} blocks", status.block_bytes as f64 / count as f64, status.blocks);
    for (ending, bytes) in sizes(&*storage) {
        println!("  {ending}: {:.1} B/record", bytes as f64 / count as f64);
    }
    drop(store);
    let store = open();
    store.wait_ready().expect("the log is whole");
    for (name, query) in queries() {
        let cold = time_ms(&store, &query);
        let mut warm: Vec<f64> = (0..REPEATS).map(|_| time_ms(&store, &query).0).collect();
        warm.sort_by(f64::total_cmp);
        println!("{name}: {:.1} ms warm, {:.1} cold; {}", warm[REPEATS / 2], cold.0, cold.1);
    }
}

/// Runs `work`, and meanwhile looks at the memory that the store's own work takes; the most that was seen.
fn peak_work_bytes(store: &LogStore, work: impl FnOnce()) -> u64 {
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let watcher = scope.spawn(move || {
            let mut peak = 0;
            while let Err(RecvTimeoutError::Timeout) = is_done.recv_timeout(Duration::from_millis(5)) {
                peak = store.status().memory.work.max(peak);
            }
            peak
        });
        work();
        drop(done);
        watcher.join().expect("the watcher only looks")
    })
}

enum Query {
    Newest(LogFilter),
    PerMinute(LogFilter, Option<&'static str>),
    Fields(LogFilter),
    Stats(AggregateFunction, Option<&'static str>, &'static str),
}

fn queries() -> Vec<(&'static str, Query)> {
    let any = |text: &str| LogFilter::Any(FieldPattern::text(text));
    let field = |name: &str, text: &str| LogFilter::Field { name: name.into(), pattern: FieldPattern::text(text) };
    let like = |pattern: &str| {
        let pattern = Wildcard::parse(pattern).expect("a short pattern");
        LogFilter::Field { name: "message".into(), pattern: FieldPattern::Wildcard(pattern) }
    };
    let slow = LogFilter::Range {
        name: "duration_ms".into(),
        range: NumberRange { low: std::ops::Bound::Included(1000.0), high: std::ops::Bound::Unbounded },
    };
    vec![
        ("newest 100", Query::Newest(LogFilter::All)),
        ("needle, newest 100", Query::Newest(any("zk81qxneedle"))),
        ("absent word", Query::Newest(any("zk81qxabsent"))),
        ("word + field, newest 100", Query::Newest(LogFilter::And(vec![any("error"), field("level", "3")]))),
        ("phrase, newest 100", Query::Newest(any("connection refused"))),
        ("number range, newest 100", Query::Newest(slow)),
        ("count per minute, all", Query::PerMinute(LogFilter::All, None)),
        ("count per minute by level", Query::PerMinute(LogFilter::All, Some("level"))),
        ("count per minute, common word", Query::PerMinute(any("error"), None)),
        ("count per minute, substring", Query::PerMinute(like("*eption*"), None)),
        ("fields of a word", Query::Fields(any("error"))),
        ("fields of all", Query::Fields(LogFilter::All)),
        ("count by service", Query::Stats(AggregateFunction::Count, None, "service")),
        (
            "p95 of duration_ms by service",
            Query::Stats(AggregateFunction::Quantile(0.95), Some("duration_ms"), "service"),
        ),
        ("count by user_id", Query::Stats(AggregateFunction::Count, None, "user_id")),
    ]
}

/// Milliseconds, and what was found.
fn time_ms(store: &LogStore, query: &Query) -> (f64, String) {
    let budget = QueryBudget::unlimited();
    let range = TimeRangeNs::ALL;
    let begin = Instant::now();
    let found = match query {
        Query::Newest(filter) => {
            let request = SearchRequest {
                filter: filter.clone(),
                range,
                limit: 100,
                cursor: None,
                order: ScanOrder::NewestFirst,
                fields: FieldSelection::All,
            };
            let result = store.search(&request, &budget).expect("the store answers");
            format!("{} records, {:?}", result.records.len(), result.stats)
        }
        Query::PerMinute(filter, by) => {
            let status = store.status();
            let (start, end) = status.times.expect("there are records");
            let range = TimeRangeNs { start, end: end.plus_ns(1) };
            let by = by.map(Into::into);
            let request = HistogramRequest { filter: filter.clone(), range, step_ns: 60_000_000_000, by };
            let result = store.histogram(&request, &budget).expect("the store answers");
            format!("{} records, {:?}", result.total, result.stats)
        }
        Query::Fields(filter) => {
            let request = FieldsRequest { filter: filter.clone(), range, values_max: 10, names: None };
            let result = store.fields(&request, &budget).expect("the store answers");
            format!("{} fields, {:?}", result.fields.len(), result.stats)
        }
        Query::Stats(function, field, by) => {
            let functions = vec![Aggregate { function: *function, field: field.map(Into::into), only: None }];
            let spec = AggregateSpec { by: vec![GroupKey::Field((*by).into())], functions, groups_max: usize::MAX };
            let request = AggregateRequest { filter: LogFilter::All, range, spec };
            let (groups, answer) = store.aggregate(&request, &budget).expect("the store answers");
            format!("{} groups, {:?}", groups.len(), answer.cost)
        }
    };
    (begin.elapsed().as_secs_f64() * 1e3, found)
}

fn sizes(storage: &dyn Storage) -> Vec<(&'static str, u64)> {
    let objects = storage.list("logs/").expect("the disk works");
    [".parquet", ".idx"]
        .map(|ending| {
            (ending, objects.iter().filter(|object| object.key.ends_with(ending)).map(|object| object.size).sum())
        })
        .to_vec()
}

/// User and system time of this process. Linux: proc(5), `/proc/self/stat`, in ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks =
        |field: usize| after_name.split_whitespace().nth(field).and_then(|ticks| ticks.parse().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn read_batches(path: &str) -> Vec<Vec<LogRecord>> {
    let lines = BufReader::new(File::open(path).expect("the named file")).lines();
    let records: Vec<LogRecord> = lines.map_while(Result::ok).filter_map(|line| parse(&line)).collect();
    let mut batches = Vec::with_capacity(records.len() / BATCH + 1);
    let mut records = records.into_iter().peekable();
    while records.peek().is_some() {
        batches.push(records.by_ref().take(BATCH).collect());
    }
    batches
}
